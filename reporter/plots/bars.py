"""The histogram of all weights of a checkpoint, with the same counts on a linear and on a logarithmic axis."""

from __future__ import annotations

import numpy as np

from reporter.model.blocks import Figure
from reporter.model.histogram import Histogram
from reporter.numerals import number, share
from reporter.plots.bins import Bins, bins_of, outline, outside, readable, values
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import BLUE
from reporter.plots.panel import BELOW, LINE, TITLE, Panel, gutter
from reporter.plots.scale import Linear, Log, Scale, count_labels
from reporter.plots.words import plural, quoted, sentence

PLOT = 150.0
"""Height of a panel in CSS pixels."""
BETWEEN = 24.0
"""CSS pixels between the two panels."""
HALF_A_VALUE = 0.5
"""Lower end of the logarithmic axis, so that a bin with one value has a bar and an empty one has none."""


def global_histogram(name: str, title: str, histogram: Histogram) -> Figure:
    """Draw one histogram twice: on a linear axis, for its shape, and on a logarithmic one, for single far values.

    Args:
        name: of the picture's file, without suffix.
        title: what the values are.
        histogram: their counts.
    """
    bins = bins_of(histogram)
    notes = outside(bins) if bins else []
    top = TITLE + LINE * (1 + len(notes)) + 8
    canvas = Canvas(FULL, round(top + PLOT + BELOW))
    canvas.text(0, 14, title, bold=True)
    if bins is None:
        Panel(canvas, 0, top, FULL, top + PLOT).message("no finite values")
        return canvas.figure(name, f"{quoted(title)}: no finite values.", "There is no finite value to show.")
    half = (FULL - BETWEEN) / 2
    most = max(float(bins.counts.max()), 1.0)
    linear, log = Linear(0.0, most * 1.04, top + PLOT, top), Log(HALF_A_VALUE, most * 1.3, top + PLOT, top)
    _side(canvas, bins, linear, "values per bin, linear", notes, (0.0, top, half))
    _side(canvas, bins, log, "values per bin, logarithmic", notes, (half + BETWEEN, top, FULL))
    return canvas.figure(name, _alt(title, bins), _caption(bins))


def _side(
    canvas: Canvas, bins: Bins, scale: Scale, heading: str, notes: list[str], place: tuple[float, float, float]
) -> None:
    """Draw one of the two panels; ``place`` is (left, top, right) in CSS pixels."""
    left, top, right = place
    ticks = [t for t in scale.ticks(5) if t == round(t)]
    texts = count_labels(ticks)
    panel = Panel(canvas, left + gutter(texts), top, right - 8, top + PLOT, (left, right))
    canvas.text(left, TITLE + LINE - 2, heading)
    for row, note in enumerate(notes):
        at_left = bins.below and row == 0
        x, align = (panel.left, "left") if at_left else (panel.right, "right")
        canvas.text(x, TITLE + LINE * (2 + row) - 2, note, align, room=panel.right - panel.left)
    panel.y_axis(scale, ticks, texts, "")
    # A single bin as wide as the panel would look like a flat distribution.
    margin = bins.high - bins.low if len(bins.counts) == 1 else 0.0
    across = Linear(bins.low - margin, bins.high + margin, panel.left, panel.right)
    tops = np.where(bins.counts > 0, np.minimum(scale(bins.counts), panel.bottom), panel.bottom)
    canvas.polygons([outline(across(bins.edges), tops, panel.bottom)], BLUE)
    panel.x_axis(across, "weight value")
    canvas.read(readable(panel.box, (across.low, across.high), [heading], [bins]))
    if not bins.counts.any():
        panel.message("no value in this range")


def _alt(title: str, bins: Bins) -> str:
    if not bins.counts.any():
        return sentence(f"{quoted(title)}: histogram of {values(bins.total)}", *outside(bins))
    low, high, most = bins.fullest
    left, right, held = bins.half
    telling = (left, right) not in ((low, high), (bins.low, bins.high))
    return sentence(
        f"{quoted(title)}: histogram of {values(bins.total)}, shown from {number(bins.low)} to {number(bins.high)}; "
        f"the fullest bin, from {number(low)} to {number(high)}, holds {share(most)} of them",
        f"{share(held)} of them lie between {number(left)} and {number(right)}" if telling else "",
        *outside(bins),
    )


def _caption(bins: Bins) -> str:
    step = bins.uniform_step
    size = f" of width {number(step, 8)}" if step is not None else ""
    return sentence(
        f"{values(bins.total)} in {plural(len(bins.counts), 'bin')}{size}; every count is exact",
        "Left and right show the same counts; on the logarithmic axis empty bins draw nothing",
        *outside(bins),
    )
