"""Norms that explode or collapse from one checkpoint to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix: its largest change of norm between neighbours, up or down.

    From its initialisation a norm may go anywhere: that is training. So may one that grows from far below the scale of
    a usual initialisation, such as the second matrix of a LoRA adapter, which starts at zero.
    """
    bound = math.log(limits["threshold"])
    for track in timeline.matrices:
        norms = track.values("l2_norm")
        if len(norms) < 2:
            continue
        usable = np.isfinite(norms) & (norms > 0) & (track.bad == 0)
        logs = np.log(np.where(usable, norms, 1.0))
        steps = np.diff(logs)
        counted = usable[1:] & usable[:-1] & timeline.trained(track.places[:-1])
        if not counted.any():
            continue
        small = (steps > 0) & (track.values("rms")[1:] < track.usual_rms)
        size = np.where(counted, np.abs(steps), -1.0)
        loud = np.where(small, -1.0, size)
        at = int(loud.argmax()) if (loud > bound).any() else int(size.argmax())
        before, after, ratio = track.places[at], track.places[at + 1], math.exp(steps[at])
        fired = loud[at] > bound
        yield Check.of(
            track.info,
            ratio,
            float(loud[at]),
            Severity.WARN if fired else None,
            place=after,
            good=before,
            previous=float(norms[at]),
            message=f"the norm of {track.info.name} {'grew' if ratio > 1 else 'shrank'} × {number(ratio, 3)} from "
            f"{number(float(norms[at]))} at {timeline.step(before)} to {number(float(norms[at + 1]))} at "
            f"{timeline.step(after)}"
            if fired
            else "",
        )


NORM_JUMP = Rule(
    name="norm-jump",
    title="Exploding or collapsing norm",
    threshold=2.0,
    formula="‖W‖₂ of a kernel or embedding / ‖W‖₂ in the checkpoint before, step 0 excepted; above 2 or below ½",
    source="own proposal, calibrated on healthy series",
    check=check,
    follows=True,
    many="change their norm by more than the limit between neighbouring checkpoints",
    meaning="Something sudden happened between the two checkpoints: a learning rate that is too high, a bad batch, a "
    "restart, or other weights loaded.",
    next_step="Compare loss and learning rate between the two steps named, and continue from the earlier one if the "
    "metrics fell as well.",
    covers=("violent-update",),
)
