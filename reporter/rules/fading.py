"""Layers whose updates fade away while those of others go on: about to stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

USUAL = 0.75
"""The quantile of a kernel's relative updates that counts as its usual one; where that is 0 it has stopped long ago."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per kernel: its last relative update against its usual one, over the same for the liveliest kernel.

    The ratio to the liveliest one takes the learning-rate schedule out, which slows all layers alike.
    """
    last = len(timeline.labels) - 1
    tracks = [
        t
        for t in timeline.weights
        if t.is_matrix and t.info.role != "embedding" and not t.coarse and _complete(t, last, limits["pairs"])
    ]
    if len(tracks) < 2 or last in timeline.same_step:
        return
    usual = [float(np.quantile(t.updates.relative, USUAL)) for t in tracks]
    pairs = min(len(t.updates.places) for t in tracks)
    relative = np.stack([t.updates.relative[-pairs:] for t in tracks]) / np.array(usual)[:, None]
    lively = relative.max(axis=0)
    for track, row, typical in zip(tracks, relative, usual, strict=True):
        ratio = np.where(lively > 0, row / np.where(lively > 0, lively, 1.0), 1.0)
        value = float(ratio[-1])
        if not 0 < value < limits["threshold"]:
            yield Check.of(track.info, value, 1.0 - value, place=last)
            continue
        begin = len(ratio) - int(np.cumprod(ratio[::-1] < limits["threshold"]).sum())
        place = int(track.updates.places[-pairs:][begin])
        yield Check.of(
            track.info,
            value,
            2.0 - value,
            Severity.WARN,
            place=place,
            good=place - 1,
            message=f"the updates of {track.info.name} have faded to {number(float(track.updates.relative[-1]), 2)} of "
            f"its norm at {timeline.step(last)}, from {number(typical, 2)} usually, while other layers still learn",
        )


def _complete(track: Track, last: int, pairs: float) -> bool:
    updates = track.updates
    enough = len(updates.places) >= pairs and updates.places[-1] == last
    return bool(
        enough and (updates.finite & np.isfinite(updates.relative)).all() and np.quantile(updates.relative, USUAL) > 0
    )


FADING = Rule(
    name="fading",
    title="Fading updates",
    threshold=0.01,
    bad="less",
    limits=(Limit("pairs", 5, "pairs of checkpoints that are needed to know what is usual"),),
    formula="(relative update of a kernel in the last pair / its upper quartile over all pairs) / the largest such "
    "ratio of all kernels",
    source="own proposal: in healthy series it stays above 0.1; a dead layer moves on for a while by momentum alone",
    check=check,
    follows=True,
    compares=True,
    many="hardly move any more while others do",
    meaning="No gradient reaches these layers any more; what still moves them is momentum or weight decay.",
    next_step="Look at activations and gradients of these layers at the step named, and at what happened to the loss.",
    evidence="likely: the updates are exact, what is usual is taken from this series",
)
