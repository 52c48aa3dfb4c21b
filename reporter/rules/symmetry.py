"""Layers all of whose units have been the same from the start: nothing ever told them apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import integer, number
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix whose output channels were compared in the last checkpoint.

    All of them point the same way there, and all have one norm in every checkpoint; of a recurrent kernel, all of a
    gate. Of two, one may be the negative of the other, as in a head for two classes that begins at zero; an orthogonal
    initialisation has one norm as well, but its units point elsewhere. A single norm is known without reading anything
    again, so earlier checkpoints are judged by it alone.
    """
    last = len(timeline.labels) - 1
    for track in timeline.matrices:
        ready = timeline.series.readiness.get(track.info.name)
        if ready is None or ready.duplicates is None or track.places[-1] != last:
            continue
        if track.values("min")[-1] == track.values("max")[-1]:
            continue  # of one value throughout it was not trained, but written: the rule on constant weights says so
        channels, gates = ready.channels or 0, _gates(track)
        if channels < limits["units"] * gates:
            continue
        same = ready.duplicates / (channels - gates)
        if same >= limits["threshold"] and not all(_one_norm(track, i, gates) for i in _checkpoints(track)):
            same = 0.0
        fired = same >= limits["threshold"] and not timeline.initial(last)
        fixed = track.info.trainable is False
        yield Check.of(
            track.info,
            same,
            same,
            None if not fired else Severity.INFO if fixed else Severity.FAIL,
            place=track.places[0],
            message=f"all {integer(channels)} units of {track.info.name} are the same from "
            f"{timeline.step(track.places[0])} on: each points the same way, with a norm of "
            f"{number(float(np.median(_norms(track, -1))), 3)} at {timeline.step(last)}",
        )


MOST = 8
"""Checkpoints whose units are looked at, evenly spread: a symmetry that is broken once stays so."""


def _checkpoints(track: Track) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, len(track.places) - 1, MOST)})


def _norms(track: Track, at: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    units = track.measure(at).units
    return np.empty(0) if units is None else units.norms


ROUNDING = 1e-4
"""Relative spread of norms of units that are the same but for rounding: float32 makes 10⁻⁷, a thousand steps more."""


def _one_norm(track: Track, at: int, gates: int) -> bool:
    norms = _norms(track, at)
    if not len(norms) or len(norms) % gates:
        return False
    spread = np.ptp(norms.reshape(gates, -1), axis=1)
    return float(spread.max()) <= ROUNDING * float(norms.max()) < np.inf


def _gates(track: Track) -> int:
    """How many gates a recurrent kernel holds side by side, each of which has all units: 4 in an LSTM."""
    shape = track.info.shape
    side_by_side = track.info.role == Role.RECURRENT_KERNEL and len(shape) == 2 and shape[0] > 0
    return shape[1] // shape[0] if side_by_side and shape[1] % shape[0] == 0 and shape[1] else 1


SYMMETRY = Rule(
    name="symmetry",
    title="Symmetry that was never broken",
    threshold=1.0,
    unit=Unit.SHARE,
    limits=(Limit("units", 3, "output units that a layer needs"),),
    formula="output channels with |cos| > 0.999 to an earlier one in the last checkpoint / (channels − 1), where the "
    "norms of all channels are equal in every checkpoint",
    source="units that begin alike get the same gradient and stay alike (I. Goodfellow, Y. Bengio, A. Courville, Deep "
    "Learning, 2016, 8.4)",
    check=check,
    many="have output units that are all the same",
    meaning="All units of the layer compute the same thing, get the same gradient and stay the same: it is as wide as "
    "one unit, whatever its shape says.",
    next_step="Look at the initialiser of the layer and of the one after it: zeros, ones and other constants give all "
    "units the same start. Train anew, as training does not break a symmetry.",
    evidence="certain: the output channels were compared with each other",
    covers=(
        "constant", "duplicate-outputs", "rank-collapse", "embedding-collapse", "dead-units", "heavy-tails",
        "dequantised",
    ),
)  # fmt: skip
