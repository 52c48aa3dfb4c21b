"""Kernels whose values are all the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import integer, number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix of several values; a constant initialiser, and a fixed filter, are remarks."""
    for track in timeline.matrices:
        if track.info.size < 2:
            continue
        low, high = track.values("min"), track.values("max")
        spread = (high - low) / np.where(track.largest > 0, track.largest, 1.0)
        same = np.flatnonzero((spread <= limits["threshold"]) & (low != 0) & (track.bad == 0))
        if not len(same):
            yield Check.of(track.info, float(spread[-1]), -float(spread.min()), place=track.places[-1])
            continue
        at = int(same[0])
        place = track.places[at]
        start = track.info.trainable is False or timeline.initial(place) or same[-1] != len(spread) - 1
        yield Check.of(
            track.info,
            float(spread[at]),
            1.0,
            Severity.INFO if start else Severity.WARN,
            place=place,
            good=track.places[at - 1] if at else None,
            previous=float(spread[at - 1]) if at else None,
            message=f"all {integer(track.info.size)} values of {track.info.name} are {number(float(low[at]))}"
            + ("" if spread[at] == 0 else f" to {number(float(high[at]))}")
            + f" at {timeline.step(place)}",
        )


CONSTANT = Rule(
    name="constant",
    title="Constant weights",
    threshold=0.0,
    formula="(max − min) / max |w| of a kernel or embedding; 0 is one distinct value",
    source="SageMaker Debugger, poor weight initialisation",
    check=check,
    many="hold one distinct value each",
    meaning="All units of the layer compute the same thing and receive the same gradient, so they stay the same.",
    next_step="Look at the layer's initialiser, and at what was loaded into it.",
    evidence="certain: the smallest and the largest value are equal",
    covers=(
        "heavy-tails", "dead-units", "duplicate-outputs", "rank-collapse", "embedding-collapse", "norm-jump",
        "norm-trend", "violent-update", "sparsity-jump", "stopped",
    ),
)  # fmt: skip
