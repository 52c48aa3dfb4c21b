"""Weight matrices that are zero throughout."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.model.role import WEIGHT_MATRICES
from reporter.numerals import share
from reporter.rules.base import Check, Rule


def check(series: Comparison) -> Iterator[Check]:
    """One check per weight matrix; one that is zero only at the start was initialised so, which is no defect."""
    for name in series.tensors:
        history = [(i, t) for i, t in enumerate(series.tensor(name)) if t is not None]
        info = history[0][1].info
        if info.collection != "model" or info.role not in WEIGHT_MATRICES or not info.size:
            continue
        zero = [i for i, t in history if t.summary.zeros == t.summary.count]
        last, tensor = history[-1]
        zero_share = tensor.summary.zeros / tensor.summary.count if tensor.summary.count else 0.0
        if not zero:
            yield Check.of(info, zero_share, zero_share, place=last)
            continue
        at_start = zero == [i for i, _ in history[: len(zero)]]
        moved_later = at_start and len(zero) < len(history)
        untrained = at_start and series.refs[last].step.value == 0
        if moved_later or untrained:
            yield Check.of(
                info,
                1.0,
                1.0,
                Severity.INFO,
                place=zero[0],
                message=f"{name} ({info.role}) is all zero at step {series.labels[zero[0]]}, the start of the series: "
                "initialised so",
            )
        else:
            where = zero[0] if not at_start else last
            yield Check.of(
                info,
                1.0,
                2.0,
                Severity.FAIL,
                place=where,
                message=f"{name} ({info.role}) is {share(1.0)} zero at step {series.labels[where]}"
                + ("" if len(zero) == 1 else f", in {len(zero)} checkpoints"),
            )


ALL_ZERO = Rule(
    name="all-zero",
    title="All-zero weights",
    threshold=1.0,
    formula="zeros / values of a kernel or embedding",
    source="SageMaker Debugger, all zero; restricted to roles that carry what was learned",
    check=check,
)
