"""Moving variances of normalisation layers that explode: the activations in front of them did."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.jumps import Jumps, first_or_largest
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per moving variance: its first growth beyond the limit, else its largest.

    A variance that is exactly 1 has not been updated yet, and may go to wherever the inputs are.
    """
    for track in timeline.tracks:
        if track.info.role != Role.MOVING_VARIANCE or track.info.collection != "model" or len(track.places) < 2:
            continue
        jumps = Jumps.of(timeline, track, limits["floor"])
        untouched = (track.values("min")[:-1] == 1.0) & (track.values("max")[:-1] == 1.0)
        ratio = np.where(untouched, np.nan, jumps.ratio)
        if np.isnan(ratio).all():
            continue
        worst, fired = first_or_largest(ratio, limits["threshold"])
        before, after = float(jumps.before[worst]), float(jumps.after[worst])
        yield Check.of(
            track.info,
            float(ratio[worst]),
            float(ratio[worst]),
            Severity.WARN if fired else None,
            place=jumps.places[worst],
            good=jumps.good[worst],
            previous=before,
            beyond=max(1.0, float(ratio[worst]) / limits["threshold"]),
            message=f"{track.info.name} grew × {number(after / before if before else np.inf, 3)} at "
            f"{timeline.step(jumps.places[worst])}, from {number(before, 3)} to {number(after, 3)} (root mean square): "
            "the activations in front of this normalisation exploded",
        )


VARIANCE_JUMP = Rule(
    name="variance-jump",
    title="Moving variance that explodes",
    threshold=10.0,
    unit=Unit.RATIO,
    bad="more",
    limits=(
        Limit("floor", 0.1, "root mean square from which on growth counts: up to 1 a variance is an ordinary one"),
    ),
    formula="root mean square of a moving variance / the same in the checkpoint before, 0.1 at least, per growth of "
    "the number of steps; variances that were exactly 1 before, and step 0, excepted",
    source="own proposal: at most 1.66 in healthy runs, at least 95 in sick ones",
    check=check,
    follows=True,
    many="grew by more than the limit between neighbouring checkpoints",
    meaning="The activations in front of the layer exploded, or inputs of another scale were fed in: moving statistics "
    "follow them although no weight may look wrong yet.",
    next_step="Look at the inputs and at the layers in front of this one between the two steps named; statistics that "
    "saw such inputs spoil inference even if training recovers.",
    evidence="certain: every value was counted",
)
