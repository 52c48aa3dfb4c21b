"""The changes of all tensors between two checkpoints, in columns: a few dozen bytes each, merged without objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.change import Change, merge

COUNTS = ("count", "equal")
SUMS = ("difference", "before", "after", "product", "largest")


class ChangeTable(Mapping[str, Change]):
    """Exact changes by tensor name; each :class:`Change` is made when it is asked for.

    Attributes:
        places: row by name.
        counts: int64 (n, 2), see :data:`COUNTS`.
        sums: float64 (n, 5), see :data:`SUMS`.
    """

    __slots__ = ("counts", "places", "sums")

    def __init__(self, places: Mapping[str, int], counts: npt.NDArray[np.int64], sums: npt.NDArray[np.float64]) -> None:
        self.places = places
        self.counts = counts
        self.sums = sums

    def __getitem__(self, name: str) -> Change:
        row = self.places[name]
        return Change(*self.counts[row].tolist(), *self.sums[row].tolist())

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
        count, equal = self.counts[rows].sum(axis=0).tolist()
        # Like adding to 0.0 one by one, which makes a −0.0 positive.
        difference, before, after, product = (np.add.accumulate(self.sums[rows, :4], axis=0)[-1] + 0.0).tolist()
        largest = 0.0
        for value in self.sums[rows, 4].tolist():
            largest = max(largest, value)
        return Change(count, equal, difference, before, after, product, largest)


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
        """That of every group; from a :class:`ChangeTable`, of all groups at once."""
        if not isinstance(self._changes, ChangeTable):
            return {name: change.relative_update for name, change in self.items()}
        places = self._changes.places
        groups = {
            name: rows
            for name, members in self._members.items()
            if (rows := [places[member] for member in members if member in places])
        }
        difference, before = _summed(self._changes.sums[:, :2], list(groups.values())).T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            updates = np.sqrt(difference / before)
        return {
            name: update if norm > 0 else None
            for name, update, norm in zip(groups, updates.tolist(), before.tolist(), strict=True)
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


COLUMNS = ("count", "equal", "difference", "before", "exact")


def columns(changes: Mapping[str, Change]) -> npt.NDArray[np.float64]:
    """All changes in their order, side by side: shape (n, 5), see :data:`COLUMNS`."""
    if isinstance(changes, ChangeTable):
        rows = list(changes.places.values())
        return np.column_stack([changes.counts[rows], changes.sums[rows, :2], np.ones(len(rows))])
    found = [[getattr(change, name) for name in COLUMNS] for change in changes.values()]
    return np.array(found, np.float64).reshape(len(found), len(COLUMNS))
