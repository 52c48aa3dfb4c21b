"""Averages and target networks that are never updated, while the weights they copy are trained."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.copies import stem
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per copy: pairs of checkpoints in which its original moves, if it never does itself."""
    originals: dict[tuple[tuple[int, ...], tuple[str, ...]], list[Track]] = {}
    copies: list[tuple[Track, tuple[str, ...]]] = []
    for track in timeline.tracks:
        if track.info.size and "float" in track.info.dtype and track.info.role not in (Role.STEP, Role.HYPERPARAMETER):
            is_copy, words = stem(track.info)
            if is_copy:
                copies.append((track, words))
            elif track.info.collection == "model":
                originals.setdefault((track.info.shape, words), []).append(track)
    for copy, words in copies:
        found = originals.get((copy.info.shape, words), [])
        if not found or not len(copy.updates.places) or copy.info.size == 1:
            continue
        moved, original = max(((_moved(t), t) for t in found), key=lambda one: one[0])
        pairs = moved if copy.updates.unchanged.all() and not copy.coarse else 0
        yield Check.of(
            copy.info,
            float(pairs),
            float(pairs),
            Severity.WARN if pairs >= limits["threshold"] else None,
            place=copy.places[0],
            message=f"{copy.info.name} never changes from {timeline.step(copy.places[0])} to "
            f"{timeline.labels[copy.places[-1]]}, while {original.info.name}, which it is named as a copy of, changes "
            f"in {integer(moved)} pairs of checkpoints",
        )


def _moved(track: Track) -> int:
    return int((~track.updates.still).sum())


IDLE_COPY = Rule(
    name="idle-copy",
    title="Average or target that is never updated",
    threshold=2.0,
    formula="pairs of checkpoints in which a weight moves, if another tensor of its shape and name, but for a word "
    "such as ema, average or target, is equal to the bit in every checkpoint",
    source="own proposal: named 2 of 2 sick runs; target networks that are synchronised rarely do move in a series",
    check=check,
    follows=True,
    compares=True,
    many="never change, while the weights that they are named as copies of do",
    meaning="The update of the average, or the synchronisation of the target network, is never called: whatever is "
    "evaluated or bootstrapped with the copy still uses its initial weights.",
    next_step="Check that the update runs after each step, and on the variables that are saved.",
    evidence="likely: equality is to the bit; what is a copy of what is told by names and shapes",
    covers=("frozen", "untrained", "dead-units"),
)
