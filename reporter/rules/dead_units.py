"""Output units that are dead: their incoming weights are (nearly) zero, or receive no update while others do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.slots import unheld
from reporter.rules.succession import relu_behind
from reporter.rules.timeline import Timeline, Track
from reporter.rules.unit_norms import Norms, with_norms

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """Two checks per weight matrix with units: by their norms and, where that does not tell it, by their updates."""
    frozen = unheld(timeline)
    for track, places, norms in with_norms(timeline):
        tiny = _by_norm(timeline, track, places, norms, limits)
        yield tiny
        if track.info.role != Role.EMBEDDING and track.trainable is not False and track.info.name not in frozen:
            updates = _by_updates(timeline, track, places, norms, limits)
            if updates is not None:
                same = tiny.severity is not None and tiny.value is not None and tiny.value >= (updates.value or 0.0)
                yield replace(updates, severity=None, excess=0.0) if same else updates


def _by_norm(timeline: Timeline, track: Track, places: list[int], norms: Norms, limits: Limits) -> Check:
    """Units whose norm is below a share of the median unit's, or of that of a usual initialisation.

    Where more than half are exactly zero, the median says nothing: the second reference still does. Of units that grow,
    however small they are, it tells nothing unless another unit of the layer has a usual norm.
    """
    info, count = track.info, norms.shape[1]
    usual = track.usual_rms * np.sqrt(info.size / count) if info.role != Role.EMBEDDING else 0.0
    small: Mask = norms < limits["relative"] * usual
    growing = (small[:-1] & small[1:] & (norms[1:] > norms[:-1] * (1.0 + limits["relative"]))).any(axis=0)
    largest = norms.max(axis=1)[:, None]
    dead: Mask = (norms < limits["relative"] * np.median(norms, axis=1)[:, None]) | (
        small & (~growing | (norms < limits["relative"] * largest))
    )
    counts, died = dead.sum(axis=1), (dead & ~dead[0]).sum(axis=1)
    share = float(counts[-1]) / count
    if share > limits["threshold"]:
        revived = counts[-1] < counts.max()
        if died.any() and (died[-1] or not revived):
            return _died(timeline, track, places, norms, counts, died, limits)
        return _dead_from_start(timeline, track, places, norms[:, dead[0]], int(counts[-1]), count, limits)
    return Check.of(info, share, share, place=places[-1], group="tiny")


def _died(
    timeline: Timeline, track: Track, places: list[int], norms: Norms, counts: Counts, died: Counts, limits: Limits
) -> Check:
    """Units that were alive in the first checkpoint.

    A fifth of them is a remark where they faded away: weight decay and L1 do that on purpose. From one checkpoint to
    the next no training takes a unit from its usual norm to nothing.

    Args:
        timeline, track, places, norms, limits: as above.
        counts: dead units in each checkpoint.
        died: those of them that the first checkpoint has alive.
    """
    info, count = track.info, norms.shape[1]
    share, at = float(counts[-1]) / count, int(np.flatnonzero(died)[0])
    tiny = norms[at] < limits["relative"] * norms[0]
    sudden = bool((norms[at - 1][tiny] > limits["sudden"] * norms[0][tiny]).any())
    loud = info.role != Role.EMBEDDING and (sudden or share >= limits["died"])
    return Check.of(
        info,
        share,
        1.0 + share,
        Severity.WARN if loud else Severity.INFO,
        place=places[at],
        good=places[at - 1],
        previous=float(counts[at - 1]) / count,
        group="tiny",
        portion=share,
        meaning=OFF if relu_behind(timeline, info.layer) else "",
        message=f"dead since {timeline.step(places[at])}: {_units(track, int(counts[-1]), count)}, with incoming "
        "weights of zero or next to it",
    )


def _dead_from_start(
    timeline: Timeline, track: Track, places: list[int], norms: Norms, dead: int, count: int, limits: Limits
) -> Check:
    """Units that no checkpoint has alive; exact zeros throughout may have been pruned on purpose.

    Args:
        timeline, track, places, limits: as above.
        norms: of the units that are dead in the first checkpoint.
        dead: units that are dead in the last one.
        count: all units.
    """
    info, share = track.info, dead / count
    most = share >= limits["most"] and info.role != Role.EMBEDDING and not timeline.initial(places[-1])
    pruned = bool((norms == 0).all())
    severity = Severity.INFO
    if most:
        severity = Severity.FAIL if not pruned and _weighty(timeline, track, share, limits) else Severity.WARN
    return Check.of(
        info,
        share,
        share + most,
        severity,
        place=places[0],
        group="tiny",
        portion=share,
        meaning=OFF if relu_behind(timeline, info.layer) else "",
        message=f"dead from the first checkpoint on: {_units(track, dead, count)}, with incoming weights of "
        + ("exactly zero" if pruned else "zero or next to it"),
    )


def _weighty(timeline: Timeline, track: Track, share: float, limits: Limits) -> bool:
    """Whether the units hold enough of the model's parameters for a failure."""
    parameters = max((measured.whole.parameters for measured in timeline.series.measured), default=0)
    return share * track.info.size >= limits["weight"] * parameters


OFF = (
    "The ReLU behind these units is off for every input: they pass nothing on and learn nothing, so the layer is "
    "narrower than it looks."
)
"""What is said where the activation is known; it is in few checkpoints."""


def _units(track: Track, some: int, count: int) -> str:
    """How many of the units, in words."""
    unit = "row" if track.info.role == Role.EMBEDDING else "output unit"
    return f"{integer(some)} of {counted(count, unit)} of {track.info.name}"


