"""Quantiles from order statistics, and those of a merged summary: within 2⁻⁸ from the cells alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from reporter.model.cells import edge
from reporter.model.measured import Quantiles
from reporter.model.summary import Summary

Ranks = npt.NDArray[np.int64]


Values = npt.NDArray[np.float64]


OrderStatistics = Callable[[Ranks], Values]
"""From ranks, ascending, to the finite values of those ranks."""


def interpolate(probabilities: Iterable[float], n: int, order: OrderStatistics, *, exact: bool) -> Quantiles:
    """Quantiles of n finite values from their order statistics, by the formula of :func:`numpy.quantile` (linear)."""
    chosen, ranks, below, above, t = _places(tuple(probabilities), n)
    if not n or not chosen:
        return Quantiles({}, exact)
    at = order(ranks)
    low, high = at[below], at[above]
    with np.errstate(over="ignore", invalid="ignore"):
        step = high - low
        # Written as numpy does, so that the last bit agrees.
        values = np.where(t < 0.5, low + step * t, high - step * (1 - t))
    return Quantiles(dict(zip(chosen, values.tolist(), strict=True)), exact)


@lru_cache(maxsize=256)  # most tensors of a model have the size of others
def _places(probabilities: tuple[float, ...], n: int) -> tuple[tuple[float, ...], Ranks, Ranks, Ranks, Values]:
    """Probabilities in order, the ranks that they need, which of them lie below and above each, and where between."""
    chosen = tuple(sorted(set(probabilities)))
    places = np.array(chosen) * (n - 1)
    below = np.floor(places).astype(np.int64)
    ranks, at = np.unique(np.concatenate([below, np.ceil(places).astype(np.int64)]), return_inverse=True)
    found = ranks, at[: len(chosen)], at[len(chosen) :], places - below
    for array in found:
        array.setflags(write=False)
    return chosen, *found


def from_cells(summary: Summary, probabilities: Iterable[float]) -> Quantiles:
    """Quantiles of a merged summary: the middle of the cell of each order statistic, within [min, max].

    The cells are at most 2⁻⁷ of their magnitude wide, so the error of an order statistic is at most 2⁻⁸ of it
    (values beyond the range of float32 excepted: they share the outermost cells).
    """

    def order(ranks: Ranks) -> Values:
        cells = summary.cells
        found = np.searchsorted(np.cumsum(cells.counts), ranks, side="right")
        index = cells.index[found]
        middle = (edge(index) + edge(index + 1)) / 2
        middle[index == 0] = 0.0  # |x| < 1e-40, nearly always exact zeros
        assert summary.minimum is not None and summary.maximum is not None
        return np.clip(middle, summary.minimum, summary.maximum)

    return interpolate(probabilities, summary.finite, order, exact=False)
