"""Columns and cells that say how one checkpoint differs from another; estimates are printed with their error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from reporter.model.change import Change
from reporter.model.comparison import Pair, per_step
from reporter.model.shift import Shift
from reporter.model.sketch import BUCKETS, DISTANCE_ERROR
from reporter.model.table import Cell, Column, Level
from reporter.numerals import NO_DATA, before_after, integer, number
from reporter.sections.base import number_cell, share_cell, unrounded

FROM_ZERO = "from 0"
"""What is printed instead of a relative update if everything was zero before."""

UPDATE = Column(
    "Relative update",
    definition="‖W − W′‖₂ / ‖W′‖₂, value by value; W′ is the earlier checkpoint. “from 0”: W′ was all zero.",
)
PER_STEP = Column(
    "Per step",
    definition="Bounds of one step's relative update R₁ for a relative update R over k steps: R / k if all steps went "
    "the same way, R / √k if their directions were independent. A common rule of thumb is 1e-3 (CS231n).",
)
COSINE = Column("Cosine", definition="ΣWW′ / (‖W‖‖W′‖): 1 where only the length of W changed.")
UNCHANGED = Column("Unchanged", definition="Share of values that are equal to the bit; not known of an estimate.")
LARGEST = Column("Max change", definition="max |W − W′| of a single value; not known of an estimate.")
NON_FINITE = Column(
    "NaN/Inf",
    definition="Values that are NaN or infinite, before → after. Update, cosine, largest change and the shift of the "
    "distribution are of the finite values; unchanged is of all.",
)
WASSERSTEIN = Column(
    "W1 / σ",
    definition="Shift of the distribution, whatever happened to single values: the mean distance by which values must "
    "move to turn one into the other (Wasserstein-1), in standard deviations of W′. Evidently calls 0.1 a drift.",
)
PSI = Column(
    "PSI",
    definition="Population stability index Σ(p − q)·ln(p / q) over shared bins about σ / 4 wide, open at the ends; an "
    "empty bin counts as half a value. By convention 0.1 is a shift, 0.25 a large one.",
)
JS = Column(
    "JS distance",
    definition="Jensen-Shannon distance over the same bins, base 2: 0 for equal distributions, 1 for disjoint ones.",
)
DEFINITIONS = (UPDATE, PER_STEP, COSINE, UNCHANGED, LARGEST, NON_FINITE, WASSERSTEIN, PSI, JS)


def update_cell(change: Change | None) -> Cell:
    """The relative update: with its standard error if estimated, and "(finite)" if it is not over all values."""
    if change is None or not change.count:
        return Cell(NO_DATA)
    if change.left_out:
        return _of_finite(change)
    return _update(change)


def _of_finite(change: Change) -> Cell:
    """The relative update over those values that are finite in both checkpoints."""
    if not change.finite:
        return Cell(NO_DATA, title="no value is finite in both")
    cell = _update(change)
    text = cell.text if cell.text == NO_DATA else f"{cell.text} (finite)"
    title = f"of the {integer(change.finite)} of {integer(change.count)} values that are finite in both"
    return replace(cell, text=text, title=f"{cell.title}; {title}" if cell.title else title)


def _update(change: Change) -> Cell:
    value = change.relative_update
    if value is None:
        return Cell(NO_DATA if change.unchanged else FROM_ZERO, title="there was no value other than 0 before")
    if change.exact or value == 0:
        return number_cell(value)
    title = f"estimated from sketches: {value!r}, standard error {100 * DISTANCE_ERROR:.1f} %"
    return Cell(f"{number(value, 3)} ± {100 * DISTANCE_ERROR:.1f} %", sort=value, title=title)


def per_step_cell(change: Change | None, steps: int | None) -> Cell:
    """The range of the relative update of one step, from R over k steps: R / k to R / √k; one number for one step."""
    value = change.relative_update if change is not None else None
    if value is None or not steps:
        return Cell(NO_DATA)
    low, high = per_step(value, steps)
    title = f"{integer(steps)} steps"
    return Cell(
        number(low, 2) if steps == 1 or not value else f"{number(low, 2)} … {number(high, 2)}", high, title=title
    )


def cosine_cell(change: Change | None) -> Cell:
    """The cosine. An estimate has only the digits that its error leaves, and the error."""
    value = change.cosine if change is not None else None
    if change is None or value is None:
        return Cell(NO_DATA)
    error = cosine_error(change)
    if not error:
        return number_cell(value, 6)
    digits = max(2, min(6, -math.floor(math.log10(error)) + 1)) if error < 1 else 2
    return Cell(
        f"{number(value, digits)} ± {number(error, 1)}", sort=value, title=f"estimated from sketches: {value!r}"
    )


def cosine_error(change: Change) -> float:
    """The standard error of a cosine that was computed from an estimated distance d.

    With cos = (a² + b² − d²) / (2ab), an error of δ in d changes the cosine by d·δ / (ab), and δ is
    :data:`reporter.model.sketch.DISTANCE_ERROR` · d.
    """
    if change.exact or not change.norm_before or not change.norm_after:
        return 0.0
    return DISTANCE_ERROR * (change.distance / change.norm_before) * (change.distance / change.norm_after)


def unchanged_cell(change: Change | None) -> Cell:
    """The share of values that are equal to the bit."""
    return share_cell(change.equal_share if change is not None else None)


def largest_cell(change: Change | None) -> Cell:
    """The largest change of a single value."""
    return number_cell(change.largest if change is not None and change.exact and change.count else None)


def non_finite_cell(change: Change | None) -> Cell:
    """The numbers of values that are NaN or infinite, before and after."""
    if change is None or not change.count:
        return Cell(NO_DATA)
    return counts_cell(change.bad_before, change.bad_after)


def counts_cell(before: int | None, after: int | None) -> Cell:
    """Two counts of values that should not occur, before and after, marked unless both are 0."""
    level: Level = "fail" if after else "warn" if before else ""
    return Cell(before_after(before, after), sort=float(after or 0), level=level)


def wasserstein_cell(shift: Shift | None) -> Cell:
    """The Wasserstein distance in standard deviations, with its error unless that is too small to show."""
    if shift is None or shift.wasserstein is None:
        return Cell(NO_DATA)
    value, error = shift.wasserstein, shift.error
    title = f"{value!r}, error at most {error:.2g}" if error else unrounded(value)
    if error < 5e-4 * max(value, 1e-3):
        return Cell(number(value, 3), sort=value, title=title)
    places = min(max(0, -math.floor(math.log10(error))), 5)
    return Cell(f"{value:.{places}f} ± {number(error, 1)}", sort=value, title=title)


def psi_cell(shift: Shift | None) -> Cell:
    """The population stability index, with its bins as a tool tip."""
    return _binned(shift, None if shift is None else shift.psi)


def js_cell(shift: Shift | None) -> Cell:
    """The Jensen-Shannon distance, with its bins as a tool tip."""
    return _binned(shift, None if shift is None else shift.js)


def _binned(shift: Shift | None, value: float | None) -> Cell:
    cell = number_cell(value, 3)
    return Cell(cell.text, cell.sort, title=bins(shift) if shift is not None and shift.bins else cell.title)


def bins(shift: Shift) -> str:
    """A description of the bins that PSI and Jensen-Shannon distance were computed over.

    >>> bins(Shift(0.1, psi=0.2, js=0.1, bins=34, low=-0.5, high=0.5))
    '34 bins: 32 from −0.5 to 0.5, and one open at either end'
    """
    return (
        f"{shift.bins} bins: {shift.bins - 2} from {number(shift.low)} to {number(shift.high)}, and one open at either "
        "end"
    )


def exactness(pairs: Iterable[Pair], *, recorded: bool = False) -> str:
    """A sentence on how many of the comparisons are exact.

    Args:
        pairs: the comparisons.
        recorded: whether they are of states that were measured in memory, and never were files.
    """
    all_, estimated = 0, 0
    for pair in pairs:
        all_ += 1
        estimated += not pair.whole.exact
    if not estimated:
        met = "the weights of both states were in memory together" if recorded else "the files were read side by side"
        return f"Every comparison is exact: {met}, and compared value by value."
    which = "All" if estimated == all_ else f"{integer(estimated)} of {integer(all_)}"
    gone = "the weights of the earlier state were not in memory" if recorded else "a file was not there"
    return (
        f"{which} comparisons are estimated, at least in part, because {gone} any more: from sketches of "
        f"{integer(BUCKETS)} numbers per tensor, with a standard error of {100 * DISTANCE_ERROR:.1f} % on the distance."
    ) + (" The others are exact." if estimated < all_ else "")


def finiteness(pairs: Iterable[Pair]) -> str:
    """A sentence on how many of the comparisons meet values that are not finite."""
    bad = [pair.whole.left_out > 0 for pair in pairs]
    if not any(bad):
        return "No value compared is NaN or infinite."
    which = "All" if all(bad) else f"{integer(sum(bad))} of {integer(len(bad))}"
    return (
        f"{which} comparisons meet values that are NaN or infinite: these are counted, and every other number is of "
        "the finite values."
    )
