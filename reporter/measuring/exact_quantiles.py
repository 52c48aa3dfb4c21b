"""Exact quantiles of one tensor, without sorting it: memory does not grow with the number of values.

A quantile is interpolated between order statistics: the values that would stand at certain ranks (0 for the smallest)
if all values were sorted. The counts by cell, which the main pass leaves behind, tell in which cell each rank lies, and
which rank it is within that cell. What remains is to look at the values of these few cells:

- if they are few, they are collected and sorted (``_collected``);
- if they are many and float32, their lower 16 bits are counted, since the cell fixes the upper 16 (``_refined``);
- if they are many and wider, radix selection finds them (``_by_radix``).

**Radix selection**, with decimal digits. Which of 13 57 51 58 92 has rank 2? The first pass counts the tens: one 1,
three 5s, one 9. Rank 2 is among the 5s, one value comes before these, so it is rank 1 among them. The second pass
counts the units of the values that begin with 5: one 1, one 7, one 8. Rank 1 is the 7, and the answer 57. Here a digit
has 16 bits, and the numbers are 64-bit keys in the order of the floats:

>>> values = [-2.0, -1.0, 0.0, 0.5, 3.0]
>>> keys = _keys(np.array(values))
>>> bool((np.diff(keys) > 0).all()), [_value(int(key)) for key in keys] == values
(True, True)

Merged groups of tensors have no exact quantiles; see :func:`reporter.derive.quantiles.from_cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.derive.quantiles import OrderStatistics, Ranks, Values, interpolate
from reporter.measuring import kernels
from reporter.measuring.codes import Counted
from reporter.measuring.kernels.sizes import FEW, NEGATIVE_ZERO, RAW
from reporter.measuring.pieces import as_real
from reporter.measuring.tables import CounterTables
from reporter.measuring.threads import Pool
from reporter.model.cells import FIRST_CELL
from reporter.model.summary import Summary
from reporter.model.value import Quantiles

Array = npt.NDArray[Any]

Pieces = Callable[[], Iterable[Array]]
"""Gives the pieces of a tensor (see :func:`reporter.measuring.pieces.pieces`) once more, from the first."""

COLLECTED = 1 << 20
"""Most values in the cells of all wanted ranks that are collected and sorted; where there are more, they are
counted."""


def from_counted(counted: Counted, probabilities: Iterable[float]) -> Quantiles:
    """Exact quantiles of an 8- or 16-bit tensor, from the counts of its different values; nothing is read again."""
    ends = np.cumsum(counted.times)
    return interpolate(
        probabilities,
        int(ends[-1]) if ends.size else 0,
        lambda ranks: counted.values[np.searchsorted(ends, ranks, side="right")],
        exact=True,
    )


def from_sorted(ordered: Array, probabilities: Iterable[float]) -> Quantiles:
    """Exact quantiles of all finite values of a tensor, given in ascending order."""
    return interpolate(probabilities, len(ordered), lambda ranks: ordered[ranks].astype(np.float64), exact=True)


def from_values(
    again: Pieces, dtype: np.dtype[Any], summary: Summary, probabilities: Iterable[float], pool: Pool
) -> Quantiles:
    """Exact quantiles from further passes over the values: one for float32, else mostly one and at most five.

    Args:
        again: gives the pieces of the tensor once more.
        dtype: of the values, of more than 16 bits.
        summary: of all values; its cells say where the wanted ranks lie.
        probabilities: each in [0, 1].
        pool: works on the pieces.
    """
    order = _by_refining(again, summary, pool, wide=dtype != np.float32)
    return interpolate(probabilities, summary.finite, order, exact=True)


def _by_refining(
    again: Pieces, summary: Summary, pool: Pool, collected: int = COLLECTED, *, wide: bool = False
) -> OrderStatistics:
    """Order statistics from one pass over the values that looks only at those in the cells of the wanted ranks.

    Args:
        again: gives the pieces once more.
        summary: of all values.
        pool: works on the pieces.
        collected: as :data:`COLLECTED`.
        wide: whether the values are compared as float64. If they are too many to collect, radix selection takes over.
    """
    cells = summary.cells
    ends = np.cumsum(cells.counts)

    def order(ranks: Ranks) -> Values:
        result: Array
        found = np.searchsorted(ends, ranks, side="right")  # ascending, as the ranks are
        another = np.diff(found, prepend=-1) > 0
        wanted, slot = found[another], np.cumsum(another) - 1
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
    """Raw cells, which kernels use, from ordered ones (see :mod:`reporter.measuring.kernels.sizes`)."""
    return np.where(index >= 0, index, 0x7FFF - index)


def _collected(again: Pieces, index: npt.NDArray[np.int32], neginf: int, pool: Pool) -> npt.NDArray[np.float32]:
    """The finite float32 values in the cells ``index``, ascending."""
    wanted = _raw(index)
    if (index == 0).any():
        wanted = np.append(wanted, NEGATIVE_ZERO)
    slots, few = _wanted(wanted)

    def collect(piece: Array) -> npt.NDArray[np.float32]:
        # Room for all values: the file may have changed since its values were counted.
        bits = np.empty(piece.size + 1, np.uint32)
        return bits[: kernels.collect32(piece.view(np.uint32), slots, few, bits)].view(np.float32).copy()

    values = np.concatenate(list(pool.in_order(partial(collect, piece) for piece in again())))
    # −Inf shares the raw cell of the most negative values.
    return np.sort(values[np.isfinite(values)] if neginf else values)


def _wanted(raw: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """Raw cells that are all different, as ``slots`` and ``few`` of the kernels that collect their values."""
    slots = np.zeros(RAW, np.uint8)
    slots[raw] = 1
    if len(raw) > FEW:
        return slots, np.empty(0, np.uint16)
    few = np.full(FEW, raw[0], np.uint16)
    few[: len(raw)] = raw
    return slots, few


def _collected64(again: Pieces, index: npt.NDArray[np.int32], _neginf: int, pool: Pool) -> npt.NDArray[np.float64]:
    """The finite values in the cells ``index`` as float64, ascending."""
    slots, few = _wanted(_raw(index))

    def collect(piece: Array) -> npt.NDArray[np.float64]:
        values = np.empty(piece.size + 1)
        return values[: kernels.collect64(as_real(piece), slots, few, values)].copy()

    return np.sort(np.concatenate(list(pool.in_order(partial(collect, piece) for piece in again()))))


def _refined_value(counts: npt.NDArray[np.integer[Any]], cell: int, total: int, within: int, neginf: int) -> np.float32:
    """The float32 at a rank within a cell.

    Args:
        counts: shape (65536,): how often each combination of the lower 16 bits occurs in the cell.
        cell: the ordered cell, which fixes the upper 16 bits.
        total: number of finite values in the cell.
        within: rank within the cell, 0 for the smallest value.
        neginf: number of −Inf in the tensor.
    """
    if cell >= 0:
        # Cell 0 includes −0.0, which has a raw cell of its own and is not counted here. The counts fall short of the
        # total by the number of −0.0, and these are the smallest values of the cell.
        bits = cell << 16 | _place(counts, within - (total - int(counts.sum())) if cell == 0 else within)
    else:
        # −Inf shares the raw cell of the most negative values, and is smaller than all of them.
        below = within + (neginf if cell == FIRST_CELL else 0)
        bits = ((0x7FFF - cell) << 16 | (0xFFFF - _place(counts[::-1], below))) + 1
    return np.float32(np.array([bits], np.uint32).view(np.float32)[0])


def _place(counts: npt.NDArray[np.integer[Any]], rank: int) -> int:
    """The index at which the running sum of 65,536 counts first exceeds a rank.

    It is found in two steps, first among 256 sums of 256 counts, since a running sum over all of them takes longer.

    >>> counts = np.zeros(1 << 16, int)
    >>> counts[[7, 300]] = 2, 1
    >>> _place(counts, 0), _place(counts, 1), _place(counts, 2)
    (7, 7, 300)
    """
    coarse = np.cumsum(counts.reshape(256, 256).sum(axis=1, dtype=np.int64))
    row = int(np.searchsorted(coarse, rank, side="right")) if rank >= 0 else 0
    fine = np.cumsum(counts.reshape(256, 256)[row], dtype=np.int64)
    rank -= int(coarse[row - 1]) if row else 0
    return row << 8 | (int(np.searchsorted(fine, rank, side="right")) if rank >= 0 else 0)


def _refined(again: Pieces, raw: npt.NDArray[np.int32], pool: Pool) -> npt.NDArray[np.integer[Any]]:
    """How often each combination of the lower 16 bits occurs in each of the raw cells, shape (cells, 65536).

    Each pass over the values serves 255 cells, as many as a table of uint8 can tell apart.
    """
    found = []
    for start in range(0, len(raw), 255):
        some = raw[start : start + 255]
        slots, few = _wanted(some)
        slots[some] = np.arange(1, len(some) + 1)
        tables = CounterTables(len(some), RAW)

        def refine(piece: Array, wanted: tuple[Array, Array] = (slots, few), tables: CounterTables = tables) -> None:
            with tables.borrow(piece.size) as table:
                kernels.refine32(piece.view(np.uint32), *wanted, table)

        for _ in pool.in_order(partial(refine, piece) for piece in again()):
            pass
        found.append(tables.total())
    return found[0] if len(found) == 1 else np.concatenate(found)


def _by_radix(again: Pieces) -> OrderStatistics:
    """Order statistics by radix selection on 64-bit keys: four passes, each of which finds 16 more bits of each value.

    The example of this module shows the principle. ``prefix`` holds the bits found so far, by wanted rank, and ``left``
    the rank among the values that begin with these bits.
    """

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
    """Integers in the order of the finite values; −0.0 becomes +0.0, and values that are not finite are left out.

    The bits of floats that are not negative are in order already and get the highest bit set, so that they come after
    those of negative floats, which are inverted.
    """
    finite = values[np.isfinite(values)] + 0.0
    bits = finite.view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(key: int) -> float:
    """The float of a key made by :func:`_keys`."""
    bits = np.array([key], np.uint64)
    restored = bits & ~_SIGN if key >> 63 else ~bits
    return float(restored.view(np.float64)[0])
