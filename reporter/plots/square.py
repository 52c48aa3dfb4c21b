"""A square heat map of checkpoints × checkpoints, with a number for every two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reporter.model.blocks import Figure
from reporter.model.reading import CellsArea, numbers
from reporter.numerals import number
from reporter.plots import lettering, units
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import FAINT_INK
from reporter.plots.legend import legend
from reporter.plots.matrix import colours_of, items_of, scale_of
from reporter.plots.panel import BELOW, TITLE, Panel, gutter
from reporter.plots.shading import colour_bar, shade
from reporter.plots.steps import Steps
from reporter.plots.words import digits_apart, plural, quoted, sentence, trend

SIDE = 300.0
"""Side of the square in CSS pixels."""
LABEL = 14.0
"""Least distance of the labels of two rows in CSS pixels."""
NAME = 110.0
"""Most CSS pixels that a label may take."""

Array = npt.NDArray[np.float64]


def each_to_each(
    name: str, title: str, labels: Sequence[str], values: npt.ArrayLike, unit: str, remark: str = ""
) -> Figure:
    """Draw a number for every two checkpoints, on a logarithmic scale of colours.

    Args:
        name: of the picture's file, without suffix.
        title: what the numbers are.
        labels: of the checkpoints.
        values: shape (checkpoints, checkpoints), symmetric. NaN is hatched, and 0 has a colour of its own.
        unit: printed above the colour bar.
        remark: put into the caption, such as how many checkpoints were left out.
    """
    table = np.asarray(values, np.float64).reshape(len(labels), len(labels))
    usable = table[np.isfinite(table) & (table > 0)]
    scale = scale_of(usable, logarithmic=True) if len(usable) else None
    keys = legend(items_of(table, logarithmic=True), FULL)
    top = TITLE + keys.height + 20
    canvas = Canvas(FULL, round(top + SIDE + BELOW))
    canvas.text(0, 14, title, bold=True)
    if not table.size:
        Panel(canvas, 0, top, FULL, top + SIDE).message("nothing to show")
        return canvas.figure(name, f"{quoted(title)}: heat map with nothing to show.", "There is no number to show.")
    keys.draw(canvas, 0, TITLE)
    names = [lettering.shorten(quoted(label), NAME) for label in labels]
    left = gutter(names)
    panel = Panel(canvas, left, top, left + SIDE, top + SIDE)
    side = SIDE / len(labels)
    every = math.ceil(LABEL / side)
    for i in range(0, len(names), every):
        canvas.text(left - 8, top + side * (i + 0.5) + 4, names[i], "right", colour=FAINT_INK)
    shade(canvas, panel.box, colours_of(table, scale, True), np.isnan(table))
    canvas.read(CellsArea(panel.box, tuple(labels), tuple(labels), numbers(table), unit))
    if scale:
        ticks, texts = units.labels(unit, scale.ticks(6))
        colour_bar(canvas, left + SIDE + 14, top, top + SIDE, scale, ticks, texts)
        canvas.text(left + SIDE + 14, top - 8, units.heading(unit), room=FULL - left - SIDE - 14)
    Steps(labels).axis(panel, left + side * (np.arange(len(labels), dtype=np.float64) + 0.5))
    return canvas.figure(name, _alt(title, labels, table, unit), _caption(table, remark))


def _alt(title: str, labels: Sequence[str], table: Array, unit: str) -> str:
    start = f"{quoted(title)}: heat map of {plural(len(labels), 'checkpoint')}, each against each"
    pairs = np.where(np.triu(np.isfinite(table), 1), table, math.nan)
    if not np.isfinite(pairs).any():
        return sentence(f"{start}; no finite number between two different ones")
    far = divmod(int(np.nanargmax(pairs)), len(labels))
    near = divmod(int(np.nanargmin(pairs)), len(labels))
    digits = digits_apart(float(pairs[near]), float(pairs[far]))
    extremes = "; ".join(
        f"{word} number is {number(float(pairs[i, j]), digits)}, between {quoted(labels[i])} and {quoted(labels[j])}"
        for word, (i, j) in (("the largest", far), ("the smallest", near))
    )
    first = [None if v != v else float(v) for v in np.where(np.isfinite(table[0]), table[0], math.nan)]
    return sentence(
        start,
        extremes[0].upper() + extremes[1:],
        f"Against the first checkpoint it {trend(labels, first)}",
        f"Unit: {quoted(units.heading(unit))}",
    )


def _caption(table: Array, remark: str) -> str:
    return sentence(
        "Both axes are the checkpoints in order: the darker a cell, the more alike are its two checkpoints; blocks "
        "along the diagonal are phases in which little changed",
        remark,
        "Hatched: there is no number" if np.isnan(table).any() else "",
    )
