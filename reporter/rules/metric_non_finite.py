"""Metrics that became NaN or infinite while the training went on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.metrics import Axis, Metric
from reporter.numerals import counted, integer, number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per metric; a loss that stays so is a failure, for nothing is learnt from it any more.

    A log speaks of the checkpoints that were saved from the first such value on; where it stays so, from that time on,
    as a value that was bad for a time before is no sign of it. Where there is no such checkpoint, or nothing tells when
    they were saved, it is a warning about the training that blames no checkpoint: one that came from
    a training that had broken would fail by its own weights.
    """
    for metric in timeline.series.metrics.all:
        bad = metric.bad + metric.unplaced
        if bad <= limits["threshold"]:
            yield Check(float(bad), float(bad), place=len(timeline.labels) - 1)
            continue
        excess = bad / max(1, metric.count + metric.unplaced) + metric.is_loss
        since = metric.failed if metric.lasting is None else metric.lasting
        places = _places(timeline, metric, since)
        if places is None:
            later = since is not None and metric.axis is Axis.STEP and timeline.series.positions is not None
            yield _of_no_checkpoint(timeline, bad, _told(metric), excess, later=later)
            continue
        place, good = places
        yield Check(
            value=float(bad),
            excess=excess,
            severity=Severity.FAIL if metric.is_loss and metric.lasting is not None else Severity.WARN,
            place=place,
            good=good,
            message=_told(metric),
        )


def _told(metric: Metric) -> str:
    """How many values are bad, the first of them, and whether it stays so. What was only for a time says nothing of the
    checkpoints after it, so that both positions are told where they differ."""
    if metric.failed is None:
        return (
            f"{metric.name} is NaN or infinite in {counted(metric.unplaced, 'value')} that were logged for epochs "
            "whose steps are not known"
        )
    told = (
        f"{metric.name} is NaN or infinite in {counted(metric.bad, 'value')} of "
        f"{counted(metric.count, 'logged one', 'logged')}, first at {metric.axis} {number(metric.failed, 10)}, "
    )
    if metric.unplaced:
        return told + f"and in {integer(metric.unplaced)} of epochs whose steps are not known"
    if metric.lasting is None:
        return told + "and is finite again at the end"
    later = "" if metric.lasting == metric.failed else f" from {metric.axis} {number(metric.lasting, 10)} on"
    return told + "and stays so" + later


def _places(timeline: Timeline, metric: Metric, since: float | None) -> tuple[int, int | None] | None:
    """The first checkpoint from a position on, and the one before; None where there is no such checkpoint, or nothing
    tells which it is."""
    steps = timeline.series.positions
    if metric.axis is not Axis.STEP or since is None or steps is None:
        return None
    place = bisect_left(steps, since * (1 - 1e-12))  # computed from epochs, it may be a rounding error beyond its step
    return None if place == len(steps) else (place, place - 1 if place else None)


def _of_no_checkpoint(timeline: Timeline, bad: int, told: str, excess: float, *, later: bool) -> Check:
    """A warning about the training, which broke later than the last checkpoint, or nobody knows when."""
    last = len(timeline.labels) - 1
    if later:
        told += f"; the last checkpoint, {timeline.step(last)}, was saved before that"
        meaning = "The training went wrong after the last checkpoint was saved: no checkpoint here is of that time."
        next_step = (
            "The last checkpoint is a place to start again from; do not let the training go on, and look at the "
            "learning rate and the data of the steps just before the first such value."
        )
    else:
        told += "; nothing tells which checkpoints were saved before that"
        meaning = (
            "The loss or a metric could not be computed any more at some time of the training. Whether that was before "
            "or after a checkpoint was saved is not known; weights that broke are findings of their own."
        )
        next_step = "Compare the times of the log and of the checkpoints, and prefer one that was saved before."
    return Check(
        value=float(bad),
        excess=excess,
        severity=Severity.WARN,
        place=last,
        good=last if later else None,
        message=told,
        group="after the last checkpoint" if later else "at an unknown time",
        meaning=meaning,
        next_step=next_step,
        shown=False,
    )


METRIC_NON_FINITE = Rule(
    name="metric-non-finite",
    title="Metric NaN or infinite",
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
