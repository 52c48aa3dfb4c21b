"""Quantiles: exact for one tensor by radix selection, within 2⁻⁸ for merged groups from the cells alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.accumulate import Accumulator
from reporter.measuring.kernels.cells import RAW
from reporter.measuring.kernels.ranks import refine32
from reporter.measuring.pieces import as_real
from reporter.measuring.tables import Tables
from reporter.measuring.threads import Pool
from reporter.model.cells import edge
from reporter.model.measured import Quantiles
from reporter.model.summary import Summary

Array = npt.NDArray[Any]
OrderStatistics = Callable[[Sequence[int]], dict[int, float]]
Pieces = Callable[[], Iterable[Array]]
"""The pieces of a tensor (see :func:`reporter.measuring.pieces.pieces`) once more, from the first."""

SORTED_AT_ONCE = 1 << 14
"""Tensors up to this many values are simply sorted."""


def interpolate(probabilities: Iterable[float], n: int, order: OrderStatistics, *, exact: bool) -> Quantiles:
    """Quantiles of n finite values from their order statistics, by the formula of :func:`numpy.quantile` (linear)."""
    if not n:
        return Quantiles({}, exact)
    places = {p: p * (n - 1) for p in sorted(set(probabilities))}
    ranks = sorted({r for h in places.values() for r in (math.floor(h), math.ceil(h))})
    at = order(ranks)
    values = {}
    for p, h in places.items():
        low, high, t = at[math.floor(h)], at[math.ceil(h)], h - math.floor(h)
        step = high - low
        # Written as numpy does, so that the last bit agrees.
        values[p] = low + step * t if t < 0.5 else high - step * (1 - t)
    return Quantiles(values, exact)


def from_cells(summary: Summary, probabilities: Iterable[float]) -> Quantiles:
    """Quantiles of a merged summary: the middle of the cell of each order statistic, within [min, max].

    The cells are at most 2⁻⁷ of their magnitude wide, so the error of an order statistic is at most 2⁻⁸ of it
    (values beyond the range of float32 excepted: they share the outermost cells).
    """

    def order(ranks: Sequence[int]) -> dict[int, float]:
        cells = summary.cells
        ends = np.cumsum(cells.counts)
        found = np.searchsorted(ends, np.asarray(ranks), side="right")
        index = cells.index[found]
        middle = (edge(index) + edge(index + 1)) / 2
        middle[index == 0] = 0.0  # |x| < 1e-40, nearly always exact zeros
        assert summary.minimum is not None and summary.maximum is not None
        middle = np.clip(middle, summary.minimum, summary.maximum)
        return dict(zip(ranks, middle.tolist(), strict=True))

    return interpolate(probabilities, summary.finite, order, exact=False)


def from_codes(coded: Accumulator, summary: Summary, probabilities: Iterable[float]) -> Quantiles:
    """Exact quantiles of an 8- or 16-bit tensor, from its table of codes."""
    values, times = coded.codes()
    finite = np.isfinite(values)
    by_value = np.argsort(values[finite], kind="stable")
    ordered, ends = values[finite][by_value], np.cumsum(times[finite][by_value])

    def order(ranks: Sequence[int]) -> dict[int, float]:
        found = np.searchsorted(ends, np.asarray(ranks), side="right")
        return dict(zip(ranks, (ordered[found] + 0.0).tolist(), strict=True))

    return interpolate(probabilities, summary.finite, order, exact=True)


def from_values(
    again: Pieces, dtype: np.dtype[Any], summary: Summary, probabilities: Iterable[float], pool: Pool
) -> Quantiles:
    """Exact quantiles by going through the values again: one sweep for float32, at most four for 64-bit values.

    Memory does not depend on the number of values.
    """
    if summary.count <= SORTED_AT_ONCE:
        order = _by_sorting(again)
    elif dtype == np.float32:
        order = _by_refining(again, summary, pool)
    else:
        order = _by_radix(again)
    return interpolate(probabilities, summary.finite, order, exact=True)


def _by_sorting(again: Pieces) -> OrderStatistics:
    values = np.concatenate([as_real(piece) for piece in again()])
    values = np.sort(values[np.isfinite(values)]) + 0.0
    return lambda ranks: {r: float(values[r]) for r in ranks}


def _by_refining(again: Pieces, summary: Summary, pool: Pool) -> OrderStatistics:
    cells = summary.cells
    ends = np.cumsum(cells.counts)

    def order(ranks: Sequence[int]) -> dict[int, float]:
        found = np.searchsorted(ends, np.asarray(ranks), side="right")
        wanted = np.unique(found)
        raw = np.where(cells.index[wanted] >= 0, cells.index[wanted], 0x7FFF - cells.index[wanted])
        tables = _refined(again, raw, pool)
        result = {}
        for rank, place in zip(ranks, found, strict=True):
            cell = int(cells.index[place])
            slot = int(np.searchsorted(wanted, place))
            within = rank - int(ends[place] - cells.counts[place])
            table = tables[slot].copy()
            if cell == 0:
                table[0] += cells.counts[place] - table.sum()  # −0.0 lands in a cell of its own
                low = int(np.searchsorted(np.cumsum(table), within, side="right"))
                bits = low
            elif cell > 0:
                low = int(np.searchsorted(np.cumsum(table), within, side="right"))
                bits = int(raw[slot]) << 16 | low
            else:
                if raw[slot] == 0xFF7F:
                    table[0xFFFF] -= summary.neginf  # −Inf shares the raw cell of the most negative values
                low = 0xFFFF - int(np.searchsorted(np.cumsum(table[::-1]), within, side="right"))
                bits = (int(raw[slot]) << 16 | low) + 1
            result[rank] = float(np.array([bits], np.uint32).view(np.float32)[0])
        return result

    return order


def _refined(again: Pieces, raw: npt.NDArray[np.int64], pool: Pool) -> npt.NDArray[np.int64]:
    """How often each of the low 16 bits occurs in each of these raw cells, 255 cells at a time."""
    found = []
    for start in range(0, len(raw), 255):
        some = raw[start : start + 255]
        slots = np.zeros(RAW, np.uint8)
        slots[some] = np.arange(1, len(some) + 1)
        tables = Tables(len(some), RAW)

        def refine(piece: Array, slots: npt.NDArray[np.uint8] = slots, tables: Tables = tables) -> None:
            with tables.one(piece.size) as table:
                refine32(piece.view(np.uint32), slots, table)

        for _ in pool.in_order(partial(refine, piece) for piece in again()):
            pass
        found.append(tables.total())
    return np.concatenate(found)


def _by_radix(again: Pieces) -> OrderStatistics:
    """Radix selection on order-preserving 64-bit keys, 16 bits a sweep."""

    def order(ranks: Sequence[int]) -> dict[int, float]:
        prefix = dict.fromkeys(ranks, 0)
        left = {r: r for r in ranks}
        for shift in (48, 32, 16, 0):
            counts = {p: np.zeros(1 << 16, np.int64) for p in set(prefix.values())}
            for piece in again():
                keys = _keys(as_real(piece))
                for p, table in counts.items():
                    chosen = keys if shift == 48 else keys[keys >> np.uint64(shift + 16) == np.uint64(p)]
                    digits = (chosen >> np.uint64(shift)) & np.uint64(0xFFFF)
                    table += np.bincount(digits.astype(np.int64), minlength=1 << 16)
            for r in ranks:
                ends = np.cumsum(counts[prefix[r]])
                digit = int(np.searchsorted(ends, left[r], side="right"))
                left[r] -= int(ends[digit - 1]) if digit else 0
                prefix[r] = prefix[r] << 16 | digit
        return {r: _value(prefix[r]) for r in ranks}

    return order


_SIGN = np.uint64(1 << 63)


def _keys(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    finite = values[np.isfinite(values)] + 0.0
    bits = finite.view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(key: int) -> float:
    bits = np.array([key], np.uint64)
    restored = bits & ~_SIGN if key >> 63 else ~bits
    return float(restored.view(np.float64)[0])
