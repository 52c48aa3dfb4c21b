"""Which steps of the checkpoints the positions of a log are: told from the log, the names, or how checkpoints lie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from reporter.discover.listing import absolute
from reporter.discover.tokens import Kind, split
from reporter.frozen import dataclass
from reporter.metrics.find import folder_of
from reporter.metrics.logged import Unit
from reporter.model.checkpoint import Order
from reporter.model.comparison import Comparison
from reporter.model.metrics import Axis
from reporter.numerals import integer

_EPOCH = re.compile(r"(?<![a-z])(?:epochs?|ep|e)[-_.=: ]*$", re.IGNORECASE)
_STEP = re.compile(r"(?:steps?|iter(?:ation)?s?|(?<![a-z])it|ckpt|checkpoint)[-_.=: ]*$", re.IGNORECASE)
"""Words before a number in a name that say what it counts."""


@dataclass(frozen=True, slots=True)
class Matching:
    """From positions of a log to steps.

    Attributes:
        axis, how: as in :class:`reporter.model.metrics.Metric`.
        epochs, steps: some epochs and the steps at their ends; empty where positions stay as they are.
        rate: steps of an epoch where all have as many; 0 where that is not known, and nothing is said beyond the ends.
    """

    axis: Axis
    how: str
    epochs: tuple[float, ...] = ()
    steps: tuple[float, ...] = ()
    rate: float = 0.0

    def __call__(self, position: float) -> float | None:
        """The step of a position, None where it is not known."""
        if self.rate:
            return position * self.rate
        if not self.epochs:
            return position
        if not self.epochs[0] <= position <= self.epochs[-1]:
            return None
        return float(np.interp(position, self.epochs, self.steps))


def matching(series: Comparison, unit: Unit, last: float, pairs: Mapping[float, float]) -> Matching:
    """How the positions of a log belong to the checkpoints of a series.

    Args:
        series: the series.
        unit: what the positions count.
        last: the last of them.
        pairs: step at the end of some epochs, where the logs themselves give both.
    """
    steps = series.positions
    if steps is None:
        axis = Axis.EPOCH if unit is Unit.EPOCH else Axis.OTHER
        return Matching(axis, "the checkpoints have no steps that the log could be matched to")
    return _of_steps(series, steps, last) if unit is Unit.STEP else _of_epochs(series, steps, last, pairs)


def _of_steps(series: Comparison, steps: Sequence[float], last: float) -> Matching:
    if series.ordered_by is not Order.FILE_NAME:
        return Matching(Axis.STEP, "logged by step; the checkpoints hold their steps")
    counts = _counted_by(series)
    if counts == "epochs":
        return Matching(Axis.OTHER, "logged by step, while the numbers in the names of the checkpoints count epochs")
    if counts == "steps" or 0.5 * last <= steps[-1] <= 2 * last:
        return Matching(Axis.STEP, "logged by step; the numbers in the names of the checkpoints are steps")
    return Matching(
        Axis.OTHER,
        f"logged by step up to {integer(round(last))}, while the numbers in the names of the checkpoints end at "
        f"{series.labels[-1]}: they seem to count something else",
    )


def _of_epochs(series: Comparison, steps: Sequence[float], last: float, pairs: Mapping[float, float]) -> Matching:
    counts = _counted_by(series) if series.ordered_by is Order.FILE_NAME else "steps"
    fits = counts != "steps" and steps[-1] <= last
    if counts == "epochs" or fits:
        what = "say epochs" if counts == "epochs" else f"fit its {integer(round(last))} epochs"
        if steps[0] == 0 and steps[-1] + 1 == last:
            how = f"logged by epoch; the numbers in the names of the checkpoints {what}, and count from 0"
            return Matching(Axis.STEP, how, (1.0, last), (0.0, last - 1))
        return Matching(Axis.STEP, f"logged by epoch; the numbers in the names of the checkpoints {what}")
    if pairs:
        return _by_pairs(pairs, "which the log gives with the steps at their ends")
    if (named := _named_epochs(series)) is not None:
        return _by_pairs(named, "which the names of the checkpoints give beside the steps that they hold")
    gaps = {b - a for a, b in pairwise(steps)}
    if len(gaps) == 1 and last == round(last):
        (gap,) = gaps
        if steps[0] % gap == 0 and steps[-1] == gap * last:
            how = (
                f"logged by epoch; the last checkpoint lies {integer(round(last))} times the distance of two "
                f"checkpoints from the start, and the log has {integer(round(last))} epochs: an epoch is taken to "
                f"have {integer(round(gap))} steps"
            )
            return Matching(Axis.STEP, how, rate=gap)
    return Matching(Axis.EPOCH, "logged by epoch, and no file tells how many steps an epoch has")


def _by_pairs(pairs: Mapping[float, float], how: str) -> Matching:
    """From some epochs and their steps; where all epochs are equally long, also beyond these."""
    epochs = sorted(pairs)
    steps = [pairs[epoch] for epoch in epochs]
    rates = {step / epoch for epoch, step in zip(epochs, steps, strict=True) if epoch > 0}
    if len(rates) == 1 and (rate := rates.pop()) > 0:
        return Matching(Axis.STEP, f"logged by epoch, {how}: {rate:,.6g} steps an epoch", rate=rate)
    if any(b <= a for a, b in pairwise(steps)):
        return Matching(Axis.EPOCH, f"logged by epoch, {how}; but these do not rise")
    return Matching(Axis.STEP, f"logged by epoch, {how}", tuple(epochs), tuple(steps))


def _columns(series: Comparison) -> list[tuple[str, list[int]]]:
    """The whole numbers in the names of all checkpoints, each with the text before it; none of names unlike."""
    folder = folder_of(series)
    names = split([absolute(ref.path).relative_to(folder).as_posix() for ref in series.refs])
    if any(name.pattern != names[0].pattern for name in names):
        return []
    return [
        (names[0].texts[at], [int(name.tokens[at].text) for name in names])
        for at, token in enumerate(names[0].tokens)
        if token.kind is Kind.WHOLE
    ]


def _counted_by(series: Comparison) -> str:
    """What the number in the names counts that gives the steps: ``epochs``, ``steps``, or "" where no word tells."""
    steps = [ref.step.value for ref in series.refs]
    before = next((text for text, numbers in _columns(series) if numbers == steps), "")
    return "epochs" if _EPOCH.search(before) else "steps" if _STEP.search(before) else ""


def _named_epochs(series: Comparison) -> dict[float, float] | None:
    """Steps by the epochs in the names of checkpoints that hold their steps."""
    steps = [ref.step.value for ref in series.refs]
    rising = [
        (text, numbers)
        for text, numbers in _columns(series)
        if len(numbers) > 1 and all(a < b for a, b in pairwise(numbers)) and numbers != steps
    ]
    worded = [numbers for text, numbers in rising if _EPOCH.search(text)] or [
        n for t, n in rising if not _STEP.search(t)
    ]
    if not worded:
        return None
    return {float(n): float(step) for n, step in zip(worded[0], steps, strict=True) if step is not None}
