"""One pass over blocks of values that stay in the first-level cache: cells, moments, extremes, channels, sketch.

One tight loop per quantity: these vectorise, one fused loop over everything does not. Arrays that are read are
read-only and contiguous (:func:`reporter.measuring.pieces.pieces` sees to it), so each kernel is compiled once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.cells import all_finite64, count, count64, count_zeros, scan32, split
from reporter.measuring.kernels.channels import add_periodic, add_runs
from reporter.measuring.kernels.compiled import inner, jit
from reporter.measuring.kernels.moments import add_moments
from reporter.measuring.kernels.sizes import NEGATIVE_ZERO
from reporter.measuring.kernels.sketch import BUCKETS, add_sketch, add_sketch32

STEP = 1 << 13
"""Elements per block: 32 KiB of float32, eight rows of the sketch. Pieces start at multiples of it."""


@inner
def _spread32(
    x: npt.NDArray[np.float32],
    bits: npt.NDArray[np.int32],
    start: int,
    place: int,
    run: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int32],
    group: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint32],
    sums: npt.NDArray[np.float64],
) -> None:
    if energy.size:
        if run:
            add_runs(x, bits, np.int32(0x7FFFFFFF), place, run, energy, maxima)
        else:
            add_periodic(x, bits, np.int32(0x7FFFFFFF), place, energy, maxima)
    if sums.size:
        add_sketch32(x, bits, start, group, words, sums)


@jit
def measure32(
    x: npt.NDArray[np.float32],
    start: int,
    table: npt.NDArray[np.uint32],
    totals: npt.NDArray[np.float64],
    extremes: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    place: int,
    run: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int32],
    sums: npt.NDArray[np.float64],
) -> None:
    """Take in float32 values.

    Args:
        x: at least one value, the first at index ``start`` of the tensor, a multiple of STEP.
        table: shape (2, RAW); together they count the finite values by raw cell.
        totals: (n, mean, Σd², Σd³, Σd⁴) of the finite values.
        extremes: (min, max), +inf and −inf before the first finite value.
        counts: (zeros, NaN, +Inf, −Inf).
        place: where x starts, as ``energy`` counts.
        run: 0: energy and maxima are by place modulo their length. Else: by (place // run) modulo it.
        energy: Σx², empty if not wanted.
        maxima: bits of max |x|, same length.
        sums: the BUCKETS sums of the sketch, empty if not wanted.
    """
    bits = x.view(np.int32)
    size = min(x.size, STEP)
    cells = np.empty(size, np.uint16)
    words = np.empty(BUCKETS, np.uint32)
    group = np.full(1, -1)
    ends = np.empty(2, np.int32)
    touched = np.zeros(1, np.int32)
    found = ends.view(np.float32)
    for at in range(0, x.size, STEP):
        stop = min(at + STEP, x.size)
        block = x[at:stop]
        spread, signs = block, bits[at:stop]
        high, low, least = scan32(signs, cells)
        if low == 0:  # +0.0 only: a shortcut, as equal cells are what counting is slow at
            counts[0] += block.size
            table[0, 0] += np.uint32(block.size)
            extremes[0] = min(extremes[0], 0.0)
            extremes[1] = max(extremes[1], 0.0)
            add_moments(block, totals)
            continue
        if high >= np.int32(0x7F800000) or (low < 0 and low >= np.int32(-0x800000)):
            kept = np.empty(stop - at, np.float32)
            zeroed = np.empty(stop - at, np.float32)
            n = split(block, kept, zeroed, counts)
            block = kept[:n]
            spread, signs = zeroed, zeroed.view(np.int32)
            if n:
                high, low, least = scan32(kept.view(np.int32)[:n], cells)
        if block.size:
            zeros = table[0, 0] + table[1, 0] + table[0, NEGATIVE_ZERO] + table[1, NEGATIVE_ZERO]
            ahead = stop if stop + STEP <= x.size else at
            touched[0] ^= count(cells[: block.size], table, bits[ahead : ahead + STEP])
            if table[0, 0] + table[1, 0] + table[0, NEGATIVE_ZERO] + table[1, NEGATIVE_ZERO] != zeros:
                counts[0] += count_zeros(block)  # the cell of zero is shared by values below 1e-40
            ends[0] = low if low < 0 else least  # the smallest value
            ends[1] = high if high >= 0 else least
            extremes[0] = min(extremes[0], np.float64(found[0]))
            extremes[1] = max(extremes[1], np.float64(found[1]))
            add_moments(block, totals)
        _spread32(spread, signs, start + at, place + at, run, energy, maxima, group, words, sums)


@jit
def measure64(
    x: npt.NDArray[np.float64],
    start: int,
    table: npt.NDArray[np.uint32],
    totals: npt.NDArray[np.float64],
    extremes: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    place: int,
    run: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float64],
) -> None:
    """Take in float64 values; arguments as in :func:`measure32`."""
    size = min(x.size, STEP)
    kept = np.empty(size, np.float64)
    zeroed = np.empty(size, np.float64)
    words = np.empty(BUCKETS, np.uint32)
    mask = np.int64(0x7FFFFFFFFFFFFFFF)
    for at in range(0, x.size, STEP):
        stop = min(at + STEP, x.size)
        block = x[at:stop]
        spread = block
        if not all_finite64(block.view(np.int64)):
            n = split(block, kept, zeroed, counts)
            block = kept[:n]
            spread = zeroed[: stop - at]
        if block.size:
            count64(block.view(np.uint64), table)
            counts[0] += count_zeros(block)
            extremes[0] = min(extremes[0], block.min())
            extremes[1] = max(extremes[1], block.max())
            add_moments(block, totals)
        if energy.size:
            keys = spread.view(np.int64)
            if run:
                add_runs(spread, keys, mask, place + at, run, energy, maxima)
            else:
                add_periodic(spread, keys, mask, place + at, energy, maxima)
        if sums.size:
            add_sketch(spread, start + at, words, sums)


@jit
def measure_codes(
    codes: npt.NDArray[np.unsignedinteger[Any]],
    values: npt.NDArray[np.float32],
    start: int,
    table: npt.NDArray[np.uint32],
    place: int,
    run: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int32],
    sums: npt.NDArray[np.float64],
) -> None:
    """Count raw codes of 8 or 16 bits; channels and sketch of ``values[code]``, which is 0 where it is not finite.

    Other arguments as in :func:`measure32`; ``table`` counts by code.
    """
    size = min(codes.size, STEP)
    wide = np.empty(size, np.uint16)
    x = np.empty(size, np.float32)
    bits = x.view(np.int32)
    words = np.empty(BUCKETS, np.uint32)
    group = np.full(1, -1)
    for at in range(0, codes.size, STEP):
        n = min(STEP, codes.size - at)
        block = codes[at : at + n]
        for i in range(n):
            wide[i] = block[i]
        count(wide[:n], table, bits)
        if energy.size or sums.size:
            for i in range(n):
                x[i] = values[wide[i]]
            _spread32(x[:n], bits[:n], start + at, place + at, run, energy, maxima, group, words, sums)
