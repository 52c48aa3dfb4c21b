"""What a finding looks like: a tensor's histogram before and after the event, and a number of it around the event."""

from __future__ import annotations

import math

import numpy as np

from reporter.model.blocks import Figure
from reporter.model.figures import Around, Sample
from reporter.numerals import number
from reporter.plots import units
from reporter.plots.bins import Bins, bins_of, outline, outside, seen, values, without_values
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import BLUE, INK, VERMILLION, tint
from reporter.plots.curves import clear_of, column_of, draw_line
from reporter.plots.legend import Item, legend
from reporter.plots.lettering import width
from reporter.plots.panel import BELOW, LINE, TITLE, Panel, gutter
from reporter.plots.scale import Linear, widened
from reporter.plots.steps import Steps
from reporter.plots.words import quoted, sentence, trend

PLOT = 104.0
"""Height of a panel in CSS pixels."""
BETWEEN = 30.0
"""CSS pixels between the two panels."""
CROSS = 7.0
"""CSS pixels between the foot of a panel and the crosses that stand for NaN."""


def proof(name: str, title: str, samples: tuple[Sample, ...], around: Around | None) -> Figure:
    """Draw one or two histograms over each other and, right of them, the course of the number.

    Args:
        name: of the picture's file, without suffix.
        title: what the values are.
        samples: after the event; or before and after it, on the same edges.
        around: the course; None for a single checkpoint.
    """
    notes = [_odd(sample) for sample in samples if sample.odd]
    keys = legend([_key(sample, last=sample is samples[-1]) for sample in samples], _width(around))
    top = TITLE + max(keys.height + LINE * len(notes), LINE) + 10
    canvas = Canvas(FULL, round(top + PLOT + BELOW))
    canvas.text(0, 14, title, bold=True)
    keys.draw(canvas, 0, TITLE)
    for row, note in enumerate(notes):
        canvas.text(0, TITLE + keys.height + LINE * (row + 1) - 2, note, colour=VERMILLION, room=_width(around))
    _histograms(canvas, samples, top, _width(around))
    if around is not None:
        _course(canvas, around, top, _width(around) + BETWEEN)
    return canvas.figure(name, _alt(title, samples, around), _caption(samples, around))


def _width(around: Around | None) -> float:
    """The width of the histograms, beside the course if there is one."""
    return FULL if around is None else (FULL - BETWEEN) / 2


def _odd(sample: Sample) -> str:
    return f"{quoted(sample.label)}: {values(sample.odd)} NaN or infinite"


def _key(sample: Sample, *, last: bool) -> Item:
    label = quoted(sample.label)
    return Item(label, tint(BLUE, 0.55)) if last else Item(label, INK, "line", 1.2)


def _histograms(canvas: Canvas, samples: tuple[Sample, ...], top: float, width: float) -> None:
    """The later sample as an area, the earlier one as an outline over it, both as shares of their values."""
    bins = [bins_of(sample.histogram) for sample in samples]
    if problem := without_values(bins):
        Panel(canvas, 0, top, width, top + PLOT).message(problem)
        return
    known = [b for b in bins if b and b.counts.any()]
    most = max(float(b.shares.max()) for b in known)
    y = Linear(0.0, most * 1.05, top + PLOT, top)
    ticks, texts = units.labels("share", y.ticks(4))
    panel = Panel(canvas, gutter(texts), top, width - 4, top + PLOT, (0.0, width))
    panel.y_axis(y, ticks, texts, "")
    x = Linear(*seen(known), panel.left, panel.right)
    for sample, b in zip(reversed(samples), reversed(bins), strict=True):
        if b is not None and b.counts.any():
            _bars(panel, b, x, y, filled=sample is samples[-1])
    panel.x_axis(x, "value of a weight; share of all values")


