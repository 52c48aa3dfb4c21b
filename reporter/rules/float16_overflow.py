"""Values of the model that float16 cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.grouped import as_one
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per floating-point tensor of the last checkpoint's model, and at most one finding."""
    series = timeline.series
    last = series.measured[-1].by_name
    checks, hit = [], []
    for name, ready in series.readiness.items():
        cast = ready.cast("float16")
        if cast is None:
            continue
        value = float(cast.overflow)
        one = Check.of(last[name].info, value, value, place=len(series.refs) - 1)
        checks.append(one)
        if value > limits["threshold"]:
            hit.append(one)
    if not hit:
        yield from checks
        return
    worst = max(hit, key=lambda c: c.excess)
    message = (
        f"float16 would turn values of {integer(len(hit))} of {integer(len(checks))} tensors into infinity "
        f"(worst: {worst.tensor}, {counted(int(worst.value or 0), 'value')}); bfloat16 has the range of float32"
    )
    yield from as_one(checks, hit, Severity.INFO, message)


FLOAT16_OVERFLOW = Rule(
    name="float16-overflow",
    title="Overflow in float16",
    threshold=0.0,
    bad="more",
    formula="finite values with |w| ≥ 65520, which round to infinity in float16 (largest: 65504); of the last "
    "checkpoint",
    source="IEEE 754 binary16; a remark: a bias that is the mean of prices is that large in a sound model",
    check=check,
    meaning="Cast to float16, these weights become infinite, and so does what the model computes from them.",
    next_step="Convert to bfloat16 instead, or keep these tensors in float32.",
    deployment=True,
)
