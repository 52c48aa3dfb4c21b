"""The section on how the whole model changed over the checkpoints of a series."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from reporter.model.blocks import Figures, Paragraph
from reporter.model.checkpoint import Order, SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.sections import by_role
from reporter.sections.base import (
    NON_FINITE,
    Medium,
    bounded,
    non_finite_cell,
    norm_cell,
    number_cell,
    of_series,
    page_href,
    statistic_cells,
    statistic_columns,
)

_STATISTICS = ("mean", "std", "min", "max", "l2_norm", "skewness", "kurtosis", "zero_share")
"""The statistics in the table."""

_QUANTILES = (0.05, 0.5, 0.95)

_ORDER = {
    Order.IN_FILE: "ordered by the training step stored in the files",
    Order.SAVE_COUNTER: "ordered by the save counter stored in the files",
    Order.FILE_NAME: "ordered by the number in the file names",
    Order.TIME: "ordered by modification time, for want of a step",
    Order.RECORDED: "in the order of the training",
}


BRIEF = (
    "In a report over this many series, only those with the worst findings have all pictures. The tables are complete; "
    "a report over this series alone has every picture."
)


def build(report: Report, at: int, medium: Medium) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        medium: what the section is for.
    """
    what = "Alternatives" if report.series[at].kind is SeriesKind.ALTERNATIVES else "Trend"
    return of_series(report, at, "trend", what, _blocks(report, at, medium))


def _blocks(report: Report, at: int, medium: Medium) -> Iterator[Block]:
    series, figures = report.series[at], report.figures[at]
    yield Paragraph(about(report, series))
    for note in series.notes:
        yield Paragraph(note, "note")
    yield trend_table(report, at, medium)
    yield by_role.table(series, medium)
    if len(series.refs) == 1:
        first = figures.checkpoints[0]
        if first.histogram:
            yield first.histogram
        return
    if figures.brief:
        yield Paragraph(BRIEF, "note")
    if figures.moving:
        yield figures.moving
    if series.kind is SeriesKind.ALTERNATIVES:
        if figures.similarity:
            yield figures.similarity
        return
    if figures.bands:
        yield figures.bands
    if figures.trends:
        yield Figures(figures.trends[:1])


def about(report: Report, series: Comparison) -> str:
    """A paragraph on the series: how many checkpoints in which format, their order, and what statistics cover."""
    first = series.measured[0]
    made_by = f", written by {first.framework}" if first.framework else ""
    n = len(series.refs)
    named = series.ordered_by is Order.FILE_NAME and series.refs[0].step.value is None
    order = "ordered by the file names" if named else _ORDER[series.ordered_by]
    detail = series.refs[0].step.detail
    source = f" ({detail})" if series.ordered_by is Order.IN_FILE and detail else ""
    if series.recorded:
        return _recorded(series, by_role.covered(series))
    return (
        f"{n} checkpoint{'s' if n > 1 else ''} in format {series.format}{made_by}"
        + (f", {order}{source}" if n > 1 else "")
        + _rotated(series)
        + f". {by_role.covered(series)} Integrity check: {first.integrity}."
    )


def _recorded(series: Comparison, covered: str) -> str:
    """The same of states that never were files."""
    n = len(series.refs)
    held = f"of a {series.measured[0].framework}" if series.measured[0].framework else "of arrays"
    estimated = (
        " Each was compared with the one before it value by value; the distance from the first is estimated from "
        "sketches where a tensor has more than 1,024 values."
        if n > 2
        else ""
    )
    if n == 1:
        return f"1 state {held}, measured in memory: there is no file of it. {covered}"
    return (
        f"{n} states {held}, recorded in memory while it was trained, in the order of the training: there are no files "
        f"of them, and their weights cannot be read again.{estimated} {covered}"
    )


def _rotated(series: Comparison) -> str:
    gone = [ref for ref in series.refs if ref.rotated]
    if not gone:
        return ""
    days = sorted({ref.rotated for ref in gone})
    when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    return (
        f"; the files of {len(gone)} of them have been rotated away since: their numbers are those measured {when}, "
        "and what was not compared before that is estimated from sketches"
    )


def best_marks(series: Comparison) -> list[str]:
    """What is written behind the name of each checkpoint: a star for the best one by a metric that was logged."""
    chosen = series.metrics.chosen
    return [f" ★ best {chosen.name}" if chosen and place == chosen.best else "" for place in range(len(series.refs))]


def names_of(series: Comparison) -> list[str]:
    """The names of the checkpoints without the folder that all of them are in."""
    folder = posixpath.commonpath([f"/{ref.name}".rpartition("/")[0] or "/" for ref in series.refs])
    return [posixpath.relpath(f"/{ref.name}", folder) for ref in series.refs]


def trend_table(report: Report, at: int, medium: Medium) -> Table:
    """A table with a row for each checkpoint: the statistics and quantiles of the trained weights.

    Args:
        report: the report.
        at: index of the series.
        medium: what the table is for.
    """
    series = report.series[at]
    names = _STATISTICS
    middle = [p for p in _QUANTILES if all(p in m.trained.quantiles.values for m in series.measured)]
    columns = [
        Column("Step", definition="Training step, or place in the series (#) where none is known."),
        Column("Checkpoint", numeric=False),
        *statistic_columns(names),
        NON_FINITE,
        *(
            Column(f"q{p:g}", definition=f"{100 * p:g} % quantile, within 2⁻⁸ of its magnitude.", extra=True)
            for p in middle
        ),
    ]
    rows = []
    shown, best = names_of(series), best_marks(series)
    for place, (ref, numbers) in enumerate(zip(series.refs, series.measured, strict=True)):
        href = page_href(report, at, place, medium)
        step = float(ref.step.value) if ref.step.value is not None else float(place)
        cells = [
            Cell(series.labels[place], sort=step),
            Cell(shown[place] + best[place] + (" (rotated away)" if ref.rotated else ""), href=href),
            *(
                norm_cell(numbers.trained) if name == "l2_norm" else cell
                for name, cell in zip(names, statistic_cells(numbers.trained.statistics, names), strict=True)
            ),
            non_finite_cell(numbers.whole.summary),
            *(number_cell(numbers.trained.quantiles.values[p]) for p in middle),
        ]
        rows.append(Row(tuple(cells)))
    return bounded("Trained weights over the checkpoints", columns, rows, medium, keep="ends")