def _bars(panel: Panel, bins: Bins, x: Linear, y: Linear, *, filled: bool) -> None:
    held = np.flatnonzero(bins.counts)
    part = slice(int(held[0]), int(held[-1]) + 1)
    edges, shares = bins.edges[part.start : part.stop + 1], bins.shares[part]
    shape = outline(x(edges), y(shares), panel.bottom)
    if filled:
        panel.canvas.polygons([shape], tint(BLUE, 0.55), edge=BLUE, thickness=0.6)
    else:
        panel.canvas.curve(shape[:, 0], shape[:, 1], INK, 1.2)


def _course(canvas: Canvas, around: Around, top: float, left: float) -> None:
    """The number around the event, which an upright line marks; crosses where it is NaN."""
    column = column_of(around.line.values)
    canvas.text(left, TITLE + LINE - 2, around.title, room=FULL - left)
    known = column[np.isfinite(column)]
    low, high = widened(float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if around.unit in units.FROM_ZERO:
        low, high = min(low, 0.0), max(high, 0.0)
    if around.unit == "share":  # about a level of 0, the least span of an axis is wider than there are shares
        low, high = max(low, 0.0), min(high, 1.0)
    y = Linear(low, high, top + PLOT - 14, top + 6)
    ticks, texts = units.labels(around.unit, y.ticks(4)) if len(known) else ([], [])
    panel = Panel(canvas, left + gutter(texts), top, FULL - 12, top + PLOT, (left, float(FULL)))
    panel.y_axis(y, ticks, texts, "")
    steps = Steps(around.labels, around.line.positions)
    places = steps.scale(panel.left + 8, panel.right - 8)(steps.positions)
    event = float(places[around.event])
    canvas.segments(
        [((event, at), (event, min(at + 4, panel.bottom))) for at in np.arange(top, panel.bottom, 7.0)], VERMILLION
    )
    draw_line(canvas, places, y(column), BLUE, "o", ())
    bad = [i for i, v in enumerate(around.line.values) if v is not None and not math.isfinite(v)]
    if bad:
        canvas.curve(places[bad], np.full(len(bad), panel.bottom - CROSS), VERMILLION, 0.0, marker="X")
        word = number(around.line.values[bad[0]])
        at, side = (places[bad[0]] - 8, "right") if places[bad[0]] > panel.right - 40 else (places[bad[0]] + 8, "left")
        wide = width(word, bold=True)
        begin = float(at) - (wide if side == "right" else 0.0)
        base = clear_of(panel, begin, begin + wide, panel.bottom - CROSS - 8, [(places, y(column))])
        canvas.text(float(at), base, word, side, colour=VERMILLION, bold=True)
    steps.axis(panel, places)


def _alt(title: str, samples: tuple[Sample, ...], around: Around | None) -> str:
    told = []
    for sample in samples:
        bins = bins_of(sample.histogram)
        odd = f", {values(sample.odd)} NaN or infinite" if sample.odd else ""
        if bins is None or not bins.counts.any():
            told.append(f"{quoted(sample.label)}: no finite value{odd}")
            continue
        low, high, share = bins.fullest
        told.append(
            f"{quoted(sample.label)}: {values(bins.total)} from {number(bins.low)} to {number(bins.high)}, "
            f"{100 * share:.0f} % of them between {number(low)} and {number(high)}{odd}"
        )
    course = ""
    if around is not None:
        bad = [around.labels[i] for i, v in enumerate(around.line.values) if v is not None and not math.isfinite(v)]
        course = f"{quoted(around.title)} {trend(around.labels, around.line.values)}"
        course += f"; it is NaN or infinite first at {quoted(bad[0])}" if bad else ""
        course += f"; marked: {quoted(around.labels[around.event])}"
    return sentence(f"{quoted(title)}: histogram", *told, course)


def _caption(samples: tuple[Sample, ...], around: Around | None) -> str:
    known = [b for sample in samples if (b := bins_of(sample.histogram))]
    far = [note for b in known for note in outside(b)]
    return sentence(
        f"Values at {quoted(samples[-1].label)} (filled)"
        + (f" and {quoted(samples[0].label)} (line), counted in the same bins" if len(samples) > 1 else ""),
        *dict.fromkeys(far),
        f"Right: {quoted(around.title)}; the upright line marks {quoted(around.labels[around.event])}"
        if around
        else "",
    )
