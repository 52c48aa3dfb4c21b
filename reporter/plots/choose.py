"""Choose the pictures of a series, and draw them from its numbers and histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from reporter import plots
from reporter.ahead import worked_ahead
from reporter.derive.histograms import of_checkpoint
from reporter.model.blocks import Figure
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison
from reporter.model.figures import CheckpointFigures, SeriesFigures
from reporter.model.finding import Judgement
from reporter.model.histogram import SeriesHistograms
from reporter.model.report import Report
from reporter.model.shown import Shown
from reporter.model.sketch import DISTANCE_ERROR
from reporter.numerals import integer
from reporter.plots.choose_findings import draw_findings
from reporter.plots.choose_layers import telling
from reporter.plots.choose_metrics import draw_curves, draw_metrics
from reporter.plots.drawable import drawn, plain, update
from reporter.plots.renderer import Renderer
from reporter.printable import layer_name

MAX_LAYER_FIGURES = 200
"""Most layers of a series that get a picture of their own over the steps."""

FULLY_DRAWN = 60
"""Most series that get all their pictures; those with the worst findings come first. The others get the pictures that
show most: a picture takes about 20 ms, and all pictures of 500 series would take longer than reading the
checkpoints."""

MANY = 8
"""Series from which on other processors draw some: about half a second of drawing, and a copy takes 20 ms to make."""

LAYERS_OF_MANY = 12
"""As :data:`MAX_LAYER_FIGURES`, in a report over more than :data:`FULLY_DRAWN` series."""

MAX_SHEET_LAYERS = 1000
"""Most layers that get a small histogram in the sheets of a checkpoint: 25 sheets, which take about two seconds."""


def draw_all(
    renderer: Renderer,
    series: Sequence[Comparison],
    histograms: Sequence[SeriesHistograms],
    judgement: Judgement,
    bins: int,
    copies: int = 0,
) -> tuple[SeriesFigures, ...]:
    """The pictures of all series, in their order; see :func:`draw_series`.

    Args:
        renderer: draws what no earlier run has drawn.
        histograms: one per series.
        judgement: says which of many series get all their pictures.
        bins: wanted number of bins of a histogram.
        copies: of this process that draw ahead, if there are many series; only for a renderer that keeps pictures.
    """
    full = fully_drawn(series, judgement)

    def draw(at: int, tell: object = None) -> SeriesFigures:
        drawn = draw_series(renderer, series[at], histograms[at], bins, series[at].name in full)
        one = series[at]
        return replace(
            drawn,
            metrics=draw_metrics(renderer, one, judgement),
            curves=draw_curves(renderer, one, judgement),
            evidence=draw_findings(renderer, one, judgement),
            telling=_layers(renderer, one, histograms[at], telling(one, judgement)),
        )

    result: list[SeriesFigures] = []
    places = range(len(series))
    with worked_ahead(list(enumerate(places)), draw, copies if len(series) >= MANY else 0) as front:
        for at in places:
            front.advance()
            result.append(draw(at))
    return tuple(result)


def fully_drawn(series: Sequence[Comparison], judgement: Judgement) -> frozenset[str]:
    """The names of the series that get all their pictures: those with the worst findings, then others in order."""
    names = dict.fromkeys([*(f.series for f in judgement.findings), *(s.name for s in series)])
    return frozenset(list(names)[:FULLY_DRAWN])


def draw_series(
    renderer: Renderer, series: Comparison, histograms: SeriesHistograms, bins: int, full: bool
) -> SeriesFigures:
    """Draw those pictures of a series that both HTML and the PDF show.

    Pictures of a checkpoint are among them only if it is the only one of its series.

    Args:
        renderer: draws, or finds a picture that was drawn before.
        series: the series.
        histograms: of its checkpoints and layers.
        bins: the wanted number of bins of further histograms.
        full: whether all pictures are wanted, or only those that show most.
    """
    several = len(series.refs) > 1
    if several and not full:
        return SeriesFigures(
            moving=None,
            bands=_bands(renderer, series),
            trends=(),
            norms=_norms(renderer, series) if series.layers else None,
            updates=_updates(renderer, series) if series.pairs and series.layers else None,
            checkpoints={},
            brief=True,
        )
    return SeriesFigures(
        moving=_moving(renderer, series, histograms) if several else None,
        bands=_bands(renderer, series) if several else None,
        trends=_trends(renderer, series) if several else (),
        norms=_norms(renderer, series) if several and series.layers else None,
        updates=_updates(renderer, series) if series.pairs and series.layers else None,
        checkpoints={} if several else {0: _checkpoint(renderer, series, 0, bins)},
        distances=_distances(renderer, series) if len(series.from_first) > 1 or series.from_baseline else None,
        similarity=_similarity(renderer, series) if len(series.refs) > 2 else None,
    )


def draw_further(renderer: Renderer, report: Report, bins: int) -> Report:
    """Add the pictures that only HTML shows: every layer over the steps, and those on the pages of checkpoints.

    Args:
        renderer: draws, or finds a picture that was drawn before.
        report: with the pictures of :func:`draw_series`.
        bins: the wanted number of bins of histograms.
    """
    most = MAX_LAYER_FIGURES if len(report.series) <= FULLY_DRAWN else LAYERS_OF_MANY
    figures = tuple(
        drawn
        if len(series.refs) == 1
        else replace(
            drawn,
            layers=_layers(renderer, series, histograms, series.layers[: 0 if drawn.brief else most]),
            checkpoints=_checkpoints(renderer, series, detail, bins),
        )
        for series, histograms, detail, drawn in zip(
            report.series, report.histograms, report.details, report.figures, strict=True
        )
    )
    return replace(report, figures=figures)


def _checkpoints(renderer: Renderer, series: Comparison, detail: Shown, bins: int) -> dict[int, CheckpointFigures]:
    return {place: _checkpoint(renderer, series, place, bins) for place in detail.pages}


def _moving(renderer: Renderer, series: Comparison, histograms: SeriesHistograms) -> Figure:
    return renderer.draw(
        plots.ridge,
        f"{series.slug}-moving",
        "Distribution of the trained weights over the steps",
        series.labels,
        histograms.trained,
    )


def _bands(renderer: Renderer, series: Comparison) -> Figure:
    return renderer.draw(
        plots.bands,
        f"{series.slug}-bands",
        "Percentiles of the trained weights over the steps",
        series.labels,
        series.positions,
        [m.trained.quantiles.values for m in series.measured],
        [plain(m.trained.statistics["min"]) for m in series.measured],
        [plain(m.trained.statistics["max"]) for m in series.measured],
    )


def _trends(renderer: Renderer, series: Comparison) -> tuple[Figure, ...]:
    """The L2 norm of the trained weights over the steps, and their relative update."""
    updates = [None, *(update(pair.trained) for pair in series.pairs)]
    return (
        renderer.draw(
            plots.lines,
            f"{series.slug}-norm",
            "L2 norm of the trained weights",
            series.labels,
            series.positions,
            {"L2 norm": [drawn(v) for v in series.trained("l2_norm")]},
            "",
        ),
        renderer.draw(
            plots.lines,
            f"{series.slug}-update",
            "Relative update ‖ΔW‖ / ‖W‖ of the trained weights against the checkpoint before",
            series.labels,
            series.positions,
            {"relative update": updates},
            "‖ΔW‖ / ‖W‖",
        ),
    )


def _distances(renderer: Renderer, series: Comparison) -> Figure:
    lines: dict[str, list[float | None]] = {}
    if len(series.from_first) > 1:
        lines["distance from the first checkpoint"] = [0.0, *(update(pair.trained) for pair in series.from_first)]
    if series.from_baseline:
        lines["distance from the baseline"] = [update(pair.trained) for pair in series.from_baseline]
    return renderer.draw(
        plots.lines,
        f"{series.slug}-distances",
        "Distance travelled: relative update against " + " and ".join(n.removeprefix("distance from ") for n in lines),
        series.labels,
        series.positions,
        lines,
        "‖ΔW‖ / ‖W‖",
    )


def _similarity(renderer: Renderer, series: Comparison) -> Figure | None:
    found = series.similarity
    if found is None:
        return None
    n, of = len(found.places), len(series.refs)
    error = (
        "exact" if found.exact else f"estimated from sketches, with a standard error of {100 * DISTANCE_ERROR:.1f} %"
    )
    remark = f"Over {integer(found.tensors)} tensors that all of them have; {error}"
    if n < of:
        remark += f". {n} of {integer(of)} checkpoints, evenly chosen"
    return renderer.draw(
        plots.each_to_each,
        f"{series.slug}-similarity",
        "Distance of each checkpoint to each",
        [series.labels[i] for i in found.places],
        found.distance,
        "‖ΔW‖ / ‖W‖ of the earlier one",
        remark,
    )


def _norms(renderer: Renderer, series: Comparison) -> Figure:
    values = []
    for name, course in zip(series.layers, series.layer_courses(("l2_norm",))[:, 0].tolist(), strict=True):
        norms = list(map(plain, course))
        first = next((n for n in norms if n), None)
        held = [name in m.layer_by_name and m.trained_layer(name).summary.non_finite > 0 for m in series.measured]
        ratios = [n / first if n is not None and first else None for n in norms]
        values.append([math.nan if odd else ratio for odd, ratio in zip(held, ratios, strict=True)])
    return renderer.draw(
        plots.change_heat,
        f"{series.slug}-norms",
        "L2 norm per layer, relative to its first checkpoint",
        series.layers,
        series.labels,
        values,
        "× first",
        log=True,
    )


def _updates(renderer: Renderer, series: Comparison) -> Figure:
    updates = [pair.layers.relative_updates() for pair in series.pairs]
    values = [[None, *(of.get(name) for of in updates)] for name in series.layers]
    return renderer.draw(
        plots.change_heat,
        f"{series.slug}-updates",
        "Relative update per layer against the checkpoint before",
        series.layers,
        series.labels,
        values,
        "‖ΔW‖ / ‖W‖",
        log=True,
    )


def _layers(
    renderer: Renderer, series: Comparison, histograms: SeriesHistograms, names: Sequence[str]
) -> dict[str, Figure]:
    """The distribution of the kernel of each of some layers over the steps."""
    labels = [series.labels[i] for i in histograms.shown]
    folder = common_folder(series.layers)
    return {
        name: renderer.draw(
            plots.distribution_heat,
            f"{series.slug}-distribution-{layer_name(name)}",
            name.removeprefix(folder),
            labels,
            histograms.layers[name],
        )
        for name in names
    }


def _checkpoint(renderer: Renderer, series: Comparison, place: int, bins: int) -> CheckpointFigures:
    ref, own = series.refs[place], of_checkpoint(series.measured[place], bins, MAX_SHEET_LAYERS)
    titles, drawn = list(own.layers), list(own.layers.values())
    return CheckpointFigures(
        histogram=renderer.draw(plots.global_histogram, f"{ref.slug}-all", "Trained weights", own.trained)
        if own.trained
        else None,
        sheets=tuple(renderer.draw(plots.small_multiples, f"{ref.slug}-layers", titles, drawn)) if titles else (),
        layers=len(titles),
    )
