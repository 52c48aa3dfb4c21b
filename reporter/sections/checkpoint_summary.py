"""The sections on a checkpoint's page about the checkpoint as a whole, its layers, roles and optimizer state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from reporter.model.blocks import Banner, Facts, Paragraph
from reporter.model.checkpoint import CheckpointRef
from reporter.model.finding import Finding, Severity
from reporter.model.finding_list import FindingList
from reporter.model.measured import GroupMeasure, Measured
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import counted, integer, number, size
from reporter.printable import layer_name
from reporter.sections.base import (
    LEVELS,
    bounded,
    count_cell,
    number_cell,
    sheets,
    statistic_cells,
    statistic_columns,
    where_detailed,
    without_folder,
)
from reporter.sections.card_anchors import card_anchors
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
        (f"Step, {ref.step.source}", series.labels[place]),
        ("Format", ref.format),
        ("Parameters", integer(whole.parameters)),
        ("Parameters trained", integer(trained.parameters)),
        ("Tensors", integer(len(numbers.tensors))),
        ("Files", _files(ref)),
        ("Mean, trained", number(trained.statistics["mean"])),
        ("Std, trained", number(trained.statistics["std"])),
        ("L2 norm, trained", norm_of(trained)),
        ("Integrity check", numbers.integrity),
    )
    here = [f for f in report.judgement.findings if f.series == series.name and ref.name in f.checkpoints]
    bad = _bad_layers(numbers, here)
    blocks: list[Block] = [_health(here, bad, len(numbers.layers)), Facts(tiles, "tiles")]
    if here:
        items = tuple(replace(item(report, f, "html"), href="", places=(), evidence=None) for f in here[:FINDINGS])
        blocks.append(FindingList(items, len(here) - len(items), "report.json"))
    blocks += [Paragraph(note, "note") for note in numbers.notes]
    if figures.histogram:
        blocks.append(figures.histogram)
    yield Section("summary", "Summary", tuple(blocks))
    if numbers.layers:
        names = sorted((layer.name for layer in numbers.layers), key=lambda name: -bad.get(name, Severity.INFO))
        weights = [numbers.trained_layer(name) for name in names]
        ids = card_anchors(series)
        hrefs = {name: f"#{ids[name]}" for name in names}
        table = group_table("Trained weights of each layer", "Layer", weights, hrefs, bad)
        if bad:
            table = replace(table, note=f"Those with NaN, infinity or a finding here come first. {table.note}".strip())
        drawn = sheets(figures, len(numbers.layers), "html", where_detailed(report, at, place))
        yield Section("layers", "Layers", (table, *drawn))
        yield Section("roles", "Roles", (group_table("Variables by role", "Role", numbers.roles),))
    if numbers.optimizer:
        note = Paragraph("Optimizer state is measured apart and is no part of the model's statistics above.", "note")
        table = group_table("Optimizer state as one sample", "Group", (numbers.optimizer,))
        yield Section("optimizer", "Optimizer", (note, table))


def _files(ref: CheckpointRef) -> str:
    """The size of the files, or why there are none."""
    if ref.recorded:
        return f"none: recorded in memory, {size(ref.nbytes)}"
    return f"rotated away; measured on {ref.rotated}" if ref.rotated else size(ref.nbytes)


def _bad_layers(numbers: Measured, here: Sequence[Finding]) -> dict[str, Severity]:
    """The worst that is known of layers of a checkpoint: findings that begin in it, and values that are not finite."""
    bad: dict[str, Severity] = {}
    for finding in here:
        if finding.severity > Severity.INFO:
            for name in finding.layers or (finding.layer,):
                bad[name] = max(bad.get(name, Severity.INFO), finding.severity)
    for layer in numbers.layers:
        if layer.summary.non_finite:
            bad[layer.name] = Severity.FAIL
    return {layer.name: bad[layer.name] for layer in numbers.layers if layer.name in bad}


def _health(here: Sequence[Finding], bad: Mapping[str, Severity], layers: int) -> Banner:
    """The health of the checkpoint in a word and a sentence."""
    worst = max([*(f.severity for f in here), *bad.values()], default=Severity.INFO)
    begun = [f for f in here if f.severity > Severity.INFO]
    if worst is Severity.INFO:
        return Banner("pass", "PASS", "No warning or failure begins here, and every value is finite.")
    what = (
        f"{counted(len(begun), 'finding')} begin{'s' if len(begun) == 1 else ''} here"
        if begun
        else "No finding begins here"
    )
    concerned = f"{counted(len(bad), 'layer')} of {integer(layers)} {'is' if len(bad) == 1 else 'are'} concerned"
    return Banner(LEVELS[worst], worst.name, f"{what}; {concerned}." if bad else f"{what}.")


def group_table(
    caption: str,
    what: str,
    groups: Sequence[GroupMeasure],
    hrefs: Mapping[str, str] = MappingProxyType({}),
    bad: Mapping[str, Severity] = MappingProxyType({}),
) -> Table:
    """A table of groups of tensors, with their statistics and quantiles.

    Args:
        caption: of the table.
        what: what a group is, the heading of the first column.
        groups: one for each row.
        hrefs: where the name of a group leads to.
        bad: how groups are marked.
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
                Cell(
                    layer_name(g.name),
                    title=g.kind,
                    href=hrefs.get(g.name, ""),
                    level=LEVELS[bad[g.name]] if g.name in bad else "",
                ),
                count_cell(len(g.tensors)),
                count_cell(g.parameters),
                *statistic_cells(g.statistics, _STATISTICS),
                *(number_cell(g.quantiles.values.get(p)) for p in probabilities),
            ),
            anchor=hrefs.get(g.name, "")[1:],  # what leads to the layer at this checkpoint lands here
        )
        for g in groups
    ]
    return without_folder(bounded(caption, columns, rows, "html"))
