"""The axis of checkpoints: at their true steps where those are known, else evenly spaced."""

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
"""CSS pixels that a label may take."""


class Steps:
    """Where each checkpoint is.

    Attributes:
        positions: shape (checkpoints,).
        spaced: whether they are the true steps; otherwise 0, 1, 2 …
    """

    def __init__(self, labels: Sequence[str], x: Sequence[float] | None = None) -> None:
        self._labels = [lettering.shorten(quoted(label), ROOM) for label in labels]
        count = len(labels)
        self.spaced = x is not None and len(x) == count and _ascend(x)
        self.positions = np.asarray(x if self.spaced else range(count), np.float64)

    def scale(self, left: float, right: float) -> Linear:
        """From the first checkpoint to the last."""
        if len(self.positions) == 0:
            return Linear(0.0, 0.0, left, right)
        return Linear(float(self.positions[0]), float(self.positions[-1]), left, right)

    def axis(self, panel: Panel, places: npt.NDArray[np.float64]) -> None:
        """Ticks at all checkpoints (``places`` in CSS pixels), labels at the first and where there is room."""
        panel.x_marks(places if len(places) <= (panel.right - panel.left) / 3 else places[[0, -1]])
        boxes = [panel.x_label(p, t) for p, t in zip(places, self._labels, strict=True)]
        for i in _chosen(boxes):
            panel.canvas.text(boxes[i][0], panel.bottom + 16, self._labels[i], colour=FAINT_INK)
        panel.x_title("checkpoint, placed by its step" if self.spaced else "checkpoint, in order")


def subset(count: int, limit: int) -> list[int]:
    """At most ``limit`` ≥ 2 of ``count`` places, evenly spread, the first and the last among them.

    >>> subset(7, 4), subset(3, 4)
    ([0, 2, 4, 6], [0, 1, 2])
    """
    if count <= limit:
        return list(range(count))
    return [round(i * (count - 1) / (limit - 1)) for i in range(limit)]


def _chosen(boxes: Sequence[tuple[float, float]]) -> list[int]:
    """The labels to print: the first, then those that leave a gap before themselves and before the last."""
    chosen: list[int] = []
    for i, (left, right) in enumerate(boxes):
        after = not chosen or left >= boxes[chosen[-1]][1] + GAP
        before = i in (0, len(boxes) - 1) or right + GAP <= boxes[-1][0]
        if after and before:
            chosen.append(i)
    return chosen


def _ascend(x: Sequence[float]) -> bool:
    return all(math.isfinite(v) for v in x) and all(a < b for a, b in pairwise(x))
