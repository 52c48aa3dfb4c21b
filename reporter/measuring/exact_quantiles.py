"""Quantiles: exact for one tensor by radix selection, within 2⁻⁸ for merged groups from the cells alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.derive.quantiles import OrderStatistics, Ranks, Values, interpolate
from reporter.measuring import kernels
from reporter.measuring.accumulate import Accumulator, read_only
from reporter.measuring.kernels.sizes import NEGATIVE_ZERO, RAW
from reporter.measuring.pieces import as_real
from reporter.measuring.tables import Tables
from reporter.measuring.threads import Pool
from reporter.model.cells import FIRST_CELL
from reporter.model.measured import Quantiles
from reporter.model.summary import Summary

Array = npt.NDArray[Any]

Pieces = Callable[[], Iterable[Array]]
"""The pieces of a tensor (see :func:`reporter.measuring.pieces.pieces`) once more, from the first."""

COLLECTED = 1 << 18
"""So many values that share a cell with a wanted rank are collected and sorted; more are counted."""


def from_codes(coded: Accumulator, summary: Summary, probabilities: Iterable[float]) -> Quantiles:
    """Exact quantiles of an 8- or 16-bit tensor, from its table of codes."""
    values, times = coded.codes()
    finite = np.isfinite(values)
    by_value = np.argsort(values[finite], kind="stable")
    ordered, ends = values[finite][by_value], np.cumsum(times[finite][by_value])

    def order(ranks: Ranks) -> Values:
        result: Values = ordered[np.searchsorted(ends, ranks, side="right")] + 0.0
        return result

    return interpolate(probabilities, summary.finite, order, exact=True)


def from_sorted(ordered: Array, probabilities: Iterable[float]) -> Quantiles:
    """Exact quantiles of finite values in ascending order."""
    return interpolate(probabilities, len(ordered), lambda ranks: ordered[ranks].astype(np.float64), exact=True)


def from_values(
    again: Pieces, dtype: np.dtype[Any], summary: Summary, probabilities: Iterable[float], pool: Pool
) -> Quantiles:
    """Exact quantiles by going through the values again: once for float32, else mostly once and at most five times.

    Memory does not depend on the number of values.
    """
    order = _by_refining(again, summary, pool, wide=dtype != np.float32)
    return interpolate(probabilities, summary.finite, order, exact=True)


def _by_refining(
    again: Pieces, summary: Summary, pool: Pool, collected: int = COLLECTED, *, wide: bool = False
) -> OrderStatistics:
    """One sweep over the values, which looks only at those in the cells of the wanted ranks.

    Args:
        wide: they are taken as float64; too many to be collected are then left to radix selection.
    """
    cells = summary.cells
    ends = np.cumsum(cells.counts)

    def order(ranks: Ranks) -> Values:
        result: Array
        found = np.searchsorted(ends, ranks, side="right")
        wanted, slot = np.unique(found, return_inverse=True)
        index, counts = cells.index[wanted], cells.counts[wanted]
        within = ranks - (ends[found] - cells.counts[found])
        if counts.sum() <= collected:
            collect = _collected64 if wide else _collected
            values = collect(again, index, summary.neginf, pool)
            result = values[(np.cumsum(counts) - counts)[slot] + within]
        elif wide:
            return _by_radix(again)(ranks)
        else:
            tables = _refined(again, _raw(index), pool)
            result = np.array(
                [
                    _refined_value(tables[s], int(index[s]), int(counts[s]), int(w), summary.neginf)
                    for s, w in zip(slot, within, strict=True)
                ],
                np.float32,
            )
        found_values: Values = result.astype(np.float64) + 0.0
        return found_values

    return order


def _raw(index: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Raw cells, as kernels number them, of ordered ones."""
    return np.where(index >= 0, index, 0x7FFF - index)


