"""Weights in float32 that are rounded to 8 bits: a quantised model was saved in the place of the trained one."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import integer
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import FEW_LEVELS, Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix of the last checkpoint in a dtype of 4 bytes or more: its distinct values.

    They are counted exactly where there are few, when the last checkpoint is read for its readiness; else they are as
    many as the cells that they occupy, or more. A matrix of a few levels, such as a ternary one, is meant so.
    """
    last = len(timeline.labels) - 1
    for track in timeline.matrices:
        ready = timeline.series.readiness.get(track.info.name)
        if ready is None or track.info.itemsize < 4 or track.places[-1] != last:
            continue
        filled = float(track.values("count")[-1] - track.values("zero_count")[-1])
        distinct = ready.distinct or len(track.measure(-1).cells.index)
        if distinct <= FEW_LEVELS:
            continue
        few = ready.distinct is not None and distinct <= limits["threshold"]
        if not few or filled <= limits["each"] * distinct:
            yield Check.of(track.info, float(distinct), 0.0, place=last)
            continue
        since = _since(track, int(limits["threshold"]))
        yield Check.of(
            track.info,
            float(distinct),
            1.0 + 1.0 / distinct,
            Severity.WARN,
            place=track.places[since],
            good=track.places[since - 1] if since else None,
            message=f"the {integer(track.info.size)} values of {track.info.name} in {track.info.dtype} take only "
            f"{integer(distinct)} different ones at {timeline.step(last)}: they were rounded to 8 bits and stored as "
            f"{track.info.dtype} again",
        )


def _since(track: Track, most: int) -> int:
    """The first of the last checkpoints whose values lie in so few cells that they may be as few."""
    at = len(track.places) - 1
    while at and len(track.measure(at - 1).cells.index) <= most:
        at -= 1
    return at


DEQUANTISED = Rule(
    name="dequantised",
    title="Weights that were rounded to 8 bits",
    threshold=256.0,
    bad="less",
    limits=(Limit("each", 4.0, "values other than zero per distinct value that show that few are no chance"),),
    formula="distinct values of a kernel or embedding in a dtype of at least 4 bytes, in the last checkpoint",
    source="8 bits have 256 values; 222 to 239 were counted in sick runs",
    check=check,
    many="take so few different values that they were rounded to 8 bits",
    meaning="A quantised model was turned back to floats and saved, or its weights were clustered: what training had "
    "beyond 8 bits is gone, and training on starts from there.",
    next_step="Look for the checkpoint from before quantisation, and keep that one for training; if the weights were "
    "clustered on purpose, accept the finding.",
    evidence="certain: the distinct values were counted",
    covers=("int8-ready",),
)
