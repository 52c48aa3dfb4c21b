"""Weight matrices that lose more than they should when rounded to int8."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.comparison import Comparison
from reporter.model.deployment import GOOD_SQNR, UNFIT_SQNR
from reporter.model.finding import Severity
from reporter.numerals import decibels, integer
from reporter.rules.base import Check, Rule
from reporter.rules.grouped import as_one


def check(series: Comparison) -> Iterator[Check]:
    """One check per weight matrix of the last checkpoint, and at most one finding.

    A remark as long as a scale per output channel helps; a warning for what is unfit even so.
    """
    last = series.measured[-1].by_name
    checks, low, poor = [], [], []
    for name, ready in series.readiness.items():
        if ready.int8_tensor is None:
            continue
        one = Check.of(last[name].info, ready.int8_tensor, -ready.int8_tensor, place=len(series.refs) - 1)
        checks.append(one)
        if ready.int8_tensor < GOOD_SQNR:
            low.append(one)
            best = ready.int8_tensor if ready.int8_channel is None else ready.int8_channel
            if best < GOOD_SQNR:
                poor.append((best, name))
    if not low:
        yield from checks
        return
    poor.sort()
    worst = max(low, key=lambda c: c.excess)
    message = (
        f"int8 with one scale per tensor keeps less than {GOOD_SQNR:g} dB of {integer(len(low))} of "
        f"{integer(len(checks))} weight tensors (worst: {worst.tensor}, {decibels(worst.value)})"
    )
    if not poor:
        message += "; with a scale per output channel all of them are good"
    else:
        value, name = poor[0]
        message += (
            f"; {integer(len(poor))} of them lose too much even with a scale per output channel (worst: {name}, "
            f"{decibels(value)}): "
            + ("keep what is unfit in float" if value < UNFIT_SQNR else "measure the accuracy before shipping int8")
        )
    unfit = bool(poor) and poor[0][0] < UNFIT_SQNR
    yield from as_one(checks, low, Severity.WARN if unfit else Severity.INFO, message)


INT8_READY = Rule(
    name="int8-ready",
    title="Ready for int8",
    threshold=GOOD_SQNR,
    formula="10 · log₁₀(Σw² / Σ(w − Q(w))²) in dB, Q the symmetric int8 rounding with scale max |w| / 127; of the last "
    "checkpoint",
    source="own proposal: normal weights keep about 40 dB, 20 dB is noise of a tenth of the weights' norm",
    check=check,
)
