"""Small line charts above each other on one axis of steps: metrics that were logged, and the weights below them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from reporter.frozen import dataclass
from reporter.model.blocks import Figure
from reporter.model.figures import Line, Mark
from reporter.numerals import integer, number
from reporter.plots.bins import Array
from reporter.plots.canvas import FULL, MARGIN, Canvas
from reporter.plots.colours import FAINT_INK, OKABE_ITO, VERMILLION
from reporter.plots.curves import DASHES, MARKERS, clear_of, column_of, draw_line, of_courses
from reporter.plots.legend import Item, Legend, legend
from reporter.plots.lettering import width
from reporter.plots.panel import BELOW, TITLE, Panel, gutter
from reporter.plots.scale import Linear, tick_labels
from reporter.plots.words import listing, plural, quoted, sentence, trend


@dataclass(frozen=True, slots=True)
class Size:
    """How large such a picture is.

    Attributes:
        width: in CSS pixels, without the margins.
        panel: height of a panel in CSS pixels.
        ticks: about as many has its left axis.
    """

    width: int
    panel: float
    ticks: int


LARGE, SMALL = Size(FULL, 82.0, 4), Size(500 - 2 * MARGIN, 46.0, 2)
"""As wide as the text, and beside other things on the first screen."""
ABOVE, BETWEEN = 3.0, 9.0
"""CSS pixels between the keys of a panel and the panel, and above the keys."""
HIGHEST = 980
"""Most CSS pixels of the whole, so that it fits on a page."""
LINES = 4
"""Most lines of a panel."""
FINEST = 10
"""How many ticks are tried for at most where fewer give a single one."""
ROW = 14.0
"""Height of a line of text in CSS pixels."""
LEVEL = 0.01
"""A panel spans at least ± this share of its level, so that noise in the last digits does not fill it."""


class _Steps(Linear):
    """A scale of steps, whose ticks are whole numbers."""

    def ticks(self, wanted: int) -> list[float]:
        return [tick for tick in super().ticks(wanted) if tick == round(tick)]


def multiples(
    name: str,
    title: str,
    panels: Sequence[Mapping[str, Line]],
    marks: Sequence[Mark] = (),
    axis: str = "step",
    left_out: int = 0,
    kept: int = 0,
    small: bool = False,
    logged: bool = True,
) -> Figure:
    """Draw a panel for each group of lines.

    Values that are NaN or infinite are marked with a cross at the foot of the panel, the first of them with the word.

    Args:
        name: of the picture's file, without suffix.
        title: what the picture shows.
        panels: for each panel its lines by name, of which :data:`LINES` are drawn.
        marks: upright lines through all panels.
        axis: what the positions are.
        left_out: how many metrics have no panel; the caption says so.
        kept: how many of the last panels are drawn in any case; of the others as many as there is room for.
        small: whether it stands beside other things on the first screen.
        logged: whether metrics are among the lines, which have points of their own between the checkpoints.
    """
    size = SMALL if small else LARGE
    begin = TITLE + ROW * len(marks)
    shown = _fitting([dict(list(panel.items())[:LINES]) for panel in panels if panel], begin, kept, size)
    left_out += sum(map(len, panels)) - sum(map(len, shown))
    keys = [_keys(panel, size) for panel in shown]
    heads = [BETWEEN + key.height + ABOVE for key in keys]
    canvas = Canvas(size.width, round(_height(shown, begin, size)))
    canvas.text(0, 14, title, bold=True)
    places = [float(p) for panel in shown for line in panel.values() for p in line.positions if math.isfinite(p)]
    if not places:
        Panel(canvas, 0, begin, size.width, begin + size.panel).message("no number to show")
        return canvas.figure(name, f"{quoted(title)}: no number to show.", "There is no number to show.")
    ranges = [_range(panel) for panel in shown]
    left = max(gutter(_ticks(*span, size)[1]) for span in ranges)
    x = _Steps(min(places), max(places), left + 8, size.width - 20)
    top, bottom = begin, begin
    for panel, key, head, span in zip(shown, keys, heads, ranges, strict=True):
        key.draw(canvas, 0, top + BETWEEN)
        bottom = top + head + size.panel
        _lines(Panel(canvas, left, top + head, size.width - 12, bottom), panel, x, span, size)
        top = bottom
    _marks(canvas, marks, x, begin, bottom)
    Panel(canvas, left, bottom - size.panel, size.width - 12, bottom).x_axis(x, axis, _whole)
    return canvas.figure(name, _alt(title, shown, marks), _caption(left_out, shown, marks, logged))


def _fitting(panels: list[dict[str, Line]], begin: float, kept: int, size: Size) -> list[dict[str, Line]]:
    """The panels without those before the kept ones that have no room."""
    while len(panels) > 1 and _height(panels, begin, size) > HIGHEST:
        del panels[max(0, len(panels) - kept - 1)]
    return panels


def _height(panels: Sequence[Mapping[str, Line]], begin: float, size: Size) -> float:
    heads = sum(BETWEEN + _keys(panel, size).height + ABOVE for panel in panels)
    return begin + heads + size.panel * max(1, len(panels)) + BELOW


def _keys(panel: Mapping[str, Line], size: Size) -> Legend:
    styles = zip(panel, OKABE_ITO, MARKERS, DASHES, strict=False)
    return legend(
        [Item(quoted(n), colour, "line", 1.6, dashes, mark) for n, colour, mark, dashes in styles], size.width
    )


def _whole(ticks: Sequence[float]) -> list[str]:
    """Labels of steps with all digits."""
    return [integer(round(t)) if abs(t) < 1e9 else number(t, 6) for t in ticks]


def _range(panel: Mapping[str, Line]) -> tuple[float, float]:
    """The smallest and largest number of a panel, at least :data:`LEVEL` apart; the same ones where there is none."""
    known = [v for line in panel.values() for v in line.values if v is not None and math.isfinite(v)]
    if not known:
        return 0.0, 0.0
    low, high = min(known), max(known)
    if low == high == 0:
        return 0.0, 1.0
    least = LEVEL * max(abs(low), abs(high))
    return (low - least, high + least) if high / 2 - low / 2 < least else (low, high)


def _ticks(low: float, high: float, size: Size) -> tuple[list[float], list[str]]:
    """The ticks of a left axis and their labels: two at least, as a single one tells where but not how much."""
    scale = Linear(low, high, 0.0, 1.0)
    ticks, finer = scale.ticks(size.ticks), size.ticks
    while len(ticks) < 2 and finer < FINEST:
        finer += 1
        ticks = scale.ticks(finer)
    if finer > size.ticks:
        ticks = list(dict.fromkeys((ticks[0], ticks[-1])))  # there is no room for those between
    return ticks, tick_labels(ticks)


def _lines(panel: Panel, lines: Mapping[str, Line], x: Linear, span: tuple[float, float], size: Size) -> None:
    """Draw the lines of a panel, and its left axis."""
    y = Linear(*span, panel.bottom - 8, panel.top + 4)
    panel.y_axis(y, *_ticks(*span, size), "")
    panel.x_marks([])
    panel.canvas.read(of_courses(panel, x, {n: (line.positions, line.values) for n, line in lines.items()}))
    said: list[tuple[float, float]] = []
    drawn = [(x(line.positions), y(column_of(line.values))) for line in lines.values()]
    for line, at, colour, marker, dashes in zip(lines.values(), drawn, OKABE_ITO, MARKERS, DASHES, strict=False):
        draw_line(panel.canvas, *at, colour, marker, dashes)
        _bad(panel, at[0], line.values, said, drawn)


def _bad(
    panel: Panel,
    x: Array,
    values: Sequence[float | None],
    said: list[tuple[float, float]],
    drawn: Sequence[tuple[Array, Array]],
) -> None:
    """Crosses at the foot of a panel where a value is no number, the first with the word for it.

    Args:
        panel: to draw on.
        x: positions of the values.
        values: of one line.
        drawn: positions of the points of all lines, on which no word may stand.
        said: from where to where words stand already; a word that has no room is not said again.
    """
    bad = [i for i, v in enumerate(values) if v is not None and not math.isfinite(v)]
    if not bad:
        return
    panel.canvas.curve(x[bad], np.full(len(bad), panel.bottom - 6), VERMILLION, 0.0, marker="X")
    word, left = number(values[bad[0]]), float(x[bad[0]]) + 8
    wide = width(word, bold=True)
    if left + wide > panel.right:
        left -= wide + 16
    if all(left > end or left + wide < begin for begin, end in said):
        base = clear_of(panel, left, left + wide, panel.bottom - 8, drawn)
        panel.canvas.text(left, base, word, colour=VERMILLION, bold=True)
        said.append((left, left + wide))


def _marks(canvas: Canvas, marks: Sequence[Mark], x: Linear, top: float, bottom: float) -> None:
    """Dashed upright lines, each with its text above."""
    for at, mark in enumerate(marks):
        place = float(x([mark.position])[0])
        dashes = np.arange(top + 4, bottom, 7.0)
        canvas.segments([((place, y), (place, min(y + 4, bottom))) for y in dashes], VERMILLION)
        canvas.text(place, TITLE + ROW * at + 10, mark.text, "centre", colour=FAINT_INK)


def _alt(title: str, panels: Sequence[Mapping[str, Line]], marks: Sequence[Mark]) -> str:
    told = []
    for panel in panels[:3]:
        for name, line in list(panel.items())[:2]:
            labels = [number(float(p), 10) for p in line.positions]
            bad = next((i for i, v in enumerate(line.values) if v is not None and not math.isfinite(v)), None)
            text = f"{quoted(name)} {trend(labels, line.values)}"
            told.append(text if bad is None else f"{text}; it is {number(line.values[bad])} first at {labels[bad]}")
    more = [name for panel in panels[3:] for name in panel]
    return sentence(
        f"{quoted(title)}: {plural(len(panels), 'line chart')} above each other on one axis",
        "; ".join(told),
        f"Also shown: {listing(more, 5)}" if more else "",
        *(f"Marked: {mark.text}" for mark in marks),
    )


def _caption(left_out: int, panels: Sequence[Mapping[str, Line]], marks: Sequence[Mark], logged: bool) -> str:
    values = [v for panel in panels for line in panel.values() for v in line.values if v is not None]
    return sentence(
        "All on one axis of steps: metrics where they were logged, weights at the checkpoints"
        if logged
        else "All on one axis, a point for each checkpoint",
        "The upright line: " + "; ".join(mark.text for mark in marks) if marks else "",
        "Crosses: the value is NaN or infinite" if not all(map(math.isfinite, values)) else "",
        f"{integer(left_out)} more metrics are not drawn" if left_out else "",
    )
