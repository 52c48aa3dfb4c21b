"""Which weights move between checkpoints, which never do, and which have stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reporter.model.change import Change
from reporter.rules.history import History, Track

STILL = 1e-8
"""A relative update below this moves nothing: SageMaker Debugger's lower bound of the weight update ratio."""

Kind = Literal["moving", "never", "stopped", "started", "paused"]


@dataclass(frozen=True, slots=True)
class Movement:
    """How one tensor moves over the checkpoints in which its series does.

    Attributes:
        kind: ``moving``: in every pair; ``never``: in none; ``stopped``: moved, and is still up to the end;
            ``started``: still at first, moving since; ``paused``: still in between.
        compared: pairs looked at.
        still: pairs in which it did not move; of a stopped one, those since it stopped.
        since: the first checkpoint that shows it: of a stopped one, the last that brought a change.
        until: the last checkpoint of the (last) still stretch.
        to_the_bit: whether still means equal to the bit in every one of them.
    """

    kind: Kind
    compared: int
    still: int
    since: int
    until: int
    to_the_bit: bool = True


def is_still(change: Change) -> bool:
    """Whether nothing moved, or next to nothing."""
    if change.unchanged:
        return True
    update = change.relative_update
    return update is not None and update < STILL


def halted(history: History, tracks: tuple[Track, ...]) -> frozenset[int]:
    """Places at which none of the tracks differs from the checkpoint before, though the step may."""
    moved: set[int] = set()
    compared: set[int] = set()
    for track in tracks:
        for place, change in track.changes:
            compared.add(place)
            if place not in moved and not is_still(change):
                moved.add(place)
    return frozenset(compared - moved - history.same_step)


def movement(history: History, track: Track, all_still: frozenset[int]) -> Movement | None:
    """How a tensor moves; None where there is no pair in which anything did.

    Args:
        all_still: see :func:`halted`; pairs in which nothing moves say nothing about a single tensor.
    """
    pairs = [
        (place, is_still(change), change.unchanged) for place, change in track.changes if place not in history.same_step
    ]
    live = [(place, still, equal) for place, still, equal in pairs if place not in all_still]
    if not live:
        return None
    quiet = [(place, equal) for place, still, equal in live if still]
    moving = [place for place, still, _ in live if not still]
    if not moving:
        return Movement("never", len(live), len(live), live[0][0] - 1, live[-1][0], all(e for _, e in quiet))
    tail = [(place, equal) for place, still, equal in pairs if place > moving[-1]]
    if tail:
        return Movement("stopped", len(pairs), len(tail), moving[-1], tail[-1][0], all(e for _, e in tail))
    if not quiet:
        return Movement("moving", len(live), 0, live[-1][0], live[-1][0])
    kind: Kind = "started" if quiet[-1][0] < moving[0] else "paused"
    return Movement(kind, len(live), len(quiet), quiet[0][0] - 1, quiet[-1][0], all(e for _, e in quiet))


def equal_share(history: History, track: Track) -> float | None:
    """Largest share of values that are equal to the bit in two neighbours; None where it is not known."""
    known = [c.equal_share for place, c in track.changes if place not in history.same_step]
    return max((share for share in known if share is not None), default=None)
