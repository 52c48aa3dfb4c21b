"""Weight matrices that are zero throughout."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import counted, share
from reporter.rules.base import Check, Limits, Rule, Unit
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix; one that is zero only at the start was initialised so, which is no defect."""
    for track in timeline.matrices:
        info = track.info
        shares = track.values("zero_count") / track.values("count")
        zero = np.flatnonzero(shares >= limits["threshold"])
        if not len(zero):
            yield Check.of(info, float(shares[-1]), float(shares[-1]), place=track.places[-1])
            continue
        at_start = bool(zero[-1] == len(zero) - 1)
        moved_later = at_start and len(zero) < len(shares)
        untrained = at_start and timeline.initial(track.places[-1])
        first = track.places[int(zero[0])]
        if moved_later or untrained:
            yield Check.of(
                info,
                float(shares[zero[0]]),
                1.0,
                Severity.INFO,
                place=first,
                message=f"{info.name} is all zero at {timeline.step(first)}, the start of the series: initialised so",
            )
        else:
            yield Check.of(
                info,
                float(shares[zero[0]]),
                2.0,
                Severity.FAIL,
                place=first,
                previous=float(shares[zero[0] - 1]) if zero[0] else None,
                good=track.places[int(zero[0]) - 1] if zero[0] else None,
                beyond=math.inf,
                whole=True,
                message=f"{info.name} is {share(float(shares[zero[0]]))} zero at {timeline.step(first)}"
                + ("" if len(zero) == 1 else f", in {counted(len(zero), 'checkpoint')} altogether"),
            )


ALL_ZERO = Rule(
    name="all-zero",
    title="All-zero weights",
    threshold=1.0,
    unit=Unit.SHARE,
    formula="zeros / values of a kernel or embedding",
    source="SageMaker Debugger, all zero; restricted to roles that carry what was learned",
    check=check,
    many="are zero throughout",
    meaning="The layer passes nothing on: it was never initialised or trained, was overwritten, or was lost in saving.",
    next_step="Check that the layer is part of the model that is trained, and that its variables are the ones saved.",
    evidence="certain: every value was counted",
    covers=(
        "dead-units", "vanished", "constant", "sparsity-jump", "frozen", "stopped", "fading", "norm-jump", "norm-trend",
        "violent-update", "heavy-tails", "duplicate-outputs", "rank-collapse",
    ),
    covers_elsewhere=("dead-layers", "stopped", "fading", "dead-units"),
)  # fmt: skip
