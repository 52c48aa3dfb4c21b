"""Quantiles, interpolated between order statistics; those of merged tensors are estimated from counts by cell.

The order statistic of rank r is the value that would stand at index r if all finite values were sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.model.cells import edge
from reporter.model.summary import Summary
from reporter.model.value import Quantiles

Ranks = npt.NDArray[np.int64]
"""Indices into the sorted finite values, 0 for the smallest."""

Values = npt.NDArray[np.float64]
"""The values at some ranks."""

OrderStatistics = Callable[[Ranks], Values]
"""Gives the order statistics of ascending ranks."""


def interpolate(probabilities: Iterable[float], n: int, order: OrderStatistics, *, exact: bool) -> Quantiles:
    """Quantiles of finite values by linear interpolation, as :func:`numpy.quantile` computes them.

    Args:
        probabilities: each in [0, 1].
        n: number of values.
        order: gives their order statistics.
        exact: whether these are exact; the result says so.

    >>> ordered = np.array([1.0, 2.0, 4.0, 8.0])
    >>> interpolate([0.5, 0.9], 4, lambda ranks: ordered[ranks], exact=True).values
    {0.5: 3.0, 0.9: 6.800000000000001}
    """
    chosen, ranks, below, above, t = _places(tuple(probabilities), n)
    if not n or not chosen:
        return Quantiles({}, exact)
    at = order(ranks)
    low, high = at[below], at[above]
    return Quantiles(dict(zip(chosen, _between(low, high, t).tolist(), strict=True)), exact)


def _between(low: Values, high: Values, t: Values) -> Values:
    """What lies between two values, computed in the same way as in numpy, so that even the last bit agrees."""
    with np.errstate(over="ignore", invalid="ignore"):
        step = high - low
        return np.where(t < 0.5, low + step * t, high - step * (1 - t))


def interpolate_together(
    probabilities: Iterable[float], sizes: Ranks, ordered: npt.NDArray[np.floating[Any]], starts: Ranks
) -> list[dict[float, float]]:
    """The quantiles of several samples at once, each as :func:`interpolate` computes them.

    Args:
        probabilities: each in [0, 1].
        sizes: number of values of each sample.
        ordered: the values of all samples, those of each in ascending order.
        starts: where the values of each begin.

    >>> interpolate_together([0.5, 0.9], np.array([4, 0, 1]), np.array([1.0, 2.0, 4.0, 8.0, 5.0]), np.array([0, 4, 4]))
    [{0.5: 3.0, 0.9: 6.800000000000001}, {}, {0.5: 5.0, 0.9: 5.0}]
    """
    chosen = tuple(sorted(set(probabilities)))
    found: list[dict[float, float]] = [{} for _ in sizes]
    if not chosen:
        return found
    for size in sorted(set(sizes[sizes > 0].tolist())):  # np.unique would import numpy.ma
        _, ranks, below, above, t = _places(chosen, size)
        rows = np.flatnonzero(sizes == size)
        at = ordered[starts[rows, None] + ranks].astype(np.float64)
        values = _between(at[:, below], at[:, above], t)
        for row, of_row in zip(rows.tolist(), values.tolist(), strict=True):
            found[row] = dict(zip(chosen, of_row, strict=True))
    return found


@lru_cache(maxsize=256)  # many tensors of a model have the same size
def _places(probabilities: tuple[float, ...], n: int) -> tuple[tuple[float, ...], Ranks, Ranks, Ranks, Values]:
    """Where quantiles lie among the ranks of n values.

    Returns:
        The distinct probabilities, ascending; the ranks that they need, ascending; for each probability the index,
        among these ranks, of the one below and of the one above; and where between the two it lies, 0 to 1.
    """
    chosen = tuple(sorted(set(probabilities)))
    places = np.array(chosen) * (n - 1)
    below = np.floor(places).astype(np.int64)
    ranks, at = np.unique(np.concatenate([below, np.ceil(places).astype(np.int64)]), return_inverse=True)
    found = ranks, at[: len(chosen)], at[len(chosen) :], places - below
    for array in found:
        array.setflags(write=False)
    return chosen, *found


def from_cells(summary: Summary, probabilities: Iterable[float]) -> Quantiles:
    """Quantiles from a summary alone: each order statistic is taken to be the middle of its cell.

    A cell is at most 2⁻⁷ of its magnitude wide, so that the error of an order statistic is at most 2⁻⁸ of it. Only
    values beyond the range of float32 may be further off, as they share the outermost cells.

    Args:
        summary: of one tensor or of many.
        probabilities: each in [0, 1].
    """

    def order(ranks: Ranks) -> Values:
        cells = summary.cells
        found = np.searchsorted(np.cumsum(cells.counts), ranks, side="right")
        index = cells.index[found]
        middle = (edge(index) + edge(index + 1)) / 2
        middle[index == 0] = 0.0  # cell 0 holds |x| < 1e-40, nearly always exact zeros
        assert summary.minimum is not None and summary.maximum is not None
        return np.clip(middle, summary.minimum, summary.maximum)

    return interpolate(probabilities, summary.finite, order, exact=False)
