"""Weights that never move and still look as they were initialised: frozen before they were ever trained."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reporter.frozen import dataclass
from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.movement import halted
from reporter.rules.timeline import Timeline, Track


@dataclass(frozen=True, slots=True)
class _Initialiser:
    """A distribution that weights are drawn from.

    Attributes:
        name: in words.
        reach: its largest value in standard deviations.
        kurtosis: its excess kurtosis.
        values: that a tensor needs to be told from a trained one.
    """

    name: str
    reach: float
    kurtosis: float
    values: int


INITIALISERS = (
    _Initialiser("a uniform initialisation", math.sqrt(3.0), -1.2, 256),
    _Initialiser("a truncated normal initialisation", 2.2733, -0.6330, 4096),
)
"""Glorot, He and LeCun initialisers draw from either: evenly up to a limit, or normally and cut at two standard
deviations, after which the standard deviation is 0.8796 of what it was, 2 / 0.8796 = 2.27. Training takes the edges off
either within a few steps; on its way from an even distribution to a normal one a tensor passes near the truncated one,
which therefore needs more values to be told. A plain normal initialisation cannot be told from trained weights."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix that never moves while others do: does it look as freshly initialised?

    Whether it is trainable is no question here: who freezes a backbone means a trained one.
    """
    still = halted(timeline, timeline.weights)
    moving = {place for t in timeline.weights for place in t.updates.places[~t.updates.still].tolist()} - still
    for track in timeline.matrices:
        if not len(track.updates.places) or "float" not in track.info.dtype:
            continue
        resting = bool(track.updates.unchanged.all()) and bool(moving & set(track.updates.places.tolist()))
        off, near = _nearest(track)
        fresh = resting and off < limits["threshold"] and not track.coarse
        since = f"from {timeline.step(track.places[0])} to {timeline.labels[track.places[-1]]}"
        yield Check.of(
            track.info,
            off if resting else 1.0,
            -off if resting else -math.inf,
            Severity.WARN if fresh else None,
            place=track.places[0],
            message=f"{track.info.name} never changes {since} and looks like {near.name}: its largest |w| is "
            f"{number(_reach(track), 3)} standard deviations ({number(near.reach, 3)} when freshly drawn), its excess "
            f"kurtosis {number(float(track.values('kurtosis')[-1]), 3)} ({number(near.kurtosis, 3)})",
        )
        for other in _companions(timeline, track) if fresh else ():
            value = float(other.values("max")[-1])
            yield Check.of(
                other.info,
                off,
                -1.0 - off,
                Severity.WARN,
                place=other.places[0],
                message=f"{other.info.name} never changes {since} and is {number(value)} throughout, as it begins",
            )


def _reach(track: Track) -> float:
    """Largest |w| in standard deviations."""
    std = float(track.values("std")[-1])
    return float(track.largest[-1]) / std if std > 0 else math.inf


KURTOSIS = 3.0
"""The kurtosis, whose estimate scatters more, may be off by three times as much as the reach."""


def _nearest(track: Track) -> tuple[float, _Initialiser]:
    """How far a tensor is from the initialiser that it is nearest to: the larger of two relative distances.

    1 / √n is taken off for n values: twice the error with which they tell a uniform distribution's deviation.
    """
    kurtosis, error = float(track.values("kurtosis")[-1]), 1.0 / math.sqrt(track.info.size)
    off = {
        one: max(0.0, abs(_reach(track) / one.reach - 1.0) - error, abs(kurtosis - one.kurtosis) / KURTOSIS - error)
        for one in INITIALISERS
        if math.isfinite(kurtosis) and track.info.size >= one.values
    }
    nearest = min(off, key=lambda one: off[one], default=INITIALISERS[0])
    return min(1.0, off.get(nearest, 1.0)), nearest


def _companions(timeline: Timeline, matrix: Track) -> list[Track]:
    """Biases and scales of the same layer that never move and are all 0 or all 1, as they begin."""
    return [
        t
        for t in timeline.tracks
        if t.info.layer == matrix.info.layer
        and t.info.collection == "model"
        and len(t.info.shape) == 1
        and len(t.updates.places)
        and t.updates.unchanged.all()
        and t.values("min")[-1] == t.values("max")[-1]
        and t.values("max")[-1] in (0.0, 1.0)
    ]


UNTRAINED = Rule(
    name="untrained",
    title="Frozen before it was trained",
    threshold=0.02,
    bad="less",
    formula="of a weight matrix that never moves while others do (any other counts as 1): |max |w| / σ / that of a "
    "freshly drawn one − 1|, and a third of the distance of its excess kurtosis to that of a freshly drawn one "
    "(uniform: √3 and −1.2; truncated normal: 2.27 and −0.63), the larger of both, less 1 / √n of n values; below 0.02",
    source="own proposal: named 3 of 3 sick runs and none of the healthy ones",
    check=check,
    follows=True,
    compares=True,
    many="never change and look as they were initialised",
    meaning="A part was frozen before it was ever trained: pretrained weights were not loaded, or it is not among the "
    "variables that the optimizer was given.",
    next_step="Check that the pretrained weights were loaded before the part was frozen; compare it with the file they "
    "come from.",
    evidence="likely: it is equal to the bit in every checkpoint, and trained weights hardly ever look so",
    covers=("frozen", "dead-units"),
)
