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


COLUMNS = ("count", "equal", "difference", "before", "exact")


def columns(changes: Mapping[str, Change]) -> npt.NDArray[np.float64]:
    """All changes in their order, side by side: shape (n, 5), see :data:`COLUMNS`."""
    if isinstance(changes, ChangeTable):
        rows = list(changes.places.values())
        return np.column_stack([changes.counts[rows], changes.sums[rows, :2], np.ones(len(rows))])
    found = [[getattr(change, name) for name in COLUMNS] for change in changes.values()]
    return np.array(found, np.float64).reshape(len(found), len(COLUMNS))


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

    def __getitem__(self, group: str) -> Change:
        if group not in self:
            raise KeyError(group)
        return merged(self._changes, self._members[group])

    def __contains__(self, group: object) -> bool:
        return group in self._members and any(name in self._changes for name in self._members[group])  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        return (group for group in self._members if group in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
