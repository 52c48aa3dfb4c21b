"""A card for each layer: what a reader sees of it at a glance, and below it all that is known of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from reporter.derive.histograms import shared
from reporter.derive.slopes import slope
from reporter.frozen import dataclass
from reporter.model.blocks import Banner, Figure, Paragraph
from reporter.model.cards import Card, Cards
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison
from reporter.model.deployment import GOOD_SQNR
from reporter.model.finding import Finding
from reporter.model.hero import Link
from reporter.model.measured import Measured, TensorMeasure
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Level, Row, Spark, Table, Thumbnail
from reporter.model.tensor import TensorInfo
from reporter.model.value import Statistics
from reporter.numerals import counted, decibels, integer
from reporter.printable import layer_name
from reporter.sections import layer_trends
from reporter.sections.base import (
    BY_NAME,
    LEVELS,
    NON_FINITE,
    non_finite_cell,
    norm_cell,
    number_cell,
    statistic_cell,
    statistic_columns,
)
from reporter.sections.card_anchors import card_anchors
from reporter.sections.card_groups import grouped
from reporter.sections.findings import about_deployment, anchors, sentence_of
from reporter.sections.paired import COSINE, UNCHANGED, UPDATE, cosine_cell, unchanged_cell, update_cell
from reporter.sections.tensor_courses import norms, updates

BINS = 32
"""Wanted number of bins of a thumbnail, three CSS pixels each."""

NOTE = (
    "On each card: the values of its kernel (of its largest trained tensor where it has none) in the first checkpoint, "
    "in outline, and in the last, filled; the norm of that tensor and its relative update over the checkpoints, each "
    "drawn from its own smallest to its largest number, with the last number beside it. Upright lines: NaN or infinite."
)

_SHOWN = ("l2_norm", "mean", "std", "min", "max", "zero_share")

Block = Table | Figure | Paragraph | Banner


@dataclass(frozen=True, slots=True)
class _Of:
    """What the cards of a series are made of.

    Attributes:
        anchors: by layer.
        norms: of every tensor of the model at each checkpoint, by name; see :mod:`reporter.sections.tensor_courses`.
        updates: of the tensor that speaks for a layer at each checkpoint but the first, by name.
        found: the findings by layer, the worst first, each with the link to where it is told.
        trends: by layer.
        drawn: the distribution over the steps by layer.
        thumbnails: by tensor.
    """

    series: Comparison
    anchors: Mapping[str, str]
    norms: Mapping[str, Sequence[float | None]]
    updates: Mapping[str, Sequence[float | None]]
    found: Mapping[str, Sequence[tuple[Finding, str]]]
    trends: Mapping[str, Table]
    drawn: Mapping[str, Figure]
    thumbnails: Mapping[str, Thumbnail]


def thumbnails(series: Comparison) -> dict[str, Thumbnail]:
    """The values of each tensor that is on a card, by its name."""
    made: dict[str, Thumbnail] = {}
    for layer in series.layers:
        first, last = (series.measured[place] for place in _ends(series, layer))
        made |= {name: _thumbnail(first, last, name) for name in last.layer_members[layer] if name not in made}
    return made


def cards(report: Report, at: int) -> Cards:
    """The cards of all layers of a series.

    Args:
        report: the report.
        at: index of the series.
    """
    series = report.series[at]
    found: dict[str, list[tuple[Finding, str]]] = {}
    told = anchors(report, "html")
    for i, finding in enumerate(report.judgement.findings):
        if finding.series == series.name:
            elsewhere = "#deployment" if about_deployment(finding) else "#findings"
            for layer in dict.fromkeys([*finding.layers, finding.layer]):
                found.setdefault(layer, []).append((finding, told.get(i, elsewhere)))
    ids, folder = card_anchors(series), common_folder(series.layers)
    trends, drawn = layer_trends.tables_of(series), report.figures[at].layers
    small = report.figures[at].thumbnails or thumbnails(series)
    of = _Of(series, ids, norms(series), updates(series), found, trends, drawn, small)
    ranked = [*(n for n in found if n in ids), *(n for m in series.moved for n in m.layers if n in ids)]
    order = dict.fromkeys([*ranked, *series.layers])
    made = [
        replace(_card(of, name, folder), beside=tuple(_beside(of, place, folder)))
        for place, name in enumerate(series.layers)
    ]
    groups = tuple(replace(group, name=group.name.removeprefix(folder)) for group in grouped(made))
    return Cards(groups, tuple(ids[name] for name in order))


def _beside(of: _Of, place: int, folder: str) -> Iterator[Link]:
    """Links to the cards before and after one."""
    layers = of.series.layers
    for at in (place - 1, place + 1):
        if 0 <= at < len(layers):
            name = layer_name(layers[at].removeprefix(folder))
            yield Link(f"← {name}" if at < place else f"{name} →", f"#{of.anchors[layers[at]]}")


def _ends(series: Comparison, layer: str) -> tuple[int, int]:
    """The places of the first and the last checkpoint that have a layer."""
    places = range(len(series.refs))
    begin, end = (
        next(i for i in some if layer in series.measured[i].layout.layer_places) for some in (places, reversed(places))
    )
    return begin, end


def _card(of: _Of, name: str, folder: str) -> Card:
    series = of.series
    begin, end = _ends(series, name)
    first, last = series.measured[begin], series.measured[end]
    lead = last.lead_of(name)
    assert lead is not None
    info = last.by_name[lead].info
    found = of.found.get(name, ())
    chips = [_shape(info), *([f"+ {counted(more, 'tensor')}"] if (more := len(last.layer_members[name]) - 1) else [])]
    if end < len(series.refs) - 1:
        chips.append(f"last seen at {series.moment(end)}")
    level: Level = LEVELS[found[0][0].severity] if found else ""
    return Card(
        anchor=of.anchors[name],
        name=layer_name(name),
        kind=last.layer_by_name[name].kind,
        chips=tuple(chips),
        badges=tuple(Cell(f.rule.title, level=LEVELS[f.severity], href=href) for f, href in found[:3]),
        marks=_marks(of, lead, first, last),
        blocks=tuple(_blocks(of, name, first, last, [finding for finding, _ in found])),
        level=level,
        short=layer_name(name.removeprefix(folder)) if folder else "",
    )


def _marks(of: _Of, lead: str, first: Measured, last: Measured) -> tuple[tuple[str, Cell], ...]:
    series = of.series
    tensor = last.by_name[lead]
    several = len(series.refs) > 1
    role = str(tensor.info.role).replace("_", " ")
    thumb = Cell(f"{integer(tensor.info.size)} values", mark=of.thumbnails[lead])
    norm = norm_cell(tensor)
    if not several:
        return (role, thumb), ("norm", norm)
    change = series.pairs[-1].tensors.get(lead) if series.pairs else None
    update = update_cell(change)
    return (
        (role, thumb),
        ("norm", replace(norm, mark=Spark(tuple(of.norms[lead])))),
        ("update", replace(update, mark=Spark((None, *of.updates.get(lead, ()))))),
    )


def _thumbnail(first: Measured, last: Measured, name: str) -> Thumbnail:
    """The values of a tensor in both checkpoints, which are those of its layer, in the same bins."""
    tensors = [m.by_name.get(name) for m in ((last,) if first is last else (first, last))]
    counted_ = shared([t.summary for t in tensors if t is not None], BINS)
    shares = [tuple(n / max(h.total, 1) for n in h.counts) if h else () for h in counted_]
    return Thumbnail(shares[0] if len(shares) > 1 else (), shares[-1] if shares else ())


def _blocks(of: _Of, name: str, first: Measured, last: Measured, found: Sequence[Finding]) -> Iterator[Block]:
    for finding in found:
        yield Banner(
            LEVELS[finding.severity], f"{finding.severity.name} {finding.rule.title}", f"{sentence_of(finding)}."
        )
    yield _tensors(of, last.layer_members[name], first, last)
    if name in of.trends:
        yield of.trends[name]
    if text := _ready(of.series, last.layer_members[name]):
        yield Paragraph(text)
    if name in of.drawn:
        yield of.drawn[name]


def _tensors(of: _Of, names: Sequence[str], first: Measured, last: Measured) -> Table:
    """Every tensor of a layer from the first checkpoint that has it to the last."""
    series = of.series
    several = len(series.refs) > 1
    rows = [_tensor(of, name, first, last) for name in names]
    titles = statistic_columns(_SHOWN)
    columns = [
        Column("Tensor", numeric=False),
        Column("Shape", numeric=False),
        Column("Values", unit="first, last" if several else "", numeric=False, course=True),
    ]
    for column in titles:
        units = ("first", "last") if several and column.title in _BOTH else ("last",) if several else ("",)
        extra = column.title != _NORM.title
        columns += [Column(column.title, unit=unit, definition=column.definition, extra=extra) for unit in units]
    columns.append(replace(NON_FINITE, extra=True))
    if several:
        unit, _ = layer_trends.slope_unit(series)
        columns += [
            Column("Slope of the norm", unit=unit, definition=layer_trends.SLOPE.definition, extra=True),
            *(
                Column(c.title, unit="previous", definition=c.definition, extra=c is not UPDATE)
                for c in (UPDATE, COSINE, UNCHANGED)
            ),
        ]
    return Table("Tensors", tuple(columns), tuple(rows))


(_NORM,) = statistic_columns(("l2_norm",))

_BOTH = {column.title for column in statistic_columns(("l2_norm", "mean", "std"))}
"""Statistics that are shown of the first checkpoint, too."""


def _tensor(of: _Of, name: str, first: Measured, last: Measured) -> Row:
    series = of.series
    several = len(series.refs) > 1
    tensor, before = last.by_name[name], first.by_name.get(name)
    cells = [
        Cell(re.split(r"/", name)[-1], title=name),
        Cell(_shape(tensor.info)),
        Cell("", mark=of.thumbnails[name]),
    ]
    earlier, later = (None if t is None else t.statistics for t in (before if several else None, tensor))
    for statistic in _SHOWN:
        if several and BY_NAME[statistic].title in _BOTH:
            cells.append(_statistic(statistic, before, earlier))
        cells.append(_statistic(statistic, tensor, later))
    cells.append(non_finite_cell(tensor.summary))
    if several:
        change = series.pairs[-1].tensors.get(name) if series.pairs else None
        cells += [_slope(series, of.norms[name]), update_cell(change), cosine_cell(change), unchanged_cell(change)]
    return Row(tuple(cells))


def _statistic(name: str, tensor: TensorMeasure | None, values: Statistics | None) -> Cell:
    if name == "l2_norm":
        return norm_cell(tensor)
    return statistic_cell(name, None if values is None else values[name])


def _slope(series: Comparison, course: Sequence[float | None]) -> Cell:
    positions = np.array(series.positions or range(len(series.refs)), np.float64)
    norms = np.array([[math.nan if v is None else v for v in course]], np.float64)
    rise = float(slope(positions, norms)[0])
    return number_cell(None if math.isnan(rise) else rise * layer_trends.slope_unit(series)[1], 3)


def _ready(series: Comparison, names: Sequence[str]) -> str:
    """What int8 would cost the weight tensors of a layer, in sentences."""
    told = []
    for name in names:
        ready = series.readiness.get(name)
        if ready is not None and ready.advice is not None:
            lost = decibels(ready.int8_tensor) if ready.int8_channel is None else decibels(ready.int8_channel)
            told.append(f"{name.rpartition('/')[2]}: {ready.advice} ({lost}, from {GOOD_SQNR:g} dB on it is good)")
    return f"Deployment readiness: {'; '.join(told)}." if told else ""


def _shape(info: TensorInfo) -> str:
    return " × ".join(map(str, info.shape)) or "scalar"
