"""Biases that explode: units that are pushed out of the range in which they learn."""

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
    """One check per bias: its first growth beyond the limit to more than a usual size, else its largest growth."""
    for track in timeline.tracks:
        if track.info.role != Role.BIAS or track.info.collection != "model" or len(track.places) < 2:
            continue
        jumps = Jumps.of(timeline, track, limits["floor"])
        if np.isnan(jumps.ratio).all():
            continue
        worst, fired = first_or_largest(jumps.ratio, limits["threshold"])
        before, after = float(jumps.before[worst]), float(jumps.after[worst])
        yield Check.of(
            track.info,
            float(jumps.ratio[worst]),
            float(jumps.ratio[worst]),
            Severity.WARN if fired else None,
            place=jumps.places[worst],
            good=jumps.good[worst],
            previous=before,
            beyond=max(1.0, float(jumps.ratio[worst]) / limits["threshold"]),
            whole=fired,
            message=f"{track.info.name} exploded at {timeline.step(jumps.places[worst])}: its root mean square went "
            f"from {number(before, 3)} to {number(after, 3)}, and biases of that size leave a unit always on or "
            "always off",
        )


_CONSEQUENCES = ("stopped", "fading", "dead-units")

BIAS_JUMP = Rule(
    name="bias-jump",
    title="Bias that explodes",
    threshold=10.0,
    unit=Unit.RATIO,
    bad="more",
    limits=(
        Limit("floor", 0.1, "root mean square from which on growth counts: up to 1 a bias does not rule its unit"),
    ),
    formula="root mean square of a bias / the same in the checkpoint before, 0.1 at least, per growth of the number of "
    "steps; step 0 excepted",
    source="own proposal: at most 3 in healthy runs, at least 562 in sick ones",
    check=check,
    follows=True,
    many="grew by more than the limit between neighbouring checkpoints",
    meaning="One update was so large that the units no longer depend on their inputs: the layer is dead or dying from "
    "here on.",
    next_step="Look at loss, gradient norm and learning rate between the two steps named; continue from the earlier "
    "one, with clipped gradients or a lower rate.",
    evidence="certain: every value was counted",
    covers=_CONSEQUENCES,
    covers_elsewhere=_CONSEQUENCES,
)
