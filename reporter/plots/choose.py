"""Choose the pictures of a series, and draw them from its numbers and histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reporter import plots
from reporter.ahead import NONE, Copies, made_ahead
from reporter.model.blocks import Figure
from reporter.model.comparison import NON_FINITE, Comparison
from reporter.model.figures import SeriesFigures
from reporter.model.finding import Judgement
from reporter.model.histogram import SeriesHistograms
from reporter.model.sketch import DISTANCE_ERROR
from reporter.numerals import integer
from reporter.plots.choose_findings import draw_findings
from reporter.plots.choose_further import FULLY_DRAWN, one_checkpoint
from reporter.plots.choose_metrics import draw_curves, draw_metrics
from reporter.plots.drawable import drawn, plain, update
from reporter.plots.renderer import Renderer

MANY = 8
"""Pictures from which on other processors draw some: each takes some 20 ms, and a copy as long to make."""


def draw_all(
    renderer: Renderer,
    series: Sequence[Comparison],
    histograms: Sequence[SeriesHistograms],
    judgement: Judgement,
    bins: int,
    copies: Copies = NONE,
) -> tuple[SeriesFigures, ...]:
    """The pictures of all series that both HTML and the PDF may show, in their order.

    Args:
        renderer: draws what no earlier run has drawn.
        histograms: one per series.
        judgement: says which of many series get all their pictures.
        bins: wanted number of bins of a histogram.
        copies: of this process that draw some of many.
    """
    full = fully_drawn(series, judgement)
    every = [
        _parts(renderer, one, of, judgement, bins, one.name in full) for one, of in zip(series, histograms, strict=True)
    ]
    wanted = [(at, part) for at, parts in enumerate(every) for part in parts]
    drawn: list[dict[str, Any]] = [{} for _ in series]
    copied = copies if len(wanted) >= MANY else NONE
    with made_ahead(wanted, lambda one: every[one[0]][one[1]](), copied) as made:
        for (at, part), what in zip(wanted, made, strict=True):
            drawn[at][part] = what
    brief = [len(one.refs) > 1 and one.name not in full for one in series]
    return tuple(SeriesFigures(**{**_NOTHING, **of}, brief=b) for of, b in zip(drawn, brief, strict=True))


_NOTHING: Mapping[str, Any] = {
    "moving": None,
    "bands": None,
    "trends": (),
    "norms": None,
    "updates": None,
    "checkpoints": {},
}
"""What a series has of the pictures that are not drawn for all."""


def fully_drawn(series: Sequence[Comparison], judgement: Judgement) -> frozenset[str]:
    """The names of the series that get all their pictures: those with the worst findings, then others in order."""
    names = dict.fromkeys([*(f.series for f in judgement.findings), *(s.name for s in series)])
    return frozenset(list(names)[:FULLY_DRAWN])


def _parts(
    renderer: Renderer,
    series: Comparison,
    histograms: SeriesHistograms,
    judgement: Judgement,
    bins: int,
    full: bool,
) -> dict[str, Callable[[], Any]]:
    """What draws those pictures of a series that both HTML and the PDF may show, by fields of a SeriesFigures.

    Pictures of a checkpoint are among them only if it is the only one of its series.

    Args:
        renderer: draws, or finds a picture that was drawn before.
        series: the series.
        histograms: of its checkpoints and layers.
        judgement: of all series.
        bins: the wanted number of bins of further histograms.
        full: whether all pictures are wanted, or only those that show most.
    """
    several = len(series.refs) > 1
    full = full or not several
    wanted: dict[str, tuple[object, Callable[[], Any]]] = {
        "moving": (several and full, lambda: _moving(renderer, series, histograms)),
        "bands": (several, lambda: _bands(renderer, series)),
        "trends": (several and full, lambda: _trends(renderer, series)),
        "norms": (several and series.layers, lambda: _norms(renderer, series)),
        "updates": (series.pairs and series.layers, lambda: _updates(renderer, series)),
        "checkpoints": (not several, lambda: {0: one_checkpoint(renderer, series, 0, bins)}),
        "distances": (
            full and (len(series.from_first) > 1 or series.from_baseline),
            lambda: _distances(renderer, series),
        ),
        "similarity": (full and len(series.refs) > 2, lambda: _similarity(renderer, series)),
        "metrics": (True, lambda: draw_metrics(renderer, series, judgement)),
        "curves": (True, lambda: draw_curves(renderer, series, judgement)),
        "evidence": (True, lambda: draw_findings(renderer, series, judgement)),
    }
    return {part: draw for part, (is_wanted, draw) in wanted.items() if is_wanted}


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
    marked = series.marked_courses(NON_FINITE[:1])[:, 0].tolist()
    for bad, course in zip(marked, series.layer_courses(("l2_norm",))[:, 0].tolist(), strict=True):
        norms = list(map(plain, course))
        first = next((n for n in norms if n), None)
        ratios = [n / first if n is not None and first else None for n in norms]
        values.append([math.nan if math.isinf(odd) else ratio for odd, ratio in zip(bad, ratios, strict=True)])
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
