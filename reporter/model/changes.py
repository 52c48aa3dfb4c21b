"""The changes of all tensors between two checkpoints, in columns: a few dozen bytes each, merged without objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.change import Change, merge

COUNTS = ("count", "equal", "left_out", "bad_before", "bad_after")
SUMS = ("difference", "before", "after", "product", "largest")


class ChangeTable(Mapping[str, Change]):
    """Exact changes by tensor name; each :class:`Change` is made when it is asked for.

    Attributes:
        places: row by name.
        counts: int64 (n, 5), see :data:`COUNTS`.
        sums: float64 (n, 5), see :data:`SUMS`.
    """

    __slots__ = ("counts", "places", "sums")

    def __init__(self, places: Mapping[str, int], counts: npt.NDArray[np.int64], sums: npt.NDArray[np.float64]) -> None:
        self.places = places
        self.counts = counts
        self.sums = sums

    def __getitem__(self, name: str) -> Change:
        row = self.places[name]
        return _change(self.counts[row].tolist(), self.sums[row].tolist())

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def merged(self, names: Iterable[str]) -> Change:
        """The same as :func:`merged`, to the bit: sums are taken from the first to the last as well."""
        rows = [self.places[name] for name in names if name in self.places]
        if not rows:
            return Change()
        counts = self.counts[rows].sum(axis=0).tolist()
        # Like adding to 0.0 one by one, which makes a −0.0 positive.
        sums = (np.add.accumulate(self.sums[rows, :4], axis=0)[-1] + 0.0).tolist()
        largest = 0.0
        for value in self.sums[rows, 4].tolist():
            largest = max(largest, value)
        return _change(counts, [*sums, largest])


def _change(counts: Sequence[int], sums: Sequence[float]) -> Change:
    """An exact change from a row of :data:`COUNTS` and one of :data:`SUMS`."""
    count, equal, left_out, bad_before, bad_after = counts
    difference, before, after, product, largest = sums
    return Change(
        count, equal, difference, before, after, product, largest, True, left_out, bad_before, bad_after
    )  # fmt: skip


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
        table = np.column_stack([self._changes.sums[:, :2], self._changes.counts[:, COUNTS.index("left_out")]])
        difference, before, left_out = _summed(table, list(groups.values())).T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            updates = np.where(left_out > 0, np.nan, np.sqrt(difference / before))
        return {
            name: update if known else None
            for name, update, known in zip(groups, updates.tolist(), (before > 0) | (left_out > 0), strict=True)
        }


def _summed(values: npt.NDArray[np.float64], groups: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """The rows of each group, added up from the first to the last as :func:`merged` does."""
    rows = np.array([row for group in groups for row in group], np.int64)
    sizes = np.array([len(group) for group in groups], np.int64)
    starts, total = np.cumsum(sizes) - sizes, np.zeros((len(groups), values.shape[1]))
    for at in range(sizes.max(initial=0)):
        longer = np.flatnonzero(sizes > at)
        total[longer] += values[rows[starts[longer] + at]]
    return total


COLUMNS = ("count", "equal", "difference", "before", "exact", "left_out")


def columns(changes: Mapping[str, Change]) -> npt.NDArray[np.float64]:
    """All changes in their order, side by side: shape (n, 6), see :data:`COLUMNS`."""
    if isinstance(changes, ChangeTable):
        rows = list(changes.places.values())
        counts = changes.counts[rows]
        return np.column_stack([counts[:, :2], changes.sums[rows, :2], np.ones(len(rows)), counts[:, 2]])
    found = [[getattr(change, name) for name in COLUMNS] for change in changes.values()]
    return np.array(found, np.float64).reshape(len(found), len(COLUMNS))
