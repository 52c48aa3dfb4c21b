"""The sections on a checkpoint's page about the checkpoint as a whole, its layers, roles and optimizer state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reporter.model.measured import GroupMeasure
from reporter.model.page import Block, Cell, Column, Facts, FindingList, Paragraph, Row, Section, Table
from reporter.model.report import Report
from reporter.numerals import integer, number, size
from reporter.printable import layer_name
from reporter.sections.base import bounded, count_cell, number_cell, sheets, statistic_cells, statistic_columns
from reporter.sections.findings import item
from reporter.sections.verdict import norm_of

_STATISTICS = (
    "mean", "std", "min", "max", "l2_norm", "rms", "skewness", "kurtosis", "zero_share", "near_zero_share", "nan_count",
)  # fmt: skip


FINDINGS = 50
"""Most findings on the page of a checkpoint."""


def build(report: Report, at: int, place: int) -> Iterator[Section]:
    """The summary with the findings at this checkpoint, then tables of its layers, roles and optimizer state.

    Args:
        report: the report.
        at: index of the series.
        place: index of the checkpoint in the series.
    """
    series, figures = report.series[at], report.figures[at].checkpoints[place]
    ref, numbers = series.refs[place], series.measured[place]
    whole, trained = numbers.whole, numbers.trained
    tiles = (
        ("Step", f"{series.labels[place]} ({ref.step.source})"),
        ("Format", ref.format),
        ("Parameters", integer(whole.parameters)),
        ("Parameters trained", integer(trained.parameters)),
        ("Tensors", integer(len(numbers.tensors))),
        ("Files", f"rotated away; measured on {ref.rotated}" if ref.rotated else size(ref.nbytes)),
        ("Mean, trained", number(trained.statistics["mean"])),
        ("Std, trained", number(trained.statistics["std"])),
        ("L2 norm, trained", norm_of(trained)),
        ("Integrity check", numbers.integrity),
    )
    blocks: list[Block] = [Facts(tiles, "tiles")]
    here = [f for f in report.judgement.findings if f.series == series.name and ref.name in f.checkpoints]
    if here:
        items = tuple(replace(item(report, f, "html"), href="", places=(), evidence=None) for f in here[:FINDINGS])
        blocks.append(FindingList(items, len(here) - len(items), "report.json"))
    blocks += [Paragraph(note, "note") for note in numbers.notes]
    if figures.histogram:
        blocks.append(figures.histogram)
    yield Section("summary", "Summary", tuple(blocks))
    if numbers.layers:
        weights = [numbers.trained_layer(layer.name) for layer in numbers.layers]
        table = group_table("Trained weights of each layer", "Layer", weights)
        yield Section("layers", "Layers", (table, *sheets(figures, len(numbers.layers), "html")))
        yield Section("roles", "Roles", (group_table("Variables by role", "Role", numbers.roles),))
    if numbers.optimizer:
        note = Paragraph("Optimizer state is measured apart and is no part of the model's statistics above.", "note")
        table = group_table("Optimizer state as one sample", "Group", (numbers.optimizer,))
        yield Section("optimizer", "Optimizer", (note, table))


def group_table(caption: str, what: str, groups: Sequence[GroupMeasure]) -> Table:
    """A table of groups of tensors, with their statistics and quantiles.

    Args:
        caption: of the table.
        what: what a group is, the heading of the first column.
        groups: one for each row.
    """
    probabilities = list(dict.fromkeys(p for g in groups for p in g.quantiles.values))
    columns = (
        Column(what, numeric=False),
        Column("Tensors", extra=True),
        Column("Parameters"),
        *statistic_columns(_STATISTICS),
        *(Column(f"q{p:g}", extra=True) for p in probabilities),
    )
    rows = [
        Row(
            (
                Cell(layer_name(g.name), title=g.kind),
                count_cell(len(g.tensors)),
                count_cell(g.parameters),
                *statistic_cells(g.statistics, _STATISTICS),
                *(number_cell(g.quantiles.values.get(p)) for p in probabilities),
            )
        )
        for g in groups
    ]
    return bounded(caption, columns, rows, "html")
