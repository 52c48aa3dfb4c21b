"""NaN and infinities, in weights or in the optimizer's state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per tensor: the first checkpoint in which it is bad, and the last good one before."""
    for track in timeline.tracks:
        counts = track.bad
        bad = np.flatnonzero(counts > limits["threshold"])
        if not len(bad):
            yield Check.of(track.info, float(counts.max()), float(counts.max()), place=track.places[-1])
            continue
        at = int(bad[0])
        place = track.places[at]
        good = track.places[at - 1] if at else None
        since = (
            f"; {timeline.step(good)} was the last good one" if good is not None else "; no earlier checkpoint had it"
        )
        later = len(bad) - 1
        kinds = [
            f"{integer(int(track.values(name)[at]))} {what}"
            for name, what in (("nan_count", "NaN"), ("posinf_count", "+Inf"), ("neginf_count", "−Inf"))
            if track.values(name)[at]
        ]
        yield Check.of(
            track.info,
            float(counts[at]),
            float(counts[at]) / track.info.size,
            Severity.FAIL,
            place=place,
            previous=0.0 if good is not None else None,
            good=good,
            message=f"{track.info.name} holds {', '.join(kinds)} among {integer(track.info.size)} values at "
            f"{timeline.step(place)}{since if len(timeline.labels) > 1 else ''}"
            + (f"; also bad in {later} later checkpoint{'s' if later > 1 else ''}" if later else ""),
        )


NON_FINITE = Rule(
    name="non-finite",
    title="Non-finite values",
    threshold=0.0,
    bad="more",
    formula="number of NaN, +Inf and −Inf values in a tensor",
    source="SageMaker Debugger, exploding tensor",
    check=check,
    many="hold NaN or infinite values",
    meaning="The training has diverged: from here on every output of the model is undefined.",
    next_step="Go back to the last good checkpoint; look at loss, gradient norm and learning rate just before the "
    "first bad one; in mixed precision check the loss scale.",
    evidence="certain: every value was counted",
    covers=(
        "norm-jump", "norm-trend", "violent-update", "dead-units", "vanished", "sparsity-jump",
        "constant", "heavy-tails", "batch-norm", "adam-state", "frozen", "stopped", "fading",
    ),
)  # fmt: skip
