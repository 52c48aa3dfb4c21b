"""Norms that explode or collapse from one checkpoint to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.model.measured import Absent, TensorMeasure
from reporter.model.role import WEIGHT_MATRICES
from reporter.numerals import number
from reporter.rules.base import Check, Rule

RATIO = 2.0
"""Diagnostics' proposal: a norm that doubles or halves between neighbouring checkpoints is worth a look."""


def check(series: Comparison) -> Iterator[Check]:
    """One check per weight matrix: its largest change of norm between neighbours, up or down."""
    for name in series.tensors:
        history = series.tensor(name)
        worst: tuple[float, float, int] | None = None
        for i in range(1, len(history)):
            if series.refs[i - 1].step.value == 0:
                continue  # from its initialisation a norm may go anywhere: that is training
            ratio = _ratio(history[i - 1], history[i])
            if ratio is not None and (worst is None or abs(math.log(ratio)) > worst[0]):
                worst = abs(math.log(ratio)), ratio, i
        if worst is None:
            continue
        excess, ratio, place = worst
        now, before = history[place], history[place - 1]
        assert now is not None and before is not None
        if excess <= math.log(RATIO):
            yield Check.of(now.info, ratio, excess, place=place)
            continue
        old, new = norm(before), norm(now)
        yield Check.of(
            now.info,
            ratio,
            excess,
            Severity.WARN,
            place=place,
            previous=old,
            message=f"the norm of {name} {'grew' if ratio > 1 else 'shrank'} × {number(ratio, 3)} from {number(old)} "
            f"at step {series.labels[place - 1]} to {number(new)} at step {series.labels[place]}",
        )


def _ratio(before: TensorMeasure | None, after: TensorMeasure | None) -> float | None:
    if before is None or after is None or after.info.shape != before.info.shape:
        return None
    if after.info.collection != "model" or after.info.role not in WEIGHT_MATRICES:
        return None
    old, new = norm(before), norm(after)
    # From or to zero is the business of the all-zero rule.
    return new / old if old and new else None


def norm(tensor: TensorMeasure) -> float:
    """‖W‖₂ of the finite values; 0 where there is none, or where it overflows."""
    value = tensor.statistics["l2_norm"]
    return 0.0 if isinstance(value, Absent) else value


NORM_JUMP = Rule(
    name="norm-jump",
    title="Exploding or collapsing norm",
    threshold=RATIO,
    formula="‖W‖₂ of a kernel or embedding / ‖W‖₂ in the checkpoint before, step 0 excepted; above 2 or below ½",
    source="own proposal, calibrated on healthy series",
    check=check,
)
