"""Output channels that repeat others."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.grouped import as_one
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per weight matrix that was searched in the last checkpoint, and at most one remark."""
    series = timeline.series
    last = series.measured[-1].by_name
    checks = [
        Check.of(last[name].info, float(ready.duplicates), float(ready.duplicates), place=len(series.refs) - 1)
        for name, ready in series.readiness.items()
        if ready.duplicates is not None
    ]
    hit = [c for c in checks if c.excess > limits["threshold"]]
    if not hit:
        yield from checks
        return
    worst = max(hit, key=lambda c: c.excess)
    count, channels = int(worst.value or 0), series.readiness[worst.tensor].channels or 0
    message = (
        f"{integer(len(hit))} of {integer(len(checks))} weight tensors {'has' if len(hit) == 1 else 'have'} output "
        f"channels that repeat others up to scale (most: {worst.tensor}, {integer(count)} of "
        f"{counted(channels, 'channel')})"
    )
    yield from as_one(checks, hit, Severity.INFO, message)


DUPLICATE_OUTPUTS = Rule(
    name="duplicate-outputs",
    title="Duplicate outputs",
    threshold=0.0,
    bad="more",
    formula="output channels with |cos| > 0.999 to an earlier one, in kernels of at least 8 weights an output and at "
    "most 4 million values; of the last checkpoint",
    source="own proposal: redundant filters could be merged; the same initialisation of all units shows so, too",
    check=check,
    meaning="Units that point the same way compute the same feature: the layer is wider than it needs to be, or all "
    "units began alike.",
    next_step="Check the initialiser; if it is sound, the layer can be made narrower.",
    deployment=True,
)
