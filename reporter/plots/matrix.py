"""A heat map of layers × checkpoints, with one number per cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.blocks import Figure
from reporter.model.reading import CellsArea, numbers
from reporter.numerals import integer, number
from reporter.plots import lettering, units
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import PAPER, VERMILLION, ramp, rgb
from reporter.plots.legend import Item, legend
from reporter.plots.panel import BELOW, TITLE, Panel, gutter
from reporter.plots.scale import Linear, Log, Scale, widened
from reporter.plots.shading import BAR, colour_bar, shade
from reporter.plots.steps import Steps
from reporter.plots.words import digits_apart, plural, quoted, sentence, some

MOST = 60
"""Most rows of a picture."""
COLUMNS = 500
"""Most columns of a picture, about one per CSS pixel. If there are more checkpoints, neighbours share a column, which
shows their largest number."""
NAMES = 190.0
"""Most CSS pixels that the name of a row may take."""
ROW, LOW_ROW = 20.0, 14.0
"""Height of a row in CSS pixels, if there are few rows and if there are many."""
SHORTEST = 60.0
"""Least height of the heat map in CSS pixels, so that its colour bar can be read."""

Array = npt.NDArray[np.float64]


def change_heat(
    name: str,
    title: str,
    rows: Sequence[str],
    labels: Sequence[str],
    values: Sequence[Sequence[float | None]],
    unit: str,
    log: bool,
) -> Figure:
    """Draw a row per layer and a column per checkpoint, in the orders given.

    If there are more than 60 rows, those with the largest numbers are drawn, and the caption says so.

    Args:
        name: of the picture's file, without suffix.
        title: what the numbers are.
        rows: names of the layers.
        labels: of the checkpoints.
        values: shape (rows, checkpoints). None is hatched. NaN and infinities have a colour of their own, and so has 0
            on a logarithmic scale.
        unit: printed above the colour bar.
        log: whether the scale of colours is logarithmic; it is linear in any case if a number is negative.
    """
    count = len(rows)
    table = np.array([[math.nan if v is None else float(v) for v in row] for row in values], np.float64)
    table = table.reshape(count, len(labels)) + 0.0  # + 0.0 turns −0 into 0.
    odd = np.array([[v is not None and not math.isfinite(v) for v in row] for row in values], np.bool_)
    table[odd.reshape(table.shape)] = math.inf  # both are shown alike, and outrank every number
    kept = _worst(table)
    rows, table = [rows[i] for i in kept], table[kept]
    table, labels_ = _narrow(table, labels)
    finite = table[np.isfinite(table)]
    logarithmic = log and not (finite < 0).any()
    coloured = finite[finite > 0] if logarithmic else finite
    scale = scale_of(coloured, logarithmic) if len(coloured) else None
    keys = legend(items_of(table, logarithmic), FULL)
    top = TITLE + keys.height + 20
    height = max(len(rows) * (ROW if len(rows) <= 20 else LOW_ROW), SHORTEST)
    canvas = Canvas(FULL, round(top + height + BELOW))
    canvas.text(0, 14, title, bold=True)
    if not table.size:
        Panel(canvas, 0, top, FULL, top + height).message("nothing to show")
        return canvas.figure(name, f"{quoted(title)}: heat map with nothing to show.", "There is no number to show.")
    keys.draw(canvas, 0, TITLE)
    ticks, texts = units.labels(unit, scale.ticks(max(2, min(6, int(height / 24)))) if scale else [])
    names = lettering.shorten_apart([quoted(row) for row in rows], NAMES)
    right = FULL - BAR - 14 - max(gutter(texts), 30.0)
    panel = Panel(canvas, gutter(names), top, right, top + height)
    for i, row in enumerate(names):
        canvas.text(panel.left - 8, top + height * (i + 0.5) / len(rows) + 4, row, "right")
    shade(canvas, panel.box, colours_of(table, scale, logarithmic), np.isnan(table))
    canvas.read(CellsArea(panel.box, tuple(rows), tuple(labels_), numbers(table), unit))
    if scale:
        colour_bar(canvas, right + 14, top, top + height, scale, ticks, texts)
        canvas.text(FULL, top - 8, units.heading(unit), "right", room=FULL / 2)
    steps = Steps(labels_)
    places = panel.left + (panel.right - panel.left) * (steps.positions + 0.5) / len(labels_)
    steps.axis(panel, places)
    return canvas.figure(
        name,
        _alt(title, rows, labels_, table, unit, (count, len(labels))),
        _caption(count, rows, len(labels), labels_, table),
    )


def _worst(table: Array) -> list[int]:
    """The indices of the :data:`MOST` rows with the largest numbers, ascending."""
    if len(table) <= MOST:
        return list(range(len(table)))
    largest = np.where(np.isnan(table), -math.inf, table).max(axis=1, initial=-math.inf)
    return sorted(int(i) for i in np.argsort(-largest, kind="stable")[:MOST])


def _narrow(table: Array, labels: Sequence[str]) -> tuple[Array, list[str]]:
    """Combine neighbouring checkpoints so that there are at most :data:`COLUMNS` columns."""
    if len(labels) <= COLUMNS:
        return table, list(labels)
    starts = np.arange(COLUMNS) * len(labels) // COLUMNS
    return np.fmax.reduceat(table, starts, axis=1), [labels[int(i)] for i in starts]


def scale_of(values: Array, logarithmic: bool) -> Scale:
    """The scale that maps the range of ``values`` to 0 to 1, the range of the colours."""
    low, high = widened(float(values.min()), float(values.max()))
    return Log(low, high, 0.0, 1.0) if logarithmic else Linear(low, high, 0.0, 1.0)


def colours_of(table: Array, scale: Scale | None, logarithmic: bool) -> npt.NDArray[np.uint8]:
    """The colour of every number, shape ``table.shape + (3,)``.

    Args:
        table: the numbers; NaN where one is missing, infinite where it is not finite.
        scale: maps the others to 0 to 1; None if there are none.
        logarithmic: whether the scale is, so that 0 has no place on it. Such numbers have colours of their own, see
            :func:`items_of`.
    """
    colours = np.full((*table.shape, 3), rgb(PAPER), np.uint8)
    coloured = np.isfinite(table) & ((table > 0) | (not logarithmic))
    if scale:
        colours[coloured] = ramp(scale(table[coloured]))
    colours[np.isinf(table)] = rgb(VERMILLION)
    return colours


def items_of(table: Array, logarithmic: bool) -> list[Item]:
    """The keys of those colours in a table that do not stand for numbers on the scale."""
    items = []
    if np.isnan(table).any():
        items.append(Item("no number", kind="hatch"))
    if logarithmic and (table == 0).any():
        items.append(Item("exactly 0", PAPER))
    if np.isinf(table).any():
        items.append(Item("NaN or infinite", VERMILLION))
    return items


def _alt(
    title: str, rows: Sequence[str], labels: Sequence[str], table: Array, unit: str, whole: tuple[int, int]
) -> str:
    finite = np.where(np.isfinite(table), table, math.nan)
    start = f"{quoted(title)}: heat map of {some(len(rows), whole[0], 'layer')} at {plural(whole[1], 'checkpoint')}"
    if not np.isfinite(table).any():
        return sentence(f"{start}; no finite number")
    high = divmod(int(np.nanargmax(finite)), table.shape[1])
    low = divmod(int(np.nanargmin(finite)), table.shape[1])
    digits = digits_apart(float(table[low]), float(table[high]))
    extremes = "; ".join(
        f"{word} number is {number(float(table[at]), digits)} ({quoted(rows[at[0]])}, {quoted(labels[at[1]])})"
        for word, at in (("The largest", high), ("the smallest", low))
    )
    absent, odd = int(np.isnan(table).sum()), int(np.isinf(table).sum())
    return sentence(
        start,
        extremes,
        f"The median number is {number(float(np.nanmedian(finite)), digits)}",
        f"Unit: {quoted(units.heading(unit))}",
        f"{plural(absent, 'cell')} without a number" if absent else "",
        f"{plural(odd, 'cell')} with NaN or infinity" if odd else "",
    )


def _caption(count: int, rows: Sequence[str], checkpoints: int, labels: Sequence[str], table: Array) -> str:
    return sentence(
        "Layers from top to bottom and checkpoints from left to right, in order",
        f"The {len(rows)} layers with the largest numbers, of {integer(count)}" if len(rows) < count else "",
        f"{integer(checkpoints)} checkpoints share {len(labels)} columns, each of which shows the largest number"
        if len(labels) < checkpoints
        else "",
        "Hatched: there is no number, such as for the first checkpoint, which has none before it"
        if np.isnan(table).any()
        else "",
    )
