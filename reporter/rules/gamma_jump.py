"""Scales of normalisation layers that vanish or explode between two checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.jumps import Jumps, first_or_largest
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per scale: the first jump of its RMS beyond the limit, else its largest."""
    for track in timeline.tracks:
        if track.info.role != Role.GAMMA or track.info.collection != "model" or len(track.places) < 2:
            continue
        jumps = Jumps.of(timeline, track)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.abs(np.log(jumps.ratio))
        growth = jumps.ratio > 1
        size[growth & (jumps.before < limits["grown"])] = np.nan
        size[~growth & (jumps.before < limits["scale"])] = np.nan
        if np.isnan(size).all():
            continue
        worst, fired = first_or_largest(size, float(np.log(limits["threshold"])))
        ratio, before, after = (float(values[worst]) for values in (jumps.ratio, jumps.before, jumps.after))
        yield Check.of(
            track.info,
            ratio,
            float(size[worst]),
            Severity.WARN if fired else None,
            place=jumps.places[worst],
            good=jumps.good[worst],
            previous=before,
            beyond=max(1.0, float(np.exp(min(size[worst], 700.0))) / limits["threshold"]),
            message=f"{track.info.name}, the scale of a normalisation, {'grew' if ratio > 1 else 'shrank'} × "
            f"{number(after / before if before else np.inf, 3)} at {timeline.step(jumps.places[worst])}: its root mean "
            f"square went from {number(before, 3)} to {number(after, 3)}",
        )


GAMMA_JUMP = Rule(
    name="gamma-jump",
    title="Scale that vanishes or explodes",
    threshold=3.0,
    unit=Unit.RATIO,
    limits=(
        Limit("grown", 0.5, "root mean square of a scale below which it may grow: many start at zero on purpose"),
        Limit("scale", 0.1, "root mean square below which a scale is stored as its difference from 1, and may shrink"),
    ),
    formula="root mean square of a scale (gamma) / the same in the checkpoint before, growth per growth of the number "
    "of steps; above 3 or below ⅓, step 0 excepted",
    source="own proposal: at most 1.22 in healthy runs, 0.10 in sick ones",
    check=check,
    follows=True,
    many="change their size by more than the limit between neighbouring checkpoints",
    meaning="What the layer passes on was switched off or blown up at once: by a bad batch, a learning rate that is "
    "too high, or weights that were overwritten.",
    next_step="Compare loss and learning rate between the two steps named, and continue from the earlier one.",
    evidence="certain: every value was counted; from one checkpoint to the next training rarely does this",
    covers=("batch-norm",),
)
