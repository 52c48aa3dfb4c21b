"""A plotting area: a frame, an axis at the bottom, an axis at the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reporter.plots import lettering
from reporter.plots.canvas import Canvas
from reporter.plots.colours import AXIS, FAINT_INK, GRID
from reporter.plots.scale import Scale, tick_labels

TICK = 4.0
"""CSS pixels of a tick mark."""
GAP = 10.0
"""CSS pixels at least between two labels."""
LINE = 14.0
"""CSS pixels from one line of text to the next."""
TITLE = 22.0
"""CSS pixels that a picture's title takes."""
BELOW = 33.0
"""CSS pixels that the bottom axis takes below a panel."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of a canvas, in CSS pixels.

    Attributes:
        reach: left and right end of what the labels of the bottom axis may take; all of the canvas if None.
    """

    canvas: Canvas
    left: float
    top: float
    right: float
    bottom: float
    reach: tuple[float, float] | None = None

    def x_axis(self, scale: Scale, title: str, labels: Callable[[Sequence[float]], list[str]] = tick_labels) -> None:
        """Ticks and their labels below the panel, as many as have room, and what they measure."""
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
        """Left and right end of a label centred below a place, moved so that it stays within reach."""
        low, high = self.reach or (0.0, self.canvas.width)
        wide = lettering.width(text)
        left = max(low, min(place - wide / 2, high - wide))
        return left, left + wide

    def x_marks(self, places: npt.ArrayLike) -> None:
        """The bottom line with tick marks."""
        marks = [((p, self.bottom), (p, self.bottom + TICK)) for p in np.asarray(places)]
        self.canvas.segments([((self.left, self.bottom), (self.right, self.bottom)), *marks], AXIS)

    def x_title(self, title: str) -> None:
        """What the bottom axis measures."""
        self.canvas.text((self.left + self.right) / 2, self.bottom + 16 + LINE, title, "centre", colour=FAINT_INK)

    def y_axis(self, scale: Scale, ticks: Sequence[float], texts: Sequence[str], title: str, grid: bool = True) -> None:
        """Tick labels left of the panel, and what they measure above it: text that nobody has to turn the head for."""
        places = scale(ticks)
        if grid:
            self.canvas.segments([((self.left, p), (self.right, p)) for p in places], GRID)
        marks = [((self.left - TICK, p), (self.left, p)) for p in places]
        self.canvas.segments([((self.left, self.top), (self.left, self.bottom)), *marks], AXIS)
        for place, text in zip(places, texts, strict=True):
            self.canvas.text(self.left - TICK - 3, place + 4, text, "right", colour=FAINT_INK)
        self.canvas.text(0, self.top - 8, title, colour=FAINT_INK)

    def message(self, text: str) -> None:
        """Text in the middle, in place of a picture."""
        room = self.right - self.left
        self.canvas.text((self.left + self.right) / 2, (self.top + self.bottom) / 2 + 4, text, "centre", room=room)


def gutter(texts: Sequence[str]) -> float:
    """CSS pixels that labels of a left axis need."""
    return max((lettering.width(t) for t in texts), default=0.0) + TICK + 4


def _apart(boxes: Sequence[tuple[float, float]]) -> bool:
    return all(b[0] >= a[1] + GAP for a, b in pairwise(boxes))
