"""Draw: which pictures a series gets, from its numbers and histograms."""

from __future__ import annotations

import math

from reporter import plots
from reporter.model.change import Change
from reporter.model.comparison import Comparison
from reporter.model.figures import CheckpointFigures, SeriesFigures
from reporter.model.histogram import SeriesHistograms
from reporter.model.measured import Absent, Value
from reporter.model.page import Figure

MAX_LAYER_FIGURES = 200
"""Layers that get a picture of their own over the steps; all of them are in the sheets of each checkpoint."""


def draw_series(series: Comparison, histograms: SeriesHistograms) -> SeriesFigures:
    """Every picture of a series and of its checkpoints."""
    several = len(series.refs) > 1
    return SeriesFigures(
        moving=_moving(series, histograms) if several else None,
        bands=_bands(series) if several else None,
        trends=_trends(series) if several else (),
        norms=_norms(series) if several and series.layers else None,
        updates=_updates(series) if series.pairs and series.layers else None,
        layers=_layers(series, histograms) if several else {},
        checkpoints=tuple(_checkpoint(series, histograms, place) for place in range(len(series.refs))),
    )


def _moving(series: Comparison, histograms: SeriesHistograms) -> Figure:
    return plots.ridge(
        f"{series.slug}-moving", "Distribution of all weights over the steps", series.labels, histograms.whole
    )


def _bands(series: Comparison) -> Figure:
    return plots.bands(
        f"{series.slug}-bands",
        "Percentiles of all weights over the steps",
        series.labels,
        series.positions,
        [m.whole.quantiles.values for m in series.measured],
        [plain(v) for v in series.whole("min")],
        [plain(v) for v in series.whole("max")],
    )


def _trends(series: Comparison) -> tuple[Figure, ...]:
    """The norm of the whole and its relative update."""
    updates = [None, *(pair.whole.relative_update for pair in series.pairs)]
    return (
        plots.lines(
            f"{series.slug}-norm",
            "L2 norm of all weights",
            series.labels,
            series.positions,
            {"L2 norm": [plain(v) for v in series.whole("l2_norm")]},
            "",
        ),
        plots.lines(
            f"{series.slug}-update",
            "Relative update ‖ΔW‖ / ‖W‖ against the checkpoint before",
            series.labels,
            series.positions,
            {"relative update": updates},
            "‖ΔW‖ / ‖W‖",
        ),
    )


def _norms(series: Comparison) -> Figure:
    values = []
    for name in series.layers:
        norms = [plain(g.statistics["l2_norm"]) if g else None for g in series.layer(name)]
        first = next((n for n in norms if n), None)
        values.append([n / first if n is not None and first else None for n in norms])
    return plots.change_heat(
        f"{series.slug}-norms",
        "L2 norm per layer, relative to its first checkpoint",
        series.layers,
        series.labels,
        values,
        "× first",
        log=True,
    )


def _updates(series: Comparison) -> Figure:
    values = [[None, *(_update(pair.layers.get(name)) for pair in series.pairs)] for name in series.layers]
    return plots.change_heat(
        f"{series.slug}-updates",
        "Relative update per layer against the checkpoint before",
        series.layers,
        series.labels,
        values,
        "‖ΔW‖ / ‖W‖",
        log=True,
    )


def _update(change: Change | None) -> float | None:
    return None if change is None else change.relative_update


def _layers(series: Comparison, histograms: SeriesHistograms) -> dict[str, Figure]:
    return {
        name: plots.distribution_heat(f"{series.slug}-layer-{i}", name, series.labels, histograms.layers[name])
        for i, name in enumerate(series.layers[:MAX_LAYER_FIGURES])
    }


def _checkpoint(series: Comparison, histograms: SeriesHistograms, place: int) -> CheckpointFigures:
    ref, own, layers = series.refs[place], histograms.own_whole[place], histograms.own_layers[place]
    return CheckpointFigures(
        histogram=plots.global_histogram(f"{ref.slug}-all", "All weights", own) if own else None,
        sheets=tuple(plots.small_multiples(f"{ref.slug}-layers", list(layers), list(layers.values())))
        if layers
        else (),
    )


def plain(value: Value | None) -> float | None:
    """A number to draw, None for anything that is none."""
    if value is None or isinstance(value, Absent) or not math.isfinite(value):
        return None
    return float(value)
