"""The picture of what was logged above the weights of a series, with the first bad step drawn through both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reporter import plots
from reporter.model.blocks import Figure
from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.figures import Line, Mark
from reporter.model.finding import Judgement, Severity
from reporter.model.metrics import Metric
from reporter.model.value import Absent, Value

if TYPE_CHECKING:
    from reporter.plots.renderer import Renderer

GROUPS = 6
"""Most panels of metrics; with the two of the weights below them, the picture fits on a page."""


def draw_metrics(renderer: Renderer, series: Comparison, judgement: Judgement) -> Figure | None:
    """Draw the metrics of a series that have steps, and its weights; None where there is none, or no axis of steps."""
    positions, groups = series.positions, _groups(series)
    if not groups or positions is None or len(positions) < 2 or series.kind is SeriesKind.ALTERNATIVES:
        return None
    panels = [{metric.name: Line(metric.positions, metric.values) for metric in group} for group in groups[:GROUPS]]
    left_out = sum(map(len, groups[GROUPS:]))
    return renderer.draw(
        plots.multiples,
        f"{series.slug}-metrics",
        "Metrics, and the weights below them",
        [*panels, *_weights(series, positions)],
        first_bad(series, judgement),
        "step",
        left_out,
        2,
    )


def draw_curves(renderer: Renderer, series: Comparison, judgement: Judgement) -> Figure | None:
    """Draw the weights of a series on the first screen, and the metric that its best checkpoint is chosen by.

    None for a single checkpoint, and for alternatives, which are not on one way.
    """
    if len(series.refs) < 2 or series.kind is SeriesKind.ALTERNATIVES:
        return None
    steps = series.positions
    positions = steps or tuple(float(i + 1) for i in range(len(series.refs)))
    zeros = {"weights: share of zeros": Line(positions, [_plain(v) for v in series.trained("zero_share")])}
    chosen = series.metrics.chosen
    metric = [] if chosen is None or steps is None else [{chosen.name: Line(chosen.positions, chosen.values)}]
    return renderer.draw(
        plots.multiples,
        f"{series.slug}-curves",
        "Over the training" if steps else "Over the checkpoints",
        [*_weights(series, positions), zeros, *metric],
        first_bad(series, judgement),
        "step" if steps else "checkpoint, in order",
        0,
        4,
        small=True,
        logged=bool(metric),
    )


def first_bad(series: Comparison, judgement: Judgement) -> tuple[Mark, ...]:
    """The earliest checkpoint that a failure names as its first, or a warning where there is no failure; without either
    the step at which a metric was no number any more, as the log may go on after the last checkpoint."""
    place_of = {ref.name: place for place, ref in enumerate(series.refs)}
    loud = [
        f
        for f in judgement.findings
        if f.series == series.name and f.severity > Severity.INFO and f.first_bad in place_of
    ]
    worst = max((f.severity for f in loud), default=Severity.INFO)
    found = [place_of[f.first_bad] for f in loud if f.severity is worst]
    if series.positions is None:
        return ()
    if not found:
        broken = sorted((m.failed, m.name) for m in series.metrics.matched if m.failed is not None)
        return tuple(Mark(step, f"{name} is NaN or infinite") for step, name in broken[:1])
    place = min(found)
    return (
        Mark(
            series.positions[place],
            f"first {'failure' if worst is Severity.FAIL else 'warning'}: {series.moment(place)}",
        ),
    )


def _groups(series: Comparison) -> list[list[Metric]]:
    """Metrics with steps, those of one base together."""
    groups: dict[str, list[Metric]] = {}
    for metric in series.metrics.matched:
        groups.setdefault(metric.base, []).append(metric)
    return list(groups.values())


def _weights(series: Comparison, positions: Sequence[float]) -> list[dict[str, Line]]:
    """The norm of the trained weights and their relative update; NaN, which is marked, where some are not finite."""
    panels = [{"weights: L2 norm": Line(positions, [_plain(v) for v in series.trained("l2_norm")])}]
    if series.pairs:
        updates = [None, *(math.nan if p.trained.left_out else p.trained.relative_update for p in series.pairs)]
        panels.append({"weights: relative update ‖ΔW‖ / ‖W‖": Line(positions, updates)})
    return panels


def _plain(value: Value) -> float | None:
    return None if isinstance(value, Absent) else float(value)
