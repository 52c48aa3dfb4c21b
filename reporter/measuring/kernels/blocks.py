"""The main pass over the values of a tensor: cells, moments, extremes, sums per output unit, and the sketch.

A piece of a tensor is taken in blocks of :data:`STEP` values, which stay in the second-level cache while one loop after
the other runs over them. There is one short loop per quantity, as compilers vectorise these, but not one long loop that
computes everything. Input arrays are contiguous (see :func:`reporter.measuring.pieces.pieces`).

**Sums per output unit.** ``energy`` (Σx²) and ``maxima`` (max |x|) have one entry per output unit of a weight matrix.
``place`` is the position of ``x[0]``, and ``run`` says how positions map to entries. For a tensor of shape (2, 3),
whose values lie in memory row by row::

    position                                 0   1   2   3   4   5
    value                                    1  −2   3   4   5  −6
    units on the last axis:  run = 0, entry  0   1   2   0   1   2    position % len(energy)
    units on the first axis: run = 3, entry  0   0   0   1   1   1    position // run % len(energy)

>>> x = np.array([1, -2, 3, 4, 5, -6], np.float32)
>>> x.setflags(write=False)
>>> def by_unit(run, units):
...     table, counts = np.zeros((2, 1 << 16), np.uint32), np.zeros(4, np.int64)
...     energy, maxima = np.zeros(units), np.zeros(units, np.int32)
...     extremes = np.array([np.inf, -np.inf])
...     measure32(x, 0, table, np.zeros(5), extremes, counts, 0, run, energy, maxima, np.zeros(0))
...     return energy.tolist(), maxima.view(np.float32).tolist()
>>> by_unit(0, 3)
([17.0, 29.0, 45.0], [4.0, 5.0, 6.0])
>>> by_unit(3, 2)
([14.0, 77.0], [3.0, 6.0])
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.cells import cells64, count, count_pairs, count_zeros, scan32, scan64, split
from reporter.measuring.kernels.channels import add_periodic, add_runs
from reporter.measuring.kernels.codes import to_float32
from reporter.measuring.kernels.compiled import inner, jit
from reporter.measuring.kernels.moments import add_moments
from reporter.measuring.kernels.sizes import NEGATIVE_ZERO
from reporter.measuring.kernels.sketch import add_sketch, add_sketch32, fold, for_sketch

INFINITY64 = np.int64(0x7FF0000000000000)
NEGATIVE_INFINITY64 = np.int64(-0x10000000000000)
"""The bits of the infinities as float64; those of NaNs are larger, of either sign."""

STEP = 1 << 14
"""Values per block: 64 KiB of float32, and sixteen rows of the sketch. Every piece of a tensor starts at a multiple.
With half as many, the first-level cache holds a block, but all loops begin and end twice as often: 2 % slower on a
Zen 5."""


@inner
def _add_units_and_sketch32(
    x: npt.NDArray[np.float32],
    bits: npt.NDArray[np.int32],
    start: int,
    place: int,
    run: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int32],
    group: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint32],
    turned: npt.NDArray[np.float64],
) -> None:
    """Add a block to the sums per output unit and to the sketch, each where its array is not empty.

    Args:
        x: the block in full length, with 0 where a value is not finite, so that positions are kept.
        bits: the same memory as int32.
        start: position of ``x[0]`` in the tensor, for the sketch.
        place, run, energy, maxima: as in :func:`measure32`.
        group, words, turned: as ``group``, ``words`` and ``sums`` in
            :func:`reporter.measuring.kernels.sketch.add_sketch32`.
    """
    if energy.size:
        if run:
            add_runs(x, bits, np.int32(0x7FFFFFFF), place, run, energy, maxima)
        else:
            add_periodic(x, bits, np.int32(0x7FFFFFFF), place, energy, maxima)
    if turned.size:
        add_sketch32(x, bits, start, group, words, turned)


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
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Measure a piece of float32 values; all results are added to what the arrays already hold.

    Args:
        x: the piece, at least one value; NaN and infinities are allowed.
        start: position of ``x[0]`` in the tensor, in C order; a multiple of STEP.
        table: uint32, shape (2, RAW), for the counts of finite values by raw cell. The two rows only spread the work,
            see :func:`reporter.measuring.kernels.cells.count`; the count of a cell is their sum.
        totals: (n, mean, Σd², Σd³, Σd⁴) of the finite values, with d = x − mean.
        extremes: (minimum, maximum) of the finite values; (+inf, −inf) before the first.
        counts: numbers of (zeros, NaN, +Inf, −Inf).
        place: position of ``x[0]`` in the sense of ``energy``, see the example above. It differs from ``start`` where
            ``energy`` covers only the units that this piece touches.
        run: 0 where consecutive positions belong to consecutive entries; else the number of neighbours that share one.
        energy: Σx² of each output unit, or of each of several repeats of the units; empty if not wanted.
        maxima: bits of max |x| of the same units as int32, which compare like the floats since none is negative.
        sums: float64, shape (BUCKETS,), the sums of the sketch; empty if not wanted.
        scratch: memory that the kernel needs.
    """
    bits = x.view(np.int32)
    group, words, turned, rest = for_sketch(scratch, sums.size)
    extreme_bits = rest[:1].view(np.int32)
    prefetched = rest[1:2].view(np.int32)  # never read: stored so that the compiler keeps the loads, see count()
    prefetched[0] = 0
    four = rest[2 : 2 + STEP // 4]
    cells = four.view(np.uint16)
    kept = rest[2 + STEP // 4 : 2 + STEP // 4 + STEP // 2].view(np.float32)
    zeroed = rest[2 + STEP // 4 + STEP // 2 : 2 + STEP // 4 + STEP].view(np.float32)
    kept_bits = kept.view(np.int32)
    zeroed_bits = zeroed.view(np.int32)
    extreme_values = extreme_bits.view(np.float32)
    for at in range(0, x.size, STEP):
        stop = min(at + STEP, x.size)
        block = x[at:stop]
        masked = block  # the block with 0 for every value that is not finite
        masked_bits = bits[at:stop]
        high, low, least = scan32(masked_bits, cells)
        # Every value is +0.0. Pruned and unused weights hold many such blocks, and counting is slowest where all
        # values fall into one cell, as each addition waits for the one before.
        if low == 0:
            counts[0] += block.size
            table[0, 0] += np.uint32(block.size)
            extremes[0] = min(extremes[0], 0.0)
            extremes[1] = max(extremes[1], 0.0)
            add_moments(block, totals)
            continue
        # Some exponent is all ones, 0x7F8 or 0xFF8: a NaN or an infinity, of positive or of negative sign.
        if high >= np.int32(0x7F800000) or (low < 0 and low >= np.int32(-0x800000)):
            n = split(block, kept, zeroed, counts)
            block = kept[:n]
            masked = zeroed[: stop - at]
            masked_bits = zeroed_bits[: stop - at]
            if n:
                high, low, least = scan32(kept_bits[:n], cells)
        if block.size:
            zeros = table[0, 0] + table[1, 0] + table[0, NEGATIVE_ZERO] + table[1, NEGATIVE_ZERO]
            upcoming = stop if stop + STEP <= x.size else at  # the next block; at the end any that is long enough
            prefetched[0] ^= count(block.size, four, cells, table, bits[upcoming : upcoming + STEP])
            if table[0, 0] + table[1, 0] + table[0, NEGATIVE_ZERO] + table[1, NEGATIVE_ZERO] != zeros:
                # Cell 0 got values: some may be exact zeros, others subnormals up to 9e-41, which share the cell.
                counts[0] += count_zeros(block)
            extreme_bits[0] = low if low < 0 else least  # without a negative value, the smallest magnitude
            extreme_bits[1] = high if high >= 0 else least  # with negative values only, the smallest magnitude
            extremes[0] = min(extremes[0], np.float64(extreme_values[0]))
            extremes[1] = max(extremes[1], np.float64(extreme_values[1]))
            add_moments(block, totals)
        _add_units_and_sketch32(masked, masked_bits, start + at, place + at, run, energy, maxima, group, words, turned)
    if sums.size:
        fold(turned, sums)


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
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Measure a piece of float64 values; arguments as in :func:`measure32`, with ``maxima`` as bits of float64."""
    kept = scratch[:STEP].view(np.float64)
    zeroed = scratch[STEP : 2 * STEP].view(np.float64)
    _, words, turned, rest = for_sketch(scratch[2 * STEP :], sums.size)
    four = rest[2 : 2 + STEP // 4]
    cells = four.view(np.uint16)
    cached = rest[2 : 2 + STEP // 2].view(np.int32)  # as many as count() may load; nothing is loaded ahead
    extreme_bits = rest[:2].view(np.int64)
    extreme_values = extreme_bits.view(np.float64)
    mask = np.int64(0x7FFFFFFFFFFFFFFF)
    for at in range(0, x.size, STEP):
        stop = min(at + STEP, x.size)
        block = x[at:stop]
        masked = block  # with 0 for every value that is not finite
        high, low, least = scan64(block.view(np.int64))
        # Some exponent is all ones, 0x7FF or 0xFFF: a NaN or an infinity, of positive or of negative sign.
        if high >= INFINITY64 or (low < 0 and low >= NEGATIVE_INFINITY64):
            n = split(block, kept, zeroed, counts)
            block = kept[:n]
            masked = zeroed[: stop - at]
            high, low, least = scan64(block.view(np.int64))
        if block.size:
            cells64(block.view(np.int64), cells)
            zeros = table[0, 0] + table[1, 0]
            count(block.size, four, cells, table, cached)
            if table[0, 0] + table[1, 0] != zeros:  # as in measure32
                counts[0] += count_zeros(block)
            extreme_bits[0] = low if low < 0 else least  # as in measure32
            extreme_bits[1] = high if high >= 0 else least
            extremes[0] = min(extremes[0], extreme_values[0])
            extremes[1] = max(extremes[1], extreme_values[1])
            add_moments(block, totals)
        if energy.size:
            keys = masked.view(np.int64)
            if run:
                add_runs(masked, keys, mask, place + at, run, energy, maxima)
            else:
                add_periodic(masked, keys, mask, place + at, energy, maxima)
        if sums.size:
            add_sketch(masked, start + at, words, turned)
    if sums.size:
        fold(turned, sums)


@jit
def measure_codes(
    codes: npt.NDArray[np.unsignedinteger[Any]],
    values: npt.NDArray[np.float32],
    form: int,
    start: int,
    table: npt.NDArray[np.uint32],
    place: int,
    run: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int32],
    sums: npt.NDArray[np.float64],
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Measure a piece of 8- or 16-bit values, given as codes; the other arguments are as in :func:`measure32`.

    There are so few codes that counting each of them is all the statistics need; the moments are computed from the
    counts once the whole tensor was seen. Only output units and the sketch need the values in their order.

    Args:
        codes: the stored bits of the values, as uint8 or uint16.
        values: the value of each code as float32, and 0 for codes that are not finite.
        form: how values follow from codes, see :mod:`reporter.measuring.kernels.codes`.
        table: uint32, for the counts: by code for 16 bits, shape (2, RAW); by pair of codes for 8 bits, shape (3, RAW),
            see :func:`reporter.measuring.kernels.cells.count_pairs`.
    """
    group, words, turned, rest = for_sketch(scratch, sums.size)
    four = rest[: STEP // 4]
    wide = four.view(np.uint16)
    narrow = four.view(np.uint8)
    x = rest[STEP // 4 : STEP // 4 + STEP // 2].view(np.float32)
    bits = x.view(np.int32)
    for at in range(0, codes.size, STEP):
        n = min(STEP, codes.size - at)
        block = codes[at : at + n]
        if codes.itemsize == 1:
            for i in range(n):
                narrow[i] = block[i]
            count_pairs(n, four, table)
        else:
            for i in range(n):
                wide[i] = block[i]
            count(n, four, wide, table, bits)
        if energy.size or sums.size:
            to_float32(block, values, form, x, bits)
            _add_units_and_sketch32(x[:n], bits[:n], start + at, place + at, run, energy, maxima, group, words, turned)
    if sums.size:
        fold(turned, sums)
