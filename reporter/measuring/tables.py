"""Dense tables of counters: one for each thread that happens to need one, added up at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST = 1 << 31
"""Values counted into one table, whose counters are uint32."""


class Tables:
    """Tables of one shape; adding counters is exact, so it does not matter which thread counted what."""

    def __init__(self, *shape: int) -> None:
        self._shape = shape
        self._all: list[npt.NDArray[np.uint32]] = []
        self._free: list[tuple[npt.NDArray[np.uint32], int]] = []

    @contextmanager
    def one(self, count: int) -> Iterator[npt.NDArray[np.uint32]]:
        """A table that nobody else writes to meanwhile, for ``count`` more values."""
        try:
            table, used = self._free.pop()
        except IndexError:
            table, used = np.zeros(self._shape, np.uint32), 0
            self._all.append(table)
        yield table
        if used + count < _MOST:
            self._free.append((table, used + count))

    def total(self) -> npt.NDArray[np.integer[Any]]:
        """All of them, added up; not to be changed."""
        if len(self._all) == 1:
            return self._all[0]
        whole = np.zeros(self._shape, np.int64)
        for table in self._all:
            whole += table
        return whole
