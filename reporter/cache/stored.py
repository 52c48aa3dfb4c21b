"""What was measured, as the model's classes present it, with every number fetched from columns when it is asked for.

A checkpoint of a thousand tensors costs a few hundred kilobytes so. The cells, units and sketches are read from the
cache file each time; whoever needs one again keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from reporter.cache.columns import Columns
from reporter.derive.statistics import STATISTICS
from reporter.model.cells import Cells
from reporter.model.measured import GroupMeasure, TensorMeasure, Units, Value
from reporter.model.sketch import Sketch
from reporter.model.summary import Summary
from reporter.model.table import table
from reporter.model.tensor import TensorInfo

T = TypeVar("T", bound=TensorMeasure | GroupMeasure)

_COMPUTE = {s.name: s.compute for s in STATISTICS}
_set = object.__setattr__  # the classes are frozen


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The samples of one kind in one checkpoint: their columns, and where their cells come from."""

    columns: Columns
    cells: Callable[[int], Cells]


class StoredSummary(Summary):
    """A summary in a row."""

    __slots__ = ("_row", "_rows")
    _rows: Rows
    _row: int

    def __init__(self, rows: Rows, row: int) -> None:
        _set(self, "_rows", rows)
        _set(self, "_row", row)

    def _count(self, column: int) -> int:
        return self._rows.columns.counts.item(self._row, column)

    def _moment(self, column: int) -> float:
        return self._rows.columns.moments.item(self._row, column)

    count = property(lambda self: self._count(0))
    nan = property(lambda self: self._count(1))
    posinf = property(lambda self: self._count(2))
    neginf = property(lambda self: self._count(3))
    zeros = property(lambda self: self._count(4))
    mean = property(lambda self: self._moment(0))
    m2 = property(lambda self: self._moment(1))
    m3 = property(lambda self: self._moment(2))
    m4 = property(lambda self: self._moment(3))
    minimum = property(lambda self: self._moment(4) if self.finite else None)
    maximum = property(lambda self: self._moment(5) if self.finite else None)
    cells = property(lambda self: self._rows.cells(self._row))
    exponent = property(lambda self: int(self._moment(6)))

    @property
    def finite(self) -> int:
        """Number of finite values."""
        count, nan, posinf, neginf, _ = self._rows.columns.counts[self._row].tolist()
        return int(count - nan - posinf - neginf)


class StoredStatistics(Mapping[str, Value]):
    """The registered statistics of a row, fetched together; one that was added since is computed from the summary."""

    __slots__ = ("_known", "_row", "_rows")

    def __init__(self, rows: Rows, row: int) -> None:
        self._rows = rows
        self._row = row
        self._known = rows.columns.statistics(row)

    def __getitem__(self, name: str) -> Value:
        try:
            return self._known[name]
        except KeyError:
            return _COMPUTE[name](StoredSummary(self._rows, self._row))

    def __iter__(self) -> Iterator[str]:
        return iter(_COMPUTE)

    def __len__(self) -> int:
        return len(_COMPUTE)


@dataclass(frozen=True, slots=True, eq=False)
class TensorRows(Rows):
    """The tensors of one checkpoint."""

    units: Callable[[int], Units | None]
    sketches: Callable[[int], Sketch | None]


class StoredTensor(TensorMeasure):
    """A tensor in a row."""

    __slots__ = ("_row", "_rows")
    _rows: TensorRows
    _row: int

    def __init__(self, info: TensorInfo, rows: TensorRows, row: int) -> None:
        _set(self, "info", info)
        _set(self, "_rows", rows)
        _set(self, "_row", row)

    summary = property(lambda self: StoredSummary(self._rows, self._row))
    statistics = property(lambda self: StoredStatistics(self._rows, self._row))
    quantiles = property(lambda self: self._rows.columns.quantiles_of(self._row))
    units = property(lambda self: self._rows.units(self._row))
    sketch = property(lambda self: self._rows.sketches(self._row))


class Stored(Sequence[T], Generic[T]):
    """Neighbouring rows, each presented when it is asked for: a thousand checkpoints may hold a million.

    See :class:`reporter.model.table.Tabular`.
    """

    __slots__ = ("_infos", "_make", "_rows", "_start")

    def __init__(self, make: Callable[[Any, Any, int], T], infos: Sequence[Any], rows: Rows, start: int = 0) -> None:
        """Args:
        make: from what a row is, the rows and its place among them.
        start: the first row.
        """
        self._make = make
        self._infos = infos
        self._rows = rows
        self._start = start

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        if isinstance(at, slice):
            return tuple(self)[at]
        return self._make(self._infos[at], self._rows, self._start + range(len(self._infos))[at])

    def __len__(self) -> int:
        return len(self._infos)

    def __iter__(self) -> Iterator[T]:
        return (self._make(info, self._rows, row) for row, info in enumerate(self._infos, self._start))

    def table(self, statistics: Sequence[str]) -> npt.NDArray[np.float64]:
        """See :func:`reporter.model.table.table`; a statistic that was added since is computed one by one."""
        columns, rows = self._rows.columns, slice(self._start, self._start + len(self))
        found = np.empty((len(self), len(statistics)))
        for i, name in enumerate(statistics):
            known = name in columns.names
            found[:, i] = columns.numbers(name)[rows] if known else table(tuple(self), (name,))[:, 0]
        return found


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """What a group is, shared by all checkpoints of the same structure.

    Attributes:
        members: rows of its tensors.
        tensors: their names.
    """

    name: str
    kind: str
    members: Sequence[int]
    tensors: tuple[str, ...]
    parameters: int
    trainable: int
    nbytes: int


class StoredGroup(GroupMeasure):
    """A layer, a role or a whole in a row."""

    __slots__ = ("_row", "_rows")
    _rows: Rows
    _row: int

    def __init__(self, info: GroupInfo, rows: Rows, row: int) -> None:
        for name in ("name", "kind", "tensors", "parameters", "trainable", "nbytes"):
            _set(self, name, getattr(info, name))
        _set(self, "_rows", rows)
        _set(self, "_row", row)

    summary = property(lambda self: StoredSummary(self._rows, self._row))
    statistics = property(lambda self: StoredStatistics(self._rows, self._row))
    quantiles = property(lambda self: self._rows.columns.quantiles_of(self._row))
