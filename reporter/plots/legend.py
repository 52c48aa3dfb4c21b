"""The legend of a picture: keys and what they mean, in rows below its title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from reporter.frozen import dataclass
from reporter.plots import lettering
from reporter.plots.canvas import Canvas
from reporter.plots.colours import AXIS
from reporter.plots.shading import shade

KEY = 24.0
"""Width of the key of a line, in CSS pixels."""
BOX = 12.0
"""Side of the key of an area, in CSS pixels."""
ROW = 16.0
"""Height of a row, in CSS pixels."""
BETWEEN = 18.0
"""CSS pixels between two items of a row."""


@dataclass(frozen=True, slots=True)
class Item:
    """A key and its meaning.

    Attributes:
        text: the meaning.
        colour: of the key, as ``#rrggbb``.
        kind: whether the key is a filled box, a line, or a box of the stripes that stand for a missing number.
        thickness: of a line, in CSS pixels.
        dashes: of a line, as :meth:`reporter.plots.canvas.Canvas.curve` takes them.
        marker: of a line, "" for none.
    """

    text: str
    colour: str = ""
    kind: Literal["box", "line", "hatch"] = "box"
    thickness: float = 1.5
    dashes: tuple[float, ...] = ()
    marker: str = ""

    @property
    def width(self) -> float:
        """Width of the key and its text in CSS pixels."""
        return (KEY if self.kind == "line" else BOX) + 5 + lettering.width(self.text)


@dataclass(frozen=True, slots=True)
class Legend:
    """Items in rows; :func:`legend` makes them fit a width."""

    rows: tuple[tuple[Item, ...], ...]

    @property
    def height(self) -> float:
        """Height of all rows in CSS pixels."""
        return ROW * len(self.rows)

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        """Draw all rows, with their top left corner at a position in CSS pixels."""
        for number, row in enumerate(self.rows):
            x, middle = left, top + ROW * number + ROW / 2
            for item in row:
                _key(canvas, x, middle, item)
                x += item.width
                canvas.text(x, middle + 4, item.text, "right")
                x += BETWEEN


def legend(items: Sequence[Item], room: float) -> Legend:
    """Put items into rows that are at most ``room`` CSS pixels wide."""
    rows: list[list[Item]] = []
    used = room
    for item in items:
        text = lettering.shorten(item.text, room - KEY - 5)
        fitting = Item(text, item.colour, item.kind, item.thickness, item.dashes, item.marker)
        if not rows or used + BETWEEN + fitting.width > room:
            rows.append([])
            used = -BETWEEN
        rows[-1].append(fitting)
        used += BETWEEN + fitting.width
    return Legend(tuple(tuple(row) for row in rows))


def _key(canvas: Canvas, x: float, middle: float, item: Item) -> None:
    if item.kind == "line":
        ends, height = np.array([x, x + KEY]), np.full(2, middle)
        canvas.curve(ends, height, item.colour, item.thickness, item.dashes)
        if item.marker:
            canvas.curve(np.array([x + KEY / 2]), height[:1], item.colour, 0.0, marker=item.marker)
    elif item.kind == "hatch":
        shade(
            canvas,
            (x, middle - BOX / 2, x + BOX, middle + BOX / 2),
            np.zeros((1, 1, 3), np.uint8),
            np.ones((1, 1), np.bool_),
        )
    else:
        top, bottom = middle - BOX / 2, middle + BOX / 2
        square = np.array([(x, top), (x + BOX, top), (x + BOX, bottom), (x, bottom)])
        canvas.polygons([square], item.colour, edge=AXIS, thickness=0.5)
