"""A checkpoint that lies off the way of its series: in the wrong place, or of another training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.norms import exponents, norm
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

DISTANCE = 2
"""Column of :data:`reporter.model.changes.COLUMNS`."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per checkpoint that lies between two others and further from both than is usual around it.

    The way over a checkpoint is as long as the way past it where training goes straight on, √2 or 2 times as long where
    it wanders or turns back. It is much longer only if the weights leave and come back, which training does not do.
    The distances between neighbours are known; that between the two around a checkpoint is worked out of their
    sketches, and only where neighbours are far apart, as reading sketches takes time.
    """
    way = _Way(timeline)
    checks = [found for place in range(1, len(timeline.labels) - 1) if (found := way.check(place, limits)) is not None]
    partner = _partner(way, checks, limits)
    for check in checks:
        other = partner.get(check.place)
        if other is not None:
            check = replace(
                way.fired(check),
                message=f"{check.message}; exchanged with those of {timeline.step(other)}, both would lie on the way",
            )
        yield check


CANDIDATES = 6
"""Places of which each two are tried in each other's, at most: a training that wanders everywhere has no order to hold
a checkpoint against."""


def _partner(way: _Way, checks: list[Check], limits: Limits) -> dict[int, int]:
    """Two checkpoints that would both lie on the way if they changed places, place -> place; nothing where none do.

    Where training goes straight on, the way over either is 3 times as long as past it, and 2.4 times where it wanders;
    it becomes 1 or 1.4 times as long once they are exchanged.
    """
    value = {check.place: check.value or 0.0 for check in checks if (check.value or 0.0) >= limits["exchanged"]}
    if not 2 <= len(value) <= CANDIDATES:
        return {}
    left = {(a, b): way.exchanged(a, b) / min(value[a], value[b]) for a, b in combinations(value, 2)}
    one, other = min(left, key=lambda pair: left[pair])
    return {one: other, other: one} if left[one, other] < GAIN else {}


GAIN = 0.65
"""How long the ways over both have become at most once they are exchanged, relative to before: 0.33 where training goes
straight on, 0.59 where it wanders; 1 where the two have nothing to do with each other."""


class _Way:
    """The distances between the checkpoints of a series, over all of its weight matrices together.

    Biases are left out where there are matrices: they are few values, which swing back and forth by more than all the
    others go on, and so lead away from the way and back to it.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        everywhere = len(timeline.labels)
        whole = [t for t in timeline.weights if len(t.places) == everywhere and not t.bad.any()]
        self._weights = [t for t in whole if t.is_matrix] or whole
        self._legs = _legs(self._weights, everywhere - 1)

    def check(self, place: int, limits: Limits) -> Check | None:
        """The check of a checkpoint; None where nothing can be said of it."""
        legs = self._legs
        to, on = float(legs[place - 1]), float(legs[place])
        around = [float(leg) for i in (place - 2, place + 1) if 0 <= i < len(legs) and np.isfinite(leg := legs[i])]
        if not np.isfinite(to + on) or to == 0.0 or on == 0.0:
            return None  # it repeats a neighbour, or what it is compared with holds other tensors
        value = 1.0
        if not around or to + on > limits["usual"] * 2.0 * min(around):
            past = self.distance(place - 1, place + 1)
            if past == 0.0:
                return None  # the one before was restored
            value = (to + on) / past
        timeline = self._timeline
        fired = value >= limits["threshold"]
        check = Check(
            value,
            value,
            place=place,
            good=place - 1,
            beyond=max(1.0, value / limits["threshold"]),
            until=place + 1,
            last=place,
            message=f"the weights of {timeline.step(place)} do not belong between those of {timeline.step(place - 1)} "
            f"and {timeline.labels[place + 1]}: over them the way from one to the other is {number(value, 3)} times as "
            "long as past them",
        )
        return self.fired(check) if fired else check

    def fired(self, check: Check) -> Check:
        """A check that is a warning about all weights."""
        return replace(check, severity=Severity.WARN, tensors=tuple(t.info.name for t in self._weights))

    def distance(self, before: int, after: int) -> float:
        """‖b − a‖ of all weights, from their sketches; NaN where one has none."""
        apart = []
        for track in self._weights:
            a, b = track.measure(before), track.measure(after)
            if a.sketch is None or b.sketch is None:
                return float("nan")
            apart.append(a.sketch.change(b.sketch, a.summary.norm, b.summary.norm).distance)
        return norm(np.array(apart))

    def exchanged(self, one: int, other: int) -> float:
        """The larger of the two ways over a checkpoint, relative to that past it, if two of them changed places."""
        if other - one == 1:
            outer, inner = self.distance(one - 1, other), self.distance(one, other + 1)
            past = self.distance(one - 1, other + 1)
            return (outer + inner) / past if past else float("inf")
        ways = []
        for place, now in ((one, other), (other, one)):
            past = self.distance(place - 1, place + 1)
            over = self.distance(place - 1, now) + self.distance(now, place + 1)
            ways.append(over / past if past else float("inf"))
        return max(ways)


def _legs(weights: list[Track], pairs: int) -> Floats:
    """‖b − a‖ of all weights between neighbours, shape (pairs,); NaN where one is not compared."""
    if not weights:
        return np.full(pairs, np.nan)
    distances = weights[0].tables.changes[[t.row for t in weights], :, DISTANCE]
    known = np.isfinite(distances).all(axis=0)
    largest = exponents(np.where(np.isfinite(distances), distances, 0.0))
    total: Floats = np.ldexp(np.sqrt(np.square(np.ldexp(distances, -largest)).sum(axis=0)), largest)
    return np.where(known, total, np.nan)


STRAY_CHECKPOINT = Rule(
    name="stray-checkpoint",
    title="Checkpoint in the wrong place",
    threshold=5.0,
    bad="more",
    limits=(
        Limit("usual", 1.2, "how much further a checkpoint is from its neighbours than these are from theirs"),
        Limit("exchanged", 2.2, "the same of each of two checkpoints that would lie on the way in the other's place"),
    ),
    formula="(‖Wₖ − Wₖ₋₁‖ + ‖Wₖ₊₁ − Wₖ‖) / ‖Wₖ₊₁ − Wₖ₋₁‖ over all kernels and embeddings of the model",
    source="own proposal: at most 3.5 in healthy runs, 4.2 where hardly anything moves; 8.9 and more for a file of "
    "another training",
    check=check,
    follows=True,
    compares=True,
    many="lie off the way of the training",
    noun="checkpoints",
    meaning="The file belongs to another place of the series or to another training: it was renamed, copied or "
    "overwritten, or two runs write into one folder.",
    next_step="Compare the time and the step inside of the file with those of its neighbours; do not continue from it "
    "before that is clear.",
    evidence="very likely: neighbours are compared value by value, the distance past the checkpoint is known to ± 2.2 "
    "%",
    covers=(
        "violent-update", "norm-jump", "norm-trend", "sparsity-jump", "gamma-jump", "variance-jump", "bias-jump",
        "one-value", "rearranged",
    ),
)  # fmt: skip
