"""Tables of counters for several threads: each thread counts into a table of its own, and the tables are added up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST = 1 << 31
"""Most values that are counted into one table: its counters are uint32 and must not overflow."""

_SPARE = 8
"""Most unused tables that are kept. Allocating one costs more time than measuring a small tensor."""

Table = npt.NDArray[np.uint32]

_spare: dict[tuple[int, ...], list[Table]] = {}
"""Unused tables, full of zeros, by shape."""


class CounterTables:
    """The tables of counters of one tensor, all of one shape.

    Adding integers is exact, so the totals do not depend on which thread counted what.
    """

    def __init__(self, *shape: int) -> None:
        self._shape = shape
        self._all: list[Table] = []
        self._free: list[tuple[Table, int]] = []

    @contextmanager
    def borrow(self, count: int) -> Iterator[Table]:
        """Lend a table that no other thread writes to until it is given back, for ``count`` more values."""
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
        """The table if there is only one, which the caller may change; else None."""
        return self._all[0] if len(self._all) == 1 else None

    def total(self) -> npt.NDArray[np.integer[Any]]:
        """The sum of all tables. It may be one of them, and must not be changed."""
        if len(self._all) == 1:
            return self._all[0]
        whole = np.zeros(self._shape, np.int64)
        for table in self._all:
            whole += table
        return whole

    def release(self, *, clean: bool = False) -> None:
        """Leave the tables to the next tensor; nothing more is counted for this one.

        Args:
            clean: whether they are full of zeros already.
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
