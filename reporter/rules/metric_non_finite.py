"""Metrics that became NaN or infinite while the training went on."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.metrics import Axis, Metric
from reporter.numerals import counted, number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per metric; a loss that stays so is a failure, for nothing is learnt from it any more."""
    for metric in timeline.series.metrics.all:
        if metric.bad <= limits["threshold"] or metric.failed is None:
            yield Check(float(metric.bad), float(metric.bad), place=len(timeline.labels) - 1)
            continue
        stays = not math.isfinite(metric.values[-1])
        place, good = _places(timeline, metric)
        since = f"first at {metric.axis} {number(metric.failed, 10)}"
        yield Check(
            value=float(metric.bad),
            excess=metric.bad / max(1, metric.count) + metric.is_loss,
            severity=Severity.FAIL if metric.is_loss and stays else Severity.WARN,
            place=place,
            good=good,
            message=f"{metric.name} is NaN or infinite in {counted(metric.bad, 'value')} of "
            f"{counted(metric.count, 'logged one', 'logged')}, {since}, "
            + ("and stays so" if stays else "and is finite again at the end"),
        )


def _places(timeline: Timeline, metric: Metric) -> tuple[int, int | None]:
    """The first checkpoint from the first bad value on, or the last one; and the one before, where there is one."""
    last = len(timeline.labels) - 1
    steps = timeline.series.positions
    if metric.axis is not Axis.STEP or metric.failed is None or steps is None:
        return last, None
    place = bisect_left(steps, metric.failed)
    return min(place, last), place - 1 if 0 < place <= last else None


METRIC_NON_FINITE = Rule(
    name="metric-non-finite",
    title="Metric without a number",
    threshold=0.0,
    bad="more",
    formula="number of logged values of a metric that are NaN or infinite",
    source="Keras, TerminateOnNaN",
    check=check,
    many="became NaN or infinite",
    noun="metrics",
    meaning="The loss or a metric could not be computed any more: the training has diverged, or a batch made it "
    "undefined.",
    next_step="See under Metrics whether the weights broke before it or after; look at the learning rate and the data "
    "of the steps just before the first such value.",
    evidence="certain: the log says so; its values are those of the training, not computed here",
)
