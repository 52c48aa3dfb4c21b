"""Output units whose incoming weights are all (nearly) zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.model.measured import TensorMeasure
from reporter.numerals import integer
from reporter.rules.base import Check, Rule

RELATIVE = 1e-6
"""A unit is dead when its norm is below this share of the median unit's."""


def dead(tensor: TensorMeasure) -> npt.NDArray[np.bool_]:
    """Which output units are dead; none where more than half are zero (then the matrix is sparse, not its units)."""
    assert tensor.units is not None
    norms = tensor.units.norms
    median = float(np.median(norms))
    return norms < RELATIVE * median if median > 0 else np.zeros(len(norms), bool)


def check(series: Comparison) -> Iterator[Check]:
    """One check per weight matrix: units that died during the series, else those dead from the start."""
    for name in series.tensors:
        history = [(i, t) for i, t in enumerate(series.tensor(name)) if t is not None and t.units is not None]
        if not history:
            continue
        info = history[0][1].info
        first = dead(history[0][1])
        if len(first) < 2:
            continue
        worst_place, worst_new = history[0][0], 0
        for place, tensor in history[1:]:
            now = dead(tensor)
            new = int((now & ~first).sum()) if len(now) == len(first) else 0
            if new > worst_new:
                worst_place, worst_new = place, new
        if worst_new:
            yield Check.of(
                info,
                float(worst_new),
                float(worst_new),
                Severity.WARN,
                place=worst_place,
                previous=float(first.sum()),
                message=f"{integer(worst_new)} of {integer(len(first))} output units of {name} have died since step "
                f"{series.labels[history[0][0]]} (at step {series.labels[worst_place]})",
            )
        elif first.any():
            yield Check.of(
                info,
                float(first.sum()),
                0.5,
                Severity.INFO,
                place=history[0][0],
                message=f"{integer(int(first.sum()))} of {integer(len(first))} output units of {name} are dead from "
                f"the first checkpoint on",
            )
        else:
            yield Check.of(info, 0.0, 0.0, place=history[-1][0])


DEAD_UNITS = Rule(
    name="dead-units",
    title="Dead units",
    threshold=0.0,
    formula="number of output units (or embedding rows) with ‖w‖₂ < 10⁻⁶ × median ‖w‖₂ of the tensor's units",
    source="own proposal after the dying-ReLU literature; biases are not considered",
    check=check,
)
