"""The plotting area of a picture, with an axis at the bottom and one at the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.reading import Box
from reporter.plots import lettering
from reporter.plots.canvas import Canvas
from reporter.plots.colours import AXIS, FAINT_INK, GRID
from reporter.plots.scale import Scale, tick_labels

TICK = 4.0
"""Length of a tick mark in CSS pixels."""
GAP = 10.0
"""Least distance of two labels in CSS pixels."""
LINE = 14.0
"""Distance of two lines of text in CSS pixels."""
TITLE = 22.0
"""Height of the title of a picture in CSS pixels."""
BELOW = 33.0
"""Height of the bottom axis below a panel in CSS pixels."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of a canvas in which numbers are drawn; positions are in CSS pixels.

    Attributes:
        canvas: where it is drawn.
        left: its left end, where the left axis is.
        top: its upper end.
        right: its right end.
        bottom: its lower end, where the bottom axis is.
        reach: the left and the right end that labels of the bottom axis must not cross; those of the canvas if None.
    """

    canvas: Canvas
    left: float
    top: float
    right: float
    bottom: float
    reach: tuple[float, float] | None = None

    @property
    def box(self) -> Box:
        """Its left, top, right and bottom end."""
        return self.left, self.top, self.right, self.bottom

    def x_axis(self, scale: Scale, title: str, labels: Callable[[Sequence[float]], list[str]] = tick_labels) -> None:
        """Draw the bottom axis, with as many ticks and labels as have room.

        Args:
            scale: maps numbers to horizontal positions.
            title: what the numbers are.
            labels: makes labels of ticks.
        """
        for wanted in (7, 5, 4, 3, 2, 1):
            ticks = scale.ticks(wanted)
            texts = labels(ticks)
            if _apart(boxes := [self.x_label(p, t) for p, t in zip(scale(ticks), texts, strict=True)]):
                break
        places = scale(ticks)
        if not _apart(boxes):
            boxes, places = boxes[:1], places[:1]
        self.x_marks(places)
        for (left, _), text in zip(boxes, texts, strict=False):
            self.canvas.text(left, self.bottom + 16, text, colour=FAINT_INK)
        self.x_title(title)

    def x_label(self, place: float, text: str) -> tuple[float, float]:
        """The left and right end of a label centred below ``place``, moved so that it stays within :attr:`reach`."""
        low, high = self.reach or (0.0, self.canvas.width)
        wide = lettering.width(text)
        left = max(low, min(place - wide / 2, high - wide))
        return left, left + wide

    def x_marks(self, places: npt.ArrayLike) -> None:
        """Draw the line at the bottom, with tick marks at some horizontal positions."""
        marks = [((p, self.bottom), (p, self.bottom + TICK)) for p in np.asarray(places)]
        self.canvas.segments([((self.left, self.bottom), (self.right, self.bottom)), *marks], AXIS)

    def x_title(self, title: str) -> None:
        """Write below the bottom axis what its numbers are."""
        self.canvas.text((self.left + self.right) / 2, self.bottom + 16 + LINE, title, "centre", colour=FAINT_INK)

    def y_axis(self, scale: Scale, ticks: Sequence[float], texts: Sequence[str], title: str, grid: bool = True) -> None:
        """Draw the left axis; its title is above the panel, so that it can be read without turning the head.

        Args:
            scale: maps numbers to vertical positions.
            ticks: the numbers to mark.
            texts: their labels.
            title: what the numbers are.
            grid: whether to draw a line across the panel at each tick.
        """
        places = scale(ticks)
        if grid:
            self.canvas.segments([((self.left, p), (self.right, p)) for p in places], GRID)
        marks = [((self.left - TICK, p), (self.left, p)) for p in places]
        self.canvas.segments([((self.left, self.top), (self.left, self.bottom)), *marks], AXIS)
        for place, text in zip(places, texts, strict=True):
            self.canvas.text(self.left - TICK - 3, place + 4, text, "right", colour=FAINT_INK)
        self.canvas.text(0, self.top - 8, title, colour=FAINT_INK)

    def message(self, text: str) -> None:
        """Write a text into the middle of the panel, where there is nothing to draw."""
        room = self.right - self.left
        self.canvas.text((self.left + self.right) / 2, (self.top + self.bottom) / 2 + 4, text, "centre", room=room)


def gutter(texts: Sequence[str]) -> float:
    """The width that the labels of a left axis take, in CSS pixels."""
    return max((lettering.width(t) for t in texts), default=0.0) + TICK + 4


def _apart(boxes: Sequence[tuple[float, float]]) -> bool:
    """Whether labels, given by their left and right ends, have enough room between them."""
    return all(b[0] >= a[1] + GAP for a, b in pairwise(boxes))
