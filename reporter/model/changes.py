"""The changes of all tensors between two checkpoints, in columns: a few dozen bytes each, merged without objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.change import Change, merge

COUNTS = ("count", "equal", "left_out", "bad_before", "bad_after")
NORMS = ("distance", "norm_before", "norm_after", "overlap", "largest")


class ChangeTable(Mapping[str, Change]):
    """Exact changes by tensor name; each :class:`Change` is made when it is asked for.

    Attributes:
        places: row by name.
        counts: int64 (n, 5), see :data:`COUNTS`.
        norms: float64 (n, 5), see :data:`NORMS`.
    """

    __slots__ = ("counts", "norms", "places")

    def __init__(
        self, places: Mapping[str, int], counts: npt.NDArray[np.int64], norms: npt.NDArray[np.float64]
    ) -> None:
        self.places = places
        self.counts = counts
        self.norms = norms

    def __getitem__(self, name: str) -> Change:
        row = self.places[name]
        return _change(self.counts[row].tolist(), self.norms[row].tolist())

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def merged(self, names: Iterable[str]) -> Change:
        """The same as :func:`merged`, to the bit: what is added is added from the first to the last as well."""
        rows = [self.places[name] for name in names if name in self.places]
        if not rows:
            return Change()
        norms = _together(self.norms[rows, :4], [range(len(rows))])[0].tolist()
        return _change(self.counts[rows].sum(axis=0).tolist(), [*norms, float(self.norms[rows, 4].max())])


def _change(counts: Sequence[int], norms: Sequence[float]) -> Change:
    """An exact change from a row of :data:`COUNTS` and one of :data:`NORMS`."""
    count, equal, left_out, bad_before, bad_after = counts
    distance, before, after, overlap, largest = norms
    return Change(count, equal, distance, before, after, overlap, largest, True, left_out, bad_before, bad_after)


def merged(changes: Mapping[str, Change], names: Iterable[str]) -> Change:
    """The changes of those names that are there, as one."""
    if isinstance(changes, ChangeTable):
        return changes.merged(names)
    return merge(changes[name] for name in names if name in changes)


class MergedChanges(Mapping[str, Change]):
    """Changes by group, such as by layer, each merged when it is asked for."""

    __slots__ = ("_changes", "_members")

    def __init__(self, changes: Mapping[str, Change], groups: Mapping[str, Sequence[str]]) -> None:
        """Args:
        groups: names of the members; a group without any change is left out.
        """
        self._changes = changes
        self._members = groups

    def __getitem__(self, name: str) -> Change:
        if name not in self:
            raise KeyError(name)
        return merged(self._changes, self._members[name])

    def __contains__(self, name: object) -> bool:
        return name in self._members and any(t in self._changes for t in self._members[name])  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._members if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def relative_updates(self) -> Mapping[str, float | None]:
        """That of every group, NaN where values are not finite; from a :class:`ChangeTable`, of all groups at once."""
        if not isinstance(self._changes, ChangeTable):
            return {n: math.nan if change.left_out else change.relative_update for n, change in self.items()}
        places = self._changes.places
        groups = {
            name: rows
            for name, members in self._members.items()
            if (rows := [places[member] for member in members if member in places])
        }
        distance, before = _together(self._changes.norms[:, :2], list(groups.values())).T
        partly = self._changes.counts[:, COUNTS.index("left_out")] > 0
        left_out = np.array([partly[rows].any() for rows in groups.values()], bool)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            updates = np.where(left_out, np.nan, distance / before)
        return {
            name: update if known else None
            for name, update, known in zip(groups, updates.tolist(), (before > 0) | (left_out > 0), strict=True)
        }


def _together(values: npt.NDArray[np.float64], groups: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """What :func:`reporter.model.norms.together` gives of the rows of each group, to the bit, of all groups at once."""
    rows = np.array([row for group in groups for row in group], np.int64)
    sizes = np.array([len(group) for group in groups], np.int64)
    starts, total = np.cumsum(sizes) - sizes, np.zeros((len(groups), values.shape[1]))
    if not len(rows):
        return total
    powers = np.frexp(np.maximum.reduceat(np.abs(values[rows]), starts))[1]
    parts = np.ldexp(values[rows], -np.repeat(powers, sizes, axis=0))
    parts *= np.abs(parts)
    if len(groups) == 1:
        total[0] = np.add.accumulate(parts, axis=0)[-1]
    else:
        for at in range(sizes.max()):
            longer = np.flatnonzero(sizes > at)
            total[longer] += parts[starts[longer] + at]
    with np.errstate(over="ignore"):
        return np.ldexp(np.copysign(np.sqrt(np.abs(total)), total), powers)


COLUMNS = ("count", "equal", "distance", "norm_before", "exact", "left_out")


def columns(changes: Mapping[str, Change]) -> npt.NDArray[np.float64]:
    """All changes in their order, side by side: shape (n, 6), see :data:`COLUMNS`."""
    if isinstance(changes, ChangeTable):
        rows = list(changes.places.values())
        counts = changes.counts[rows]
        return np.column_stack([counts[:, :2], changes.norms[rows, :2], np.ones(len(rows)), counts[:, 2]])
    found = [[getattr(change, name) for name in COLUMNS] for change in changes.values()]
    return np.array(found, np.float64).reshape(len(found), len(COLUMNS))
