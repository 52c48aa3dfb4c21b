"""Pictures that only one page or the PDF shows: layers over the steps, and those of a single checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reporter import plots
from reporter.ahead import NONE, Copies, made_ahead
from reporter.derive.histograms import of_checkpoint
from reporter.frozen import dataclass
from reporter.model.blocks import Figure
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison
from reporter.model.figures import CheckpointFigures
from reporter.model.histogram import SeriesHistograms
from reporter.model.report import Report
from reporter.plots.choose_layers import telling
from reporter.plots.renderer import Renderer
from reporter.printable import layer_name

MAX_LAYER_FIGURES = 200
"""Most layers of a series that get a picture of their own over the steps."""

FULLY_DRAWN = 60
"""Most series that get all their pictures; those with the worst findings come first. The others get the pictures that
show most: a picture takes about 20 ms, and all pictures of 500 series would take longer than reading the
checkpoints."""

MANY_LAYERS = 16
"""Pictures of layers from which on other processors draw some: each takes 15 ms, and a copy 20 ms to make."""

LAYERS_OF_MANY = 12
"""As :data:`MAX_LAYER_FIGURES`, in a report over more than :data:`FULLY_DRAWN` series."""

MAX_SHEET_LAYERS = 1000
"""Most layers that get a small histogram in the sheets of a checkpoint: 25 sheets, which take about two seconds."""


def draw_layers(renderer: Renderer, report: Report, copies: Copies = NONE) -> Report:
    """Add to all series the pictures of every layer over the steps, which the one page of a report over few shows."""
    wanted = [(at, name) for at in range(len(report.series)) for name in _layers_over_steps(report, at)]

    def draw(one: tuple[int, str]) -> Figure:
        at, name = one
        return over_steps(renderer, report.series[at], report.histograms[at], (name,))[name]

    drawn: list[dict[str, Figure]] = [{} for _ in report.series]
    with made_ahead(wanted, draw, copies if len(wanted) >= MANY_LAYERS else NONE) as figures:
        for (at, name), figure in zip(wanted, figures, strict=True):
            drawn[at][name] = figure
    return replace(report, figures=tuple(replace(f, layers=d) for f, d in zip(report.figures, drawn, strict=True)))


@dataclass(frozen=True, slots=True)
class Further:
    """Adds to a report what only one of its documents shows, so that no more than these pictures are drawn and held.

    Attributes:
        renderer: draws, or finds a picture that was drawn before.
        bins: the wanted number of bins of histograms.
    """

    renderer: Renderer
    bins: int

    def of_document(self, report: Report, shown: Sequence[int]) -> Report:
        """With the pictures of the most telling layers of those series that the PDF shows."""
        for at in shown:
            series = report.series[at]
            names = telling(series, report.judgement)
            report = _with(report, at, telling=over_steps(self.renderer, series, report.histograms[at], names))
        return report

    def of_series(self, report: Report, at: int) -> Report:
        """With the pictures of its layers over the steps, unless they are there."""
        if report.figures[at].layers:
            return report
        names = _layers_over_steps(report, at)
        return _with(report, at, layers=over_steps(self.renderer, report.series[at], report.histograms[at], names))

    def of_checkpoint(self, report: Report, at: int, place: int) -> Report:
        """With the pictures of one of its checkpoints, unless they are there."""
        if place in report.figures[at].checkpoints:
            return report
        drawn = one_checkpoint(self.renderer, report.series[at], place, self.bins)
        return _with(report, at, checkpoints={place: drawn})


def _with(report: Report, at: int, **more: Any) -> Report:
    figures = (*report.figures[:at], replace(report.figures[at], **more), *report.figures[at + 1 :])
    return replace(report, figures=figures)


def _layers_over_steps(report: Report, at: int) -> tuple[str, ...]:
    """Those layers of a series that get a picture of their own on its page."""
    if len(report.series[at].refs) == 1 or report.figures[at].brief:
        return ()
    return report.series[at].layers[: MAX_LAYER_FIGURES if len(report.series) <= FULLY_DRAWN else LAYERS_OF_MANY]


def over_steps(
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


def one_checkpoint(renderer: Renderer, series: Comparison, place: int, bins: int) -> CheckpointFigures:
    """The histogram of a checkpoint, and the sheets of small ones, of its layers."""
    ref, own = series.refs[place], of_checkpoint(series.measured[place], bins, MAX_SHEET_LAYERS)
    titles, drawn = list(own.layers), list(own.layers.values())
    return CheckpointFigures(
        histogram=renderer.draw(plots.global_histogram, f"{ref.slug}-all", "Trained weights", own.trained)
        if own.trained
        else None,
        sheets=tuple(renderer.draw(plots.small_multiples, f"{ref.slug}-layers", titles, drawn)) if titles else (),
        layers=len(titles),
    )
