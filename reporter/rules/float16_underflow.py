"""Weight matrices so small that float16 loses them."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.deployment import GOOD_SQNR
from reporter.model.finding import Severity
from reporter.numerals import decibels, integer
from reporter.rules.base import Check, Limits, Rule, Unit
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix of the last checkpoint that does not overflow."""
    series = timeline.series
    last = series.measured[-1].by_name
    for name, ready in series.readiness.items():
        cast = ready.cast("float16")
        if cast is None or cast.sqnr is None or ready.int8_tensor is None:
            continue
        info = last[name].info
        yield Check.of(
            info,
            cast.sqnr,
            -cast.sqnr,
            Severity.INFO if cast.sqnr < limits["threshold"] else None,
            place=len(series.refs) - 1,
            message=f"{name} keeps {decibels(cast.sqnr)} in float16: {integer(cast.flushed)} of {integer(info.size)} "
            f"values become zero, {integer(cast.subnormal)} subnormal",
        )


FLOAT16_UNDERFLOW = Rule(
    name="float16-underflow",
    title="Underflow in float16",
    threshold=GOOD_SQNR,
    unit=Unit.DECIBEL,
    bad="less",
    formula="10 · log₁₀(Σw² / Σ(w − w′)²) in dB, w′ the value as float16; kernels and embeddings of the last "
    "checkpoint",
    source="IEEE 754 binary16, whose precision falls below 2⁻¹⁴ = 6.1e−5; ordinary weights keep about 73 dB; a "
    "remark: outputs in a small unit make such weights in a sound model",
    check=check,
    many="are too small for float16",
    meaning="The weights are below the range in which float16 keeps its precision: a cast loses part of what was "
    "learned.",
    next_step="Convert to bfloat16 instead, or keep these tensors in float32.",
    deployment=True,
)
