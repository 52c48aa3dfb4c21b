"""The sections of a series in the PDF, which is read in a meeting: trends, histograms, and layers from first to last.

HTML shows every checkpoint and every layer. These sections show what a reviewer asks for, on two or three pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reporter.model.blocks import Figures, Paragraph
from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.evenly import evenly
from reporter.model.finding import Severity
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import integer
from reporter.sections import by_role, layer_trends, series_layers, series_metrics, series_moved
from reporter.sections.base import (
    NON_FINITE,
    non_finite_cell,
    norm_cell,
    said_once,
    sheets,
    statistic_cells,
    statistic_columns,
    where_detailed,
)
from reporter.sections.paired import UPDATE, update_cell
from reporter.sections.series_trends import about, best_marks, names_of

CHECKPOINTS = 12
"""Most rows of the table of checkpoints."""

RIDGES = 12
"""Up to this number of checkpoints their distributions are drawn one above the other; more would fill a page."""

METRICS = 2
"""Most metrics with a column in that table."""

_STATISTICS = ("mean", "std", "min", "max", "zero_share")


def build(report: Report, at: int) -> Iterator[Section]:
    """The sections of one series.

    Args:
        report: the report.
        at: index of the series.
    """
    series = report.series[at]
    of = "" if len(report.series) == 1 else f": {series.name}"
    trend = "Alternatives" if series.kind is SeriesKind.ALTERNATIVES else "Trend"
    yield Section(f"trend-{series.slug}", f"{trend}{of}", tuple(_trend(report, at)))
    if series.moved:
        yield series_moved.build(report, at, "pdf")
    if drawn := tuple(report.figures[at].telling.values()):
        drawn, common = said_once(drawn)
        text = (
            f"{integer(len(drawn))} of {integer(len(series.layers))} layers, in model order: those of the findings, "
            "those that moved most, the first and the last. Each picture is of the layer's kernel, or of its "
            f"largest trained tensor where it has none. {common}"
        ).strip()
        blocks = (Paragraph(text), Figures(drawn))
        yield Section(f"histograms-{series.slug}", f"Distributions over the steps{of}", blocks)
    if series.layers:
        yield Section(f"layers-{series.slug}", f"Layers{of}", tuple(_layers(report, at)))


def _trend(report: Report, at: int) -> Iterator[Block]:
    series, figures = report.series[at], report.figures[at]
    yield Paragraph(about(report, series))
    yield from (Paragraph(note, "note") for note in series.notes)
    if series.metrics.matched or series.metrics.all:
        yield from series_metrics.sentences(report, at)
    if figures.metrics:
        yield figures.metrics
    yield trend_table(report, at)
    yield by_role.table(series, "pdf")  # two tables fill what is left of a page, a picture would leave it empty
    if len(series.refs) == 1:
        if figures.checkpoints[0].histogram:
            yield figures.checkpoints[0].histogram
    elif series.kind is SeriesKind.ALTERNATIVES or not figures.bands:
        if figures.moving and len(series.refs) <= RIDGES:
            yield figures.moving
        if figures.similarity:
            yield figures.similarity
    else:
        yield figures.bands


def trend_table(report: Report, at: int) -> Table:
    """The trained weights of some checkpoints: the ends, the best, those at which findings begin, and others between.

    Args:
        report: the report.
        at: index of the series.
    """
    series = report.series[at]
    places = shown_places(report, series)
    metrics = [metric for metric in series.metrics.matched if metric.source][:METRICS]
    names, best = names_of(series), best_marks(series)
    rows = []
    for place in places:
        ref, numbers = series.refs[place], series.measured[place]
        change = series.pairs[place - 1].trained if place and series.pairs else None
        step = float(place if ref.step.value is None else ref.step.value)
        cells = [
            Cell(series.labels[place], sort=step),
            Cell(names[place] + best[place] + (" (rotated away)" if ref.rotated else "")),
            *(series_metrics.value_cell(metric, place, series, metric.best == place) for metric in metrics),
            norm_cell(numbers.trained),
            *([update_cell(change)] if series.pairs else []),
            *statistic_cells(numbers.trained.statistics, _STATISTICS),
            non_finite_cell(numbers.whole.summary),
        ]
        rows.append(Row(tuple(cells)))
    columns = (
        Column("Step", definition="Training step, or place in the series (#) where none is known."),
        Column("Checkpoint", numeric=False),
        *(Column(metric.name) for metric in metrics),
        *statistic_columns(("l2_norm",)),
        *([Column(UPDATE.title, unit="previous", definition=UPDATE.definition)] if series.pairs else []),
        *statistic_columns(_STATISTICS),
        NON_FINITE,
    )
    note = ""
    if len(places) < len(series.refs):
        note = (
            f"{integer(len(places))} of {integer(len(series.refs))} checkpoints: the first and the last, the best, "
            "those at which findings begin, and others evenly spread. “previous” is the checkpoint just before, shown "
            "or not. report.json has all of them."
        )
    return Table("Trained weights over the checkpoints", columns, tuple(rows), note)


def shown_places(report: Report, series: Comparison) -> tuple[int, ...]:
    """The checkpoints that the table shows, ascending."""
    n = len(series.refs)
    if n <= CHECKPOINTS:
        return tuple(range(n))
    place_of = {ref.name: place for place, ref in enumerate(series.refs)}
    loud = [f for f in report.judgement.findings if f.series == series.name and f.severity > Severity.INFO]
    begun = [place_of[f.first_bad] for f in loud if f.first_bad in place_of]
    chosen = series.metrics.chosen
    best = [] if chosen is None or chosen.best is None else [chosen.best]
    wanted = dict.fromkeys([n - 1, 0, *best, *(p for at in begun for p in (at, max(at - 1, 0)))])
    kept = list(wanted)[: CHECKPOINTS - 2]
    return tuple(sorted({*kept, *_between(kept, n, CHECKPOINTS - len(kept))}))


def _between(kept: Sequence[int], n: int, room: int) -> list[int]:
    """So many of the other places, evenly spread."""
    others = [place for place in range(n) if place not in kept]
    return [others[i] for i in evenly(len(others), room)] if room > 0 else []


def _layers(report: Report, at: int) -> Iterator[Block]:
    series, figures = report.series[at], report.figures[at]
    where = where_detailed(report, at)
    if len(series.refs) == 1:
        yield from sheets(figures.checkpoints[0], len(series.layers), "pdf", where)
    loud = [f for f in report.judgement.findings if f.series == series.name and f.severity > Severity.INFO]
    yield series_layers.table(series, {layer for finding in loud for layer in finding.layers}, where)
    if sudden := layer_trends.sudden(series, "pdf", where):
        yield sudden
