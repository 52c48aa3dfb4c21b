"""Weight matrices that lose more than they should when rounded to int8."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.deployment import FEW_LEVELS, GOOD_SQNR, UNFIT_SQNR
from reporter.model.finding import Severity
from reporter.numerals import decibels, integer
from reporter.rules.base import Check, Limits, Rule, Unit
from reporter.rules.grouped import as_one
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix of the last checkpoint, and at most one finding.

    A remark, for it says nothing against the training, nor does anybody know whether int8 is wanted.
    """
    series = timeline.series
    last = series.measured[-1].by_name
    ready = {name: r for name, r in series.readiness.items() if r.int8_tensor is not None and r.best is not None}
    checks = [
        Check.of(last[name].info, r.int8_tensor, -(r.int8_tensor or 0.0), place=len(series.refs) - 1)
        for name, r in ready.items()
    ]
    hit = [c for c in checks if -c.excess < limits["threshold"] or ready[c.tensor].coarse]
    if not hit:
        yield from checks
        return
    worst = max(hit, key=lambda c: c.excess)
    message = (
        f"one int8 scale per tensor is too coarse for {integer(len(hit))} of {integer(len(checks))} weight tensors "
        f"(least: {worst.tensor}, {decibels(worst.value)}"
    )
    if most := max(ready[c.tensor].coarse or 0 for c in hit):
        name = next(c.tensor for c in hit if ready[c.tensor].coarse == most)
        message += (
            f"; in {name} {integer(most)} of {integer(ready[name].channels or 0)} output channels are left with fewer "
            f"than {FEW_LEVELS} levels"
        )
    value, name = min((r.best or 0.0, name) for name, r in ready.items() if r.best is not None)
    if value >= GOOD_SQNR:
        message += "); with a scale per output channel all weights are good"
    else:
        what = "keep what is unfit in float" if value < UNFIT_SQNR else "measure the accuracy before shipping int8"
        message += f"); even with a scale per output channel {name} keeps only {decibels(value)}: {what}"
    yield from as_one(checks, hit, Severity.INFO, message)


INT8_READY = Rule(
    name="int8-ready",
    title="Ready for int8",
    threshold=GOOD_SQNR,
    unit=Unit.DECIBEL,
    bad="less",
    formula="10 · log₁₀(Σw² / Σ(w − Q(w))²) in dB, Q the symmetric int8 rounding with scale max |w| / 127, of the last "
    "checkpoint; and output channels with fewer than 8 levels",
    source="own proposal: normal weights keep about 40 dB, 20 dB is noise of a tenth of the weights' norm",
    check=check,
    meaning="One far value, or channels of very different size, leave few of the 256 levels of int8 to the other "
    "weights.",
    next_step="Quantise with a scale per output channel, and compare the accuracy before and after.",
    deployment=True,
)
