"""Which weights move between checkpoints, which never do, and which have stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import numpy as np

from reporter.frozen import dataclass
from reporter.rules.timeline import Timeline, Track

Kind = Literal["moving", "never", "stopped", "started", "paused", "recurring"]

FADED = 0.01
"""Share of its largest update below which a weight that stops soon after has faded already: by Adam's momentum alone
the updates of a dead layer shrink by a factor of e in ten steps. In healthy runs they stay above a fifth of the usual
one."""

LONGER = 2
"""A weight has stopped once it has been still for more than this many times its longest pause before. A target network
that is copied from another one at every third checkpoint has pauses of two, and is often in one at the end."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How one tensor moves over the checkpoints in which its series does.

    Attributes:
        kind: ``moving``: in every pair; ``never``: in none; ``stopped``: moved, and is still up to the end, for longer
            than ever before; ``started``: still at first, moving since; ``paused``: still in between; ``recurring``:
            still in between more than once.
        compared: pairs looked at, without those in which a checkpoint says that it is not trained.
        still: pairs in which it did not move; of a stopped one, those since it stopped.
        since: the first checkpoint that shows it: of a stopped one, the last that brought a change.
        until: the last checkpoint of the (last) still stretch.
        to_the_bit: whether still means equal to the bit in every one of them.
        faded: of a stopped one, the first checkpoint since which it has moved by next to nothing, or not at all.
    """

    kind: Kind
    compared: int
    still: int
    since: int
    until: int
    to_the_bit: bool = True
    faded: int = 0


def halted(timeline: Timeline, tracks: tuple[Track, ...], share: float = 1.0) -> frozenset[int]:
    """Places at which none of the tracks differs from the checkpoint before, though the step may.

    Args:
        share: of the values of a tensor that have to be equal.
    """
    compared = np.zeros(len(timeline.labels), bool)
    moved = np.zeros(len(timeline.labels), bool)
    for track in tracks:
        compared[track.updates.places] = True
        moved[track.updates.places[~track.updates.resting(share)]] = True
    return frozenset(np.flatnonzero(compared & ~moved).tolist()) - timeline.same_step


def movements(timeline: Timeline, share: float = 1.0) -> list[tuple[Track, Movement]]:
    """How each weight moves; without those of which no pair is left in which anything did.

    A tensor whose name does not tell what it is counts as a weight once it has moved.
    """
    all_still = halted(timeline, timeline.weights)
    weights = set(timeline.weights)
    found = []
    for track in timeline.tracks:
        if track in weights or track.may_learn:
            how = movement(timeline, track, all_still, share)
            if how is not None and (track in weights or how.kind in ("moving", "stopped")):
                found.append((track, how))
    return found


def movement(timeline: Timeline, track: Track, all_still: frozenset[int], share: float = 1.0) -> Movement | None:
    """How a tensor moves; None where there is no pair in which anything did.

    Args:
        all_still: see :func:`halted`; pairs in which nothing moves say nothing about a single tensor.
        share: of its values that have to be equal.
    """
    updates = track.updates
    resting = updates.resting(share)
    if not len(updates.places):
        return None
    if not resting.any() and not all_still and not timeline.same_step and not track.fixed:
        last = int(updates.places[-1])
        return Movement("moving", len(updates.places), 0, last, last)
    pairs = [
        (place, still, equal)
        for place, still, equal in zip(
            updates.places.tolist(), resting.tolist(), updates.unchanged.tolist(), strict=True
        )
        if place not in timeline.same_step and not track.fixed_between(place)
    ]
    live = [(place, still, equal) for place, still, equal in pairs if place not in all_still]
    if not live:
        return None
    quiet = [(place, equal) for place, still, equal in live if still]
    moving = [place for place, still, _ in live if not still]
    if not moving:
        return Movement("never", len(live), len(live), live[0][0] - 1, live[-1][0], all(e for _, e in quiet))
    pauses = _pauses([still for place, still, _ in live if moving[0] < place < moving[-1]])
    tail = [(place, equal) for place, still, equal in pairs if place > moving[-1]]
    if len(tail) > LONGER * max(pauses, default=0):
        to_the_bit, faded = all(e for _, e in tail), _faded(track, moving, tail[0][0])
        return Movement("stopped", len(pairs), len(tail), moving[-1], tail[-1][0], to_the_bit, faded)
    if not quiet:
        return Movement("moving", len(live), 0, live[-1][0], live[-1][0])
    kind: Kind = "started" if quiet[-1][0] < moving[0] else "paused"
    if len(pauses) + bool(tail) > 1:
        kind = "recurring"
    return Movement(kind, len(live), len(quiet), quiet[0][0] - 1, quiet[-1][0], all(e for _, e in quiet))


def _faded(track: Track, moving: Sequence[int], stopped: int) -> int:
    """The first of the checkpoints before a stop at which the last updates of a matrix have become tiny.

    They are held against its largest one. A bias begins at zero, against which its first updates are without measure.

    Args:
        moving: places of the checkpoints that brought a change.
        stopped: place of the first one that did not.
    """
    updates = track.updates
    size = dict(zip(updates.places.tolist(), updates.relative.tolist(), strict=True))
    known = [size[place] for place in moving if math.isfinite(size[place])] if track.is_matrix else []
    least = FADED * max(known, default=0.0)
    for place in reversed(moving):
        if not size[place] < least:
            break
        stopped = place
    return stopped


def _pauses(still: Sequence[bool]) -> list[int]:
    """The lengths of the unbroken stretches of stillness."""
    return [len(list(run)) for quiet, run in groupby(still) if quiet]


def equal_share(track: Track) -> float | None:
    """Largest share of values that are equal to the bit in two neighbours; None where it is not known."""
    known = track.updates.equal_share
    return float(np.nanmax(known)) if np.isfinite(known).any() else None
