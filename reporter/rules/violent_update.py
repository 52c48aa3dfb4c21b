"""Updates larger than the weights themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import integer, number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix: its largest relative update, the first checkpoint's initialisation excepted.

    As with the norm, growing from far below the usual scale is training, no violence.
    """
    refs = timeline.series.refs
    for track in timeline.matrices:
        updates = track.updates
        counted = np.isfinite(updates.relative) & timeline.trained((updates.places - 1).tolist())
        counted &= np.isin(updates.places, track.places)
        if not counted.any():
            continue
        rms = track.values("rms")[np.searchsorted(track.places, updates.places).clip(0, len(track.places) - 1)]
        size = np.where(counted, updates.relative, -1.0)
        loud = np.where(rms < 0.5 * track.usual_rms, -1.0, size)
        at = int(loud.argmax()) if loud.max() > limits["threshold"] else int(size.argmax())
        update, place, exact = float(size[at]), int(updates.places[at]), bool(updates.exact[at])
        fired = loud[at] > limits["threshold"]
        before, after = refs[place - 1].step.value, refs[place].step.value
        distance = after - before if before is not None and after is not None and after > before else None
        per_step = (
            f"; per step between {number(update / distance, 2)} and {number(update / math.sqrt(distance), 2)} "
            f"({integer(distance)} steps apart)"
            if distance
            else ""
        )
        yield Check.of(
            track.info,
            update,
            float(loud[at]),
            Severity.WARN if fired else None,
            place=place,
            good=place - 1,
            message=f"{track.info.name} changed by {number(update, 3)} × its own norm between "
            f"{timeline.step(place - 1)} and {timeline.labels[place]}{per_step}"
            f"{'' if exact else '; estimated, ± 2.2 %'}"
            if fired
            else "",
        )


VIOLENT_UPDATE = Rule(
    name="violent-update",
    title="Violent update",
    threshold=1.0,
    formula="‖W − W′‖₂ / ‖W′‖₂ of a kernel or embedding against the checkpoint before, W′; per step it lies between "
    "R / k (all steps one way) and R / √k (random directions) for k steps",
    source="CS231n: about 10⁻³ per step is healthy; the limit of 1 between checkpoints is our own proposal",
    check=check,
    follows=True,
    compares=True,
    many="changed by more than their own norm between neighbouring checkpoints",
    meaning="The learning rate is too high for these weights, or other weights were loaded in between.",
    next_step="Compare learning rate and loss at the two steps named; early in training this can be normal.",
)
