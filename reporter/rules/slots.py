"""Which weight a slot of an optimizer belongs to."""

from __future__ import annotations

import re

from reporter.model.role import Role
from reporter.rules.timeline import Timeline, Track

MOMENTS = frozenset({Role.MOMENTUM, Role.VELOCITY})
"""Averages of gradients and of their squares: zero as long as no gradient has come."""


def moments(timeline: Timeline) -> list[Track]:
    """The slots of first and second moments."""
    return [
        t for t in timeline.tracks if t.info.collection == "optimizer" and t.info.role in MOMENTS and t.info.size > 0
    ]


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
