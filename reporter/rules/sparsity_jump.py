"""Weights that turn to zero, or nearly so, from one checkpoint to the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import share
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """Two checks per weight matrix with enough values: exact zeros, and values near zero that are none."""
    for track in timeline.matrices:
        if track.info.size < limits["values"] or len(track.places) < 2:
            continue
        exact = track.values("zero_count") / track.values("count")
        near = track.values("near_zero_share") - exact
        started = timeline.trained(track.places[:-1])
        for group, what, shares in (("exact", "exactly zero", exact), ("near", "nearly zero (below RMS / 1000)", near)):
            steps = np.where(started, np.nan_to_num(np.diff(shares), nan=-1.0), -1.0)
            at = int(steps.argmax())
            fired = steps[at] >= limits["threshold"]
            before, after = track.places[at], track.places[at + 1]
            yield Check.of(
                track.info,
                float(steps[at]) if started.any() else 0.0,
                float(steps[at]),
                Severity.WARN if fired else None,
                place=after,
                good=before,
                previous=float(shares[at]) if fired else None,
                group=group,
                message=f"{share(float(shares[at + 1]))} of {track.info.name} is {what} at {timeline.step(after)}, "
                f"after {share(float(shares[at]))} at {timeline.step(before)}"
                if fired
                else "",
            )


SPARSITY_JUMP = Rule(
    name="sparsity-jump",
    title="Sparsity jump",
    threshold=0.05,
    unit=Unit.POINTS,
    bad="more",
    limits=(Limit("values", 100, "values that a tensor needs, so that one of them is no jump"),),
    formula="share of values that are exactly zero, minus that in the checkpoint before; the same for |w| < RMS / "
    "1000, step 0 excepted",
    source="own proposal, calibrated on healthy series",
    check=check,
    follows=True,
    many="have more zeros than in the checkpoint before",
    meaning="Pruning, if it was meant; else units are dying or small values are flushed to zero by a narrow dtype.",
    next_step="Check whether pruning or a cast took place between the two steps named.",
    evidence="certain: every value was counted",
)
