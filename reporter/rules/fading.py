"""Layers whose updates fade away while those of others go on: about to stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.role import SLOTS, Role
from reporter.model.tensor import Collection
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

USUAL = 0.75
"""The quantile of a kernel's relative updates that counts as its usual one; where that is 0 it has stopped long ago."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per kernel: its last relative update against its usual one, over the same for the liveliest weight.

    The ratio to the liveliest one takes the learning-rate schedule out, which slows all layers alike. Biases are among
    the liveliest: where all kernels are dead and only move on by Adam's momentum, the last bias still learns. Momentum
    runs out, so that each update is smaller than the one before; where all kernels merely fall to another level, and
    stay there, another optimizer took over.
    """
    last = len(timeline.labels) - 1
    known = [t for t in timeline.weights if not t.coarse and not t.fixed and _complete(t, last, limits["pairs"])]
    kernels = [t for t in known if t.is_matrix and t.info.role != Role.EMBEDDING]
    if not kernels or len(known) < 2 or last in timeline.same_step:
        return
    pairs = min(*(len(t.updates.places) for t in kernels), last - _same_optimizer_since(timeline))
    if pairs < limits["pairs"]:
        return
    liveliest = [t for t in known if len(t.updates.places) >= pairs and _lively(t)]
    lively = np.max([_course(t, pairs) for t in liveliest], axis=0)
    others = np.max([_course(t, pairs) for t in kernels], axis=0)
    for track in kernels:
        row, typical = _course(track, pairs), _usual(track, pairs)
        ratio, among_kernels = _against(row, lively), _against(row, others)
        value = float(ratio[-1])
        falls = row[-1] < FALLS * row[-2]
        if not 0 < value < limits["threshold"] or not (falls or among_kernels[-1] < limits["threshold"]):
            yield Check.of(track.info, value, 1.0 - value, place=last)
            continue
        place = int(track.updates.places[-pairs:][_begin(ratio, limits["threshold"])])
        yield Check.of(
            track.info,
            value,
            2.0 - value,
            Severity.WARN,
            place=place,
            good=place - 1,
            beyond=limits["threshold"] / value,
            message=f"the updates of {track.info.name} have faded to {number(float(track.updates.relative[-1]), 2)} of "
            f"its norm at {timeline.step(last)}, from {number(typical, 2)} usually, while other weights still learn",
        )


FALLS = 2 / 3
"""Share of the update before below which an update falls; momentum of 0.9 leaves a third of it within ten steps."""


def _against(row: Floats, lively: Floats) -> Floats:
    """A course as a share of the liveliest; 1 where there is none."""
    share: Floats = np.where(lively > 0, row / np.where(lively > 0, lively, 1.0), 1.0)
    return share


def _begin(ratio: Floats, limit: float) -> int:
    """Where the fading begins: the first of the last ratios below the limit, or before, as far as they fall to it."""
    begin = len(ratio) - int(np.cumprod(ratio[::-1] < limit).sum())
    while begin > 1 and ratio[begin - 1] < FALLS * ratio[begin - 2]:
        begin -= 1
    return begin


def _lively(track: Track) -> bool:
    """Whether it counts among the liveliest: not an embedding, whose rows move when their words occur."""
    return (track.is_matrix and track.info.role != Role.EMBEDDING) or track.info.role == Role.BIAS


def _same_optimizer_since(timeline: Timeline) -> int:
    """The first checkpoint since which the optimizer keeps the same slots: with another one, another step is usual."""
    slots = [t for t in timeline.tracks if t.info.collection == Collection.OPTIMIZER and t.info.role in SLOTS]
    last = len(timeline.labels) - 1
    begun = [t.places[0] for t in slots]
    ended = [t.places[-1] + 1 for t in slots if t.places[-1] < last]
    return max([0, *begun, *ended])


def _usual(track: Track, pairs: int) -> float:
    """Its usual relative update in the last pairs."""
    return float(np.nanquantile(track.updates.relative[-pairs:], USUAL))


def _course(track: Track, pairs: int) -> Floats:
    """Its relative updates in usual ones; 0 where there is none, as for the first one of a bias that begins at zero."""
    usual = _usual(track, pairs)
    course: Floats = np.nan_to_num(track.updates.relative[-pairs:], nan=0.0) / usual if usual > 0 else np.zeros(pairs)
    return course


def _complete(track: Track, last: int, pairs: float) -> bool:
    """Whether what is usual can be told, and the last pair held against it."""
    updates = track.updates
    if len(updates.places) < pairs or updates.places[-1] != last or not updates.finite.all():
        return False
    known = np.isfinite(updates.relative)
    begun = known.all() if track.is_matrix else known[-int(pairs) :].all()
    return bool(begun) and _usual(track, len(updates.places)) > 0


FADING = Rule(
    name="fading",
    title="Fading updates",
    threshold=0.01,
    bad="less",
    limits=(Limit("pairs", 5, "pairs of checkpoints that are needed to know what is usual"),),
    formula="(relative update of a kernel in the last pair / its upper quartile over all pairs) / the largest such "
    "ratio of all kernels and biases",
    source="own proposal: in 53 healthy runs it stays above 0.19; a dead layer that moves on by momentum alone falls "
    "to 5 · 10⁻⁷",
    check=check,
    follows=True,
    compares=True,
    many="hardly move any more while others do",
    meaning="No gradient reaches these layers any more; what still moves them is momentum or weight decay.",
    next_step="Look at activations and gradients of these layers at the step named, and at what happened to the loss.",
    evidence="likely: the updates are exact, what is usual is taken from this series",
)
