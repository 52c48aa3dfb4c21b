"""Which cell each value falls into, and how many values fall into each cell.

Kernels number cells by *raw* cell; :mod:`reporter.measuring.kernels.sizes` shows how that and the *ordered* cell
differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner, jit
from reporter.measuring.kernels.sizes import NEGATIVE_ZERO, RAW

Floats = npt.NDArray[np.floating[Any]]


@inner
def scan32(bits: npt.NDArray[np.int32], cells: npt.NDArray[np.uint16]) -> tuple[np.int32, np.int32, np.int32]:
    """Write the raw cell of every float32 of a block, and find the bits of its extremes.

    The bits of floats of one sign compare like their magnitudes. Read as signed integers, negative floats come before
    the others; read as unsigned ones, after them.

    Args:
        bits: the values as int32.
        cells: receives the raw cells, same length.

    Returns:
        ``(high, low, least)``: the largest bits as signed integers, the largest as unsigned ones (returned as int32),
        and the smallest as signed ones. With values of both signs ``high`` is the maximum and ``low`` the minimum. With
        no negative value the minimum is ``least``, and with negative values only the maximum is ``least``.
    """
    high = np.int32(-0x80000000)
    least = np.int32(0x7FFFFFFF)
    low = np.uint32(0)
    for i in range(bits.size):
        b = np.uint32(bits[i])
        high = max(high, bits[i])
        least = min(least, bits[i])
        low = max(low, b)
        cells[i] = np.uint16((b - (b >> np.uint32(31))) >> np.uint32(16))
    return high, np.int32(low), least


@inner
def count(
    n: int,
    four: npt.NDArray[np.uint64],
    cells: npt.NDArray[np.uint16],
    table: npt.NDArray[np.uint32],
    upcoming: npt.NDArray[np.int32],
) -> np.int32:
    """Count cells, four to a 64-bit load, in two tables in turn.

    To increase a counter, the processor waits until the last increase of the same counter was stored. Neighbours often
    share a cell, so even and odd neighbours have a table each.

    Args:
        n: how many cells.
        four: raw cells, already in the processor's cache, so that memory is idle while they are counted.
        cells: the same memory as uint16.
        table: uint32, shape (2, RAW); the count of a cell is the sum over the first axis.
        upcoming: the values that the caller processes next, at least as many. One value of each of their cache lines is
            loaded in passing, which saved a tenth of the time of the whole pass.

    Returns:
        The exclusive or of the values loaded in passing. It means nothing, and is returned because the compiler would
        otherwise remove loads whose result nobody uses.
    """
    mask = np.uint64(0xFFFF)
    even = table[0]
    odd = table[1]
    prefetched = np.int32(0)
    for line in range(n // 16):
        prefetched ^= upcoming[16 * line]  # a cache line holds 16 of them
        for i in range(4 * line, 4 * line + 4):
            v = four[i]
            even[v & mask] += np.uint32(1)
            odd[(v >> np.uint64(16)) & mask] += np.uint32(1)
            even[(v >> np.uint64(32)) & mask] += np.uint32(1)
            odd[v >> np.uint64(48)] += np.uint32(1)
    for i in range(n // 16 * 16, n):
        even[cells[i]] += np.uint32(1)
    return prefetched


@inner
def count_pairs(n: int, four: npt.NDArray[np.uint64], table: npt.NDArray[np.uint32]) -> None:
    """Count 8-bit codes two at a time: with one increase of memory for both, by the 16 bits that they are together.

    Args:
        n: how many codes.
        four: the codes, four pairs to each of its elements; the last element may be filled in part.
        table: uint32, shape (3, RAW): the counts of pairs are the sum of the first two rows, which only spread the work
            as in :func:`count`; the third holds those of up to seven single codes at the end.
    """
    mask = np.uint64(0xFFFF)
    even, odd, single = table[0], table[1], table[2]
    for i in range(n // 8):
        v = four[i]
        even[v & mask] += np.uint32(1)
        odd[(v >> np.uint64(16)) & mask] += np.uint32(1)
        even[(v >> np.uint64(32)) & mask] += np.uint32(1)
        odd[v >> np.uint64(48)] += np.uint32(1)
    codes = four.view(np.uint8)
    for i in range(n // 8 * 8, n):
        single[codes[i]] += np.uint32(1)


@jit
def drain(table: npt.NDArray[np.uint32], index: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]) -> int:
    """Move the counts of a table into a sparse, ordered list, and leave the table full of zeros for the next tensor.

    Most counters are zero, so 64 at a time are tested at once.

    Args:
        table: uint32, shape (2, RAW), as :func:`count` filled it.
        index: int32, shape (RAW,), receives the ordered cells with at least one value, ascending.
        counts: int64, shape (RAW,), receives their counts.

    Returns:
        How many entries of ``index`` and ``counts`` were written.
    """
    even = table[0]
    odd = table[1]
    even[0] += even[NEGATIVE_ZERO] + odd[NEGATIVE_ZERO]
    even[NEGATIVE_ZERO] = np.uint32(0)
    odd[NEGATIVE_ZERO] = np.uint32(0)
    n = 0
    for chunk in range(0, RAW, 64):
        start = RAW - 64 - chunk if chunk < 0x8000 else chunk - 0x8000  # raw cells of negative values descend
        used = np.uint32(0)
        for i in range(start, start + 64):
            used |= even[i] | odd[i]
        if used == 0:
            continue
        for k in range(64):
            i = start + 63 - k if chunk < 0x8000 else start + k
            found = even[i] + odd[i]
            if found:
                index[n] = np.int32(0x7FFF - i if chunk < 0x8000 else i)
                counts[n] = np.int64(found)
                n += 1
                even[i] = np.uint32(0)
                odd[i] = np.uint32(0)
    return n


@jit
def drain_sorted(
    ordered: Floats, table: npt.NDArray[np.uint32], index: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]
) -> int:
    """Do the same as :func:`drain` for a table with few values, by looking only at the counters of these.

    Args:
        ordered: all values that were counted, ascending, with +0.0 in place of −0.0.
        table: uint32, shape (2, RAW).
        index, counts: as in :func:`drain`, as long as ``ordered``.

    Returns:
        How many entries of ``index`` and ``counts`` were written.
    """
    even = table[0]
    odd = table[1]
    even[0] += even[NEGATIVE_ZERO] + odd[NEGATIVE_ZERO]
    even[NEGATIVE_ZERO] = np.uint32(0)
    odd[NEGATIVE_ZERO] = np.uint32(0)
    n = 0
    at = np.int64(0)
    while at < ordered.size:
        raw = cell64(np.float64(ordered[at]).view(np.uint64))
        index[n] = np.int32(0x7FFF - raw if raw >= 0x8000 else raw)
        counts[n] = np.int64(even[raw] + odd[raw])
        at += max(counts[n], 1)  # 0 where a live model changed its values since they were counted
        n += 1
        even[raw] = np.uint32(0)
        odd[raw] = np.uint32(0)
    return n


@inner
def count_zeros(x: Floats) -> int:
    """How many values are zero, of either sign."""
    n = np.int32(0)  # as wide as a float32, so that both fill a vector register alike
    for i in range(x.size):
        n += np.int32(x[i] == 0)
    return int(n)


@inner
def split(x: Floats, kept: Floats, zeroed: Floats, counts: npt.NDArray[np.int64]) -> int:
    """Separate the finite values of a block from the others, which are counted.

    Args:
        x: the block.
        kept: receives the finite values one after the other, as many as are returned.
        zeroed: receives the whole block, with 0 in place of every value that is not finite.
        counts: the numbers of NaN, +Inf and −Inf are added to entries 1, 2 and 3.

    Returns:
        How many values are finite.
    """
    n = 0
    for i in range(x.size):
        v = x[i]
        if np.isnan(v):
            counts[1] += 1
            zeroed[i] = 0
        elif np.isinf(v):
            counts[2 if v > 0 else 3] += 1
            zeroed[i] = 0
        else:
            kept[n] = v
            zeroed[i] = v
            n += 1
    return n


@inner
def cell64(bits: np.uint64) -> np.int64:
    """Raw cell of a finite float64 given as bits; −0.0 is taken as +0.0.

    Values beyond float32 fall into its outermost cells.
    """
    negative = bits >> np.uint64(63)
    magnitude = bits & np.uint64(0x7FFFFFFFFFFFFFFF)
    if magnitude == 0:
        return np.int64(0)
    magnitude -= negative
    exponent = np.int64(magnitude >> np.uint64(52)) - 1023
    if exponent > 127:
        cell = np.int64(0x7F7F)
    elif exponent >= -126:
        cell = (exponent + 127) << 7 | np.int64((magnitude >> np.uint64(45)) & np.uint64(0x7F))
    elif exponent < -133:
        cell = np.int64(0)
    else:
        # Below 2^-126 float32 is subnormal, and the edges of cells are the multiples of 2^-133.
        fraction = (magnitude & np.uint64(0xFFFFFFFFFFFFF)) | np.uint64(0x10000000000000)
        cell = np.int64(fraction >> np.uint64(52 - 133 - exponent))
    return np.int64(negative) << 15 | cell


@inner
def scan64(bits: npt.NDArray[np.int64]) -> tuple[np.int64, np.int64, np.int64]:
    """The bits of the extremes of a block of float64 values: ``(high, low, least)`` as from :func:`scan32`."""
    high = np.int64(-0x8000000000000000)
    least = np.int64(0x7FFFFFFFFFFFFFFF)
    low = np.uint64(0)
    for i in range(bits.size):
        high = max(high, bits[i])
        least = min(least, bits[i])
        low = max(low, np.uint64(bits[i]))
    return high, np.int64(low), least


@inner
def cells32(bits: npt.NDArray[np.uint32], cells: npt.NDArray[np.uint16]) -> None:
    """Write the raw cell of every float32, given as bits."""
    for i in range(bits.size):
        b = bits[i]
        cells[i] = np.uint16(np.uint32(b - (b >> np.uint32(31))) >> np.uint32(16))


@inner
def cells64(bits: npt.NDArray[np.int64], cells: npt.NDArray[np.uint16]) -> None:
    """Write the raw cell of every float64, given as bits, and 0xFFFF, which is no cell, for those that are not finite.

    The loop has no branch, so that it vectorises. It is right but for magnitudes below 2⁻¹²⁶ other than zero, which few
    tensors have: for these the cells are looked up one by one.
    """
    least = np.int64(0x7FFF)
    for i in range(bits.size):
        b = bits[i]
        magnitude = b & np.int64(0x7FFFFFFFFFFFFFFF)
        # Exponent and seven bits, with the exponent counted as in float32: 127 in place of 1023 for 2⁰.
        cell = ((magnitude + (b >> np.int64(63))) >> np.int64(45)) - np.int64(896 << 7)
        least = min(least, cell if magnitude else np.int64(0x7FFF))
        cell = min(cell, np.int64(0x7F7F)) | (b >> np.int64(63) & np.int64(0x8000))
        cell = cell if magnitude < np.int64(0x7FF0000000000000) else np.int64(0xFFFF)
        cells[i] = np.uint16(cell if magnitude else np.int64(0))
    if least < np.int64(1 << 7):
        for i in range(bits.size):
            if bits[i] & np.int64(0x7FFFFFFFFFFFFFFF) < np.int64(0x7FF0000000000000):
                cells[i] = np.uint16(cell64(np.uint64(bits[i])))
