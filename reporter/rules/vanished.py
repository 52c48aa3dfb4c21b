"""Kernels that have shrunk to next to nothing, though every value is finite and few are zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix that is not all zero: its RMS against the first one, its largest value."""
    for track in timeline.matrices:
        rms = track.values("rms")
        largest = np.where(track.bad > 0, np.nan, track.largest)  # of the finite values alone it would tell nothing
        present = np.flatnonzero(largest > 0)
        if not len(present):
            continue  # the all-zero rule's business
        start = rms[present[0]]
        ratio = np.where(largest > 0, rms / start, np.inf)
        tiny = (largest > 0) & (largest < limits["largest"])
        gone = np.flatnonzero(tiny | (ratio < limits["threshold"]))
        least = float(ratio.min())
        if not len(gone) or not (tiny[-1] or ratio[-1] < limits["threshold"]):
            yield Check.of(track.info, least, -least, place=track.places[int(ratio.argmin())])
            continue
        at = int(gone[0])
        good = track.places[at - 1] if at else None
        yield Check.of(
            track.info,
            float(ratio[at]),
            1.0 / max(float(largest[-1]), 1e-300),
            Severity.FAIL,
            place=track.places[at],
            previous=1.0 if at else None,
            good=good,
            beyond=max(1.0, limits["threshold"] / max(float(ratio[-1]), 1e-300)),
            whole=True,
            message=f"{track.info.name} has vanished: at {timeline.step(track.places[-1])} its largest |w| is "
            f"{number(float(largest[-1]), 3)} and its root mean square {number(float(rms[-1]), 3)}"
            + (
                f", against {number(float(start), 3)} at {timeline.step(track.places[int(present[0])])}; below the "
                f"limit since {timeline.step(track.places[at])}"
                if at
                else ", from the first checkpoint on"
            )
            + "; every value is finite, but the layer passes nothing on",
        )


VANISHED = Rule(
    name="vanished",
    title="Vanished weights",
    threshold=1e-6,
    bad="less",
    limits=(Limit("largest", 1e-12, "largest |w| of a kernel below which it has vanished"),),
    formula="RMS of a kernel or embedding / its RMS in the first checkpoint; max |w| below 10⁻¹² as well",
    source="seen in a real run: dense kernels at 10⁻³⁴, all values finite",
    check=check,
    follows=True,
    many="have shrunk to practically nothing, although their values are finite",
    meaning="Weight decay is pulling them to zero and no gradient holds against it: the layer is dead.",
    next_step="Find the checkpoint from which the norm falls steadily; look at the activations of that layer, at the "
    "weight decay and at the loss from there on.",
    covers=(
        "norm-jump", "norm-trend", "dead-units", "violent-update", "heavy-tails", "sparsity-jump",
        "constant", "frozen", "stopped", "fading", "float16-underflow", "int8-ready", "duplicate-outputs",
        "rank-collapse",
    ),
    covers_elsewhere=("dead-layers", "stopped", "fading", "dead-units"),
    covers_before=("norm-jump", "norm-trend", "violent-update", "fading", "sparsity-jump", "dead-units"),
)  # fmt: skip
