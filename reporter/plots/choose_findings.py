"""The pictures of findings: the tensor that shows each worst, around the checkpoint at which it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reporter import plots
from reporter.derive.histograms import shared
from reporter.derive.statistics import STATISTICS
from reporter.model.blocks import Figure
from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.figures import Around, Line, Sample, evidence_key
from reporter.model.finding import Finding, Judgement, Severity
from reporter.plots.drawable import drawn, update

if TYPE_CHECKING:
    from reporter.plots.renderer import Renderer

MOST = 12
"""Most findings of a report that get a picture, the worst first: each takes about 30 ms."""

AROUND = 30
"""Most checkpoints of a course, about the event."""

BINS = 40
"""Wanted number of bins of a histogram, which is half as wide as others."""

MOVES = frozenset(
    {
        "violent-update",
        "frozen",
        "stopped",
        "fading",
        "no-gradient",
        "nothing-moves",
        "untrained",
        "rearranged",
        "idle-copy",
    }
)
"""Rules about how far a tensor moved from checkpoint to checkpoint; the course is its relative update."""

SHOWN = {
    "sparsity-jump": "zero_share",
    "all-zero": "zero_share",
    "dead-units": "zero_share",
    "heavy-tails": "kurtosis",
    "batch-norm": "min",
}
"""The statistic that a rule is about; of all others the L2 norm tells most."""


def draw_findings(
    renderer: Renderer, series: Comparison, judgement: Judgement
) -> Mapping[tuple[str, str, str], Figure]:
    """The pictures of a series' findings, as far as they are among the worst of the report, by their keys."""
    worst = [f for f in judgement.findings if f.severity > Severity.INFO][:MOST]
    pictures = {}
    for finding in worst:
        if finding.series != series.name or not finding.tensor:
            continue
        places = _places(series, finding)
        if places:
            pictures[evidence_key(finding)] = _draw(renderer, series, finding, places)
    return pictures


def _places(series: Comparison, finding: Finding) -> tuple[int, ...]:
    """Where the tensor is shown: before and at the event, or at both ends where it was so from the beginning."""
    at = next((i for i, ref in enumerate(series.refs) if ref.name == finding.checkpoint), None)
    holding = [i for i, measured in enumerate(series.measured) if finding.tensor in measured.by_name]
    if at is None or at not in holding:
        return ()
    if series.kind is SeriesKind.ALTERNATIVES:
        return (at,)
    before = [i for i in holding if i < at]
    return (before[-1], at) if before else (at, holding[-1]) if holding[-1] > at else (at,)


def _draw(renderer: Renderer, series: Comparison, finding: Finding, places: Sequence[int]) -> Figure:
    measures = [series.measured[place].by_name[finding.tensor] for place in places]
    summaries = [measure.summary for measure in measures]
    samples = tuple(
        Sample(series.moment(place), histogram, summary.non_finite)
        for place, histogram, summary in zip(places, shared(summaries, BINS), summaries, strict=True)
    )
    event = next(i for i, ref in enumerate(series.refs) if ref.name == finding.checkpoint)
    return renderer.draw(
        plots.proof,
        f"{series.slug}-{finding.rule.name}-{event}",
        finding.tensor,
        samples,
        _around(series, finding, event),
    )


def _around(series: Comparison, finding: Finding, event: int) -> Around | None:
    """The course of the number that the finding is about; None where there is none, and for alternatives."""
    if len(series.refs) < 2 or series.kind is SeriesKind.ALTERNATIVES:
        return None
    low = max(0, min(event - AROUND // 2, len(series.refs) - AROUND))
    places = range(low, min(low + AROUND, len(series.refs)))
    moves = finding.rule.name in MOVES and bool(series.pairs)
    statistic = _statistic(series, finding, places)
    values = [(_moved if moves else _valued)(series, finding.tensor, place, statistic) for place in places]
    positions = series.positions
    title, unit = ("relative update ‖ΔW‖ / ‖W‖", "‖ΔW‖ / ‖W‖") if moves else _named(statistic)
    at = tuple(float(p) for p in (positions or range(len(series.refs))))
    return Around(
        title,
        unit,
        tuple(series.labels[place] for place in places),
        Line(at[places.start : places.stop], values),
        event - low,
    )


def _statistic(series: Comparison, finding: Finding, places: Sequence[int]) -> str:
    """The statistic that the rule is about. Where no value is exactly zero, the rule spoke of those next to it."""
    statistic = SHOWN.get(finding.rule.name, "l2_norm")
    if statistic == "zero_share" and not any(_valued(series, finding.tensor, place, statistic) for place in places):
        return "near_zero_share"
    return statistic


def _named(statistic: str) -> tuple[str, str]:
    return next((s.title, s.unit) for s in STATISTICS if s.name == statistic)


def _valued(series: Comparison, tensor: str, place: int, statistic: str) -> float | None:
    measure = series.measured[place].by_name.get(tensor)
    if measure is None:
        return None
    return math.nan if measure.summary.non_finite else drawn(measure.statistics[statistic])


def _moved(series: Comparison, tensor: str, place: int, statistic: str) -> float | None:
    change = series.pairs[place - 1].tensors.get(tensor) if place else None
    return None if change is None else update(change)
