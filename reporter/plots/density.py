"""A small heat map of how a distribution changes over the checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.blocks import Figure
from reporter.model.evenly import evenly
from reporter.model.histogram import Histogram
from reporter.numerals import integer, number, share
from reporter.plots.bins import Bins, bins_of, readable, seen, without_values
from reporter.plots.canvas import HALF, Canvas
from reporter.plots.colours import Pixels, ramp
from reporter.plots.lettering import DENSITY
from reporter.plots.panel import BELOW, LINE, TITLE, Panel, gutter
from reporter.plots.scale import Linear, Log, share_labels, tick_labels
from reporter.plots.shading import BAR, colour_bar, shade
from reporter.plots.steps import Steps
from reporter.plots.words import listing, plural, quoted, sentence, some, trend

PLOT = 128.0
"""Height of the panel in CSS pixels."""
MOST = 230
"""Most columns: about one per CSS pixel."""


def distribution_heat(name: str, title: str, labels: Sequence[str], histograms: Sequence[Histogram | None]) -> Figure:
    """Draw a column per checkpoint, whose colours show the share of the values in each bin, on a logarithmic scale.

    White stands for no value in a bin, hatched for a checkpoint without any finite value. The picture is half as wide
    as the text.

    Args:
        name: of the picture's file, without suffix.
        title: what the values are.
        labels: of the checkpoints.
        histograms: of the checkpoints, None for one without any finite value.
    """
    chosen = evenly(len(labels), MOST)
    labels_ = [labels[i] for i in chosen]
    bins = [bins_of(histograms[i]) for i in chosen]
    known = [b for b in bins if b and b.counts.any()]
    canvas = Canvas(HALF, round(TITLE + LINE + 6 + PLOT + BELOW))
    canvas.text(0, 14, title, bold=True)
    top = TITLE + LINE + 6
    if reason := without_values(bins):
        Panel(canvas, 0, top, HALF, top + PLOT).message(reason)
        alt = f"{quoted(title)}: {reason} at all of {plural(len(labels), 'checkpoint')}."
        return canvas.figure(name, alt, "There is no value to show.")
    y = Linear(*seen(known), top + PLOT, top)
    ticks = y.ticks(4)
    texts = tick_labels(ticks)
    colour = Log(
        min(float(b.shares[b.counts > 0].min()) for b in known), max(float(b.shares.max()) for b in known), 0.0, 1.0
    )
    marks = colour.ticks(4)
    mark_texts = share_labels(marks)
    panel = Panel(canvas, gutter(texts), top, HALF - BAR - 12 - gutter(mark_texts), top + PLOT)
    panel.y_axis(y, ticks, texts, "weight value", grid=False)
    canvas.text(HALF, top - 8, "share per bin", "right")
    colours, missing = _colours(bins, y, colour)
    shade(canvas, panel.box, colours, missing)
    canvas.read(readable(panel.box, (y.low, y.high), labels_, bins, upright=True))
    colour_bar(canvas, panel.right + 12, top, top + PLOT, colour, marks, mark_texts)
    steps = Steps(labels_)
    places = panel.left + (panel.right - panel.left) * (steps.positions + 0.5) / len(labels_)
    steps.axis(panel, places)
    return canvas.figure(name, _alt(title, len(labels), labels_, bins), _caption(len(labels), bins, known))


def _colours(bins: Sequence[Bins | None], y: Linear, colour: Log) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """The colour of each bitmap row at each checkpoint, shape (rows, checkpoints, 3), and which of them are hatched."""
    rows = round(PLOT * DENSITY)
    bottom = float(y(y.low))
    heights = (np.arange(rows)[::-1] + 0.5) / DENSITY
    colours = np.full((rows, len(bins), 3), 255, np.uint8)
    missing = np.zeros((rows, len(bins)), np.bool_)
    for i, sample in enumerate(bins):
        if sample is None:
            missing[:, i] = True
            continue
        at = np.searchsorted(bottom - y(sample.edges), heights, side="right") - 1
        inside = (at >= 0) & (at < len(sample.counts))
        shares = np.where(inside, sample.shares[np.clip(at, 0, len(sample.counts) - 1)], 0.0)
        colours[shares > 0, i] = ramp(colour(shares[shares > 0]))
    return colours, missing


def _alt(title: str, count: int, labels: Sequence[str], bins: Sequence[Bins | None]) -> str:
    medians = [b.quantile(0.5) if b else None for b in bins]
    known = [b for b in bins if b]
    low, high, most = max((b.fullest for b in known), key=lambda f: f[2])
    empty = [label for label, b in zip(labels, bins, strict=True) if b is None]
    coarsest = max(b.coarsest for b in known)
    return sentence(
        f"{quoted(title)}: heat map of the values at {some(len(labels), count, 'checkpoint')}",
        f"The median {trend(labels, medians, coarsest)}",
        f"At most {share(most)} of the values share a bin, from {number(low)} to {number(high)}",
        f"No finite values at {listing(empty)}" if empty else "",
    )


def _caption(count: int, bins: Sequence[Bins | None], known: Sequence[Bins]) -> str:
    hidden = max(b.below + b.above for b in known)
    return sentence(
        "Share of the values in each bin, on a logarithmic colour scale; white: no value",
        "Hatched: no finite value at that checkpoint" if None in bins else "",
        f"{len(bins)} of {integer(count)} checkpoints are drawn, evenly chosen" if len(bins) < count else "",
        f"Up to {integer(hidden)} values of a checkpoint lie outside the range" if hidden else "",
    )
