"""The optimizer's second moments: they cannot be negative, and zero means that no gradient ever came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import number, share
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per slot of second moments in the last checkpoint that has it, the sign over all of them."""
    slots = [t for t in timeline.tracks if t.info.collection == "optimizer" and t.info.role == "velocity"]
    for track in slots:
        low = track.values("min")
        negative = np.flatnonzero(low < 0)
        if len(negative):
            at = int(negative[0])
            yield Check.of(
                track.info,
                float(low[at]),
                2.0,
                Severity.FAIL,
                place=track.places[at],
                good=track.places[at - 1] if at else None,
                group="negative",
                message=f"{track.info.name}, a mean of squares, goes down to {number(float(low[at]))} at "
                f"{timeline.step(track.places[at])}",
            )
            continue
        zero = float(track.values("zero_count")[-1] / track.values("count")[-1]) if track.info.size else 0.0
        trained = timeline.had_gradients(track.places[-1])
        yield Check.of(
            track.info,
            zero,
            zero,
            Severity.INFO if zero > limits["threshold"] and trained else None,
            place=track.places[-1],
            group="zero",
            portion=zero,
            message=f"{share(zero)} of {track.info.name} is exactly zero at {timeline.step(track.places[-1])}: these "
            "weights have never received a gradient, or it underflows",
        )


ADAM_STATE = Rule(
    name="adam-state",
    title="Optimizer state",
    threshold=0.5,
    formula="share of exact zeros in a slot of second moments (Adam's v, RMSprop, Adagrad); negative values fail",
    source="second moments are means of squares",
    check=check,
    many="hold second moments that are negative or mostly zero",
    meaning="Negative second moments come from a damaged checkpoint; zeros belong to weights that no gradient reaches, "
    "such as unused rows of an embedding or dead units.",
    next_step="Compare with the layers named under frozen weights and dead units.",
    evidence="certain: every value was looked at",
)
