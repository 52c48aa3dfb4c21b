"""The section with a table of every layer over the checkpoints, in a statistic that scripts let the reader choose."""

from __future__ import annotations

import math
from dataclasses import replace

from reporter.model.evenly import evenly
from reporter.model.numbers import SeriesNumbers
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.model.side_by_side import LayerCourses
from reporter.model.table import Cell, Column, Row
from reporter.numerals import integer, statistic
from reporter.printable import layer_name
from reporter.sections.base import BY_NAME, bounded, of_series, where_detailed

COLUMNS = 12
"""Most checkpoints in the table: as many as a screen has room for beside the names."""


def build(report: Report, at: int, numbers: SeriesNumbers) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        numbers: see :func:`reporter.sections.compare_view.numbers_of`.
    """
    series = report.series[at]
    count = len(numbers.labels) - bool(series.from_baseline)
    columns = tuple(evenly(count, COLUMNS))
    shown = numbers.courses[0]
    definition = f"{BY_NAME[shown.name].title} at this checkpoint: "
    rows = [
        Row(
            (
                Cell(layer_name(name), href=f"#{numbers.cards[i]}"),
                *(_cell(float(shown.values[i, place]), shown.unit) for place in columns),
            )
        )
        for i, name in enumerate(numbers.layers)
    ]
    heads = [Column("Layer", numeric=False)]
    heads += [Column(numbers.labels[place], definition=definition + numbers.names[place]) for place in columns]
    note = "Of the trained weights of each layer; NaN/Inf: some of them are not finite."
    if len(columns) < len(series.refs):
        note += f" {len(columns)} of {integer(len(series.refs))} checkpoints, evenly chosen."
    caption, where = f"{shown.title} of every layer, by step", where_detailed(report, at)
    table = replace(bounded(caption, heads, rows, "html", note=note, where=where), alike=True)
    return of_series(report, at, "courses", "Layers by checkpoint", [LayerCourses(table, columns, numbers)])


def _cell(value: float, unit: str) -> Cell:
    if math.isinf(value):
        return Cell("NaN/Inf", level="fail")
    return Cell("—") if math.isnan(value) else Cell(statistic(value, unit), sort=float(f"{value:.6g}"))
