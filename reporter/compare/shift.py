"""The shift of a distribution between two samples, from their cell tables.

Such numbers are blind to what happens to single values: a permutation of all weights leaves every one of them at 0.
They stand beside the paired change, never in its place.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from reporter.model.cells import Cells, cells_of, edge
from reporter.model.norms import scaled
from reporter.model.shift import Shift
from reporter.model.summary import Summary, merge_moments

ENOUGH = 1000
"""Values of either sample for PSI and JS: two samples of n from one population already differ by a PSI of about
2 · bins / n, 0.06 for 30 bins."""

FEWEST = 8
"""Bins that PSI and JS need; fewer are left where all values lie within a few cells."""

PER_SIGMA = 4.0
"""Bins per standard deviation, about: the width is the nearest power of two."""

REACH = 4.0
"""Standard deviations on either side of the mean that the closed bins cover."""

Array = npt.NDArray[np.float64]


def shift(before: Summary, after: Summary, values: tuple[Array, Array] | None = None) -> Shift | None:
    """Effect sizes of the difference of two samples; None where either has no finite value.

    Args:
        values: the samples themselves, where they are small enough to be known: W1 is then exact.
    """
    if not before.finite or not after.finite:
        return None
    sigma = before.std
    wasserstein, error = None, 0.0
    if 0 < sigma < math.inf:
        if values is not None:
            wasserstein = exact_wasserstein(*values) / sigma
        elif _on_grid(before) and _on_grid(after):
            distance, error = _wasserstein(before, after)
            wasserstein, error = distance / sigma, error / sigma
    if wasserstein is not None and not math.isfinite(wasserstein):
        wasserstein, error = None, 0.0
    bounds = edges(before, after)
    if bounds is None:
        return Shift(wasserstein, error)
    p, q = _counts(before.cells, bounds), _counts(after.cells, bounds)
    ends = edge(bounds[[0, -1]])
    return Shift(wasserstein, error, psi(p, q), js(p, q), len(p), float(ends[0]), float(ends[1]))


def _on_grid(sample: Summary) -> bool:
    """Whether no float64 value lies beyond the cells."""
    low, high = sample.minimum, sample.maximum
    return low is not None and high is not None and low >= -(2.0**128) and high < 2.0**128


def _wasserstein(before: Summary, after: Summary) -> tuple[float, float]:
    """W1 and its largest error.

    W1 = ∫ |F − G| dx. Moving every value to the middle of its cell moves W1 by half a cell's width per value at most;
    W1 is never less than the distance of the means, which are known.
    """
    cells = (before.cells + after.cells).index.astype(np.int64)
    p, q = _on(before.cells, cells) / before.finite, _on(after.cells, cells) / after.finite
    left, right = edge(cells), edge(cells + 1)
    middles = left / 2 + right / 2
    distance = float((np.abs(np.cumsum(p - q))[:-1] * np.diff(middles)).sum())
    error = float(((p + q) * (right - left)).sum()) / 2
    return max(distance, abs(after.mean - before.mean)), error


def exact_wasserstein(a: Array, b: Array) -> float:
    """W1 of two samples of finite values: ∫ |F − G| dx over their merged values.

    >>> exact_wasserstein(np.array([0.0, 1.0]), np.array([3.0, 2.0]))
    2.0
    """
    a, b = np.sort(a), np.sort(b)
    both = np.sort(np.concatenate([a, b]))
    f = np.searchsorted(a, both[:-1], "right") / len(a)
    g = np.searchsorted(b, both[:-1], "right") / len(b)
    return float((np.abs(f - g) * np.diff(both)).sum())


def edges(before: Summary, after: Summary) -> npt.NDArray[np.int64] | None:
    """Cells at which the closed bins begin, and the one at which the last ends; None where they would be too few.

    The bins are shared by both samples: multiples of a power of two near a quarter of the pooled standard deviation,
    four of them to either side of the pooled mean, each moved to the next cell edge below where it is none.
    """
    if min(before.finite, after.finite) < ENOUGH:
        return None
    n, mean, m2, _, _, unit = merge_moments(before.moments, after.moments)
    sigma = scaled(math.sqrt(m2 / n), unit)
    if not sigma / PER_SIGMA > 0 or not math.isfinite(abs(mean) + REACH * sigma):
        return None
    step = 2.0 ** round(math.log2(sigma / PER_SIGMA))
    first = math.floor((mean - REACH * sigma) / step)
    last = math.ceil((mean + REACH * sigma) / step)
    bounds = np.unique(cells_of(np.arange(first, last + 1) * step))
    return bounds if len(bounds) >= FEWEST - 1 else None


def psi(p: Array, q: Array) -> float:
    """Population stability index Σ (p − q) ln(p / q) of two tables of counts.

    An empty bin counts as half a value, so that the logarithm stays finite; bins that are empty on both sides say
    nothing.

    >>> round(psi(np.array([50.0, 50.0]), np.array([25.0, 75.0])), 4)
    0.2747
    """
    used = (p > 0) | (q > 0)
    a, b = np.maximum(p[used], 0.5), np.maximum(q[used], 0.5)
    a, b = a / a.sum(), b / b.sum()
    return float(((a - b) * np.log(a / b)).sum())


def js(p: Array, q: Array) -> float:
    """Jensen-Shannon distance, base 2, of two tables of counts.

    Source: J. Lin, *Divergence measures based on the Shannon entropy*, 1991; its square root is a metric.

    >>> js(np.array([1.0, 0.0]), np.array([0.0, 1.0])), js(np.array([1.0, 3.0]), np.array([2.0, 6.0]))
    (1.0, 0.0)
    """
    a, b = p / p.sum(), q / q.sum()
    middle = (a + b) / 2
    divergence = sum(float((x[x > 0] * np.log2(x[x > 0] / middle[x > 0])).sum()) for x in (a, b)) / 2
    return math.sqrt(max(0.0, divergence))


def _counts(cells: Cells, bounds: npt.NDArray[np.int64]) -> Array:
    """Values below the first bound, between each two, and from the last one on."""
    ends = np.concatenate([[0], np.cumsum(cells.counts)])
    at = np.concatenate([[0], ends[np.searchsorted(cells.index, bounds)], ends[-1:]])
    return np.diff(at).astype(np.float64)


def _on(cells: Cells, grid: npt.NDArray[np.int64]) -> Array:
    counts = np.zeros(len(grid))
    counts[np.searchsorted(grid, cells.index)] = cells.counts
    return counts
