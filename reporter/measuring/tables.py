"""Dense tables of counters: one for each thread that happens to need one, added up at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST = 1 << 31
"""Values counted into one table, whose counters are uint32."""

_SPARE = 8
"""Tables kept for the next tensor: a fresh one costs more than measuring a small tensor."""

Table = npt.NDArray[np.uint32]

_spare: dict[tuple[int, ...], list[Table]] = {}
"""By shape, tables that hold zeros only."""


class Tables:
    """Tables of one shape; adding counters is exact, so it does not matter which thread counted what."""

    def __init__(self, *shape: int) -> None:
        self._shape = shape
        self._all: list[Table] = []
        self._free: list[tuple[Table, int]] = []

    @contextmanager
    def one(self, count: int) -> Iterator[Table]:
        """A table that nobody else writes to meanwhile, for ``count`` more values."""
        try:
            table, used = self._free.pop()
        except IndexError:
            table, used = self._new(), 0
            self._all.append(table)
        yield table
        if used + count < _MOST:
            self._free.append((table, used + count))

    @property
    def only(self) -> Table | None:
        """The table, where one was enough; it may be changed."""
        return self._all[0] if len(self._all) == 1 else None

    def total(self) -> npt.NDArray[np.integer[Any]]:
        """All of them, added up; not to be changed."""
        if len(self._all) == 1:
            return self._all[0]
        whole = np.zeros(self._shape, np.int64)
        for table in self._all:
            whole += table
        return whole

    def release(self, *, clean: bool = False) -> None:
        """Hand the tables on to the next tensor; nothing is counted in this one any more.

        Args:
            clean: they hold zeros only.
        """
        spare = _spare.setdefault(self._shape, [])
        for table in self._all:
            if len(spare) < _SPARE:
                if not clean:
                    table.fill(0)
                spare.append(table)
        self._all, self._free = [], []

    def _new(self) -> Table:
        try:
            return _spare[self._shape].pop()
        except (KeyError, IndexError):
            return np.zeros(self._shape, np.uint32)
