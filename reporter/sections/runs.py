"""The sections on runs of one model: their curves in common pictures, and their final numbers in a table."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.blocks import Paragraph
from reporter.model.comparison import Comparison
from reporter.model.figures import Runs
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import integer
from reporter.sections.base import (
    NON_FINITE,
    Medium,
    bounded,
    count_cell,
    findings_by_series,
    non_finite_cell,
    number_cell,
    runs_href,
    series_href,
    severity_of,
    sortable,
    statistic_cells,
    statistic_columns,
    verdict_cell,
)
from reporter.sections.paired import UPDATE, update_cell
from reporter.sections.series import PDF_SERIES

_STATISTICS: dict[Medium, tuple[str, ...]] = {
    "html": ("l2_norm", "mean", "std", "min", "max", "kurtosis", "zero_share"),
    "pdf": ("l2_norm", "mean", "std", "min", "max", "zero_share"),
    "index": ("l2_norm", "mean", "std", "min", "max", "kurtosis", "zero_share"),
}


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """A section for each group of runs of one model; in a report over many series, a list of the groups."""
    if medium == "index" or (medium == "pdf" and len(report.series) > PDF_SERIES):
        yield from _listed(report, medium)
        return
    for i, group in enumerate(report.runs):
        chosen = [report.series[at] for at in group.series]
        title = "Runs of one model" if len(report.runs) == 1 else f"Runs of one model: {_names(chosen)}"
        yield Section(f"runs-{i + 1}", title, tuple(_blocks(group, chosen, medium)))


def group_section(report: Report, group: Runs) -> Section:
    """The section for a page on one group of runs."""
    chosen = [report.series[at] for at in group.series]
    return Section("runs", "Runs of one model", tuple(_blocks(group, chosen, "index")))


def link_section(report: Report, group: int) -> Section:
    """The section, on the page of one run, that leads to the page of its group."""
    rows = (Row((Cell(title(report, report.runs[group]), href=runs_href(group)),)),)
    return Section("runs", "Runs of this model", (Table("Side by side", (Column("Runs", numeric=False),), rows),))


def title(report: Report, group: Runs) -> str:
    """The title of a group of runs, from the name of the first one and the number of others."""
    return _names([report.series[at] for at in group.series])


def _listed(report: Report, medium: Medium) -> Iterator[Section]:
    """A section with a table of all groups, which links to their pages."""
    if not report.runs:
        return
    found = findings_by_series(report)
    rows = []
    for i, group in enumerate(report.runs):
        chosen = [report.series[at] for at in group.series]
        worst = severity_of(f for s in chosen for f in found.get(s.name, ()))
        cells = (
            Cell(_names(chosen), href=runs_href(i)),
            verdict_cell(worst),
            count_cell(len(chosen)),
            count_cell(sum(len(s.refs) for s in chosen)),
            count_cell(len(chosen[0].measured[-1].model_infos)),
        )
        rows.append(Row(cells))
    columns = (
        Column("Runs", numeric=False),
        Column("Worst verdict", numeric=False),
        Column("Series"),
        Column("Checkpoints"),
        Column("Model tensors", definition="In the last checkpoint, of equal roles, shapes and dtypes in all of them."),
    )
    note = "Series with the same structure in their last checkpoints"
    note += ", laid side by side on pages of their own." if medium == "index" else "."
    yield Section("runs", "Runs of one model", (bounded("Groups of runs", columns, rows, medium, note=note),))


def _names(series: list[Comparison]) -> str:
    return series[0].name + (f" and {integer(len(series) - 1)} more" if len(series) > 1 else "")


def _blocks(group: Runs, chosen: list[Comparison], medium: Medium) -> Iterator[Block]:
    first = chosen[0].measured[-1]
    yield Paragraph(
        f"{integer(len(chosen))} series have the same structure in their last checkpoints: "
        f"{integer(len(first.model_infos))} model tensors of equal roles, shapes and dtypes."
    )
    yield _table(chosen, medium)
    if any(len(s.refs) > 1 for s in chosen):
        yield from group.figures


def _table(chosen: list[Comparison], medium: Medium) -> Table:
    names = _STATISTICS[medium]
    rows = [
        Row(
            (
                Cell(series.name, href=series_href(series, medium)),
                count_cell(len(series.refs)),
                Cell(series.labels[-1], sort=None if (step := series.refs[-1].step.value) is None else float(step)),
                *statistic_cells(series.measured[-1].trained.statistics, names),
                non_finite_cell(series.measured[-1].whole.summary),
                _norm_ratio(series),
                update_cell(series.from_first[-1].trained if series.from_first else None),
            )
        )
        for series in chosen
    ]
    columns = (
        Column("Run", numeric=False),
        Column("Checkpoints", extra=True),
        Column("Last step"),
        *statistic_columns(names),
        NON_FINITE,
        Column("Norm, last / first", definition="L2 norm in the last checkpoint divided by that in the first."),
        Column(UPDATE.title, unit="last vs first", definition=UPDATE.definition),
    )
    return bounded("Trained weights in the last checkpoint of every run", columns, rows, medium)


def _norm_ratio(series: Comparison) -> Cell:
    """The norm of the last checkpoint divided by that of the first."""
    first, last = (sortable(series.measured[i].trained.statistics["l2_norm"]) for i in (0, -1))
    return number_cell(last / first if first and last is not None and len(series.refs) > 1 else None)
