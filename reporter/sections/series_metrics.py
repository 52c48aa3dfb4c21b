"""The section on what a training logged, beside the checkpoints of its series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reporter.model.blocks import Paragraph
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Severity
from reporter.model.metrics import Axis, Goal, Metric
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import counted, integer, number
from reporter.sections.base import Medium, bounded, number_cell, of_series, page_href, sortable, unrounded
from reporter.sections.series_trends import names_of

COLUMNS = 8
"""Metrics that have a column in the table of checkpoints."""

METRIC_RULE = "metric-non-finite"


def build(report: Report, at: int, medium: Medium) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        medium: what the section is for.
    """
    return of_series(report, at, "metrics", "Metrics", _blocks(report, at, medium))


def _blocks(report: Report, at: int, medium: Medium) -> Iterator[Block]:
    metrics = report.series[at].metrics
    yield from sentences(report, at)
    if (figure := report.figures[at].metrics) is not None:
        yield figure
    if metrics.matched:
        yield _at_checkpoints(report, at, medium)
    if metrics.all:
        yield _logs(metrics.all, medium)
    for text in metrics.notes:
        yield Paragraph(f"{text}.", "note")


def sentences(report: Report, at: int) -> Iterator[Paragraph]:
    """Cautions, which checkpoint is the best, and whether the loss broke before the weights."""
    series = report.series[at]
    metrics = series.metrics
    for text in metrics.cautions:
        yield Paragraph(f"{text}.", "warning")
    if metrics.chosen is not None:
        yield Paragraph(_best(series, metrics.chosen, _first_failure(report, series)))
    for text in _broke(report, series):
        yield Paragraph(text)


Failure = tuple[int, int | None, str]
"""Place of the first checkpoint whose weights failed, place of the last good one before, and the title of the rule."""


def _best(series: Comparison, metric: Metric, failure: Failure | None) -> str:
    """Which checkpoint is the best, and by what that was chosen."""
    place = metric.best
    assert place is not None
    value, logged = metric.at[place], metric.at_positions[place]
    where = "" if logged is None or number(logged, 10) == series.labels[place] else f", logged at {_step(logged)}"
    late = " Its weights have failed by then: see the findings." if failure and failure[0] <= place else ""
    return (
        f"Best checkpoint by {metric.name}, the {metric.goal} of {counted(len(series.refs), 'checkpoint')}: step "
        f"{series.labels[place]}, {number(value)}{where}. It is chosen by the first metric in this order: on held-out "
        "data (val_…, eval_…), then a loss. A name with loss or error counts as better when lower, one with accuracy, "
        "AUC, F1 or the like when higher." + late
    )


def _broke(report: Report, series: Comparison) -> Iterator[str]:
    """Whether the first loss that is not finite broke before or after the weights did."""
    weights, steps = _first_failure(report, series), series.positions
    losses = [metric for metric in series.metrics.matched if metric.is_loss and metric.source]
    if steps is None or not losses:
        return
    failed = [
        (metric.failed if metric.lasting is None else metric.lasting, metric.name, metric.lasting is not None)
        for metric in losses
        if metric.failed is not None
    ]
    if not failed:
        if weights is not None:
            names = ", ".join(metric.name for metric in losses[:3])
            yield (
                f"The weights failed first at step {series.labels[weights[0]]} ({weights[2]}), while all logged values "
                f"of {names} are finite."
            )
        return
    at, name, stays = min(failed)
    lost = f"{name} is NaN or infinite {'from' if stays else 'for a time from'} step {_step(at)} on"
    if weights is None and at > steps[-1]:
        yield f"{lost}, after the last checkpoint (step {series.labels[-1]}): every checkpoint here is from before."
        return
    if weights is None:
        yield f"{lost}; no rule about weights failed."
        return
    place, good, title = weights
    bad = f"the weights failed first at step {series.labels[place]} ({title})"
    if at > steps[place]:
        yield f"{lost}; {bad}: the weights broke before the loss."
    elif good is None:
        yield f"{lost}; {bad}, and no earlier checkpoint tells whether before the loss or after it."
    elif at <= steps[good]:
        yield f"{lost}; {bad} and were sound at step {series.labels[good]}: the loss broke before the weights."
    else:
        yield (
            f"{lost}; {bad} and were sound at step {series.labels[good]}: both broke between these two, and "
            "which came first cannot be told."
        )


