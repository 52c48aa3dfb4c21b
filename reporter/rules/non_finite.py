"""NaN and infinities, in weights or in the optimizer's state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

PASSING_MEANING = (
    "What is NaN stays NaN in training, and here it is finite again afterwards: the file was damaged or written wrong, "
    "or the training was taken up again from an earlier checkpoint."
)
PASSING_NEXT = (
    "Compare the file with a copy of it, and do not restore from it. If the training had diverged and was resumed, "
    "remove the checkpoint."
)
FEW_MEANING = (
    "Perhaps a damaged file: a training that diverges turns nearly all weights to NaN within one step, and here only a "
    "few values of few tensors are."
)
FEW_NEXT = (
    "Compare the file with a copy of it; go back to the last good checkpoint. If the file is sound, look at what "
    "computes these values: a division by zero, a root or a logarithm, or an overflow of their dtype."
)
"""What is said where training is not the likely cause."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per tensor and stretch of checkpoints in which it is bad: the first of these, and the last good one."""
    few = _few(timeline, limits)
    for track in timeline.tracks:
        counts = track.bad
        bad = counts > limits["threshold"]
        if not bad.any():
            yield Check.of(track.info, float(counts.max()), float(counts.max()), place=track.places[-1])
            continue
        at = 0
        for hit, run in groupby(bad.tolist()):
            length = len(list(run))
            if hit:
                yield _stretch(timeline, track, at, length, few=few)
            at += length


def _stretch(timeline: Timeline, track: Track, at: int, length: int, *, few: bool) -> Check:
    """The check of a stretch of checkpoints.

    Args:
        timeline, track: the series, and the tensor.
        at, length: where the stretch begins among those that hold the tensor, and how many it is long.
        few: whether so few values are bad at the end of the series that a damaged file is likely.
    """
    info, place = track.info, track.places[at]
    good = track.places[at - 1] if at else None
    passing = at + length < len(track.places)
    text = f"{info.name} holds {_kinds(track, at)} among {counted(info.size, 'value')} at {timeline.step(place)}"
    if len(timeline.labels) > 1:
        last = f"; {timeline.step(good)} was the last good one" if good is not None else ""
        text += last or "; no earlier checkpoint had it"
    if length > 1:
        text += f"; also bad in {counted(length - 1, 'later checkpoint')}"
    if passing:
        text += f"; finite again at {timeline.step(track.places[at + length])}"
    count = float(track.bad[at])
    return Check.of(
        info,
        count,
        count / info.size,
        Severity.FAIL,
        place=place,
        previous=0.0 if good is not None else None,
        good=good,
        last=track.places[at + length - 1] if passing else None,
        group="passing" if passing else "",
        beyond=math.inf,
        portion=count / info.size,
        whole=not passing and info.collection == "model",
        message=text,
        meaning=PASSING_MEANING if passing else FEW_MEANING if few else "",
        next_step=PASSING_NEXT if passing else FEW_NEXT if few else "",
    )


def _kinds(track: Track, at: int) -> str:
    """How many values of which kind: ``3 NaN, 1 +Inf``."""
    kinds = (("nan_count", "NaN"), ("posinf_count", "+Inf"), ("neginf_count", "−Inf"))
    return ", ".join(f"{integer(int(track.values(name)[at]))} {what}" for name, what in kinds if track.values(name)[at])


def _few(timeline: Timeline, limits: Limits) -> bool:
    """Whether of the weights that are bad at the end only a few values, in few tensors, ever were."""
    weights = [t for t in timeline.tracks if t.info.collection == "model" and t.info.size and "float" in t.info.dtype]
    bad = [t for t in weights if t.bad[-1] > 0]
    if not bad or len(weights) < 2:
        return False
    most = max(float(np.nanmax(t.bad)) / max(1.0, limits["few"] * t.info.size) for t in bad)
    return most <= 1.0 and len(bad) <= max(1.0, limits["few"] * len(weights))


NON_FINITE = Rule(
    name="non-finite",
    title="Non-finite values",
    threshold=0.0,
    bad="more",
    limits=(
        Limit("few", 0.1, "share of a tensor's values, and of the tensors, up to which a damaged file is likelier"),
    ),
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
        "constant", "heavy-tails", "batch-norm", "adam-state", "frozen", "stopped", "fading", "gamma-jump",
        "variance-jump", "bias-jump", "moment-jump", "one-value", "lost-moments",
    ),
    covers_elsewhere=("nothing-moves", "dead-layers", "frozen", "stopped", "fading", "dead-units", "norm-trend"),
    covers_before=("norm-trend", "fading"),
)  # fmt: skip
