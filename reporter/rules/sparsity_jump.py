"""Weights that turn to zero, or nearly so, from one checkpoint to the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.cells import edge
from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.numerals import share
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """Two checks per weight matrix with enough values: exact zeros, and values near zero that are none.

    A layer that stores a mask for its kernel is pruned on purpose, and so is one that loses its smallest values, as by
    L1 or by pruning after magnitude: neither dying units nor a lost block of values choose those.
    """
    masks = {(t.info.layer, t.info.shape) for t in timeline.tracks if t.is_mask}
    for track in timeline.matrices:
        if track.info.size < limits["values"] or len(track.places) < 2:
            continue
        exact = track.values("zero_count") / track.values("count")
        near = track.values("near_zero_share") - exact
        pruned = (track.info.layer, track.info.shape) in masks
        started = timeline.trained(track.places[:-1])
        for group, what, shares in (
            ("exact", "exactly zero", exact),
            ("near", "nearly zero (below a thousandth of its root mean square)", near),
        ):
            steps = np.where(started, np.nan_to_num(np.diff(shares), nan=-1.0), -1.0)
            over = np.flatnonzero(steps >= limits["threshold"])
            fired = bool(len(over))
            at = int(over[0]) if fired else int(steps.argmax())
            before, after = track.places[at], track.places[at + 1]
            meant = fired and (pruned or _smallest(track, at, shares))
            why = ", as its mask says" if pruned else "; the smallest values went first" if meant else ""
            yield Check.of(
                track.info,
                float(steps[at]) if started.any() else 0.0,
                float(steps.max()),
                (Severity.INFO if meant else Severity.WARN) if fired else None,
                place=after,
                good=before,
                previous=float(shares[at]) if fired else None,
                group=group,
                portion=float(shares[at + 1]),
                message=f"{share(float(shares[at + 1]))} of {track.info.name} is {what} at {timeline.step(after)}, "
                f"after {share(float(shares[at]))} at {timeline.step(before)}{why}"
                if fired
                else "",
            )


def _smallest(track: Track, at: int, shares: Floats) -> bool:
    """Whether it was the smallest values that turned to zero.

    Values that are lost by chance take their share of the squared norm along, and so does the update. And if all were
    as likely to be lost, of those that were small before as many would be left as of the others; where it was the
    smallest, hardly any is. Values too small to matter are flushed by a narrow dtype instead.

    Args:
        at: before the jump, among the places of the tensor.
        shares: of its values that are exactly zero.
    """
    zero, more = float(shares[at + 1]), float(shares[at + 1] - shares[at])
    magnitudes, counts = _magnitudes(track, at)
    small = float(magnitudes[np.searchsorted(np.cumsum(counts), zero * counts.sum()).clip(0, len(counts) - 1)])
    if small < float(track.values("rms")[at]) / 1000:
        return False
    updates = track.updates
    relative = updates.relative[updates.places == track.places[at + 1]]
    if (relative**2 < FAINT * more).any():
        return True
    left, several = _magnitudes(track, at + 1)
    kept = several[(left > 0) & (left < small)].sum() / several.sum()
    return bool(kept < KEPT * (1.0 - more) * more)


FAINT = 0.25
"""Share of what lost values of usual size would add to (‖W − W′‖ / ‖W′‖)² below which they were small."""

KEPT = 0.5
"""Share of the small values that would be left by chance below which the smallest were chosen. Pruning after magnitude
leaves none."""


def _magnitudes(track: Track, at: int) -> tuple[Floats, Floats]:
    """Magnitudes of its values in ascending order, to within 1 %, and how many values have each."""
    cells = track.measure(at).cells
    magnitudes = np.minimum(np.abs(edge(cells.index)), np.abs(edge(cells.index + 1)))
    order = np.argsort(magnitudes)
    return magnitudes[order], cells.counts[order].astype(float)


SPARSITY_JUMP = Rule(
    name="sparsity-jump",
    title="Sparsity jump",
    threshold=0.05,
    unit=Unit.POINTS,
    bad="more",
    limits=(Limit("values", 100, "values that a tensor needs, so that one of them is no jump"),),
    formula="share of values that are exactly zero, minus that in the checkpoint before; the same for |w| < RMS / "
    "1000, step 0 excepted",
    source="own proposal, calibrated on healthy series",
    check=check,
    follows=True,
    many="have more zeros than in the checkpoint before",
    meaning="Pruning, if it was meant; else units are dying or small values are flushed to zero by a narrow dtype.",
    next_step="Check whether pruning or a cast took place between the two steps named.",
    evidence="certain: every value was counted",
)
