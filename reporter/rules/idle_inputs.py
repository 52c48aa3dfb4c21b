"""Inputs of a dense layer that never arrive: the weights of their rows never move, whatever unit they lead to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import integer, share
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per dense kernel: the share of its values that never move, though each of its units does.

    The gradient of a weight is input × error. Where a unit learns, those of its weights that stay equal to the bit have
    an input that is always zero; where all units learn, so does the whole row of that input. Zeros that stay are left
    out, as they may be a mask. Values also stay where an update is smaller than they can show, so kernels that hardly
    move as a whole, and dtypes with few bits, tell nothing.
    """
    last = len(timeline.labels) - 1
    from_first = {pair.after: pair for pair in timeline.series.from_first}.get(last)
    for track in timeline.weights:
        if track.info.role != Role.KERNEL or len(track.info.shape) != 2 or track.info.itemsize < 4:
            continue
        change = None if from_first is None else from_first.tensors.get(track.info.name)
        units = _moving_units(track, last)
        if change is None or units is None or change.equal_share is None or not np.isfinite(track.largest).all():
            continue
        update = change.relative_update
        if update is None or update < limits["update"] or track.levelled:
            continue
        shares = track.updates.equal_share
        # Estimated, where a checkpoint between them was rotated away; none, where the only one between them lacks it.
        if not shares.size or np.isnan(shares).any():
            continue
        equal = min(change.equal, *(round(v) for v in shares * track.info.size))
        value = max(0.0, equal - float(track.values("zero_count").max())) / track.info.size
        fired = value >= limits["threshold"] and units
        inputs = track.info.size // track.info.shape[track.info.output_axis]
        yield Check.of(
            track.info,
            value,
            value if units else 0.0,
            Severity.INFO if fired else None,
            place=track.places[0],
            message=f"about {integer(round(value * inputs))} of the {integer(inputs)} inputs of {track.info.layer} "
            f"never arrive: {share(value)} of {track.info.name} is equal to the bit from "
            f"{timeline.step(track.places[0])} to {timeline.labels[last]}, though each of its units learns",
        )


def _moving_units(track: Track, last: int) -> bool | None:
    """Whether the norm of every output unit differs between the first and the last checkpoint; None if not known."""
    if track.places[0] != 0 or track.places[-1] != last or last == 0:
        return None
    before, after = track.measure(0).units, track.measure(-1).units
    return None if before is None or after is None else bool((before.norms != after.norms).all())


IDLE_INPUTS = Rule(
    name="idle-inputs",
    title="Inputs that never arrive",
    threshold=0.3,
    unit=Unit.SHARE,
    bad="more",
    limits=(
        Limit("update", 1e-4, "relative change since the first checkpoint from which on float32 shows all updates"),
    ),
    formula="values of a dense kernel, zeros left out, that are equal to the bit in the first and the last checkpoint "
    "and in neighbours / all values, where the norm of every output unit changes",
    source="the gradient of a weight is input × error; at most 0.11 in healthy runs, 0.53 in a sick one",
    check=check,
    follows=True,
    compares=True,
    many="have inputs that never arrive",
    meaning="These inputs are zero in every example: features that are missing or constant, units that are dead in the "
    "layer before, or borders of images.",
    next_step="Count the zeros among the inputs of this layer over a few batches; check the order and the scaling of "
    "the features.",
    evidence="likely: equality is to the bit; that equal values lie in rows is concluded from the norms of the units",
)
