"""Line charts of numbers over the checkpoints, such as a statistic or a distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.blocks import Figure
from reporter.model.evenly import evenly
from reporter.model.reading import LinesArea
from reporter.numerals import integer, number
from reporter.plots import units
from reporter.plots.bins import Array
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import FAINT_INK, OKABE_ITO, VERMILLION
from reporter.plots.legend import Item, legend
from reporter.plots.panel import BELOW, TITLE, Panel, gutter
from reporter.plots.scale import Linear, widened
from reporter.plots.steps import Steps
from reporter.plots.words import listing, plural, quoted, sentence, trend

PLOT = 160.0
"""Height of the panel in CSS pixels."""
FEW = 40
"""Up to this number of checkpoints, each has a marker."""
LETTER = 9.0
"""Height of a capital letter in CSS pixels."""
ODD = "NaN or infinite"
"""What is written beside a checkpoint without a finite number."""
TOLD = 3
"""Number of lines, from the first, whose course the alternative text describes."""

TOLD_PLACES = 700
"""Most positions at which an area tells the numbers of its lines: one per CSS pixel."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "o")
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5.0, 1.5),
    (2.0, 1.2),
    (6.0, 1.5, 1.5, 1.5),
    (),
    (5.0, 1.5),
    (2.0, 1.2),
    (8.0, 2.0),
)


def lines(
    name: str,
    title: str,
    labels: Sequence[str],
    x: Sequence[float] | None,
    series: Mapping[str, Sequence[float | None]],
    unit: str,
) -> Figure:
    """Draw a line for each series, at most eight; the caption says how many more there are.

    Args:
        name: of the picture's file, without suffix.
        title: what the lines show.
        labels: of the checkpoints.
        x: steps of the checkpoints, which are placed at these; None to space them evenly.
        series: for each line its name and a number per checkpoint; None, NaN and infinities leave a gap.
        unit: of all numbers, as in :data:`reporter.derive.statistics.STATISTICS`, or any text.
    """
    steps = Steps(labels, x)
    shown = {n: column_of(v) for n, v in list(series.items())[: len(OKABE_ITO)]}
    canvas, begun = begin(title, shown, unit, keys=len(shown) > 1)
    if begun is None:
        return canvas.figure(name, *nothing(title))
    panel, y, styles = begun
    places = steps.scale(panel.left + 8, panel.right - 8)(steps.positions)
    odd = _odd(list(series.values())[: len(shown)], len(labels))
    _mark(panel, places[odd])
    for series_name, colour, marker, dashes in styles:
        draw_line(canvas, places, y(shown[series_name]), colour, marker, dashes)
    steps.axis(panel, places)
    canvas.read(of_lines(panel, places, labels, {n: series[n] for n in shown}, unit))
    said = [labels[int(i)] for i in np.flatnonzero(odd)]
    return canvas.figure(name, _alt(title, labels, shown, said), _caption(len(series), shown, steps.spaced, said))


def of_lines(
    panel: Panel, places: Array, labels: Sequence[str], lines: Mapping[str, Sequence[float | None]], unit: str
) -> LinesArea:
    """The area of a picture that tells the numbers of lines.

    Args:
        panel: what the lines cover.
        places: horizontal positions of the checkpoints in CSS pixels.
        labels: of the checkpoints.
        lines: for each line its name and its numbers; NaN and infinities are told as such.
        unit: of the numbers.
    """
    told = tuple((n, tuple(map(_told, of))) for n, of in lines.items())
    return LinesArea(panel.box, tuple(places.tolist()), tuple(labels), told, unit == "share")


def of_courses(
    panel: Panel, x: Linear, courses: Mapping[str, tuple[Sequence[float], Sequence[float | None]]], unit: str = ""
) -> LinesArea:
    """The area of a picture that tells the numbers of lines, each at positions of its own.

    Of more positions than there are pixels, evenly chosen ones are told.

    Args:
        panel: what the lines cover.
        x: maps positions to places.
        courses: for each line its name, its positions and its numbers.
        unit: of the numbers.
    """
    known = {n: dict(zip(map(float, positions), values, strict=True)) for n, (positions, values) in courses.items()}
    every = sorted({position for of in known.values() for position in of if math.isfinite(position)})
    chosen = [every[i] for i in evenly(len(every), TOLD_PLACES)]
    labels = [number(position, 10) for position in chosen]
    return of_lines(panel, x(chosen), labels, {n: [of.get(p) for p in chosen] for n, of in known.items()}, unit)


def _told(value: float | None) -> float | None:
    """A number as an area tells it: infinite where it is NaN or infinite."""
    return None if value is None else float(value) if math.isfinite(value) else math.inf


def _odd(lines: Sequence[Sequence[float | None]], count: int) -> npt.NDArray[np.bool_]:
    """The checkpoints at which any line has a number that is NaN or infinite; shape (checkpoints,)."""
    odd = np.zeros(count, np.bool_)
    for values in lines:
        odd |= [v is not None and not math.isfinite(v) for v in values]
    return odd


def _mark(panel: Panel, places: Array) -> None:
    """Mark the checkpoints whose numbers are not finite by a line across the panel, and say so beside the first."""
    if not len(places):
        return
    panel.canvas.segments([((x, panel.top), (x, panel.bottom)) for x in places], VERMILLION)
    left = places[0] > (panel.left + panel.right) / 2
    at = places[0] + (-5 if left else 5)
    panel.canvas.text(at, panel.top + 11, ODD, "right" if left else "left", colour=FAINT_INK)


