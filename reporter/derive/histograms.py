"""Histograms on dyadic edges: exact integer counts from the cell table, with no second read of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from reporter.derive.quantiles import from_cells
from reporter.model.cells import FIRST_CELL, LAST_CELL, cell_of, cells_of, edge
from reporter.model.comparison import Comparison
from reporter.model.histogram import CheckpointHistograms, Histogram, SeriesHistograms
from reporter.model.measured import Measured
from reporter.model.shown import Shown
from reporter.model.summary import NOTHING, Summary, merge

MAX_BINS = 512
"""As many as there are multiples k·2^e with |k| ≤ 256 (8 significant bits)."""

MULTIPLIERS = (1, 3, 5, 7, 9, 11, 13, 15)
"""Steps are m·2^e; even m would only repeat a smaller one. Of steps that fit alike the smallest m wins."""

_MULTIPLIERS = np.array(MULTIPLIERS, np.float64)[:, None]
_EXPONENTS = np.arange(-4, 12)
"""Against that of a step of the wanted size: every multiplier is tried about that size, and coarser."""

FINEST = 2.0**-133
"""Smallest distance of two cell edges."""

BULK = (0.05, 0.95)
"""Probabilities between which the bulk of the values lies."""

MARGIN = 0.75
"""A robust range is the bulk's, widened by this share of its width on each side: ± 4.1 σ of a normal sample."""

OUTLIER_RATIO = 1.5
"""A range this many times wider than the robust one is cut to it, and the rest counted as below and above."""


def span(summaries: Iterable[Summary], *, robust: bool = True) -> tuple[float, float] | None:
    """The range that a histogram of all these samples should show, or None when they hold no finite value.

    With ``robust``, a range that far values stretch to more than :data:`OUTLIER_RATIO` times that of the bulk is cut.
    """
    whole = merge(summaries)
    if whole.minimum is None or whole.maximum is None:
        return None
    low, high = whole.minimum, whole.maximum
    if robust:
        a, b = from_cells(whole, BULK).values.values()
        margin = MARGIN * (b - a)
        if b > a and high - low > OUTLIER_RATIO * (b - a + 2 * margin):
            low, high = max(low, a - margin), min(high, b + margin)
    return low, high


def dyadic_edges(low: float, high: float, bins: int) -> npt.NDArray[np.float64]:
    """Edges k·m·2^e that cover ``[low, high]``, in a number as near to ``bins`` as 8 significant bits allow.

    >>> dyadic_edges(0.0, 0.9, 4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    bins = max(1, min(bins, MAX_BINS))
    limit = float(edge(LAST_CELL + 1))
    low, high = max(low, -limit), min(high, limit)
    if not high > low:
        return _around(low)
    nearest = math.floor(math.log2(max((high - low) / bins, FINEST)))
    steps = np.maximum(np.ldexp(_MULTIPLIERS, nearest + _EXPONENTS), FINEST).ravel()
    first, last = np.floor(low / steps), np.floor(high / steps) + 1
    misfit = np.abs(np.log((last - first) / bins))
    for i in np.argsort(misfit, kind="stable"):
        if last[i] - first[i] <= 2 * MAX_BINS:
            edges: npt.NDArray[np.float64] = np.arange(first[i], last[i] + 1) * steps[i]
            if _are_cell_edges(edges):
                return edges
    return _around((low + high) / 2, low, high)


def _around(value: float, low: float | None = None, high: float | None = None) -> npt.NDArray[np.float64]:
    """The edges of the cells from ``low`` to ``high``, or the one cell of ``value``."""
    first = cell_of(value if low is None else low)
    last = cell_of(value if high is None else high) + 1
    cells = np.unique(np.linspace(first, min(last, LAST_CELL + 1), min(last - first, MAX_BINS) + 1).astype(np.int64))
    return edge(cells)


def _are_cell_edges(edges: npt.NDArray[np.float64]) -> bool:
    if abs(edges).max() > float(edge(LAST_CELL + 1)) or not (np.diff(edges) > 0).all():
        return False  # beyond the grid, or so fine that float64 rounds neighbours together
    mantissa, _ = np.frexp(edges)
    scaled = mantissa * 256.0
    tiny = edges / FINEST  # below 2^-126 the edges are the multiples of 2^-133
    return bool(((scaled == np.floor(scaled)) & (tiny == np.floor(tiny))).all())


def count(summaries: Iterable[Summary], edges: npt.NDArray[np.float64]) -> Iterator[Histogram]:
    """Exact counts of samples on edges from :func:`dyadic_edges`."""
    cells, shown = np.append(cells_of(edges[:-1]), _closing(float(edges[-1]))), tuple(edges.tolist())
    for summary in summaries:
        bounds = cells
        # float64 values beyond the grid share its outermost cells: they are outside every edge.
        if summary.minimum is not None and summary.minimum < float(edge(FIRST_CELL)):
            bounds = np.maximum(bounds, FIRST_CELL + 1)
        if summary.maximum is not None and summary.maximum >= float(edge(LAST_CELL + 1)):
            bounds = np.minimum(bounds, LAST_CELL)
        table = summary.cells
        ends = np.concatenate([[0], np.cumsum(table.counts)])
        at = ends[np.searchsorted(table.index, bounds)]
        yield Histogram(shown, tuple(np.diff(at).tolist()), below=int(at[0]), above=int(ends[-1] - at[-1]))


def _closing(value: float) -> int:
    return LAST_CELL + 1 if value >= float(edge(LAST_CELL + 1)) else max(cell_of(value), FIRST_CELL)


def histogram(summary: Summary, bins: int, *, robust: bool = False) -> Histogram | None:
    """Histogram of one sample, or None when it holds no finite value.

    Args:
        bins: the wanted number of bins, 1 … 512; the nearest possible is used and the edges say which.
        robust: see :func:`span`.
    """
    return shared([summary], bins, robust=robust)[0]


def shared(summaries: Sequence[Summary], bins: int, *, robust: bool = True) -> list[Histogram | None]:
    """Histograms of several samples on one set of edges; None for a sample without finite values."""
    bounds = span(summaries, robust=robust)
    if bounds is None:
        return [None] * len(summaries)
    counted = count((s for s in summaries if s.finite), dyadic_edges(*bounds, bins))
    return [next(counted) if s.finite else None for s in summaries]


def of_series(series: Comparison, detail: Shown, bins: int) -> SeriesHistograms:
    """Those that follow a series over its checkpoints."""
    layers = {}
    for name in series.layers:
        history = [series.measured[i].layer_by_name.get(name) for i in detail.drawn]
        layers[name] = tuple(shared([NOTHING if g is None else g.summary for g in history], bins))
    whole = tuple(shared([m.whole.summary for m in series.measured], bins))
    return SeriesHistograms(whole, detail.drawn, layers)


def of_checkpoint(measured: Measured, bins: int, layers: int) -> CheckpointHistograms:
    """Those of the page of one checkpoint, of so many of its layers."""
    return CheckpointHistograms(
        whole=histogram(measured.whole.summary, bins, robust=True),
        layers={g.name: histogram(g.summary, bins, robust=True) for g in measured.layers[:layers]},
    )
