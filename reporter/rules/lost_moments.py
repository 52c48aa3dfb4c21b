"""Moments of an optimizer that are zero though it works: lost on resuming, or of an optimizer that trains nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import counted, integer, share
from reporter.rules.base import Check, Limits, Rule, Unit
from reporter.rules.movement import halted
from reporter.rules.slots import moments
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check of the series: where most moments turn to zero at once, or all of them always were."""
    slots, n = moments(timeline), len(timeline.labels)
    if not slots or n < 2:
        return
    sizes = np.array([float(t.info.size) for t in slots])
    zero = np.stack([_zero(t, n) for t in slots])
    still = halted(timeline, timeline.weights)
    moving = [place for place in range(1, n) if place not in still and place not in timeline.same_step]
    names = tuple(t.info.name for t in slots)
    if moving and not (zero == 0.0).any() and (zero == 1.0)[:, 1:].any():
        yield Check(
            1.0,
            2.0,
            Severity.WARN,
            moving[0],
            tensors=names,
            parameters=int(sizes.sum()),
            group="never",
            message=f"{counted(len(slots), 'moment')} of the optimizer are zero in every checkpoint, though the "
            f"weights change from {timeline.step(moving[0] - 1)} to {timeline.labels[moving[-1]]}: the optimizer that "
            "is saved is not the one that trains",
        )
        return
    lost = [_lost(slots, zero, sizes, place, moving) for place in range(1, n)]
    at = next((i for i, value in enumerate(lost) if value >= limits["threshold"]), int(np.argmax(lost)))
    fired = lost[at] >= limits["threshold"]
    gone = (zero[:, at] == 0.0) & (zero[:, at + 1] == 1.0)
    yield Check(
        lost[at],
        lost[at],
        Severity.WARN if fired else None,
        at + 1,
        good=at,
        tensors=tuple(name for name, hit in zip(names, gone, strict=True) if hit) if fired else (),
        parameters=int(sizes[gone].sum()),
        group="lost",
        message=f"{integer(int(gone.sum()))} of the {counted(len(slots), 'moment')} of the optimizer "
        f"({share(lost[at])} of their values) are zero at {_moment(timeline, at + 1)} and were not at "
        f"{_moment(timeline, at)}: it began anew there",
    )


def _moment(timeline: Timeline, place: int) -> str:
    """The step, with the name of the file where a neighbour was saved at the same step."""
    same = place in timeline.same_step or place + 1 in timeline.same_step
    return f"{timeline.step(place)} ({timeline.series.refs[place].name})" if same else timeline.step(place)


SEVERAL = 2
"""Slots that have to be lost at once: a single one is that of a weight to which something happened."""


def _zero(track: Track, checkpoints: int) -> Floats:
    """1 where a slot is all zero, 0 where it is not; NaN where it is not there."""
    zero = np.full(checkpoints, np.nan)
    zero[list(track.places)] = track.values("zero_count") == track.values("count")
    return zero


def _lost(slots: list[Track], zero: Floats, sizes: Floats, place: int, moving: list[int]) -> float:
    """Share of the values of moments that were something before a checkpoint and are zero in it.

    First moments alone fade to zero within a thousand steps where a network is dead; so they count only if second
    moments turned to zero as well, or if weights move in the next pair.
    """
    there = (zero[:, place - 1] == 0.0) & ~np.isnan(zero[:, place])
    gone = there & (zero[:, place] == 1.0)
    second = any(hit and t.info.role == Role.VELOCITY for t, hit in zip(slots, gone, strict=True))
    if gone.sum() < SEVERAL or not (second or place + 1 in moving):
        return 0.0
    return float(sizes[gone].sum() / sizes[there].sum())


LOST_MOMENTS = Rule(
    name="lost-moments",
    title="Optimizer state lost",
    threshold=0.5,
    unit=Unit.SHARE,
    bad="more",
    formula="values of the optimizer's moments in slots that are all zero and were not in the checkpoint before / "
    "values in all slots that were not; 1 if all are zero in every checkpoint",
    source="seen in real runs that were resumed without their optimizer",
    check=check,
    follows=True,
    many="are zero though the optimizer works",
    meaning="The run was resumed without the state of its optimizer, or a new optimizer was made that the training "
    "loop does not use: the first steps after that are too large, and schedules begin anew.",
    next_step="Check that the optimizer is part of what is restored, and that it was built before restoring; compare "
    "the loss before and after.",
    evidence="certain: every value was counted",
    covers=("adam-state",),
)
