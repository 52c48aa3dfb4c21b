"""Which weight a slot of an optimizer belongs to."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from reporter.model.role import Role
from reporter.rules.timeline import Timeline, Track

MOMENTS = frozenset({Role.MOMENTUM, Role.VELOCITY})
"""Averages of gradients and of their squares: zero as long as no gradient has come."""


def moments(timeline: Timeline) -> list[Track]:
    """The slots of first and second moments."""
    return [
        t for t in timeline.tracks if t.info.collection == "optimizer" and t.info.role in MOMENTS and t.info.size > 0
    ]


def unheld(timeline: Timeline) -> frozenset[str]:
    """Names of weights that never move because the optimizer was not given them: a teacher, a target, a frozen part.

    The file says so where it holds moments of all weights that move and none is left for these. Where several weights
    could own a slot, those that move do: a bundle names the slots of two networks of equal names by these names alone.
    A weight that is said to be trainable, or whose layer learns, is none of them, as it should have been given.
    """
    slots = moments(timeline)
    still = {t for t in timeline.weights if t.trainable is None and len(t.updates.places) and t.updates.unchanged.all()}
    if not slots or not still:
        return frozenset()
    moving = {t for t in timeline.weights if len(t.updates.places) and not t.updates.unchanged.all()}
    owners = _Endings(timeline)
    held = Counter((owners.of(slot), slot.info.role) for slot in slots)
    if not moving <= {track for tracks, _ in held for track in tracks}:
        return frozenset()
    left = {track for (tracks, _), count in held.items() if count > len(tracks & moving) for track in tracks}
    learning = {t.info.layer for t in moving}
    return frozenset(t.info.name for t in still - left if t.info.layer not in learning)


class _Endings:
    """Weights by the ends of their names, for slots that are named by an end only."""

    def __init__(self, timeline: Timeline) -> None:
        self._by_end: dict[tuple[str, ...], set[Track]] = defaultdict(set)
        for track in timeline.weights:
            parts = _parts(track)
            for start in range(len(parts)):
                self._by_end[parts[start:]].add(track)
        self._weights = timeline.weights

    def of(self, slot: Track) -> frozenset[Track]:
        """The weights that a slot may belong to: those with the longest end that it names, else all of its shape."""
        parts, shape = _parts(slot)[:-1], slot.info.shape
        for start in range(len(parts) - 1):
            found = frozenset(t for t in self._by_end.get(parts[start:], ()) if t.info.shape == shape)
            if found:
                return found
        return frozenset(t for t in self._weights if t.info.shape == shape)


def _parts(track: Track) -> tuple[str, ...]:
    return tuple(re.split(r"[/.]", track.info.name))


class Owners:
    """Weights by the names of their slots.

    A slot is called ``<optimizer>/<weight>/<slot>``, with dots where a file writes names so; a flat file may call it
    ``optimizer.state.<weight>.<slot>``. The longest end of what is left without the slot's own name is the weight's.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._weights = {t.info.name: t for t in timeline.tracks if t.info.collection == "model"}

    def of(self, slot: Track) -> Track | None:
        """The weight that a slot belongs to, None where no name tells."""
        parts = re.split(r"([/.])", slot.info.name)
        for start in range(0, len(parts) - 2, 2):
            found = self._weights.get("".join(parts[start:-2]))
            if found is not None and found.info.shape == slot.info.shape:
                return found
        return None
