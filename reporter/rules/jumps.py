"""The size of a tensor in neighbouring checkpoints, for rules about sudden growth or loss."""

from __future__ import annotations

import numpy as np

from reporter.frozen import dataclass
from reporter.model.columns import Floats
from reporter.rules.timeline import Timeline, Track


@dataclass(frozen=True, slots=True, eq=False)
class Jumps:
    """The root mean square of one tensor before and after each step from one of its checkpoints to the next.

    Attributes:
        places: of the later checkpoint of each step, ascending.
        good: of the earlier one.
        before, after: the root mean square in either.
        ratio: after / before, or after / floor where before is less; where it grew, divided by the factor by which the
            count of steps grew as well; NaN where either holds values that are not finite, and where the earlier one
            is from before the first step.
    """

    places: tuple[int, ...]
    good: tuple[int, ...]
    before: Floats
    after: Floats
    ratio: Floats

    @classmethod
    def of(cls, timeline: Timeline, track: Track, floor: float = 0.0) -> Jumps:
        """From its statistics; out of its initialisation a tensor may go anywhere.

        What grows evenly doubles whenever the number of steps does. So checkpoints whose distances grow (steps 10, 100,
        1,000) show large ratios in which nothing is sudden.

        Args:
            timeline: the series.
            track: the tensor.
            floor: sizes below this one count as this one: however small it was, it may grow up to there.
        """
        rms, sound = track.values("rms"), track.bad == 0
        counted = sound[1:] & sound[:-1] & timeline.trained(track.places[:-1])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(counted, rms[1:] / np.maximum(rms[:-1], floor), np.nan)
        evenly = np.array([_longer(timeline, a, b) for a, b in zip(track.places, track.places[1:], strict=False)])
        growth = np.where(ratio > 1.0, np.minimum(ratio, evenly), 1.0)
        return cls(track.places[1:], track.places[:-1], rms[:-1], rms[1:], ratio / growth)


def first_or_largest(size: Floats, limit: float) -> tuple[int, bool]:
    """The first step whose size is beyond the limit, else that of the largest; and whether it is beyond.

    >>> first_or_largest(np.array([1.0, 4.0, 9.0]), 3.0), first_or_largest(np.array([1.0, np.nan, 2.0]), 3.0)
    ((1, True), (2, False))
    """
    beyond = np.flatnonzero(size > limit)
    return (int(beyond[0]), True) if len(beyond) else (int(np.nanargmax(size)), False)


def _longer(timeline: Timeline, before: int, after: int) -> float:
    """By which factor the training had become longer; 1 where the steps do not tell."""
    a, b = (timeline.series.refs[place].step.value for place in (before, after))
    return max(1.0, b / a) if a and b and a > 0 else 1.0
