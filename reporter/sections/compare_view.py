"""The section in which any two checkpoints of a series are held against each other, and the numbers that it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from reporter.derive.histograms import count
from reporter.model.blocks import Paragraph
from reporter.model.common_folder import common_folder
from reporter.model.comparison import BASELINE, Comparison, Pair
from reporter.model.evenly import evenly
from reporter.model.finding import Finding, Severity
from reporter.model.histogram import Histogram, SeriesHistograms
from reporter.model.numbers import Course, Floats, KnownChange, Preset, Reference, SeriesNumbers
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.model.side_by_side import CompareView
from reporter.model.summary import NOTHING
from reporter.model.unique_names import UniqueNames
from reporter.numerals import integer
from reporter.sections.base import BY_NAME, Medium, of_series
from reporter.sections.card_anchors import card_anchors

CELLS = 8_000
"""Most layers × checkpoints of which the pages of a report embed statistics and histograms: about 1 MB."""

LEAST = 6
"""Checkpoints that are embedded of a series however many layers it has."""

REFERENCES: dict[str, Reference] = {
    "l2_norm": "first",
    "mean": "std",
    "std": "first",
    "min": "first",
    "max": "first",
    "kurtosis": "unit",
    "zero_share": "unit",
    "near_zero_share": "unit",
}
"""The statistics to choose from, the one that is shown at first before all others."""


def build(report: Report, at: int, numbers: SeriesNumbers) -> Section:
    """The section of one series.

    Args:
        report: the report.
        at: index of the series.
        numbers: see :func:`numbers_of`.
    """
    series = report.series[at]
    shown = len(numbers.labels) - bool(series.from_baseline)
    text = "Layer by layer, what moved most first."
    if shown < len(series.refs):
        text += (
            f" {integer(shown)} of {integer(len(series.refs))} checkpoints can be chosen: the first, the last two, "
            "those around the worst finding, and evenly spread ones."
        )
    if folder := common_folder(series.layers):
        text += f" All names begin with {folder} which is left out."
    moved = f"moved-{series.slug}" if series.moved else f"layers-{series.slug}"
    view = CompareView(
        numbers,
        "Any two checkpoints are compared by a script, which does not run here. The last checkpoint against the "
        "previous and the first:",
        f"#{moved}",
        "What moved" if series.moved else "Layers",
    )
    return of_series(report, at, "compare", "Compare two checkpoints", (Paragraph(text), view), short="Compare")


def numbers_of(report: Report, at: int, medium: Medium) -> SeriesNumbers | None:
    """What the page of a series embeds of it; None where there is nothing to compare, or no script to do so."""
    series = report.series[at]
    if medium != "html" or len(series.refs) < 2 or not series.layers:
        return None
    turns = _turns(series, report.judgement.findings)
    places = _places(series, turns, CELLS // len(report.series))
    taken, folder = UniqueNames(), common_folder(series.layers)
    labels = [taken.take(series.labels[place], lambda n, p=place: f"{series.labels[p]} ({n + 1})") for place in places]  # type: ignore[misc]
    names = [series.refs[place].name for place in places]
    based = bool(series.from_baseline)
    if based:
        labels.append(taken.take("baseline"))
        names.append(series.baseline)
    return SeriesNumbers(
        slug=series.slug,
        labels=tuple(labels),
        names=tuple(names),
        layers=tuple(name.removeprefix(folder) for name in series.layers),
        cards=tuple(card_anchors(series).values()),
        courses=tuple(_courses(series, places)),
        histograms=tuple(_histograms(series, report.histograms[at], places)),
        changes=tuple(_changes(series, places)),
        presets=tuple(_presets(series, places, turns)),
    )


def _turns(series: Comparison, findings: Sequence[Finding]) -> tuple[int, int] | None:
    """The places of the last good and the first bad checkpoint; None where nothing went wrong after the first one."""
    place = {ref.name: i for i, ref in enumerate(series.refs)}
    bad = [
        (-finding.severity, place[finding.first_bad])
        for finding in findings
        if finding.series == series.name and finding.severity > Severity.INFO and place.get(finding.first_bad, 0) > 0
    ]
    return (min(bad)[1] - 1, min(bad)[1]) if bad else None


def _places(series: Comparison, turns: tuple[int, int] | None, cells: int) -> list[int]:
    """The checkpoints that are embedded: evenly chosen ones, and those where something went wrong."""
    most = max(LEAST, cells // len(series.layers))
    if len(series.refs) <= most:
        return list(range(len(series.refs)))
    wanted = {*(turns or ()), max(0, len(series.refs) - 2)}
    return sorted(wanted | set(evenly(len(series.refs), max(2, most - len(wanted)))))


def _courses(series: Comparison, places: Sequence[int]) -> Iterator[Course]:
    table = series.marked_courses(tuple(REFERENCES))[:, :, places]
    for i, (name, reference) in enumerate(REFERENCES.items()):
        values = np.ascontiguousarray(table[:, i])
        if series.from_baseline:
            values = np.column_stack([values, _of_baseline(series) if name == "l2_norm" else values[:, 0] * np.nan])
        yield Course(name, BY_NAME[name].title, BY_NAME[name].unit, reference, values)


def _of_baseline(series: Comparison) -> Floats:
    """The norm of every layer in the baseline, which only its comparisons tell."""
    layers = series.from_baseline[-1].layers
    norms = [layers.get(name) for name in series.layers]
    return np.array([math.nan if n is None else math.inf if n.left_out else n.norm_before for n in norms], np.float64)


def _histograms(
    series: Comparison, histograms: SeriesHistograms, places: Sequence[int]
) -> Iterator[tuple[Histogram | None, ...]]:
    """The histograms of every layer at some checkpoints, on the edges of the pictures of the layer."""
    further = [None] if series.from_baseline else []
    others = {place: series.measured[place].at_hand() for place in places if place not in histograms.shown}
    for name in series.layers:
        drawn = dict(zip(histograms.shown, histograms.layers[name], strict=True))
        edges = next((np.array(h.edges) for h in drawn.values() if h), None)
        row: list[Histogram | None] = []
        for place in places:
            if place not in drawn:
                measured = others[place]
                lead = measured.lead_of(name)
                summary = NOTHING if lead is None else measured.by_name[lead].summary
                drawn[place] = next(count([summary], edges)) if edges is not None and summary.finite else None
            row.append(drawn[place])
        yield (*row, *further)


def _changes(series: Comparison, places: Sequence[int]) -> Iterator[KnownChange]:
    """Every pair of these checkpoints that is compared value by value."""
    at = {place: i for i, place in enumerate(places)}
    at[BASELINE] = len(places)
    pairs: dict[tuple[int, int], Pair] = {}
    for pair in (*series.pairs, *series.from_first, *series.from_baseline):
        if pair.before in at and pair.after in at:
            pairs.setdefault((at[pair.before], at[pair.after]), pair)
    for (before, after), pair in pairs.items():
        updates = pair.layers.relative_updates()
        found = [updates.get(name, "") for name in series.layers]
        values = [math.nan if u is None or isinstance(u, str) else math.inf if math.isnan(u) else u for u in found]
        yield KnownChange(before, after, pair.trained.exact, np.array(values, np.float64))


def _presets(series: Comparison, places: Sequence[int], turns: tuple[int, int] | None) -> Iterator[Preset]:
    last = len(places) - 1
    yield Preset("first ↔ last", 0, last)
    if last > 1:
        yield Preset("previous ↔ last", last - 1, last)
    if turns:
        yield Preset("last good ↔ first bad", places.index(turns[0]), places.index(turns[1]))
    if series.from_baseline:
        yield Preset("baseline ↔ last", last + 1, last)
