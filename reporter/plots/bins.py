"""Histograms as pictures need them: as arrays, with outlines to draw and estimates of quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reporter import numerals
from reporter.frozen import dataclass
from reporter.model.histogram import Histogram
from reporter.model.reading import BinsArea, Box

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """A histogram with at least one value.

    Attributes:
        edges: edges of the bins, ascending, shape (bins + 1,).
        counts: number of values in each bin, shape (bins,).
        below: number of values below the first edge.
        above: number of values at or above the last edge.
        total: number of all values, inside and outside the edges.
    """

    edges: Array
    counts: Array
    below: int
    above: int
    total: int

    @property
    def low(self) -> float:
        """The first edge, which is the smallest value shown."""
        return float(self.edges[0])

    @property
    def high(self) -> float:
        """The last edge; all values shown are smaller."""
        return float(self.edges[-1])

    @property
    def shares(self) -> Array:
        """The share of all values that is in each bin; values outside the edges count as well."""
        return self.counts / self.total

    @property
    def fullest(self) -> tuple[float, float, float]:
        """Both edges of the bin with most values, the first of several, and its share."""
        i = int(np.argmax(self.counts))
        return float(self.edges[i]), float(self.edges[i + 1]), float(self.shares[i])

    @property
    def uniform_step(self) -> float | None:
        """The width of the bins, None if they differ."""
        steps = np.diff(self.edges)
        return float(steps[0]) if (steps == steps[0]).all() else None

    @property
    def half(self) -> tuple[float, float, float]:
        """The first and the last edge of the bins between the first and the third quartile, and the share in them."""
        ends = np.cumsum(self.counts) + self.below
        first, last = (int(i) for i in np.searchsorted(ends, np.array([0.25, 0.75]) * self.total))
        last = min(last, len(self.counts) - 1)
        first = min(first, last)
        held = float(self.counts[first : last + 1].sum()) / self.total
        return float(self.edges[first]), float(self.edges[last + 1]), held

    @property
    def coarsest(self) -> float:
        """The width of the widest bin, which bounds the error of :meth:`quantile`."""
        return float(np.diff(self.edges).max())

    def quantile(self, p: float) -> float | None:
        """Estimate a quantile as if values were spread evenly over their bin; None if it lies outside the edges.

        >>> bins = bins_of(Histogram((0.0, 1.0, 2.0), (1, 3)))
        >>> bins.quantile(0.25), bins.quantile(0.625)
        (1.0, 1.5)
        """
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
    """The bins of a histogram, or None if there is no value to show."""
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
    """Why none of the histograms can be drawn; "" if one of them can.

    >>> without_values([None])
    'no finite values'
    """
    if any(b and b.counts.any() for b in samples):
        return ""
    return "all values lie outside the range" if any(samples) else "no finite values"


def seen(samples: Sequence[Bins], share: float = 0.0) -> tuple[float, float]:
    """The range of values that a picture of these histograms should show.

    It reaches from the first to the last bin, of any of them, that holds more than ``share`` times what the fullest bin
    of the same histogram holds. A single bin gets as much room on either side, since a bin as wide as the picture would
    look like a flat distribution.
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
    """The outline of a histogram as one polygon, in CSS pixels.

    Args:
        x: horizontal positions of the edges, shape (bins + 1,).
        tops: vertical positions of the counts, shape (bins,).
        base: vertical position of the line that the bars stand on.

    Returns:
        The corners, shape (2 · bins + 2, 2).
    """
    points = np.empty((2 * len(tops) + 2, 2))
    points[:, 0] = np.repeat(x, 2)
    points[0, 1] = points[-1, 1] = base
    points[1:-1, 1] = np.repeat(tops, 2)
    return points


def outside(bins: Bins) -> list[str]:
    """How many values lie outside the edges, in words.

    >>> outside(bins_of(Histogram((0.0, 1.0), (5,), below=12)))
    ['12 values below 0 not shown']
    """
    parts = ((bins.below, "below", bins.low), (bins.above, "above", bins.high))
    return [f"{values(n)} {side} {numerals.number(edge)} not shown" for n, side, edge in parts if n]


def values(count: int) -> str:
    """A count with its noun.

    >>> values(1), values(1200)
    ('1 value', '1\\u202f200 values')
    """
    return f"{numerals.integer(count)} value{'' if count == 1 else 's'}"


def readable(
    box: Box, span: tuple[float, float], labels: Sequence[str], samples: Sequence[Bins | None], *, upright: bool = False
) -> BinsArea | None:
    """The area of a picture that tells the counts of histograms on the same edges; None if there is no histogram.

    Args:
        box: what they cover together.
        span: the values at both ends of the box.
        labels: of the samples.
        samples: one below the other, or side by side.
        upright: whether they are side by side, and values go up.
    """
    known = next((sample for sample in samples if sample), None)
    if known is None:
        return None
    return BinsArea(
        box,
        tuple(labels),
        *span,
        upright,
        tuple(known.edges.tolist()),
        tuple(tuple(map(int, sample.counts)) if sample else None for sample in samples),
        tuple((sample.below, sample.above) if sample else (0, 0) for sample in samples),
    )
