"""Histograms with exact counts, computed from the counts by cell, so that no weight is read twice.

A count is exact only if every edge of the histogram is also an edge of a cell. The edges of cells are the numbers with
at most 8 significant bits, such as k·2^e with |k| ≤ 256. Edges of a histogram are therefore equally spaced multiples of
a step m·2^e with small odd m, and the number of bins is the possible one nearest to what was asked for. For [0, 0.9]
and four bins, a step of 0.225 would be ideal; the nearest possible one is 1·2⁻² = 0.25:

>>> dyadic_edges(0.0, 0.9, 4).tolist()
[0.0, 0.25, 0.5, 0.75, 1.0]

Five bins take steps of 3·2⁻⁴ = 0.1875, and a range of large numbers close together has few possible edges:

>>> dyadic_edges(0.0, 0.9, 5).tolist(), dyadic_edges(1000.0, 1010.0, 5).tolist()
([0.0, 0.1875, 0.375, 0.5625, 0.75, 0.9375], [1000.0, 1004.0, 1008.0, 1012.0])
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from reporter.derive.quantiles import from_cells
from reporter.model.cells import FIRST_CELL, LAST_CELL, LIMIT, Cells, cell_of, cells_of, edge
from reporter.model.comparison import Comparison
from reporter.model.defaults import MAX_BINS
from reporter.model.histogram import CheckpointHistograms, Histogram, SeriesHistograms
from reporter.model.measured import Measured
from reporter.model.shown import Shown
from reporter.model.summary import NOTHING, Summary, merge

MULTIPLIERS = (1, 3, 5, 7, 9, 11, 13, 15)
"""The multipliers m of steps m·2^e. Even ones would repeat steps of smaller m. Of steps that fit equally well, the one
with the smallest m is used."""

_MULTIPLIERS = np.array(MULTIPLIERS, np.float64)[:, None]
_EXPONENTS = np.arange(-4, 12)
"""The exponents that are tried with each multiplier, relative to that of the wanted step: a little finer, down to where
15 times the step is about right, and coarser, for ranges where fine steps are no edges of cells."""

FINEST = 2.0**-133
"""The smallest distance between two edges of cells."""

BULK = (0.05, 0.95)
"""Probabilities of the quantiles between which the bulk of the values lies."""

MARGIN = 0.75
"""A robust range is that of the bulk, widened on each side by this share of its width: ± 4.1 σ for a normal sample."""

OUTLIER_RATIO = 1.5
"""If the full range is this many times as wide as the robust one, the robust range is shown, and values outside it are
counted as below and above."""


def span(summaries: Iterable[Summary], *, robust: bool = True) -> tuple[float, float] | None:
    """The range that a histogram of all these samples should show, or None if they hold no finite value.

    Args:
        summaries: of the samples.
        robust: whether the range may leave out a few values far from all others, see :data:`OUTLIER_RATIO`.
    """
    some = [summary for summary in summaries if summary.count]
    whole = merge(some, Cells.merged(summary.cells for summary in some))  # which are counted as well
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
    """Equally spaced edges of cells that cover a range, see the examples of this module.

    Args:
        low: the smallest value to cover.
        high: the largest value to cover.
        bins: the wanted number of bins.

    Returns:
        Ascending edges, shape (bins + 1,), where bins is as near to the wanted number as 8 significant bits allow.
    """
    bins = max(1, min(bins, MAX_BINS))
    low, high = max(low, -LIMIT), min(high, LIMIT)
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
    """Edges of cells for ranges without equal steps: from ``low`` to ``high``, else those of the cell of ``value``."""
    first = cell_of(value if low is None else low)
    last = cell_of(value if high is None else high) + 1
    cells = np.unique(np.linspace(first, min(last, LAST_CELL + 1), min(last - first, MAX_BINS) + 1).astype(np.int64))
    return edge(cells)


def _are_cell_edges(edges: npt.NDArray[np.float64]) -> bool:
    """Whether all of these ascending numbers are edges of cells."""
    if abs(edges).max() > LIMIT or not (np.diff(edges) > 0).all():
        return False  # beyond the last cell, or so close together that float64 rounds two to the same
    mantissa, _ = np.frexp(edges)
    scaled = mantissa * 256.0
    tiny = edges / FINEST  # below 2^-126 the edges of cells are the multiples of 2^-133
    return bool(((scaled == np.floor(scaled)) & (tiny == np.floor(tiny))).all())


def count(summaries: Iterable[Summary], edges: npt.NDArray[np.float64]) -> Iterator[Histogram]:
    """Count samples on the same edges, exactly.

    Args:
        summaries: of the samples.
        edges: as :func:`dyadic_edges` makes them.
    """
    cells, shown = np.append(cells_of(edges[:-1]), _closing(float(edges[-1]))), tuple(edges.tolist())
    for summary in summaries:
        bounds = cells
        # float64 values beyond float32 are counted in the outermost cells, although they lie outside every edge.
        if summary.minimum is not None and summary.minimum < -LIMIT:
            bounds = np.maximum(bounds, FIRST_CELL + 1)
        if summary.maximum is not None and summary.maximum >= LIMIT:
            bounds = np.minimum(bounds, LAST_CELL)
        table = summary.cells
        ends = np.concatenate([[0], np.cumsum(table.counts)])
        at = ends[np.searchsorted(table.index, bounds)]
        yield Histogram(shown, tuple(np.diff(at).tolist()), below=int(at[0]), above=int(ends[-1] - at[-1]))


def _closing(value: float) -> int:
    """The cell at which the last bin ends."""
    return LAST_CELL + 1 if value >= LIMIT else max(cell_of(value), FIRST_CELL)


def histogram(summary: Summary, bins: int, *, robust: bool = False) -> Histogram | None:
    """The histogram of one sample, or None if it holds no finite value.

    Args:
        summary: of the sample.
        bins: the wanted number of bins, 1 to 512; the nearest possible number is used.
        robust: see :func:`span`.
    """
    return shared([summary], bins, robust=robust)[0]


def shared(summaries: Sequence[Summary], bins: int, *, robust: bool = True) -> list[Histogram | None]:
    """Histograms of several samples on the same edges; None for each sample without finite values.

    Args:
        summaries: of the samples.
        bins: the wanted number of bins, 1 to 512; the nearest possible number is used.
        robust: see :func:`span`.
    """
    bounds = span(summaries, robust=robust)
    if bounds is None:
        return [None] * len(summaries)
    counted = count((s for s in summaries if s.finite), dyadic_edges(*bounds, bins))
    return [next(counted) if s.finite else None for s in summaries]


def of_series(series: Comparison, detail: Shown, bins: int) -> SeriesHistograms:
    """The histograms of a series over its checkpoints: of all trained weights, and of the kernel of each layer.

    Args:
        series: the series.
        detail: which checkpoints show their layers.
        bins: the wanted number of bins.
    """
    layers, drawn = {}, [series.measured[i].at_hand() for i in detail.drawn]
    for name in series.layers:
        summaries = [NOTHING if (lead := m.lead_of(name)) is None else m.by_name[lead].summary for m in drawn]
        layers[name] = tuple(shared(summaries, bins))
    whole = trained = tuple(shared([m.trained.summary for m in series.measured], bins))
    if any(m.trained.tensors != m.whole.tensors for m in series.measured):
        whole = tuple(shared([m.whole.summary for m in series.measured], bins))
    return SeriesHistograms(whole, trained, detail.drawn, layers)


def of_checkpoint(measured: Measured, bins: int, layers: int) -> CheckpointHistograms:
    """The histograms for the page of one checkpoint: of all trained weights, and of the kernel of each layer.

    Args:
        measured: what was measured of the checkpoint.
        bins: the wanted number of bins.
        layers: how many of its layers get a histogram, from the first.
    """
    return CheckpointHistograms(
        trained=histogram(measured.trained.summary, bins, robust=True),
        layers={
            name: histogram(measured.by_name[lead].summary, bins, robust=True)
            for name in islice(measured.layer_by_name, layers)
            if (lead := measured.lead_of(name)) is not None
        },
    )
