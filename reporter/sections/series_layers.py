"""The section on the layers of a series: updates, norms, trends, and the numbers of the last checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reporter.model.comparison import Comparison
from reporter.model.figures import SeriesFigures
from reporter.model.measured import GroupMeasure
from reporter.model.page import Block, Cell, Column, Figures, Paragraph, Row, Section, Table
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.printable import layer_name
from reporter.sections import layer_trends
from reporter.sections.base import (
    NON_FINITE,
    Medium,
    bounded,
    count_cell,
    non_finite_cell,
    number_cell,
    sheets,
    sortable,
    statistic_cell,
    statistic_cells,
    statistic_columns,
)

_STATISTICS: dict[Medium, tuple[str, ...]] = {
    "html": ("mean", "std", "min", "max", "l2_norm", "kurtosis", "zero_share", "near_zero_share"),
    "pdf": ("mean", "std", "min", "max", "l2_norm", "zero_share"),
}


def build(report: Report, at: int, medium: Medium) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        medium: what the section is for.
    """
    series = report.series[at]
    title = "Layers" if len(report.series) == 1 else f"Layers: {series.name}"
    return Section(f"layers-{series.slug}", title, tuple(_blocks(series, report.figures[at], medium)))


def _blocks(series: Comparison, figures: SeriesFigures, medium: Medium) -> Iterator[Block]:
    if figures.updates:
        yield figures.updates
    if figures.norms:
        yield figures.norms
    yield from layer_trends.tables(series, medium)
    yield _table(series, medium)
    if len(series.refs) == 1:
        yield from sheets(figures.checkpoints[0], len(series.layers), medium)
    if medium == "html" and figures.layers:
        yield Figures(tuple(figures.layers.values()), _order(series, list(figures.layers)))
        if len(figures.layers) < len(series.layers):
            drawn = f"the first {integer(len(figures.layers))} of {integer(len(series.layers))} layers over the steps"
            yield Paragraph(f"Drawn: {drawn}. report.json has the counts of all.", "note")


def _order(series: Comparison, layers: Sequence[str]) -> tuple[int, ...]:
    """The places of some layers: those that moved most come first, what is not finite before all others."""
    ranked = [name for movement in series.moved for name in movement.layers]
    rank = {name: i for i, name in reversed(list(enumerate(ranked)))}
    return tuple(sorted(range(len(layers)), key=lambda i: rank.get(layers[i], len(ranked))))


def _table(series: Comparison, medium: Medium) -> Table:
    """A table of all layers in model order, each as in the last checkpoint that has it."""
    several = len(series.refs) > 1
    names = _STATISTICS[medium]
    rows = []
    for name in series.layers:
        holding = [i for i, m in enumerate(series.measured) if name in m.layer_by_name]
        seen = holding[-1]
        first, last = (series.measured[i].trained_layer(name) for i in (holding[0], seen))
        whole = series.measured[seen].layer_by_name[name]
        gone = seen < len(series.refs) - 1
        cells = [
            Cell(
                f"{layer_name(name)} (last seen at step {series.labels[seen]})" if gone else layer_name(name),
                level="warn" if gone else "",
            ),
            Cell(last.kind or "—"),
            count_cell(whole.parameters),
            *statistic_cells(last.statistics, names),
            non_finite_cell(whole.summary),
        ]
        if several:
            cells += [_ratio(first, last)]
            cells += [statistic_cell("std", first.statistics["std"])] if medium == "html" else []
        rows.append(Row(tuple(cells)))
    columns = [
        Column("Layer", numeric=False),
        Column("Class", numeric=False),
        Column("Parameters"),
        *statistic_columns(names),
        NON_FINITE,
    ]
    if several:
        columns += [
            Column("Norm, last / first", definition="L2 norm in the last checkpoint divided by that in the first."),
        ]
        if medium == "html":
            columns.append(Column("Std, first", definition="Standard deviation in the first checkpoint.", extra=True))
    apart = any(series.measured[-1].trained_parts)
    ordered = all(m.layers_ordered for m in series.measured)
    note = "In model order." if ordered else "In the order of the file; the format does not store the model's."
    if apart:
        note += " Statistics are of the trained weights of each layer; parameters and NaN/Inf count all of its values."
    return bounded(f"Layers at step {series.labels[-1]}", columns, rows, medium, note=note)


def _ratio(first: GroupMeasure, last: GroupMeasure) -> Cell:
    """The last norm of a layer divided by its first one."""
    before, after = (sortable(g.statistics["l2_norm"]) for g in (first, last))
    return number_cell(after / before if before and after is not None else None)
