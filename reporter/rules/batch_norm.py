"""Normalisation layers: impossible variances, statistics that were never updated, scales that switch channels off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import number, share
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per moving variance (sign; still at its start) and one per scale."""
    means = {t.info.layer: t for t in timeline.tracks if t.info.role == "moving_mean" and t.info.collection == "model"}
    for track in timeline.tracks:
        if track.info.collection != "model":
            continue
        if track.info.role == "moving_variance":
            yield _variance(timeline, track, means.get(track.info.layer), limits)
        elif track.info.role == "gamma" and track.info.size >= 8:
            yield _scale(timeline, track, limits)


def _variance(timeline: Timeline, track: Track, mean: Track | None, limits: Limits) -> Check:
    low, high = track.values("min"), track.values("max")
    negative = np.flatnonzero(low < limits["threshold"])
    if len(negative):
        at = int(negative[0])
        return Check.of(
            track.info,
            float(low[at]),
            2.0,
            Severity.FAIL,
            place=track.places[at],
            good=track.places[at - 1] if at else None,
            previous=float(low[at - 1]) if at else None,
            group="negative",
            message=f"{track.info.name}, a variance, goes down to {number(float(low[at]))} at "
            f"{timeline.step(track.places[at])}",
        )
    last = track.places[-1]
    still = bool(low[-1] == 1.0 and high[-1] == 1.0) and not timeline.initial(last)
    if mean is not None and still:
        still = bool(mean.values("min")[-1] == 0.0 and mean.values("max")[-1] == 0.0)
    return Check.of(
        track.info,
        float(low[-1]),
        1.0 if still else 0.0,
        Severity.INFO if still and mean is not None else None,
        place=last,
        group="untouched",
        message=f"{track.info.name} is still exactly 1 and its mean exactly 0 at {timeline.step(last)}: the moving "
        "statistics were never updated",
    )


def _scale(timeline: Timeline, track: Track, limits: Limits) -> Check:
    near = track.values("near_zero_share")
    value = float(np.nan_to_num(near[-1]))
    fired = value > limits["gamma"] and not timeline.initial(track.places[-1])
    over = np.flatnonzero(near > limits["gamma"])
    at = int(over[0]) if fired else len(near) - 1
    return Check.of(
        track.info,
        value,
        value,
        Severity.WARN if fired else None,
        place=track.places[at],
        good=track.places[at - 1] if fired and at else None,
        group="gamma",
        limit="gamma",
        beyond=max(1.0, value / limits["gamma"]),
        portion=value,
        message=f"{share(value)} of {track.info.name} is nearly zero (below a thousandth of its root mean square) at "
        f"{timeline.step(track.places[-1])}: these channels are switched off",
    )


BATCH_NORM = Rule(
    name="batch-norm",
    title="Normalisation",
    threshold=0.0,
    limits=(Limit("gamma", 0.1, "share of a scale's values that are nearly zero"),),
    formula="smallest moving variance; share of a scale (gamma) below RMS / 1000",
    source="a variance cannot be negative; network slimming (Z. Liu et al., 2017) for scales near zero",
    check=check,
    many="are not what a normalisation layer's should be",
    meaning="Negative variances come from a damaged or wrongly merged checkpoint; statistics at their start mean that "
    "the layer never ran in training mode; scales near zero switch channels off.",
    next_step="Check how the checkpoint was averaged or converted, and whether the layer is called with training=True.",
    evidence="certain: every value was looked at",
)
