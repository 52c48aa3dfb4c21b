"""Weights with a few values, or a few channels, far larger than the rest: hard to quantise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """Two checks per weight matrix of the last checkpoint: its kurtosis, and its largest channel."""
    for track in timeline.matrices:
        if track.info.size < limits["values"] or track.places[-1] != len(timeline.labels) - 1:
            continue
        if track.values("zero_count")[-1] > track.info.size / 2:
            continue  # of a sparse tensor the kurtosis only says that it is sparse
        place = track.places[-1]
        kurtosis = track.values("kurtosis")
        if np.isfinite(kurtosis[-1]):
            fired = kurtosis[-1] > limits["threshold"]
            over = _since(kurtosis > limits["threshold"]) if fired else 0
            yield Check.of(
                track.info,
                float(kurtosis[-1]),
                float(kurtosis[-1]),
                Severity.INFO if fired else None,
                place=track.places[over] if fired else place,
                good=track.places[over - 1] if fired and over else None,
                previous=float(kurtosis[-2]) if len(kurtosis) > 1 and np.isfinite(kurtosis[-2]) else None,
                message=f"{track.info.name} has heavy tails: excess kurtosis {number(float(kurtosis[-1]), 3)} at "
                f"{timeline.step(place)} (0 for a normal distribution)",
            )
        units = track.measure(-1).units
        if units is not None and len(units.maxima) >= 8:
            median = float(np.median(units.maxima))
            ratio = float(units.maxima.max()) / median if median > 0 else 0.0
            fired = ratio > limits["channel"]
            yield Check.of(
                track.info,
                ratio,
                ratio,
                Severity.INFO if fired else None,
                place=place,
                limit="channel",
                message=f"the largest value of output channel {int(units.maxima.argmax())} of {track.info.name} is "
                f"{number(ratio, 3)} × that of the median channel at {timeline.step(place)}",
            )


def _since(over: npt.NDArray[np.bool_]) -> int:
    """Where the last unbroken stretch of True begins."""
    under = np.flatnonzero(~over)
    return int(under[-1]) + 1 if len(under) else 0


HEAVY_TAILS = Rule(
    name="heavy-tails",
    title="Heavy tails",
    threshold=10.0,
    bad="more",
    limits=(
        Limit("channel", 10.0, "largest channel maximum / median channel maximum"),
        Limit("values", 1000, "values that a tensor needs for its kurtosis to mean anything"),
    ),
    formula="excess kurtosis of a kernel or embedding in the last checkpoint; max |w| of its largest output channel / "
    "that of the median channel; tensors that are mostly zero are left out",
    source="an analogy to activation outliers: SmoothQuant, LLM.int8",
    check=check,
    many="have a few values or channels far larger than the rest",
    meaning="A hazard for quantisation, not for training: a scale that fits the few large values leaves few levels for "
    "the others.",
    next_step="If the model is to be quantised, do so per channel, and compare its accuracy before and after.",
    deployment=True,
)
