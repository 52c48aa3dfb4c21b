"""A chart of percentile bands over the checkpoints: the median, the bands around it, and the extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reporter.model.blocks import Figure
from reporter.model.reading import LinesArea, numbers
from reporter.numerals import number
from reporter.plots.bins import Array
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import BLUE, FAINT_INK, INK, tint
from reporter.plots.legend import Item, legend
from reporter.plots.panel import BELOW, LINE, TITLE, Panel, gutter
from reporter.plots.scale import Linear, tick_labels, widened
from reporter.plots.steps import Steps
from reporter.plots.words import plural, quoted, sentence, trend

PLOT = 190.0
"""Height of the panel in CSS pixels."""
STRETCH = 4.0
"""If the extremes would make the range this many times as wide as that of the bands, they are cut off and named in a
note."""
LONELY = 3.0
"""How far a band reaches to either side, in CSS pixels, at a checkpoint whose neighbours have no number."""


def bands(
    name: str,
    title: str,
    labels: Sequence[str],
    x: Sequence[float] | None,
    quantiles: Sequence[Mapping[float, float]],
    minimum: Sequence[float | None],
    maximum: Sequence[float | None],
) -> Figure:
    """Draw nested bands over the checkpoints, each between a quantile and its opposite, such as 5 % and 95 %.

    Args:
        name: of the picture's file, without suffix.
        title: what the values are.
        labels: of the checkpoints.
        x: steps of the checkpoints, which are placed at these; None to space them evenly.
        quantiles: the quantiles of each checkpoint by probability, empty for one without any finite value. A quantile
            whose opposite is not given is drawn as a line.
        minimum: the smallest value of each checkpoint.
        maximum: the largest value of each checkpoint.
    """
    steps = Steps(labels, x)
    curves = {p: _column([q.get(p) for q in quantiles]) for p in sorted({p for q in quantiles for p in q})}
    low, high = _column(minimum), _column(maximum)
    pairs, single = _pairs(list(curves))
    span = _span(list(curves.values()), [low, high])
    extremes = [np.where((e >= span[0]) & (e <= span[1]), e, np.nan) for e in (low, high)] if span else []
    keys = legend(_items(pairs, single, 0.5 in curves, bool(np.isfinite(extremes).any())), FULL)
    notes = _beyond(labels, low, high, span) if span else []
    top = TITLE + keys.height + LINE * max(len(notes), 1) + 8
    canvas = Canvas(FULL, round(top + PLOT + BELOW))
    canvas.text(0, 14, title, bold=True)
    if span is None:
        Panel(canvas, 0, top, FULL, top + PLOT).message("no finite values")
        alt = f"{quoted(title)}: no finite values at any of {plural(len(labels), 'checkpoint')}."
        return canvas.figure(name, alt, "There is no finite value to show.")
    keys.draw(canvas, 0, TITLE)
    y = Linear(*widened(*span), top + PLOT - 4, top + 4)
    ticks = y.ticks(5)
    texts = tick_labels(ticks)
    panel = Panel(canvas, gutter(texts), top, FULL - 12, top + PLOT)
    for row, note in enumerate(notes):
        canvas.text(FULL - 12, top - 8 - LINE * row, note, "right")
    panel.y_axis(y, ticks, texts, "weight value")
    places = steps.scale(panel.left + 6, panel.right - 6)(steps.positions)
    for rank, (a, b) in enumerate(pairs):
        canvas.polygons(_ribbons(places, y(curves[a]), y(curves[b])), _shade(rank, len(pairs)))
    for extreme in extremes:
        canvas.curve(places, y(extreme), FAINT_INK, 1.2, dashes=(1.5, 2.0), marker=_dot(places))
    for p in single:
        canvas.curve(places, y(curves[p]), BLUE, 1.0, dashes=(5.0, 2.0), marker=_dot(places))
    if 0.5 in curves:
        canvas.curve(places, y(curves[0.5]), INK, 1.8, marker="o" if len(places) <= 40 else "")
    steps.axis(panel, places)
    told = {"maximum": high, **{_percent(p): curves[p] for p in reversed(curves)}, "minimum": low}
    lines = tuple((line, numbers(of)) for line, of in told.items())
    canvas.read(LinesArea(panel.box, tuple(places.tolist()), tuple(labels), lines))
    median = [None if v != v else float(v) for v in curves.get(0.5, np.full(len(labels), np.nan))]
    alt = _alt(title, labels, median, pairs, curves, low, high)
    return canvas.figure(name, alt, _caption(notes, curves, low))


def _column(values: Sequence[float | None]) -> Array:
    """Numbers to draw, with NaN wherever there is no finite one."""
    column = np.array([np.nan if v is None else float(v) for v in values], np.float64)
    return np.where(np.isfinite(column), column + 0.0, np.nan)  # + 0.0 turns −0 into 0.


def _pairs(probabilities: Sequence[float]) -> tuple[list[tuple[float, float]], list[float]]:
    """Pairs of opposite probabilities, the outermost first, and those without an opposite, except for the median.

    >>> _pairs([0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    ([(0.05, 0.95), (0.25, 0.75)], [0.99])
    """
    by_rounded = {round(p, 9): p for p in probabilities}
    pairs = [(p, by_rounded[round(1 - p, 9)]) for p in probabilities if p < 0.5 and round(1 - p, 9) in by_rounded]
    paired = {p for pair in pairs for p in pair} | {0.5}
    return pairs, [p for p in probabilities if p not in paired]


def _items(pairs: Sequence[tuple[float, float]], single: Sequence[float], median: bool, extremes: bool) -> list[Item]:
    items = [Item("median", INK, "line", 1.8)] if median else []
    for rank, (a, b) in reversed(list(enumerate(pairs))):
        text = f"middle {_percent(b - a)} ({_percent(a)} to {_percent(b)})"
        items.append(Item(text, _shade(rank, len(pairs))))
    if single:
        which = ", ".join(_percent(p) for p in single)
        items.append(Item(f"percentile {which}", BLUE, "line", 1.0, (5.0, 2.0)))
    if extremes:
        items.append(Item("minimum and maximum", FAINT_INK, "line", 1.2, (1.5, 2.0)))
    return items


def _percent(p: float) -> str:
    return f"{number(round(100 * p, 6), 6)} %"


def _shade(rank: int, of: int) -> str:
    return tint(BLUE, 0.18 + 0.5 * rank / max(of - 1, 1))


def _dot(places: Array) -> str:
    return "o" if len(places) == 1 else ""


def _span(inner: Sequence[Array], extremes: Sequence[Array]) -> tuple[float, float] | None:
    """The range of values to show: all, or that of the percentiles if extremes would make it too wide."""
    whole = np.concatenate([*inner, *extremes])
    whole = whole[np.isfinite(whole)]
    if not len(whole):
        return None
    low, high = float(whole.min()), float(whole.max())
    core = np.concatenate(inner) if inner else whole
    core = core[np.isfinite(core)]
    if len(core):
        a, b = float(core.min()), float(core.max())
        if b > a and high / 2 - low / 2 > STRETCH * (b / 2 - a / 2):
            margin = (b - a) * 0.25
            return max(low, a - margin), min(high, b + margin)
    return low, high


def _beyond(labels: Sequence[str], low: Array, high: Array, span: tuple[float, float]) -> list[str]:
    notes = []
    if (high > span[1]).any():
        notes.append(f"Maximum, up to {number(float(np.nanmax(high)))}, not shown")
    if (low < span[0]).any():
        notes.append(f"Minimum, down to {number(float(np.nanmin(low)))}, not shown")
    return notes


def _ribbons(x: Array, lower: Array, upper: Array) -> list[Array]:
    """A polygon for each stretch of consecutive checkpoints that have both numbers."""
    here = np.isfinite(lower) & np.isfinite(upper)
    ribbons = []
    for run in np.split(np.arange(len(x)), np.flatnonzero(np.diff(here.astype(np.int8))) + 1):
        if not len(run) or not here[run[0]]:
            continue
        places, a, b = x[run], lower[run], upper[run]
        if len(run) == 1:
            places, a, b = places[0] + np.array([-LONELY, LONELY]), a.repeat(2), b.repeat(2)
        ribbons.append(np.column_stack([np.r_[places, places[::-1]], np.r_[a, b[::-1]]]))
    return ribbons


def _alt(
    title: str,
    labels: Sequence[str],
    median: Sequence[float | None],
    pairs: Sequence[tuple[float, float]],
    curves: Mapping[float, Array],
    low: Array,
    high: Array,
) -> str:
    inner = ""
    if pairs:
        a, b = pairs[-1]
        wide = [None if v != v else float(v) for v in curves[b] - curves[a]]
        inner = f"The width of the middle {_percent(b - a)} {trend(labels, wide)}"
    ends = [(np.nanmin, low, "smallest"), (np.nanmax, high, "largest")]
    extremes = [f"The {word} value is {number(float(f(v)))}" for f, v, word in ends if np.isfinite(v).any()]
    return sentence(
        f"{quoted(title)}: percentile bands over {plural(len(labels), 'checkpoint')}",
        f"The median {trend(labels, median)}" if 0.5 in curves else "",
        inner,
        *extremes,
    )


def _caption(notes: Sequence[str], curves: Mapping[float, Array], low: Array) -> str:
    gaps = any(np.isnan(c).any() for c in (*curves.values(), low))
    return sentence(
        "Percentiles of the finite values of each checkpoint, joined by straight lines",
        "Gaps: no finite value" if gaps else "",
        *notes,
    )
