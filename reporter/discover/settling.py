"""Whether an unsound checkpoint is probably being saved right now: its newest file was written a moment ago."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.errors import State
from reporter.model.checkpoint import FileStat

SETTLED_STATES = frozenset({State.CORRUPT, State.PARTIAL})
"""States that become "in progress" while the newest file is younger than the settle window."""


def last_written(stats: Sequence[FileStat], latest: float) -> float:
    """When the newest of some files was written, in seconds since the epoch.

    A time after ``latest`` tells nothing: somebody has set it, or another machine's clock is ahead of this one's. The
    time of its last change, which nobody can set, counts then; where that lies in the future as well, the file is old.
    """
    times = ((s.modified / 1e9, s.changed / 1e9) for s in stats)
    return max((next((t for t in pair if t <= latest), 0.0) for pair in times), default=0.0)


def settled(problem: str, state: str, written: float, settle: float, now: float) -> tuple[State, str]:
    """State and reason of an unsound checkpoint: while its newest file is younger than ``settle``, in progress.

    Args:
        problem: what is wrong with it.
        state: what it is if it stays as it is.
        written: what :func:`last_written` says.
        settle: the window, in seconds.
        now: seconds since the epoch.
    """
    age = now - written
    if state in SETTLED_STATES and age < settle:
        return State.IN_PROGRESS, f"{problem} (changed {max(age, 0):.0f} s ago: it is probably being saved)"
    return State(state), problem
