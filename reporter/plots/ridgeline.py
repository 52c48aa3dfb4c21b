"""A ridgeline plot: histograms of successive checkpoints, each partly in front of the one above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reporter.derive.histograms import BULK
from reporter.model.blocks import Figure
from reporter.model.evenly import evenly
from reporter.model.histogram import Histogram
from reporter.numerals import integer, number
from reporter.plots import lettering
from reporter.plots.bins import Bins, bins_of, outline, readable, seen, without_values
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import FAINT_INK, GRID, INK, PAPER, ramp, text_of
from reporter.plots.legend import Item, legend
from reporter.plots.panel import BELOW, TITLE, Panel
from reporter.plots.scale import Linear
from reporter.plots.words import listing, plural, quoted, sentence, some, trend

MOST = 30
"""Most ridges of a picture."""
APART = 18.0
"""Distance of the feet of two ridges in CSS pixels."""
TALL = 46.0
"""Height of the highest ridge in CSS pixels; it may cover parts of those above it."""
HEADING = "checkpoint"
"""What is written above the labels."""
ROOM = 130.0
"""Most CSS pixels that a label may take."""
PEAKED = 4.0
"""If the highest peak is this many times the median one, it would flatten all other ridges on a common scale. Each
ridge then gets a scale of its own."""


INVISIBLE = 0.005
"""Bins below this share of the peak would be lower than a quarter of a pixel. The axis ends where no bin is higher."""


def ridge(name: str, title: str, labels: Sequence[str], histograms: Sequence[Histogram | None]) -> Figure:
    """Draw the histograms of several checkpoints, from the oldest at the top to the newest at the bottom.

    Of more than 30 checkpoints, 30 evenly spread ones are drawn, and the caption says so.

    Args:
        name: of the picture's file, without suffix.
        title: what the values are.
        labels: of the checkpoints.
        histograms: of the checkpoints, None for one without any finite value.
    """
    chosen = evenly(len(labels), MOST)
    names = [labels[i] for i in chosen]
    bins = [bins_of(histograms[i]) for i in chosen]
    known = [b for b in bins if b and b.counts.any()]
    keys = legend((Item("median", INK, "line", 2.5), Item("middle 90 % of the values", INK, "line", 1.0)), FULL)
    top = TITLE + keys.height + TALL - APART + 6
    foot = top + APART * max(len(names), 2) + 5
    canvas = Canvas(FULL, round(foot + BELOW))
    canvas.text(0, 14, title, bold=True)
    texts = [lettering.shorten(quoted(n), ROOM) for n in names]
    left = max(lettering.width(t) for t in [*texts, HEADING]) + 10
    panel = Panel(canvas, left, TITLE + keys.height + 6, FULL - 10, foot)
    feet = [top + APART * (i + 1) for i in range(len(names))]
    if reason := without_values(bins):
        panel.message(reason)
        alt = f"{quoted(title)}: {reason} at all of {plural(len(labels), 'checkpoint')}."
        return canvas.figure(name, alt, "There is no value to show.")
    canvas.text(left - 8, top, HEADING, "right", colour=FAINT_INK)
    for text, at in zip(texts, feet, strict=True):
        canvas.text(left - 8, at, text, "right", colour=FAINT_INK)
    keys.draw(canvas, left, TITLE)
    x = Linear(*seen(known, INVISIBLE), panel.left, panel.right)
    canvas.segments([((p, panel.top), (p, foot)) for p in x(x.ticks(7))], GRID)
    peaks = np.array([b.shares.max() for b in known])
    own = bool(peaks.max() > PEAKED * np.median(peaks))
    canvas.shaded = True
    _ridges(canvas, x, bins, feet, 0.0 if own else float(peaks.max()))
    panel.x_axis(x, "weight value")
    rows = (panel.left, top, panel.right, top + APART * len(names))
    canvas.read(readable(rows, (x.low, x.high), names, bins))
    return canvas.figure(name, _alt(title, len(labels), names, bins), _caption(len(labels), names, known, own, x))


def _ridges(canvas: Canvas, x: Linear, bins: Sequence[Bins | None], feet: Sequence[float], peak: float) -> None:
    """Draw all ridges, with marks for the median and the middle 90 % of the values.

    Args:
        canvas: where to draw.
        x: the horizontal scale.
        bins: of the checkpoints, None for one without any finite value.
        feet: vertical positions of the lines that the ridges stand on.
        peak: the share of values that is drawn as high as possible; 0 for that of each ridge's own peak.
    """
    colours = [text_of(c) for c in ramp(np.linspace(0.0, 1.0, max(len(bins), 2)))]
    outlines, fills, inner, halo, medians = [], [], [], [], []
    for sample, foot, colour in zip(bins, feet, colours, strict=False):
        if sample is None:
            canvas.text(float(x(x.low)) + 6, foot - 3, "no finite values", colour=FAINT_INK)
            continue
        height = sample.shares / (peak or max(float(sample.shares.max()), 1e-300)) * TALL
        inside = (sample.edges[:-1] >= x.low) & (sample.edges[1:] <= x.high)
        edges = sample.edges[np.r_[inside, False] | np.r_[False, inside]]
        outlines.append(outline(x(edges), foot - height[inside], foot))
        fills.append(colour)
        ends = [sample.quantile(p) for p in BULK]
        if None not in ends:
            inner.append([(float(x(min(max(e, x.low), x.high))), foot) for e in ends if e is not None])
        middle = sample.quantile(0.5)
        if middle is not None and x.low <= middle <= x.high:
            at = float(x(middle))
            halo.append(((at, foot - 8), (at, foot + 1)))
            medians.append(((at, foot - 7), (at, foot)))
    canvas.polygons(outlines, fills, edge=PAPER, thickness=0.8)
    canvas.segments(inner, INK)
    canvas.segments(halo, PAPER, 4.0)
    canvas.segments(medians, INK, 2.0)


def _left_out(bins: Bins, x: Linear) -> int:
    """How many values lie outside the range that is shown."""
    outside = (bins.edges[:-1] < x.low) | (bins.edges[1:] > x.high)
    return bins.below + bins.above + int(bins.counts[outside].sum())


def _alt(title: str, count: int, labels: Sequence[str], bins: Sequence[Bins | None]) -> str:
    medians = [b.quantile(0.5) if b else None for b in bins]
    spreads = [_spread(b) if b else None for b in bins]
    coarsest = max(b.coarsest for b in bins if b)
    empty = [label for label, b in zip(labels, bins, strict=True) if b is None]
    return sentence(
        f"{quoted(title)}: histograms of {some(len(labels), count, 'checkpoint')}, one below the other",
        f"The median {trend(labels, medians, coarsest)}",
        f"The width of the middle 90 % {trend(labels, spreads, coarsest)}",
        f"No finite values at {listing(empty)}" if empty else "",
    )


def _spread(bins: Bins) -> float | None:
    low, high = (bins.quantile(p) for p in BULK)
    return None if low is None or high is None else high - low


def _caption(count: int, labels: Sequence[str], known: Sequence[Bins], own: bool, x: Linear) -> str:
    hidden = max(_left_out(b, x) for b in known)
    height = (
        "each ridge has a height scale of its own, because one peak is far higher than the others"
        if own
        else "height is the share of the values per bin, on the same scale for all"
    )
    return sentence(
        f"From the oldest checkpoint at the top to the newest at the bottom; {height}",
        f"{len(labels)} of {integer(count)} checkpoints are drawn, evenly chosen" if len(labels) < count else "",
        f"Median and middle 90 % are read from bins {number(max(b.coarsest for b in known))} wide",
        f"Up to {integer(hidden)} values of a checkpoint lie outside {number(x.low)} … {number(x.high)} "
        "and are not drawn"
        if hidden
        else "",
    )
