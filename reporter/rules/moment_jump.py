"""Second moments of an optimizer that explode: gradients of a size that no training has."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.jumps import Jumps, first_or_largest
from reporter.rules.slots import Owners, moments
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per slot of second moments: its first growth beyond the limit; else gradients beyond all weights.

    Second moments that were zero, or next to it, belong to weights that had no gradient so far. They may grow by any
    factor, as long as they stay below a usual size.
    """
    owners = Owners(timeline)
    for track in moments(timeline):
        if track.info.role != Role.VELOCITY:
            continue
        rms = np.where(track.bad == 0, track.values("rms"), np.nan)
        if not np.isfinite(rms).any():
            continue
        jumps = Jumps.of(timeline, track, limits["floor"])
        grown = np.flatnonzero((jumps.ratio > limits["threshold"]) & (jumps.before > 0))
        if len(grown):
            yield _jump(timeline, track, owners.of(track), jumps, int(grown[0]), limits)
            continue
        yield _size(timeline, track, owners.of(track), rms, limits)


def _jump(timeline: Timeline, track: Track, weight: Track | None, jumps: Jumps, at: int, limits: Limits) -> Check:
    """The check of a slot that grew; a failure where its weight has not moved since."""
    before, after = float(jumps.before[at]), float(jumps.after[at])
    since = () if weight is None else weight.updates.still[weight.updates.places > jumps.places[at]]
    held = len(since) > 1 and all(since)
    return Check.of(
        track.info,
        float(jumps.ratio[at]),
        1.0 + math.log(float(jumps.ratio[at])),
        Severity.FAIL if held else Severity.WARN,
        place=jumps.places[at],
        good=jumps.good[at],
        previous=before,
        beyond=math.sqrt(float(jumps.ratio[at]) / limits["threshold"]),  # of gradients, not of their squares
        whole=held,
        message=f"{track.info.name}, a mean of squared gradients, grew from {number(before, 3)} to {number(after, 3)} "
        f"at {timeline.step(jumps.places[at])} (root mean square): gradients exploded there"
        + (f", and {weight.info.name} has not moved since" if held and weight is not None else ""),
    )


def _size(timeline: Timeline, track: Track, weight: Track | None, rms: Floats, limits: Limits) -> Check:
    """Gradients, the square roots of second moments, against their weights, which count as 1 at least."""
    weights = np.ones(len(rms))
    if weight is not None and set(track.places) <= set(weight.places):
        known = weight.values("rms")[np.isin(weight.places, track.places)]
        weights = np.where(np.isfinite(known), np.maximum(known, 1.0), 1.0)
    value = np.sqrt(np.maximum(rms, 0.0)) / weights
    at, fired = first_or_largest(value, limits["gradient"])
    return Check.of(
        track.info,
        float(value[at]),
        float(value[at]) / limits["gradient"],
        Severity.WARN if fired else None,
        place=track.places[at],
        good=track.places[at - 1] if fired and at else None,
        group="size",
        limit="gradient",
        message=f"{track.info.name}, a mean of squared gradients, is {number(float(rms[at]), 3)} at "
        f"{timeline.step(track.places[at])} (root mean square): gradients of {number(math.sqrt(float(rms[at])), 3)}, "
        f"for weights of {number(float(weights[at]), 3)} or less",
    )


_CONSEQUENCES = ("stopped", "fading", "dead-units")

MOMENT_JUMP = Rule(
    name="moment-jump",
    title="Second moments that explode",
    threshold=1e6,
    bad="more",
    limits=(
        Limit("floor", 1e-6, "root mean square from which on growth counts: second moments up to 1 are ordinary ones"),
        Limit("gradient", 1e6, "gradient / weight, both as root mean squares, at which gradients have exploded"),
    ),
    formula="root mean square of a slot of second moments (Adam's v) / the same in the checkpoint before, 10⁻⁶ at "
    "least; and its square root / the larger of 1 and the root mean square of the weight",
    source="own proposal: at most 651 in healthy runs, 10¹⁸ in sick ones; 10¹⁷ was seen in a published checkpoint",
    check=check,
    many="hold squared gradients of a size that no training has",
    meaning="Gradients exploded at least once. Adam divides by their root, so the weights may look sound, but they "
    "hardly learn until the moments have decayed, which takes thousands of steps.",
    next_step="Continue from the last good checkpoint with clipped gradients; if the weights are to be kept, start "
    "with a new optimizer.",
    evidence="certain: every value was counted",
    covers=_CONSEQUENCES,
    covers_elsewhere=_CONSEQUENCES,
)
