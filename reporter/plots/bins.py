"""What a picture needs of a histogram: arrays, outlines, and places of its quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reporter import numerals
from reporter.model.histogram import Histogram

Array = npt.NDArray[np.float64]

TAILS = (0.05, 0.95)
"""Probabilities between which the middle 90 % lies."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """A histogram with at least one value.

    Attributes:
        edges: ascending, shape (bins + 1,).
        counts: shape (bins,).
        below, above, total: values left of, right of, and in all places.
    """

    edges: Array
    counts: Array
    below: int
    above: int
    total: int

    @property
    def low(self) -> float:
        """Leftmost edge."""
        return float(self.edges[0])

    @property
    def high(self) -> float:
        """Rightmost edge."""
        return float(self.edges[-1])

    @property
    def shares(self) -> Array:
        """Each bin's share of all values, those outside the edges included."""
        return self.counts / self.total

    @property
    def fullest(self) -> tuple[float, float, float]:
        """Edges of the bin with most values (the first of several), and its share."""
        i = int(np.argmax(self.counts))
        return float(self.edges[i]), float(self.edges[i + 1]), float(self.shares[i])

    @property
    def uniform_step(self) -> float | None:
        """Width of the bins where all have the same."""
        steps = np.diff(self.edges)
        return float(steps[0]) if (steps == steps[0]).all() else None

    @property
    def half(self) -> tuple[float, float, float]:
        """Edges of the bins from that of the first quartile to that of the third, and the share that they hold."""
        ends = np.cumsum(self.counts) + self.below
        first, last = (int(i) for i in np.searchsorted(ends, np.array([0.25, 0.75]) * self.total))
        last = min(last, len(self.counts) - 1)
        first = min(first, last)
        held = float(self.counts[first : last + 1].sum()) / self.total
        return float(self.edges[first]), float(self.edges[last + 1]), held

    @property
    def coarsest(self) -> float:
        """Width of the widest bin: how far a quantile read from the bins may be off."""
        return float(np.diff(self.edges).max())

    def quantile(self, p: float) -> float | None:
        """Place of a quantile as if values were spread evenly in their bin; None where it lies outside the edges."""
        rank = p * self.total - self.below
        ends = np.concatenate([[0.0], np.cumsum(self.counts)])
        if not 0 <= rank <= ends[-1] or ends[-1] == 0:
            return None
        i = min(int(np.searchsorted(ends, rank, side="right")) - 1, len(self.counts) - 1)
        while self.counts[i] == 0:
            i -= 1
        within = min(float((rank - ends[i]) / self.counts[i]), 1.0)
        left, right = float(self.edges[i]), float(self.edges[i + 1])
        return left * (1 - within) + right * within


def bins_of(histogram: Histogram | None) -> Bins | None:
    """The bins of a histogram, or None where there is no value to show."""
    if histogram is None or histogram.total == 0 or not histogram.counts:
        return None
    return Bins(
        edges=np.asarray(histogram.edges, np.float64),
        counts=np.asarray(histogram.counts, np.float64),
        below=histogram.below,
        above=histogram.above,
        total=histogram.total,
    )


def without_values(samples: Sequence[Bins | None]) -> str:
    """Why there is nothing to draw, or nothing if there is.

    >>> without_values([None])
    'no finite values'
    """
    if any(b and b.counts.any() for b in samples):
        return ""
    return "all values lie outside the range" if any(samples) else "no finite values"


def seen(samples: Sequence[Bins], share: float = 0.0) -> tuple[float, float]:
    """From the first to the last bin that holds more than a share of its sample's fullest bin, in any sample.

    A single bin gets as much room on either side: from end to end, it would look like a flat spread.
    """
    lows, highs, narrowest = [], [], math.inf
    for sample in samples:
        places = np.flatnonzero(sample.counts > share * sample.counts.max())
        if len(places):
            lows.append(float(sample.edges[places[0]]))
            highs.append(float(sample.edges[places[-1] + 1]))
            narrowest = min(narrowest, float(sample.edges[places[0] + 1]) - lows[-1])
    low, high = min(lows), max(highs)
    margin = high - low if high - low <= narrowest else 0.0
    return low - margin, high + margin


def outline(x: Array, tops: Array, base: float) -> Array:
    """A histogram as one polygon.

    Args:
        x: places of the edges, shape (bins + 1,).
        tops: places of the counts, shape (bins,).
        base: place of the line that it stands on.
    """
    points = np.empty((2 * len(tops) + 2, 2))
    points[:, 0] = np.repeat(x, 2)
    points[0, 1] = points[-1, 1] = base
    points[1:-1, 1] = np.repeat(tops, 2)
    return points


def outside(bins: Bins) -> list[str]:
    """What the edges leave out, in words.

    >>> outside(bins_of(Histogram((0.0, 1.0), (5,), below=12)))
    ['12 values below 0 not shown']
    """
    parts = ((bins.below, "below", bins.low), (bins.above, "above", bins.high))
    return [f"{values(n)} {side} {numerals.number(edge)} not shown" for n, side, edge in parts if n]


def values(count: int) -> str:
    """A count with its noun.

    >>> values(1), values(1200)
    ('1 value', '1 200 values')
    """
    return f"{numerals.integer(count)} value{'' if count == 1 else 's'}"