def _first_failure(report: Report, series: Comparison) -> Failure | None:
    """The first failure about weights."""
    place_of = {ref.name: place for place, ref in enumerate(series.refs)}

    def about_weights(finding: Finding) -> bool:
        return finding.series == series.name and finding.rule.name != METRIC_RULE

    found = [
        (place_of[f.first_bad], place_of.get(f.last_good), f.rule.title)
        for f in report.judgement.findings
        if about_weights(f) and f.severity is Severity.FAIL and f.first_bad in place_of
    ]
    return min(found, key=lambda one: one[0], default=None)


def _step(position: float) -> str:
    """A step with all digits; some logs have fractions of epochs."""
    return integer(round(position)) if position == round(position) else number(position, 8)


def _at_checkpoints(report: Report, at: int, medium: Medium) -> Table:
    """A row for each checkpoint with the last value of each metric that was logged at or before its step."""
    series = report.series[at]
    metrics = series.metrics.matched
    shown = metrics[:COLUMNS]
    columns = [Column("Step"), Column("Checkpoint", numeric=False)]
    columns += [Column(metric.name, definition=_definition(metric)) for metric in shown]
    names, best = names_of(series), {metric.name: metric.best for metric in shown}
    rows = []
    for place in range(len(series.refs)):
        step = series.refs[place].step.value
        mark = " ★ best" if place == series.metrics.best else ""
        cells = [
            Cell(series.labels[place], sort=float(place if step is None else step)),
            Cell(names[place] + mark, href=page_href(report, at, place, medium)),
            *(value_cell(metric, place, series, best[metric.name] == place) for metric in shown),
        ]
        rows.append(Row(tuple(cells)))
    note = (
        "Each value is the last one logged at or before the step of the checkpoint; where that was at another step, "
        "it follows after @. ★: the best of the column"
        + (f"; the best checkpoint by {series.metrics.chosen.name}." if series.metrics.chosen else ".")
    )
    if len(shown) < len(metrics):
        note += f" {counted(len(metrics) - len(shown), 'more metric')} below and in report.json."
    return bounded("Metrics at the checkpoints", columns, rows, medium, note=note, keep="ends")


def _definition(metric: Metric) -> str:
    good = "" if metric.goal is Goal.UNKNOWN else f" Better when {'lower' if metric.goal is Goal.LOWEST else 'higher'}."
    return f"Logged by the training ({metric.format}), not computed here.{good}"


def value_cell(metric: Metric, place: int, series: Comparison, best: bool) -> Cell:
    """The last value of a metric that was logged at or before a checkpoint; a star marks the best."""
    value, logged = metric.at[place], metric.at_positions[place]
    if value is None or logged is None:
        return number_cell(None)
    steps = series.positions
    apart = steps is not None and abs(logged - steps[place]) > 1e-9 * max(1.0, abs(logged))
    text = number(value) + (f" @ {_step(logged)}" if apart else "") + (" ★" if best else "")
    level = "" if math.isfinite(value) else "fail"
    return Cell(text, sort=sortable(value), level="fail" if level else "", title=unrounded(value))


def _logs(metrics: Sequence[Metric], medium: Medium) -> Table:
    """A row for each metric: where it is from, how it was matched, its last and its best value."""
    columns = (
        Column("Metric", numeric=False),
        Column("Values"),
        Column("NaN/Inf"),
        Column("Last"),
        Column("Best"),
        Column("Where the best is"),
        Column("From", numeric=False),
        Column("Matched", numeric=False),
    )
    rows = []
    for metric in metrics:
        best, where = _extreme(metric)
        rows.append(
            Row(
                (
                    Cell(metric.name),
                    Cell(integer(metric.count), sort=float(metric.count)),
                    Cell(integer(metric.bad), sort=float(metric.bad), level="fail" if metric.bad else ""),
                    number_cell(metric.values[-1]),
                    number_cell(best),
                    Cell("—" if where is None else f"{metric.axis} {_step(where)}", sort=where),
                    Cell(f"{metric.source}: {metric.format}" if metric.source else metric.format),
                    Cell(metric.matching),
                )
            )
        )
    outside = any(metric.axis is not Axis.STEP for metric in metrics)
    note = "Metrics that could not be matched to steps are in no picture." if outside else ""
    return bounded("Where the metrics are from", columns, rows, medium, note=note)


def _extreme(metric: Metric) -> tuple[float | None, float | None]:
    """The best finite value and its position; None where the name does not tell which is good."""
    known = [(v, p) for v, p in zip(metric.values, metric.positions, strict=True) if math.isfinite(v)]
    if metric.goal is Goal.UNKNOWN or not known:
        return None, None
    return (min if metric.goal is Goal.LOWEST else max)(known, key=lambda one: one[0])
