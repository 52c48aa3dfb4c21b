"""Keys and what they mean, in rows below a picture's title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reporter.plots import lettering
from reporter.plots.canvas import Canvas
from reporter.plots.colours import AXIS
from reporter.plots.shading import shade

KEY = 24.0
"""CSS pixels of a line's key."""
BOX = 12.0
ROW = 16.0
BETWEEN = 18.0


@dataclass(frozen=True, slots=True)
class Item:
    """A key and its meaning in words."""

    text: str
    colour: str = ""
    kind: Literal["box", "line", "hatch"] = "box"
    thickness: float = 1.5
    dashes: tuple[float, ...] = ()
    marker: str = ""

    @property
    def width(self) -> float:
        """CSS pixels of the key and its text."""
        return (KEY if self.kind == "line" else BOX) + 5 + lettering.width(self.text)


@dataclass(frozen=True, slots=True)
class Legend:
    """Rows of items that fit a width."""

    rows: tuple[tuple[Item, ...], ...]

    @property
    def height(self) -> float:
        """CSS pixels of all rows."""
        return ROW * len(self.rows)

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        """From the top left corner."""
        for number, row in enumerate(self.rows):
            x, middle = left, top + ROW * number + ROW / 2
            for item in row:
                _key(canvas, x, middle, item)
                x += item.width
                canvas.text(x, middle + 4, item.text, "right")
                x += BETWEEN


def legend(items: Sequence[Item], room: float) -> Legend:
    """Items in rows at most ``room`` CSS pixels wide."""
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
