"""By how much the distribution of values shifted between two samples, from their counts by cell.

These numbers do not see what happens to single values: if all weights are permuted, every one of them is 0. They are
therefore shown beside the paired change, never instead of it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from reporter.model.cells import LIMIT, Cells, cells_of, edge
from reporter.model.norms import scaled
from reporter.model.shift import Shift
from reporter.model.summary import Summary, merge_moments

ENOUGH = 1000
"""Least number of values in either sample for PSI and JS. Two samples of n values from the same population differ by a
PSI of about 2 · bins / n, which for 30 bins and this n is 0.06, not far below 0.1, by convention a shift."""

FEWEST = 8
"""Least number of bins for PSI and JS. There are fewer where all values lie within a few cells."""

PER_SIGMA = 4.0
"""Wanted number of bins per standard deviation; their width is the nearest power of two."""

REACH = 4.0
"""How far bins reach on either side of the mean, in standard deviations. Beyond them is one open bin on each side."""

Array = npt.NDArray[np.float64]


def shift(before: Summary, after: Summary, values: tuple[Array, Array] | None = None) -> Shift | None:
    """How far two distributions are apart, as effect sizes; None where either sample has no finite value.

    Args:
        before: summary of the first sample.
        after: summary of the second sample.
        values: the finite values of both, where they are known; the Wasserstein distance is then exact.
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
    """Whether all values lie within the range of the cells, which is that of float32."""
    low, high = sample.minimum, sample.maximum
    return low is not None and high is not None and low >= -LIMIT and high < LIMIT


def _wasserstein(before: Summary, after: Summary) -> tuple[float, float]:
    """The Wasserstein-1 distance from the cells, and a bound of its error.

    With F and G the cumulative distributions, W1 = ∫ |F − G| dx. Values are taken to lie in the middle of their cells,
    which changes W1 by at most half a cell's width per value. W1 is also never below the distance of the means, which
    is known exactly.
    """
    cells = np.union1d(before.cells.index, after.cells.index).astype(np.int64)
    p, q = _on(before.cells, cells) / before.finite, _on(after.cells, cells) / after.finite
    left, right = edge(cells), edge(cells + 1)
    middles = left / 2 + right / 2
    distance = float((np.abs(np.cumsum(p - q))[:-1] * np.diff(middles)).sum())
    error = float(((p + q) * (right - left)).sum()) / 2
    return max(distance, abs(after.mean - before.mean)), error


def exact_wasserstein(a: Array, b: Array) -> float:
    """The Wasserstein-1 distance of two samples of finite values: ∫ |F − G| dx, which is constant between values.

    >>> exact_wasserstein(np.array([0.0, 1.0]), np.array([3.0, 2.0]))
    2.0
    """
    a, b = np.sort(a), np.sort(b)
    both = np.sort(np.concatenate([a, b]))
    f = np.searchsorted(a, both[:-1], "right") / len(a)
    g = np.searchsorted(b, both[:-1], "right") / len(b)
    return float((np.abs(f - g) * np.diff(both)).sum())


def edges(before: Summary, after: Summary) -> npt.NDArray[np.int64] | None:
    """The bounds of the bins that both samples are counted into, as cells; None where there would be too few.

    The bounds are multiples of a power of two near a quarter of the pooled standard deviation. They cover four standard
    deviations on either side of the pooled mean. A bound that is no edge of a cell is moved down to the next one.
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
    cells = cells_of(np.arange(first, last + 1) * step)
    bounds = cells[np.diff(cells, prepend=cells[0] - 1) > 0]  # they ascend, and np.unique would import numpy.ma
    return bounds if len(bounds) >= FEWEST - 1 else None


def psi(p: Array, q: Array) -> float:
    """Population stability index Σ (p − q) ln(p / q) of two tables of counts.

    A bin that is empty in one table counts as half a value there, so that the logarithm stays finite. Bins that are
    empty in both are left out.

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
    """The numbers of values below the first bound, between each two bounds, and from the last one on."""
    ends = np.concatenate([[0], np.cumsum(cells.counts)])
    at = np.concatenate([[0], ends[np.searchsorted(cells.index, bounds)], ends[-1:]])
    return np.diff(at).astype(np.float64)


def _on(cells: Cells, grid: npt.NDArray[np.int64]) -> Array:
    """The counts of the cells in ``grid``, which has all of ``cells`` and may have more."""
    counts = np.zeros(len(grid))
    counts[np.searchsorted(grid, cells.index)] = cells.counts
    return counts
