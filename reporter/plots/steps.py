"""The axis of checkpoints, which are placed at their training steps if these are known, else evenly spaced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reporter.plots import lettering
from reporter.plots.colours import FAINT_INK
from reporter.plots.panel import GAP, Panel
from reporter.plots.scale import Linear
from reporter.plots.words import quoted

ROOM = 110.0
"""Most CSS pixels that a label may take."""


class Steps:
    """Where on an axis each checkpoint is.

    Args:
        labels: of the checkpoints.
        x: their steps, None if these are not known. They are ignored if they do not ascend.

    Attributes:
        positions: shape (checkpoints,).
        spaced: whether the positions are steps; otherwise they are 0, 1, 2 …
    """

    def __init__(self, labels: Sequence[str], x: Sequence[float] | None = None) -> None:
        self._labels = [lettering.shorten(quoted(label), ROOM) for label in labels]
        count = len(labels)
        self.spaced = x is not None and len(x) == count and _ascend(x)
        self.positions = np.asarray(x if self.spaced else range(count), np.float64)

    def scale(self, left: float, right: float) -> Linear:
        """A scale from the first checkpoint, at ``left``, to the last one, at ``right``."""
        if len(self.positions) == 0:
            return Linear(0.0, 0.0, left, right)
        return Linear(float(self.positions[0]), float(self.positions[-1]), left, right)

    def axis(self, panel: Panel, places: npt.NDArray[np.float64]) -> None:
        """Draw the axis below a panel: a label for the first checkpoint, and for others as far as there is room.

        Args:
            panel: the panel.
            places: horizontal positions of the checkpoints in CSS pixels. All get a tick mark, or only the first and
                the last one if they lie too close together.
        """
        panel.x_marks(places if len(places) <= (panel.right - panel.left) / 3 else places[[0, -1]])
        boxes = [panel.x_label(p, t) for p, t in zip(places, self._labels, strict=True)]
        for i in _chosen(boxes):
            panel.canvas.text(boxes[i][0], panel.bottom + 16, self._labels[i], colour=FAINT_INK)
        panel.x_title("checkpoint, placed by its step" if self.spaced else "checkpoint, in order")


def _chosen(boxes: Sequence[tuple[float, float]]) -> list[int]:
    """The indices of the labels to print, given their left and right ends.

    These are the first one, and each that keeps its distance from the one printed before and from the last.
    """
    chosen: list[int] = []
    for i, (left, right) in enumerate(boxes):
        after = not chosen or left >= boxes[chosen[-1]][1] + GAP
        before = i in (0, len(boxes) - 1) or right + GAP <= boxes[-1][0]
        if after and before:
            chosen.append(i)
    return chosen


def _ascend(x: Sequence[float]) -> bool:
    """Whether numbers are finite, and each is larger than the one before."""
    return all(math.isfinite(v) for v in x) and all(a < b for a, b in pairwise(x))