def _collected(again: Pieces, index: npt.NDArray[np.int32], neginf: int, pool: Pool) -> npt.NDArray[np.float32]:
    """The finite values in these cells, sorted."""
    slots = np.zeros(RAW, np.uint8)
    slots[_raw(index)] = 1
    if (index == 0).any():
        slots[NEGATIVE_ZERO] = 1

    def collect(piece: Array) -> npt.NDArray[np.float32]:
        bits = np.empty(piece.size + 1, np.uint32)  # a file may hold other values by now, and more of these
        return bits[: kernels.collect32(piece.view(np.uint32), slots, bits)].view(np.float32).copy()

    values = np.concatenate(list(pool.in_order(partial(collect, piece) for piece in again())))
    # −Inf shares the raw cell of the most negative values.
    return np.sort(values[np.isfinite(values)] if neginf else values)


def _collected64(again: Pieces, index: npt.NDArray[np.int32], _neginf: int, pool: Pool) -> npt.NDArray[np.float64]:
    """The same of values taken as float64."""
    slots = np.zeros(RAW, np.uint8)
    slots[_raw(index)] = 1

    def collect(piece: Array) -> npt.NDArray[np.float64]:
        values = np.empty(piece.size + 1)
        return values[: kernels.collect64(read_only(as_real(piece)), slots, values)].copy()

    return np.sort(np.concatenate(list(pool.in_order(partial(collect, piece) for piece in again()))))


def _refined_value(counts: npt.NDArray[np.integer[Any]], cell: int, total: int, within: int, neginf: int) -> np.float32:
    """The value of rank ``within`` in a cell, given how often each of its low 16 bits occurs."""
    if cell >= 0:
        # Of −0.0, which lands in a raw cell of its own, there are as many as are missing here: they are the smallest.
        bits = cell << 16 | _place(counts, within - (total - int(counts.sum())) if cell == 0 else within)
    else:
        # −Inf shares the raw cell of the most negative values, as the very lowest.
        below = within + (neginf if cell == FIRST_CELL else 0)
        bits = ((0x7FFF - cell) << 16 | (0xFFFF - _place(counts[::-1], below))) + 1
    return np.float32(np.array([bits], np.uint32).view(np.float32)[0])


def _place(counts: npt.NDArray[np.integer[Any]], rank: int) -> int:
    """Which of 65,536 counted places holds a rank, found in two steps of 256."""
    coarse = np.cumsum(counts.reshape(256, 256).sum(axis=1, dtype=np.int64))
    row = int(np.searchsorted(coarse, rank, side="right")) if rank >= 0 else 0
    fine = np.cumsum(counts.reshape(256, 256)[row], dtype=np.int64)
    rank -= int(coarse[row - 1]) if row else 0
    return row << 8 | (int(np.searchsorted(fine, rank, side="right")) if rank >= 0 else 0)


def _refined(again: Pieces, raw: npt.NDArray[np.int32], pool: Pool) -> npt.NDArray[np.integer[Any]]:
    """How often each of the low 16 bits occurs in each of these raw cells, 255 cells at a time."""
    found = []
    for start in range(0, len(raw), 255):
        some = raw[start : start + 255]
        slots = np.zeros(RAW, np.uint8)
        slots[some] = np.arange(1, len(some) + 1)
        tables = Tables(len(some), RAW)

        def refine(piece: Array, slots: npt.NDArray[np.uint8] = slots, tables: Tables = tables) -> None:
            with tables.one(piece.size) as table:
                kernels.refine32(piece.view(np.uint32), slots, table)

        for _ in pool.in_order(partial(refine, piece) for piece in again()):
            pass
        found.append(tables.total())
    return found[0] if len(found) == 1 else np.concatenate(found)


def _by_radix(again: Pieces) -> OrderStatistics:
    """Radix selection on order-preserving 64-bit keys, 16 bits a sweep."""

    def order(wanted: Ranks) -> Values:
        ranks = wanted.tolist()
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
        return np.array([_value(prefix[r]) for r in ranks])

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