def _by_updates(timeline: Timeline, track: Track, places: list[int], norms: Norms, limits: Limits) -> Check | None:
    """Units whose norm is equal to the bit in every pair of checkpoints in which others of the tensor change.

    A norm is a float64 sum of squares: that it stays equal while weights change is next to impossible, unless they are
    of a few levels (see :func:`_evident`). In a dtype of 16 bits small updates round away, so a unit needs enough
    weights. None where the series cannot tell.
    """
    info, count = track.info, norms.shape[1]
    if track.coarse or (info.itemsize == 2 and info.size / count < 1000) or count < 4:
        return None
    pairs = _telling(timeline, track, places)
    if len(pairs) < 2:
        return None
    run, what = _resting(track, places, norms, pairs)
    if not (run >= 2).any():
        return Check.of(info, 0.0, 0.0, place=places[-1], group="updates", limit="share")
    return _without_update(timeline, track, places, pairs, run, what, limits)


def _telling(timeline: Timeline, track: Track, places: list[int]) -> list[int]:
    """Indices of the later checkpoint of each pair of neighbours between which some of the tensor moved in training."""
    moved = set(track.updates.places[~track.updates.still].tolist())
    neighbours = (i for i in range(1, len(places)) if places[i] in moved and places[i] - places[i - 1] == 1)
    return [i for i in neighbours if not timeline.initial(places[i - 1]) and not track.fixed_between(places[i])]


def _resting(track: Track, places: list[int], norms: Norms, pairs: list[int]) -> tuple[Counts, str]:
    """For each unit, the number of pairs at the end of the series in which it got no update; and how that shows."""
    before, after = norms[[i - 1 for i in pairs]], norms[pairs]
    largest = track.largest[track.places.index(places[-1])] * np.sqrt(track.info.size / norms.shape[1])
    clipped = after[-1] >= CLIPPED * largest
    equal: Mask = (before == after) & (before > 0) & np.isfinite(before) & ~clipped
    claimed = equal.sum(axis=1) * (track.info.size // norms.shape[1])
    equal &= _evident(track, [places[i] for i in pairs], claimed)[:, None]
    run = np.cumprod(equal[::-1], axis=0).sum(axis=0)
    if (run >= 2).any():
        return run, "never change while the others do"
    run = np.where(_decaying(before, after), len(pairs), 0)
    return run, "only shrink in step with each other, as under weight decay alone"


CLIPPED = 0.999
"""Norm of a unit from which on all of its weights are as large as the largest of the tensor, as a share of what it
would be then: where weights are clipped after every update (M. Arjovsky et al., *Wasserstein GAN*, 2017), many stand at
the clip and stay there. Normal and uniform samples reach 0.3 to 0.6."""


def _without_update(
    timeline: Timeline, track: Track, places: list[int], pairs: list[int], run: Counts, what: str, limits: Limits
) -> Check:
    """The check that fired: how many units, since when, and how bad that is.

    Args:
        timeline, track, places, pairs, limits: as above.
        run, what: see :func:`_resting`.
    """
    info, count = track.info, len(run)
    n, from_start = int((run >= 2).sum()), int((run == len(pairs)).sum())
    share = n / count
    severity = Severity.INFO
    if share >= limits["share"]:
        dead = from_start / count >= limits["most"] and _weighty(timeline, track, share, limits)
        severity = Severity.FAIL if dead else Severity.WARN
    begin = pairs[len(pairs) - int(run.max())] - 1
    first = begin if from_start else begin + 1  # that shows it
    since = (
        "from the first checkpoint on" if from_start == n else f"the first of them since {timeline.step(places[begin])}"
    )
    layer = "half of the layer or more is dead: " if share >= limits["most"] else ""
    return Check.of(
        info,
        share,
        1.0 + share,
        severity,
        place=places[first],
        good=places[first - 1] if first else None,
        group="updates",
        limit="share",
        beyond=max(1.0, share / limits["share"]),
        portion=share,
        meaning=OFF if relu_behind(timeline, info.layer) else "",
        message=f"{layer}the incoming weights of {_units(track, n, count)} {what}, {since}; no gradient reaches them",
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
    exact: Mask = updates.exact[rows]
    levelled = [
        not known and bool(some) and len(track.measure(track.places.index(place)).cells.index) <= LEVELS
        for place, known, some in zip(places, exact.tolist(), claimed.tolist(), strict=True)
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
    unit=Unit.SHARE,
    bad="more",
    limits=(
        Limit("relative", 1e-6, "share of the usual norm below which a unit is dead"),
        Limit("share", 0.3, "share of a layer's units at which it is a warning that they are dead"),
        Limit("died", 0.22, "the same of units whose weights have faded to nothing"),
        Limit("sudden", 0.5, "share of its first norm that a unit had one checkpoint before, if it died suddenly"),
        Limit("most", 0.5, "share of a layer's units at which the layer counts as dead"),
        Limit("weight", 0.01, "share of the model's parameters in dead units at which that is a failure"),
    ),
    formula="share of output units (or embedding rows) with ‖w‖₂ < 10⁻⁶ × the median unit's, or × that of a Glorot "
    "initialisation if they do not grow; share of units whose ‖w‖₂ is equal to the bit in neighbouring checkpoints "
    "while others change, if as many values are equal to the bit",
    source="own proposal after the dying-ReLU literature (L. Lu et al., 2019); healthy networks with ReLUs have up to "
    "21 % of units that never output anything",
    check=check,
    compares=True,
    many="have dead output units",
    meaning="These units output the same for every input, whatever it is, and learn nothing, so the layer is narrower "
    "than it looks.",
    next_step="Look at the activations of the layer, at its initialisation and bias, and at the learning rate of the "
    "first epochs; if the layer was pruned on purpose, accept the finding.",
    evidence="very likely: weights that get no update to the bit get no gradient; activations are not in a checkpoint",
    covers=("sparsity-jump",),
)
