"""The section on the layers of a series: updates and norms of all of them, then a card for each."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from reporter.model.blocks import Paragraph
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison
from reporter.model.measured import GroupMeasure
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import integer
from reporter.printable import layer_name
from reporter.sections import layer_cards, layer_trends
from reporter.sections.base import (
    NON_FINITE,
    PDF_ROWS,
    Medium,
    count_cell,
    non_finite_cell,
    norm_cell,
    number_cell,
    of_series,
    sortable,
    statistic_cell,
    statistic_cells,
    statistic_columns,
    where_detailed,
)
from reporter.sections.card_anchors import card_anchors

_STATISTICS = ("min", "max", "zero_share")


def build(report: Report, at: int, medium: Medium) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        medium: what the section is for.
    """
    return of_series(report, at, "layers", "Layers", _blocks(report, at, medium))


def _blocks(report: Report, at: int, medium: Medium) -> Iterator[Block]:
    series, figures = report.series[at], report.figures[at]
    if figures.updates:
        yield figures.updates
    if figures.norms:
        yield figures.norms
    if sudden := layer_trends.sudden(series, medium, where_detailed(report, at)):
        yield sudden
    yield layer_cards.cards(report, at)
    ordered = all(m.layers_ordered for m in series.measured)
    order = "In model order." if ordered else "In the order of the file; the format does not store the model's."
    folder = common_folder(series.layers)
    begin = f" All names begin with {folder} which is left out." if folder else ""
    yield Paragraph(f"{order} {layer_cards.NOTE}{begin}", "note")
    if 0 < len(figures.layers) < len(series.layers):
        drawn = f"the first {integer(len(figures.layers))} of {integer(len(series.layers))} layers over the steps"
        yield Paragraph(f"Drawn: {drawn}. {where_detailed(report, at)} has the counts of all.", "note")


def table(series: Comparison, bad: Collection[str], where: str) -> Table:
    """The layers of a series from the first checkpoint to the last, as many as paper has room for, in model order.

    If there are more, those that are broken are shown, then the bad ones, then those whose norm changed most.

    Args:
        series: the series.
        bad: layers that findings name.
        where: the others are.
    """
    several = len(series.refs) > 1
    shown, prefix, ids = _most_telling(series, bad), common_folder(series.layers), card_anchors(series)
    rows = []
    for name in shown:
        holding = [i for i, m in enumerate(series.measured) if name in m.layer_by_name]
        seen = holding[-1]
        first, last = (series.measured[i].trained_layer(name) for i in (holding[0], seen))
        whole = series.measured[seen].layer_by_name[name]
        gone = seen < len(series.refs) - 1
        shown_name = layer_name(name.removeprefix(prefix))
        text = f"{shown_name} (last seen at {series.moment(seen)})" if gone else shown_name
        cells = [Cell(text, level="warn" if gone else ""), count_cell(whole.parameters)]
        if several:
            cells += [norm_cell(first), norm_cell(last), _ratio(first, last)]
            cells += [statistic_cell("std", group.statistics["std"]) for group in (first, last)]
        else:
            cells += [norm_cell(last), statistic_cell("mean", last.statistics["mean"])]
            cells += [statistic_cell("std", last.statistics["std"])]
        cells += [*statistic_cells(last.statistics, _STATISTICS), non_finite_cell(whole.summary)]
        rows.append(Row(tuple(cells), anchor=ids[name]))
    columns = (
        Column("Layer", numeric=False),
        Column("Parameters"),
        *(_first_and_last() if several else statistic_columns(("l2_norm", "mean", "std"))),
        *statistic_columns(_STATISTICS),
        NON_FINITE,
    )
    ordered = all(m.layers_ordered for m in series.measured)
    note = "In model order." if ordered else "In the order of the file; the format does not store the model's."
    if prefix:
        note += f" All names begin with {prefix} which is left out."
    if any(series.measured[-1].trained_parts):
        note += " Statistics are of the trained weights of each layer; parameters and NaN/Inf count all of its values."
    if several and len(shown) < len(series.layers):
        note += (
            f" {integer(len(shown))} of {integer(len(series.layers))} layers: those with NaN or infinity, "
            "those of the findings, and those whose norm changed most."
        )
    more = len(series.layers) - len(shown)
    return Table(f"Layers at {series.moment(-1)}", columns, tuple(rows), note, more, where)


def _first_and_last() -> tuple[Column, ...]:
    (norm, std) = statistic_columns(("l2_norm", "std"))
    return (
        *(Column(norm.title, unit=unit, definition=norm.definition) for unit in ("first", "last")),
        Column("Norm, last / first", definition="L2 norm in the last checkpoint divided by that in the first."),
        *(Column(std.title, unit=unit, definition=std.definition) for unit in ("first", "last")),
    )


def _most_telling(series: Comparison, bad: Collection[str]) -> list[str]:
    """The layers that are shown, in model order."""
    if len(series.layers) <= PDF_ROWS:
        return list(series.layers)

    def rank(name: str) -> tuple[bool, bool, float]:
        held = [m for m in series.measured if name in m.layer_by_name]
        odd = held[-1].layer_by_name[name].summary.non_finite > 0
        ratio = _ratio(held[0].trained_layer(name), held[-1].trained_layer(name)).sort
        return odd, name in bad, abs(math.log(ratio)) if ratio else 0.0

    kept = set(sorted(series.layers, key=rank, reverse=True)[:PDF_ROWS])
    return [name for name in series.layers if name in kept]


def _ratio(first: GroupMeasure, last: GroupMeasure) -> Cell:
    """The last norm of a layer divided by its first one."""
    before, after = (sortable(g.statistics["l2_norm"]) for g in (first, last))
    return number_cell(after / before if before and after is not None else None)
