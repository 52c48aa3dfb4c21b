"""A histogram with the number of bins that was asked for, from counts by cell, and in words what is not as asked.

Counts are exact only between edges of cells (:mod:`reporter.model.cells`). Each edge that was asked for is therefore
moved to the edge of a cell that is nearest to it, by at most 2⁻⁸ of its magnitude. Where bins are narrower than cells,
several edges become one, so that there are fewer bins.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.derive.histograms import count
from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.model.cells import FIRST_CELL, LAST_CELL, LIMIT, cells_of, edge
from reporter.model.defaults import MAX_BINS
from reporter.model.histogram import Histogram
from reporter.model.summary import Summary
from reporter.numerals import number, share

Edges = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SampleHistogram(Histogram):
    """Exact counts in half-open bins ``[edges[i], edges[i+1])``, and what was done to make them exact.

    Attributes:
        asked: the number of bins that was asked for; ``len(counts)`` is the number there is.
        note: how the bins differ from those that were asked for; "" if they do not.
    """

    asked: int = 0
    note: str = ""


def whole_bins(bins: Any) -> int:
    """A number of bins, checked.

    Raises:
        SettingError: it is no whole number from 1 to 512.

    >>> whole_bins(None)
    Traceback (most recent call last):
        ...
    reporter.errors.SettingError: bins: None is not a whole number between 1 and 512
    """
    try:
        found = 0 if isinstance(bins, bool) else operator.index(bins)
    except TypeError:
        found = 0
    if not 1 <= found <= MAX_BINS:
        raise SettingError(f"bins: {bins!r} is not a whole number between 1 and {MAX_BINS}")
    return found


def whole_range(limits: Any) -> tuple[float, float] | None:
    """The ends of a range, checked.

    Raises:
        SettingError: it is neither None nor two finite numbers, the smaller one first.
    """
    if limits is None:
        return None
    try:
        low, high = (float(end) for end in limits)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SettingError(f"range: {limits!r} is not two finite numbers (low, high) with low < high")
    return low, high


def binned(summaries: list[Summary], bins: Any, limits: Any = None) -> list[SampleHistogram | None]:
    """Histograms of several samples on the same edges; None for each sample without finite values.

    Args:
        summaries: of the samples.
        bins: how many bins, 1 … 512.
        limits: (low, high), or None for the range of all samples together. Values outside are counted as below and
            above.

    Raises:
        SettingError: ``bins`` or ``limits`` cannot be used.
    """
    asked, ends = whole_bins(bins), whole_range(limits)
    some = [summary for summary in summaries if summary.finite]
    if not some:
        return [None] * len(summaries)
    edges, note = _edges(some, asked, ends)
    counted = count(some, edges)
    return [_noted(next(counted), asked, note) if summary.finite else None for summary in summaries]


def _noted(found: Histogram, asked: int, note: str) -> SampleHistogram:
    return SampleHistogram(found.edges, found.counts, found.below, found.above, asked, note)


def _edges(some: list[Summary], bins: int, ends: tuple[float, float] | None) -> tuple[Edges, str]:
    """The edges of cells nearest to those that were asked for, and how they differ."""
    if ends is None:
        low = min(s.minimum for s in some if s.minimum is not None)
        high = max(s.maximum for s in some if s.maximum is not None)
        if low == high:  # as numpy.histogram does, but for numbers so large that a half is nothing beside them
            half = max(0.5, abs(low) * 2.0**-8)
            low, high = low - half, high + half
    else:
        low, high = ends
    beyond = "; values beyond the range of float32 are counted outside" if max(-low, high) > LIMIT else ""
    low, high = max(low, -LIMIT), min(high, LIMIT)
    wanted = low + (high - low) * (np.arange(bins + 1) / bins)
    wanted[-1] = high
    cells = _nearest(wanted)
    if ends is None:  # every value is in a bin
        cells[0], cells[-1] = cells_of(low), min(int(cells_of(high)) + 1, LAST_CELL + 1)
    cells = np.maximum.accumulate(cells)
    kept = np.unique(cells)
    if len(kept) < 2:
        first = min(int(kept[0]), LAST_CELL)
        kept = np.array([first, first + 1])
    found = edge(kept)
    if len(kept) <= bins:
        return found, (
            f"{len(kept) - 1} bins in place of {bins}: values are counted in cells of 8 significant bits, and {bins} "
            f"bins between {number(low)} and {number(high)} would be narrower than those{beyond}"
        )
    moved = float(np.abs(found - wanted).max()) / ((high - low) / bins)
    return found, (
        f"edges were moved to the nearest numbers with 8 significant bits, by up to {share(moved)} of a bin{beyond}"
        if moved or beyond
        else ""
    )


def _nearest(wanted: Edges) -> npt.NDArray[np.int64]:
    """The cells that begin nearest to some numbers; one beyond the last cell stands for the end of the grid."""
    cells = cells_of(wanted)
    before, after = edge(cells), edge(np.minimum(cells + 1, LAST_CELL + 1))
    return np.clip(np.where(wanted - before > after - wanted, cells + 1, cells), FIRST_CELL, LAST_CELL + 1)
