"""The changes of all tensors between two checkpoints, in columns: a few dozen bytes each, merged without objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.model.change import Change
from reporter.model.norms import together

COUNTS = ("count", "equal", "left_out", "bad_before", "bad_after")
NORMS = ("distance", "norm_before", "norm_after", "overlap", "largest")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Booleans = npt.NDArray[np.bool_]


class Changes(Mapping[str, Change]):
    """Changes by tensor name; each :class:`Change` is made when it is asked for.

    Attributes:
        places: row by name. Several sets of changes may share the columns, and need not name every row.
        counts: integers (n, 5), see :data:`COUNTS`; of fewer bytes than 8 where the numbers fit into these.
        norms: float64 (n, 5), see :data:`NORMS`.
        exact: bool (n,): :attr:`Change.exact`.
    """

    __slots__ = ("counts", "exact", "norms", "places")

    def __init__(self, places: Mapping[str, int], counts: Integers, norms: Floats, exact: Booleans) -> None:
        self.places = places
        self.counts = counts
        self.norms = norms
        self.exact = exact

    @classmethod
    def of(cls, changes: Mapping[str, Change]) -> Changes:
        """Take down changes."""
        return cls({name: row for row, name in enumerate(changes)}, *_taken_down(changes.values()))

    def __getitem__(self, name: str) -> Change:
        row = self.places[name]
        return _change(self.counts[row].tolist(), self.norms[row].tolist(), bool(self.exact[row]))

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, names: Iterable[str]) -> list[int]:
        """Where those of some tensors are, as far as they are there."""
        places = self.places
        return [places[name] for name in names if name in places]

    def only(self, names: Iterable[str]) -> Changes:
        """Those of some tensors, as far as they are there."""
        return self._placed({name: self.places[name] for name in names if name in self.places})

    def renamed(self, names: Mapping[str, str]) -> Changes:
        """The same under other names, where they have any."""
        return self._placed({names.get(name, name): row for name, row in self.places.items()}) if names else self

    def with_further(self, further: Mapping[str, Change], order: Iterable[str]) -> Changes:
        """These and further ones, in the order of these names; what they do not name is left out."""
        added = _taken_down(further.values())
        own = (self.counts, self.norms, self.exact)
        places = {**self.places, **{name: len(self.exact) + i for i, name in enumerate(further)}}
        both = Changes(places, *(np.concatenate(columns) for columns in zip(own, added, strict=True)))
        return both.only(order)

    def _placed(self, places: Mapping[str, int]) -> Changes:
        return Changes(places, self.counts, self.norms, self.exact)

    def merged(self, names: Iterable[str]) -> Change:
        """Those of some tensors as one, added up from the first name to the last."""
        rows = np.array(self.rows(names), np.int64)
        return _merged(self.counts[rows], self.norms[rows], self.exact[rows])


def merge(parts: Iterable[Change]) -> Change:
    """The changes of the parts of a tensor as one, added up in the order given."""
    some = list(parts)
    return some[0] if len(some) == 1 else _merged(*_taken_down(some))


def _taken_down(changes: Iterable[Change]) -> tuple[Integers, Floats, Booleans]:
    some = list(changes)
    counts = np.array([[getattr(change, name) for name in COUNTS] for change in some], np.int64)
    norms = np.array([[getattr(change, name) for name in NORMS] for change in some], np.float64)
    exact = np.array([change.exact for change in some], np.bool_)
    return counts.reshape(-1, len(COUNTS)), norms.reshape(-1, len(NORMS)), exact


def _merged(counts: Integers, norms: Floats, exact: Booleans) -> Change:
    """Rows as one."""
    if not len(exact):
        return Change()
    all_exact = bool(exact.all())
    largest = float(norms[:, 4].max()) if all_exact else math.nan
    return _change(
        counts.sum(axis=0).tolist(),
        [*together(norms[:, :4], [range(len(norms))])[0].tolist(), largest],
        all_exact,
    )


def _change(counts: Sequence[int], norms: Sequence[float], exact: bool) -> Change:
    """A change from a row of :data:`COUNTS` and one of :data:`NORMS`."""
    count, equal, left_out, bad_before, bad_after = counts
    distance, before, after, overlap, largest = norms
    return Change(count, equal, distance, before, after, overlap, largest, exact, left_out, bad_before, bad_after)


NO_CHANGES = Changes.of({})


class MergedChanges(Mapping[str, Change]):
    """Changes by group, such as by layer, each merged when it is asked for."""

    __slots__ = ("_changes", "_members")

    def __init__(self, changes: Changes, groups: Mapping[str, Sequence[str]]) -> None:
        """Args:
        groups: names of the members; a group without any change is left out.
        """
        self._changes = changes
        self._members = groups

    def __getitem__(self, name: str) -> Change:
        if name not in self:
            raise KeyError(name)
        return self._changes.merged(self._members[name])

    def __contains__(self, name: object) -> bool:
        return name in self._members and any(t in self._changes for t in self._members[name])  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._members if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def relative_updates(self) -> Mapping[str, float | None]:
        """That of every group, NaN where values are not finite; of all groups at once."""
        of = self._changes
        groups = {name: rows for name, members in self._members.items() if (rows := of.rows(members))}
        if not groups:
            return {}
        distance, before = together(of.norms[:, :2], list(groups.values())).T
        sizes = np.array([len(rows) for rows in groups.values()], np.int64)
        members = of.counts[list(chain.from_iterable(groups.values())), COUNTS.index("left_out")]
        left_out = np.logical_or.reduceat(members > 0, np.cumsum(sizes) - sizes)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            updates = np.where(left_out, np.nan, distance / before)
        known = left_out | ((before > 0) & (before < math.inf))
        return {
            name: update if is_known else None
            for name, update, is_known in zip(groups, updates.tolist(), known.tolist(), strict=True)
        }


COLUMNS = ("count", "equal", "distance", "norm_before", "exact", "left_out", "norm_after", "overlap")


def columns(changes: Changes) -> Floats:
    """All changes in their order, side by side: shape (n, 8), see :data:`COLUMNS`."""
    rows = np.array(list(changes.places.values()), np.int64)
    counts, norms = changes.counts[rows], changes.norms[rows]
    return np.column_stack([counts[:, :2], norms[:, :2], changes.exact[rows], counts[:, 2], norms[:, 2:4]])
