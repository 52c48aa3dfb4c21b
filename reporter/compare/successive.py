"""Decide which checkpoints follow each other in one training, from the distances of their weights.

Only sketches are needed; no file is read. Successive states of a training lie near each other, nearer than to most
earlier states. A training that begins anew does not continue where the one before ended. Models that do not descend
from each other have nothing in common: the cosine of two independent directions in n dimensions has mean 0 and standard
deviation 1 / √n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from reporter.compare.pairs import completed
from reporter.compare.similarity import chosen
from reporter.model.change import Change
from reporter.model.changes import NO_CHANGES, Changes
from reporter.model.checkpoint import Doubt, Order, Series
from reporter.model.comparison import Comparison, Pair
from reporter.model.measured import Measured
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.successive import Decision, Verdict
from reporter.numerals import number

FAR = 0.9
"""Relative distance beyond which a checkpoint does not continue the one before. In a folder with 375 files of three
trainings, only 2 of the 374 neighbouring pairs are that far apart: those where one training ends and the next
begins."""

USUAL = 2.0
"""A checkpoint that continues the one before is at most this many times as far from it as its neighbours are from
theirs."""

STRETCH = 3
"""Least mean length of the stretches in which steps rise in the order of the names. If they are shorter, the names may
have no order at all."""

UNRELATED = 0.2
"""Two kernels with a larger |cosine| are related. Unrelated ones may still share the shape of their distribution, so
that the cosine is not always as small as for independent directions."""

MOST_OF = 0.9
"""Share of all values that must be in unrelated kernels for two models to be unrelated."""

LEAST = 100
"""Least number of values of a kernel whose cosine is used: the standard deviation for independent ones is then 0.1."""

SCALE = 3.0
"""Norms of two models of one kind differ by a smaller factor. Where they differ more, the training may have diverged,
and the models need not be unrelated."""


def decide(doubt: Doubt, numbers: Sequence[Measured | None]) -> Decision:
    """Decide how files are related whose names and steps contradict each other.

    Args:
        doubt: the files, the order of their names, and where their steps fall instead of rise.
        numbers: what was measured of the files, in the order of their names; None where one could not be measured.
    """
    by_name = {ref.name: one for ref, one in zip(doubt.checkpoints, numbers, strict=True)}
    if None in by_name.values():
        return Decision(Verdict.RUNS, doubt.falls)
    known = [one for one in numbers if one is not None]
    if unrelated(known):
        return Decision(Verdict.ALTERNATIVES)
    steps = [_apart(a, b) for a, b in pairwise(known)]
    if doubt.by_step and len(known) < STRETCH * (len(doubt.falls) + 1):
        inner = [one for ref in doubt.by_step if (one := by_name[ref.name]) is not None]
        if sum(_length(_apart(a, b)) for a, b in pairwise(inner)) < sum(map(_length, steps)):
            return Decision(Verdict.BY_STEP)
    cuts: list[int] = []
    for place in doubt.falls:
        start = cuts[-1] if cuts else 0
        if not _goes_on(known, steps, start, place, doubt.falls):
            cuts.append(place)
    within = [_relative(steps[i - 1]) for i in range(1, len(known)) if i not in doubt.falls]
    jumps = [_relative(steps[i - 1]) for i in cuts or doubt.falls]
    told = f"relative change {_span(jumps)}, elsewhere {_span(within)}" if within else f"by {_span(jumps)}"
    if cuts:
        return Decision(Verdict.RUNS, tuple(cuts), f", and the weights do not go on there ({told})")
    return Decision(Verdict.ONE, (), f", and the weights go on there ({told})")


def _span(values: Sequence[float]) -> str:
    """The smallest and the largest of some numbers, as text."""
    low, high = number(min(values), 2), number(max(values), 2)
    return low if low == high else f"{low} to {high}"


def _goes_on(known: Sequence[Measured], steps: Sequence[Change], start: int, place: int, falls: Sequence[int]) -> bool:
    """Whether a checkpoint continues the one before it.

    Args:
        known: what was measured of all checkpoints.
        steps: the change of each checkpoint since the one before; the first is that of the second checkpoint.
        start: index of the first checkpoint of the current run.
        place: index of the checkpoint in question.
        falls: indices of all checkpoints at which the step falls.
    """
    jump = steps[place - 1]
    near = [i for i in (place - 1, place + 1) if start < i < len(known) and i not in falls]
    rest = [_length(steps[i - 1]) for i in range(1, len(known)) if i not in falls]
    usual = max((_length(steps[i - 1]) for i in near), default=median(rest) if rest else 0.0)
    if _relative(jump) > FAR or _length(jump) > USUAL * usual:
        return False
    earlier = range(start, place - 1)
    return all(_length(_apart(known[earlier[i]], known[place])) >= _length(jump) for i in chosen(len(earlier)))


def _length(change: Change) -> float:
    return change.distance


def _relative(change: Change) -> float:
    update = change.relative_update
    return math.inf if update is None and change.distance else update or 0.0


def _apart(before: Measured, after: Measured) -> Change:
    """The change of all kernels together; of all model tensors if no kernel can be compared."""
    changes = _changes(before, after)
    return changes.merged(changes)


def _changes(before: Measured, after: Measured, known: Changes = NO_CHANGES) -> Changes:
    """The change of each kernel, by name; of each model tensor if no kernel can be compared.

    Args:
        before: what was measured of the earlier checkpoint.
        after: what was measured of the later one.
        known: the exact changes, where they are known: to estimate them takes a thousand times as long.
    """
    infos = after.model_infos
    changes = completed(before, after, known)
    kernels = changes.only(info.name for info in infos if info.role in WEIGHT_MATRICES or len(info.shape) > 1)
    return kernels or changes.only(info.name for info in infos)


def unrelated(numbers: Sequence[Measured], previous: Sequence[Changes] = ()) -> bool:
    """Whether all neighbours among these checkpoints are unrelated models.

    Args:
        numbers: what was measured of the checkpoints.
        previous: the exact changes of each but the first since the one before, as far as they are known; () if none is.
    """
    known = previous or [NO_CHANGES] * (len(numbers) - 1)
    neighbours = zip(pairwise(numbers), known, strict=True)
    return len(numbers) > 1 and all(_unrelated(_changes(a, b, exact)) for (a, b), exact in neighbours)


def _unrelated(changes: Changes) -> bool:
    """Whether two models are unrelated, from the changes of their kernels."""
    large = {name: change for name, change in changes.items() if change.count >= LEAST}
    whole = changes.merged(large)
    if not large or not whole.norm_before or not 1 / SCALE < whole.norm_after / whole.norm_before < SCALE:
        return False
    apart = sum(
        change.count
        for change in large.values()
        if (cosine := change.cosine) is not None and abs(cosine) <= max(UNRELATED, 3 / change.count**0.5)
    )
    return apart >= MOST_OF * whole.count


def alternatives(series: Series, numbers: Sequence[Measured], previous: Sequence[Changes]) -> bool:
    """Whether the checkpoints of a series are alternatives, and not successive states of one training.

    They are not if the series contains an initialisation (step 0), as a training may move far from it. Where steps
    stored in the files order the series, it takes four unrelated checkpoints: two or three may be far apart in one
    training.
    """
    if any(ref.step.stored == 0 for ref in series.checkpoints):
        return False
    least = 4 if series.ordered_by is Order.IN_FILE else 2
    return len(numbers) >= least and unrelated(numbers, previous)


def turned(series: Series, comparison: Comparison) -> tuple[int, ...]:
    """The indices at which a run begins although steps keep rising: an older file follows that is far from the last."""
    names = {ref.name: place for place, ref in enumerate(comparison.refs)}
    places = [(i, names.get(series.checkpoints[i].name, 0)) for i in series.turns]
    return tuple(i for i, place in places if place and _jumps(comparison.pairs, place))


def _jumps(pairs: Sequence[Pair], place: int) -> bool:
    """Whether a checkpoint is far from the one before, in absolute terms and compared to its neighbours."""
    jump = _relative(pairs[place - 1].whole)
    near = [_relative(pairs[i].whole) for i in (place - 2, place) if 0 <= i < len(pairs)]
    return jump > FAR and jump > USUAL * max(near, default=math.inf)
