"""Weight matrices whose norm is that of a single value: a flipped bit, or a value that was written by accident."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import integer, number, share
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix: the share of its largest value in Σw², of the first checkpoint beyond the limit.

    A matrix of which nearly all values are zero, such as a selection, says nothing by that.
    """
    for track in timeline.matrices:
        if track.info.size < limits["values"]:
            continue
        largest, norm = track.largest, track.values("l2_norm")
        filled = track.values("count") - track.values("zero_count") >= limits["values"]
        usable = filled & (track.bad == 0) & np.isfinite(norm) & (norm > 0)
        if not usable.any():
            continue
        value = np.where(usable, np.square(largest / np.where(norm > 0, norm, 1.0)), 0.0)
        over = np.flatnonzero(value > limits["threshold"])
        at = int(over[0]) if len(over) else int(value.argmax())
        before = float(norm[at - 1]) if at and usable[at - 1] else None
        grown = before is not None and norm[at] > limits["fail"] * before
        place = track.places[at]
        size = integer(track.info.size)
        yield Check.of(
            track.info,
            float(value[at]),
            float(value[at]),
            None if not len(over) else Severity.FAIL if grown else Severity.WARN,
            place=place,
            good=track.places[at - 1] if at else None,
            previous=float(value[at - 1]) if at else None,
            message=f"one value of {track.info.name}, {number(float(largest[at]), 3)}, holds {share(float(value[at]))} "
            f"of the sum of squares of all {size} at {timeline.step(place)}"
            + (f"; at {timeline.step(track.places[at - 1])} the norm of all was {number(before, 3)}" if before else ""),
        )


ONE_VALUE = Rule(
    name="one-value",
    title="One value holds the norm",
    threshold=0.9,
    unit=Unit.SHARE,
    bad="more",
    limits=(
        Limit("values", 64, "values other than zero that a tensor needs for its norm not to be that of one of them"),
        Limit("fail", 1000.0, "growth of the norm since the checkpoint before at which it is a failure"),
    ),
    formula="max |w|² / Σw² of a kernel or embedding",
    source="own proposal: at most 0.08 in healthy runs, 1.0 after a single bit has flipped",
    check=check,
    many="each have one value that is larger than all others together",
    meaning="A bit has flipped in memory, on disk or in transfer, or one entry was overwritten: training spreads its "
    "updates over many values.",
    next_step="Compare the file with a copy of it; if the values of the checkpoint before are sound, put the one value "
    "back or continue from there, and check the memory and the disk.",
    evidence="very likely: every value was counted; no optimizer is known to do this",
    covers=(
        "norm-jump", "norm-trend", "violent-update", "sparsity-jump", "heavy-tails", "int8-ready", "float16-overflow",
        "rank-collapse", "dead-units",
    ),
)  # fmt: skip
