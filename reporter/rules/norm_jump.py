"""Norms that explode or collapse from one checkpoint to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline, Track

Booleans = npt.NDArray[np.bool_]


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix: its first change of norm between neighbours beyond the limit, up or down.

    From its initialisation a norm may go anywhere: that is training. So may one that grows from far below the scale of
    a usual initialisation, such as the second matrix of a LoRA adapter, which starts at zero.
    """
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
        over = np.flatnonzero(loud > math.log(limits["threshold"]))
        if len(over):
            yield _jumped(timeline, track, logs, usable, int(over[0]), float(loud.max()), limits)
        else:
            at = int(size.argmax())
            yield Check.of(
                track.info,
                math.exp(steps[at]),
                float(loud[at]),
                place=track.places[at + 1],
                previous=float(norms[at]),
            )


def _jumped(
    timeline: Timeline, track: Track, logs: Floats, usable: Booleans, at: int, largest: float, limits: Limits
) -> Check:
    """The check that fired.

    Args:
        timeline, track, limits: as above.
        logs: of the norms.
        usable: which of them there are.
        at: the checkpoint before the first jump.
        largest: the largest jump, as a logarithm.
    """
    before, after, step = track.places[at], track.places[at + 1], float(logs[at + 1] - logs[at])
    since = logs[at + 1 :][usable[at + 1 :]] - logs[at]
    total = float(since[np.abs(since).argmax()])
    worst = max(largest, abs(total))
    failed = worst >= math.log(limits["failure"])
    text = (
        f"the norm of {track.info.name} {'grew' if step > 0 else 'shrank'} × {number(math.exp(step), 3)} from "
        f"{number(math.exp(logs[at]))} at {timeline.step(before)} to {number(math.exp(logs[at + 1]))} at "
        f"{timeline.step(after)}"
    )
    if abs(total) > abs(step) + math.log(limits["threshold"]):
        text += f"; later it reaches × {number(math.exp(total), 3)}"
    return Check.of(
        track.info,
        math.exp(step),
        worst,
        Severity.FAIL if failed else Severity.WARN,
        place=after,
        good=before,
        previous=math.exp(logs[at]),
        beyond=math.exp(min(worst, 700.0)) / limits["threshold"],
        whole=True,
        message=text,
    )


NORM_JUMP = Rule(
    name="norm-jump",
    title="Exploding or collapsing norm",
    threshold=2.0,
    unit=Unit.FACTOR,
    limits=(Limit("failure", 1000.0, "factor at which it is a failure, at once or by and by after the first jump"),),
    formula="‖W‖₂ of a kernel or embedding / ‖W‖₂ in the checkpoint before, step 0 excepted; above 2 or below ½",
    source="own proposal, calibrated on healthy series",
    check=check,
    follows=True,
    many="change their norm by more than the limit between neighbouring checkpoints",
    meaning="Something sudden happened between the two checkpoints: a learning rate that is too high, a bad batch, a "
    "restart, or other weights loaded.",
    next_step="Compare loss and learning rate between the two steps named, and continue from the earlier one if the "
    "metrics fell as well.",
    covers=("violent-update", "sparsity-jump", "dead-units", "fading", "heavy-tails", "norm-trend"),
    covers_elsewhere=("fading", "dead-units", "moment-jump"),
)
