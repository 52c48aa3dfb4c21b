"""Two measurements against each other: what ``reporter.diff`` and ``Measurement.compare`` return."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from reporter.compare.pairs import estimated
from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.library.bins import SampleHistogram, binned
from reporter.library.frame import table
from reporter.library.html import BARS, FEW, html_table, name_cell, number_cell, thumbnail
from reporter.library.measurement import Measurement
from reporter.library.names import looked_up
from reporter.library.sample import Sample
from reporter.model.change import Change
from reporter.model.changes import Changes
from reporter.model.difference import DifferenceState, form_change
from reporter.numerals import counted, number, share
from reporter.settings.model import BINS
from reporter.writers.records import plain

if TYPE_CHECKING:
    import pandas as pd

    from reporter.plots.open_figure import OpenFigure

DRAWN = 20
"""Most bars of a picture."""

_COLUMNS = (
    "name", "state", "shape", "relative_update", "distance", "largest", "cosine", "equal_share", "exact",
    "norm_before", "norm_after", "mean_before", "mean_after", "std_before", "std_after",
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class VariableDiff:
    """One variable in two measurements.

    Attributes:
        name: of the variable; the selection for the whole.
        state: ``equal``, ``changed``, ``added``, ``removed``, ``reshaped``, ``dtype changed``, or ``unknown`` where
            nothing tells whether a value differs.
        before, after: its numbers; None where it is missing.
        change: what became of the values, one by one; None where they cannot be paired. Where its ``exact`` is False
            it was estimated.
    """

    name: str
    state: DifferenceState
    before: Sample | None
    after: Sample | None
    change: Change | None

    def histograms(
        self, bins: int = BINS, range: tuple[float, float] | None = None
    ) -> tuple[SampleHistogram | None, SampleHistogram | None]:
        """Before and after on the same edges; None for a side that is missing or has no finite value.

        Args:
            bins: how many, 1 … 512.
            range: (low, high); None for all finite values of both.

        Raises:
            reporter.errors.SettingError: an argument that cannot be used.
        """
        sides = [side for side in (self.before, self.after) if side is not None]
        found = iter(binned([side.summary for side in sides], bins, range))
        before = next(found) if self.before is not None else None
        return before, next(found) if self.after is not None else None

    def plot(self, bins: int = BINS, range: tuple[float, float] | None = None) -> OpenFigure:
        """Both histograms as a matplotlib ``Figure``, made without pyplot.

        Args:
            bins: as :meth:`histograms`.
            range: as :meth:`histograms`.
        """
        from reporter.plots.open_figure import histograms

        return histograms(self.name, dict(zip(("before", "after"), self.histograms(bins, range), strict=True)))

    def row(self) -> dict[str, Any]:
        """What a table says of it, see :meth:`Diff.to_pandas`."""
        change, known = self.change, self.after or self.before
        row: dict[str, Any] = {"name": self.name, "state": str(self.state), "shape": known.shape if known else ()}
        if change is not None:
            row |= {
                "relative_update": change.relative_update,
                "distance": change.distance,
                "largest": change.largest,
                "cosine": change.cosine,
                "equal_share": change.equal_share,
                "exact": change.exact,
            }
        for column, statistic in (("norm", "l2_norm"), ("mean", "mean"), ("std", "std")):
            row |= {
                f"{column}_{side}": of.statistics.get(statistic) if of else None
                for side, of in (("before", self.before), ("after", self.after))
            }
        return row

    def __repr__(self) -> str:
        update = self.change.relative_update if self.change is not None else None
        return f"<VariableDiff {self.name}: {self.state}, relative update {number(update)}>"


@dataclass(frozen=True, slots=True, repr=False)
class Diff(Mapping[str, VariableDiff]):
    """Two measurements: a mapping from the names of all variables of either, those of the earlier one first.

    Attributes:
        before, after: the measurements; the later one under the names of the earlier one.
        variables: one for each name.
        whole: all variables that both hold, taken as one; its ``before`` and ``after`` are all selected variables.
        notes: what a reader should know.

    >>> import numpy as np, reporter
    >>> found = reporter.diff({"w": np.array([3.0, 4.0])}, {"w": np.array([3.0, 4.5])})
    >>> found["w"].change.relative_update, found["w"].change.equal
    (0.1, 1)
    >>> found
    <Diff of 1 variable: 1 changed; relative update 0.1>
    """

    before: Measurement
    after: Measurement
    variables: tuple[VariableDiff, ...]
    whole: VariableDiff
    notes: tuple[str, ...] = ()
    _by_name: dict[str, VariableDiff] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {one.name: one for one in self.variables})

    @classmethod
    def of(
        cls,
        before: Measurement,
        after: Measurement,
        changes: Changes,
        notes: tuple[str, ...] = (),
    ) -> Diff:
        """The difference of two measurements, some of whose variables could be paired."""
        names = dict.fromkeys([*before, *after])
        variables = tuple(_variable(name, before.get(name), after.get(name), changes.get(name)) for name in names)
        whole = changes.merged(names)
        form = DifferenceState.UNKNOWN
        if all(one.state is DifferenceState.EQUAL for one in variables):
            form = DifferenceState.EQUAL
        elif any(one.state not in (DifferenceState.EQUAL, DifferenceState.UNKNOWN) for one in variables):
            form = DifferenceState.CHANGED
        all_of_it = VariableDiff(after.whole.name, form, before.whole, after.whole, whole if whole.count else None)
        return cls(before, after, variables, all_of_it, notes)

    @classmethod
    def of_measurements(cls, before: Measurement, after: Any) -> Diff:
        """The difference of two measurements, whose weights are not at hand, see :meth:`Measurement.compare`.

        Raises:
            SettingError: ``after`` is no measurement.
        """
        if not isinstance(after, Measurement):
            kind = type(after).__name__
            raise SettingError(f"compare: {kind} is no Measurement; reporter.diff compares paths and models")
        changes: dict[str, Change] = {}
        for name in before:
            change = _estimated(before[name], after.get(name))
            if change is not None:
                changes[name] = change
        notes = (
            ("changes of variables of more than 1,024 values are estimated; reporter.diff gives exact ones",)
            if not all(change.exact for change in changes.values())
            else ()
        )
        return cls.of(before, after, Changes.of(changes), notes)

    def __getitem__(self, name: str) -> VariableDiff:
        """The variable of that name.

        Raises:
            reporter.errors.UnknownName: there is none; a KeyError that names those that are alike.
        """
        return looked_up(self._by_name, name, "variable")

    def __iter__(self) -> Iterator[str]:
        """The names of all variables."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """How many variables there are in either."""
        return len(self.variables)

    def changed(self) -> tuple[VariableDiff, ...]:
        """All variables that are not equal, the largest relative update first; unknown ones last."""
        return tuple(sorted((one for one in self.variables if one.state is not DifferenceState.EQUAL), key=_smallness))

    def to_pandas(self) -> pd.DataFrame:
        """A row for each variable: name, state, shape, the paired change, and norm, mean and std of both sides.

        Raises:
            reporter.errors.MissingPackage: pandas is not installed.
        """
        return table((one.row() for one in self.variables), _COLUMNS)

    def plot(self, name: str | None = None, *, bins: int = BINS) -> OpenFigure:
        """A matplotlib ``Figure``, made without pyplot: the largest relative updates, or one variable's histograms.

        Args:
            name: of the variable whose values before and after are drawn on the same bins; None for all updates.
            bins: of such histograms.

        Raises:
            reporter.errors.SettingError: an argument that cannot be used; UnknownName for the name.
        """
        if name is not None:
            return self[name].plot(bins)
        from reporter.plots.open_figure import updates

        known = [(one.name, u) for one in self.changed() if (u := _update(one)) is not None and 0 < u < math.inf]
        names, values = [n for n, _ in known[:DRAWN]], [u for _, u in known[:DRAWN]]
        return updates("What changed most", names, values, len(known) - len(names))

    def to_dict(self) -> dict[str, Any]:
        """All changes, as JSON can hold them: NaN and infinities are strings, what does not exist is None."""
        return {"notes": list(self.notes), "whole": _record(self.whole), "variables": [*map(_record, self.variables)]}

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __repr__(self) -> str:
        found = Counter(one.state for one in self.variables)
        counts = ", ".join(f"{found[state]} {state}" for state in DifferenceState if found[state])
        update = self.whole.change.relative_update if self.whole.change is not None else None
        overall = f"; relative update {number(update)}" if self.whole.change is not None else ""
        return f"<Diff of {counted(len(self), 'variable')}: {counts}{overall}>"

    def _repr_html_(self) -> str:
        bars = BARS[len(self) > FEW]
        shown = self.changed()
        heads = ("variable", "state", "before", "after", "relative update", "cosine", "equal", "std before", "after")
        equal = len(self) - len(shown)
        notes = (*((f"{counted(equal, 'variable')} not shown: equal",) if equal else ()), *self.notes)
        return html_table(repr(self)[1:-1], heads, (_row(one, bars) for one in shown), notes)


def _variable(name: str, before: Sample | None, after: Sample | None, change: Change | None) -> VariableDiff:
    if before is None or after is None:
        state = DifferenceState.ADDED if before is None else DifferenceState.REMOVED
    elif (before.shape, before.dtype) != (after.shape, after.dtype):
        state = form_change(f"{before.shape} {before.dtype}", f"{after.shape} {after.dtype}")
    elif change is not None:
        state = _paired_state(change)
    else:
        state = DifferenceState.UNKNOWN if before == after else DifferenceState.CHANGED
    return VariableDiff(name, state, before, after, change)


def _paired_state(change: Change) -> DifferenceState:
    if change.unchanged:
        return DifferenceState.EQUAL
    if not change.exact and change.distance == 0.0:
        return DifferenceState.UNKNOWN  # what is not finite is not in a sketch, and may differ
    return DifferenceState.CHANGED


def _estimated(before: Sample, after: Sample | None) -> Change | None:
    if after is None or (before.shape, before.dtype) != (after.shape, after.dtype):
        return None
    if before.sketch is None or after.sketch is None or before.sketch.size != after.sketch.size:
        return None
    return estimated((before.summary, before.sketch), (after.summary, after.sketch))


def _update(one: VariableDiff) -> float | None:
    return one.change.relative_update if one.change is not None else None


def _smallness(one: VariableDiff) -> tuple[bool, float]:
    update = _update(one)
    return (update is None, 0.0) if update is None else (False, -update)


def _row(one: VariableDiff, bars: int) -> tuple[str, ...]:
    change = one.change
    sides = [side for side in (one.before, one.after) if side is not None]
    drawn = iter(thumbnail(sides, bars))
    estimated = "≈" if change is not None and not change.exact else ""
    return (
        name_cell(one.name),
        str(one.state),
        f"<i>{next(drawn)}</i>" if one.before is not None else "",
        f"<i>{next(drawn)}</i>" if one.after is not None else "",
        estimated + number_cell(_update(one)),
        number_cell(change.cosine if change is not None else None),
        share(change.equal_share) if change is not None else "",
        *(number_cell(side.statistics.get("std") if side else None) for side in (one.before, one.after)),
    )


def _record(one: VariableDiff) -> dict[str, Any]:
    change = None if one.change is None else {name: plain(value) for name, value in asdict(one.change).items()}
    sides = ("before", "after")
    return {
        "name": one.name,
        "state": str(one.state),
        "relative_update": plain(_update(one)),
        "change": change,
        **{
            side: None if (of := getattr(one, side)) is None else {n: plain(v) for n, v in of.statistics.items()}
            for side in sides
        },
    }
