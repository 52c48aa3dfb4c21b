"""Output units that are dead: their incoming weights are (nearly) zero, or receive no update while others do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.model.finding import Severity
from reporter.numerals import integer
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track

Norms = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """Two checks per weight matrix with units: by their norms and, where that does not tell it, by their updates."""
    for track in timeline.matrices:
        places: list[int] = []
        rows: list[Norms] = []
        for at, place in enumerate(track.places):
            units = track.measure(at).units
            if track.bad[at]:
                continue  # the norms of units are over finite values: one of NaN alone is no unit of zeros
            if units is not None and len(units.norms) > 1 and (not rows or len(rows[0]) == len(units.norms)):
                places.append(place)
                rows.append(units.norms)
        if not rows:
            continue
        norms = np.stack(rows)
        tiny = _tiny(timeline, track, places, norms, limits)
        yield tiny
        if track.info.role != "embedding" and track.info.trainable is not False:
            updates = _updates(timeline, track, places, norms, limits)
            if updates is not None:
                same = tiny.severity is not None and tiny.value is not None and tiny.value >= (updates.value or 0.0)
                yield replace(updates, severity=None, excess=0.0) if same else updates


def _tiny(timeline: Timeline, track: Track, places: list[int], norms: Norms, limits: Limits) -> Check:
    """Units whose norm is below a share of the median unit's, or of that of a usual initialisation.

    Where more than half are exactly zero, the median says nothing: the second reference still does.
    """
    info, count = track.info, norms.shape[1]
    usual = track.usual_rms * np.sqrt(info.size / count) if info.role != "embedding" else 0.0
    reference = np.maximum(np.median(norms, axis=1), usual)[:, None]
    dead: Mask = norms < limits["relative"] * reference
    counts = dead.sum(axis=1)
    first = dead[0]
    new = (dead & ~first).sum(axis=1)
    revived = counts[-1] < counts.max()
    worst = int(new.argmax())
    share = float(counts[-1]) / count
    unit = "rows" if info.role == "embedding" else "output units"
    beyond = share > limits["threshold"]
    if beyond and new[worst] and (new[-1] or not revived):
        at = int(np.flatnonzero(new)[0])
        return Check.of(
            info,
            share,
            1.0 + share,
            Severity.INFO if info.role == "embedding" else Severity.WARN,
            place=places[at],
            good=places[at - 1],
            previous=float(counts[at - 1]) / count,
            group="tiny",
            message=f"{integer(int(new[worst]))} of {integer(count)} {unit} of {info.name} have died since "
            f"{timeline.step(places[0])}, the first at {timeline.step(places[at])}: their incoming weights are zero or "
            "next to it",
        )
    if beyond:
        most = share >= limits["most"] and info.role != "embedding" and not timeline.initial(places[-1])
        fixed = bool((norms[:, first] == 0).all())  # exact zeros throughout: pruned on purpose, perhaps
        return Check.of(
            info,
            share,
            share + most,
            (Severity.WARN if fixed else Severity.FAIL) if most else Severity.INFO,
            place=places[0],
            group="tiny",
            message=f"{integer(int(counts[-1]))} of {integer(count)} {unit} of {info.name} are dead from the first "
            f"checkpoint on: their incoming weights are {'exactly zero' if fixed else 'zero or next to it'}",
        )
    return Check.of(info, share, share, place=places[-1], group="tiny")


def _updates(timeline: Timeline, track: Track, places: list[int], norms: Norms, limits: Limits) -> Check | None:
    """Units whose norm is equal to the bit in every pair of checkpoints in which others of the tensor change.

    A norm is a float64 sum of squares: that it stays equal while weights change is next to impossible, unless they are
    of a few levels (see :func:`_evident`). In a dtype of 16 bits small updates round away, so a unit needs enough
    weights.
    """
    info, count = track.info, norms.shape[1]
    if track.coarse or (info.itemsize == 2 and info.size / count < 1000) or count < 4:
        return None
    moved = set(track.updates.places[~track.updates.still].tolist())
    pairs = [i for i in range(1, len(places)) if places[i] in moved and places[i] - places[i - 1] == 1]
    pairs = [i for i in pairs if not timeline.initial(places[i - 1])]
    if len(pairs) < 2:
        return None
    before, after = norms[[i - 1 for i in pairs]], norms[pairs]
    equal: Mask = (before == after) & (before > 0) & np.isfinite(before)
    equal &= _evident(track, [places[i] for i in pairs], equal.sum(axis=1) * (info.size // count))[:, None]
    run = np.cumprod(equal[::-1], axis=0).sum(axis=0)  # pairs since the last change, for each unit
    still: Mask = run >= 2
    what = "never change while the others do"
    if not still.any():
        still = _decaying(before, after)
        run = np.where(still, len(pairs), 0)
        what = "only shrink in step with each other, as under weight decay alone"
    n, from_start = int(still.sum()), int((run == len(pairs)).sum())
    share = n / count
    if not n:
        return Check.of(info, 0.0, 0.0, place=places[-1], group="updates", limit="share")
    most = share >= limits["most"]
    severity = Severity.INFO
    if share >= limits["share"]:
        severity = Severity.FAIL if from_start / count >= limits["most"] else Severity.WARN
    begin = pairs[len(pairs) - int(run.max())] - 1
    since = "from the first checkpoint on" if from_start == n else f"the first since {timeline.step(places[begin])}"
    return Check.of(
        info,
        share,
        1.0 + share,
        severity,
        place=places[begin],
        good=places[begin - 1] if begin else None,
        group="updates",
        limit="share",
        message=f"{'most of the layer is dead: ' if most else ''}the incoming weights of {integer(n)} of "
        f"{integer(count)} output units of {info.name} {what}, {since}; no gradient reaches these units",
    )


LEVELS = 256
"""Cells that the values of a tensor occupy at most where they are of a few levels; 1,025 normal ones fill over 600."""


def _evident(track: Track, places: list[int], claimed: npt.NDArray[np.int64]) -> Mask:
    """In which pairs equal norms tell of equal weights: a binary kernel's units keep their norms whatever flips.

    Where the pair was compared value by value, as many values as the units hold have to be equal to the bit. Where it
    was not, no tensor whose values are of a few levels is believed.

    Args:
        places: of the later checkpoint of each pair.
        claimed: values of the units with equal norms in each pair.
    """
    updates = track.updates
    rows = np.searchsorted(updates.places, places)
    counted = updates.equal_share[rows] * track.info.size >= claimed - 0.5
    at = [track.places.index(place) for place in places]
    exact: Mask = updates.exact[rows]
    levelled = [
        not known and bool(some) and len(track.measure(i).summary.cells.index) <= LEVELS
        for i, known, some in zip(at, exact.tolist(), claimed.tolist(), strict=True)
    ]
    return np.where(exact, counted, ~np.array(levelled, bool))


DECAY = 1e-3
"""Shrinkage per pair that tells decay from rounding; units in step with each other agree a hundred times better."""


def _decaying(before: Norms, after: Norms) -> Mask:
    """Units, at least half of all, whose norms shrink by one common factor in every pair."""
    ratio = after / np.where(before > 0, before, np.inf)
    centre = np.median(ratio, axis=1, keepdims=True)
    none: Mask = np.zeros(before.shape[1], bool)
    if (centre > 1 - DECAY).any() or (centre <= 0).any():
        return none
    together: Mask = np.all(np.abs(ratio / centre - 1) < DECAY / 100, axis=0)
    return together if together.sum() >= max(4, len(none) // 2) else none


DEAD_UNITS = Rule(
    name="dead-units",
    title="Dead units",
    threshold=0.0,
    limits=(
        Limit("relative", 1e-6, "share of the usual norm below which a unit is dead"),
        Limit("share", 0.1, "share of a layer's units without any update at which it is a warning"),
        Limit("most", 0.5, "share of a layer's units at which the layer counts as dead"),
    ),
    formula="share of output units (or embedding rows) with ‖w‖₂ < 10⁻⁶ × the median unit's, or × that of a Glorot "
    "initialisation; share of units whose ‖w‖₂ is equal to the bit in neighbouring checkpoints while others change, "
    "if as many values are equal to the bit",
    source="own proposal after the dying-ReLU literature (L. Lu et al., 2019)",
    check=check,
    compares=True,
    many="have dead output units",
    meaning="These units output the same for every input (a ReLU that is always off passes nothing on and learns "
    "nothing), so the layer is narrower than it looks.",
    next_step="Look at the activations of the layer, at its initialisation and bias, and at the learning rate of the "
    "first epochs; if the layer was pruned on purpose, accept the finding.",
    evidence="very likely: weights that get no update to the bit get no gradient; activations are not in a checkpoint",
)