Style = tuple[str, str, str, tuple[float, ...]]
"""The name of a line, its colour, its marker and its dashes."""


def begin(
    title: str, columns: Mapping[str, Array], unit: str, *, keys: bool
) -> tuple[Canvas, tuple[Panel, Linear, list[Style]] | None]:
    """Begin a line chart: its title, keys and left axis.

    Args:
        title: of the chart.
        columns: for each line its name and its numbers, NaN for gaps.
        unit: of the numbers.
        keys: whether to draw a key for each line.

    Returns:
        The canvas, and its panel, vertical scale and the style of each line; None for these if there is no number.
    """
    styles = list(zip(columns, OKABE_ITO, MARKERS, DASHES, strict=False))
    items = [Item(quoted(n), colour, "line", 1.6, dashes, marker) for n, colour, marker, dashes in styles]
    above = legend(items if keys else [], FULL)
    top = TITLE + above.height + 22
    canvas = Canvas(FULL, round(top + PLOT + BELOW))
    canvas.text(0, 14, title, bold=True)
    known = np.concatenate([*columns.values(), np.empty(0)])
    known = known[np.isfinite(known)]
    if not len(known):
        Panel(canvas, 0, top, FULL, top + PLOT).message("no number to show")
        return canvas, None
    above.draw(canvas, 0, TITLE)
    low, high = widened(float(known.min()), float(known.max()))
    if unit in units.FROM_ZERO:
        low, high = min(low, 0.0), max(high, 0.0)
    y = Linear(low, high, top + PLOT - 6, top + 6)
    ticks, texts = units.labels(unit, y.ticks(5))
    panel = Panel(canvas, gutter(texts), top, FULL - 12, top + PLOT)
    panel.y_axis(y, ticks, texts, units.heading(unit))
    return canvas, (panel, y, styles)


def nothing(title: str) -> tuple[str, str]:
    """The alternative text and the caption of a chart without any number."""
    return f"{quoted(title)}: line chart without any number.", "There is no number to show."


def column_of(values: Sequence[float | None]) -> Array:
    """Numbers to draw, with NaN wherever there is no finite one; shape (checkpoints,)."""
    column = np.array([np.nan if v is None else float(v) for v in values], np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def draw_line(canvas: Canvas, x: Array, y: Array, colour: str, marker: str, dashes: tuple[float, ...]) -> None:
    """Draw a line, with markers if there are few checkpoints, else only for numbers between two gaps.

    Args:
        canvas: where to draw.
        x: horizontal positions in CSS pixels.
        y: vertical positions in CSS pixels, NaN for gaps.
        colour: of the line.
        marker: matplotlib's name of its marker.
        dashes: as :meth:`reporter.plots.canvas.Canvas.curve` takes them.
    """
    canvas.curve(x, y, colour, 1.6, dashes)
    here = np.isfinite(y)
    alone = here & ~np.r_[False, here[:-1]] & ~np.r_[here[1:], False]
    marked = here if len(x) <= FEW else alone  # A number between two gaps has no line and needs a marker.
    if marked.any():
        canvas.curve(x[marked], y[marked], colour, 0.0, marker=marker)


def clear_of(panel: Panel, left: float, right: float, base: float, lines: Sequence[tuple[Array, Array]]) -> float:
    """The base line of a word in a panel: the wanted one, or one at the top where a line runs through the word.

    Args:
        panel: around the word.
        left: where the word begins, in CSS pixels.
        right: where it ends.
        base: where it is wanted.
        lines: horizontal and vertical positions of what is drawn, NaN for gaps.
    """
    across = np.linspace(left - 2, right + 2, 12)
    drawn = [np.empty(0)]
    for x, y in lines:
        here = np.isfinite(x) & np.isfinite(y)
        if here.any():
            drawn.append(np.interp(across, x[here], y[here], np.nan, np.nan))
    heights = np.concatenate(drawn)

    def free(at: float) -> bool:
        return not bool(((heights > at - LETTER - 2) & (heights < at + 3)).any())

    above = panel.top + LETTER + 3
    return above if free(above) and not free(base) else base


def _alt(title: str, labels: Sequence[str], shown: Mapping[str, Array], odd: Sequence[str]) -> str:
    told = [
        f"{quoted(n)} {trend(labels, [None if v != v else float(v) for v in column])}"
        for n, column in list(shown.items())[:TOLD]
    ]
    more = list(shown)[TOLD:]
    return sentence(
        f"{quoted(title)}: line chart over {plural(len(labels), 'checkpoint')}",
        "; ".join(told),
        f"Also shown: {listing(more, 5)}" if more else "",
        f"Values are NaN or infinite at {listing(odd, 5)}" if odd else "",
    )


def _caption(count: int, shown: Mapping[str, Array], spaced: bool, odd: Sequence[str]) -> str:
    gaps = any(np.isnan(column).any() for column in shown.values())
    return sentence(
        "Checkpoints are placed by their steps"
        if spaced
        else "Checkpoints are evenly spaced, whatever lies between them",
        f"Upright lines: values are NaN or infinite, at {listing(odd, 5)}" if odd else "",
        "Gaps: there is no finite number" if gaps else "",
        f"{integer(count - len(shown))} more are not drawn" if len(shown) < count else "",
    )
