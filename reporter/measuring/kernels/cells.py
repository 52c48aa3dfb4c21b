"""Cells: which of the 65,536 a value falls into, and how many fall into each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner, jit
from reporter.measuring.kernels.sizes import NEGATIVE_ZERO, RAW

Floats = npt.NDArray[np.floating[Any]]


@inner
def scan32(bits: npt.NDArray[np.int32], cells: npt.NDArray[np.uint16]) -> tuple[np.int32, np.int32, np.int32]:
    """Raw cells of a block, and bits of its extremes.

    Returns:
        Bits of the largest value that is not negative and of the smallest that is, and the least bits as signed: where
        all values are of one sign, the first two are those of the largest magnitude, and the last of the smallest.
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
def count(cells: npt.NDArray[np.uint16], table: npt.NDArray[np.uint32], ahead: npt.NDArray[np.int32]) -> np.int32:
    """Count cells, four to a load; runs of equal cells go to two tables in turn, a counter waits for its last store.

    Args:
        cells: their values are in the cache, and counting them leaves memory idle.
        ahead: what is wanted next, at least as long: a value of each of its cache lines is loaded in passing, which
            saves a tenth of the whole.

    Returns:
        Nothing of meaning; but for it the loads would be left out.
    """
    four = cells[: cells.size // 4 * 4].view(np.uint64)
    mask = np.uint64(0xFFFF)
    even = table[0]
    odd = table[1]
    touched = np.int32(0)
    for line in range(four.size // 4):
        touched ^= ahead[16 * line]
        for i in range(4 * line, 4 * line + 4):
            v = four[i]
            even[v & mask] += np.uint32(1)
            odd[(v >> np.uint64(16)) & mask] += np.uint32(1)
            even[(v >> np.uint64(32)) & mask] += np.uint32(1)
            odd[v >> np.uint64(48)] += np.uint32(1)
    for i in range(four.size // 4 * 16, cells.size):
        even[cells[i]] += np.uint32(1)
    return touched


@jit
def drain(table: npt.NDArray[np.uint32], index: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]) -> int:
    """Move what :func:`count` counted into ordered cells and their counts, and leave zeros behind.

    Most of a table is empty: it is looked at 64 counters at a time.

    Args:
        table: shape (2, RAW).
        index, counts: shape (RAW,); as many entries as are returned are filled.
    """
    even = table[0]
    odd = table[1]
    even[0] += even[NEGATIVE_ZERO] + odd[NEGATIVE_ZERO]
    even[NEGATIVE_ZERO] = np.uint32(0)
    odd[NEGATIVE_ZERO] = np.uint32(0)
    n = 0
    for chunk in range(0, RAW, 64):
        start = RAW - 64 - chunk if chunk < 0x8000 else chunk - 0x8000  # negative cells are numbered backwards
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
    """As :func:`drain` after few values, which are given in ascending order: it looks at their counters only.

    Args:
        ordered: all values that were counted, without −0.0.
        index, counts: as long as ``ordered``.
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
        at += max(counts[n], 1)  # a live model may change meanwhile
        n += 1
        even[raw] = np.uint32(0)
        odd[raw] = np.uint32(0)
    return n


@inner
def count_zeros(x: Floats) -> int:
    """How many are zero, of either sign."""
    n = np.int32(0)
    for i in range(x.size):
        n += np.int32(x[i] == 0)
    return int(n)


@inner
def split(x: Floats, kept: Floats, zeroed: Floats, counts: npt.NDArray[np.int64]) -> int:
    """The finite values in a row, and at their places among zeros; NaN, +Inf and −Inf are counted."""
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
    """Raw cell of a finite float64 given as bits; −0.0 is taken as +0.0."""
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
        # float32 subnormals: edges are multiples of 2^-133
        fraction = (magnitude & np.uint64(0xFFFFFFFFFFFFF)) | np.uint64(0x10000000000000)
        cell = np.int64(fraction >> np.uint64(52 - 133 - exponent))
    return np.int64(negative) << 15 | cell


@inner
def all_finite64(bits: npt.NDArray[np.int64]) -> bool:
    """Whether no float64 of a block is NaN or infinite."""
    largest = np.int64(0)
    for i in range(bits.size):
        largest = max(largest, bits[i] & np.int64(0x7FFFFFFFFFFFFFFF))
    return bool(largest < np.int64(0x7FF0000000000000))


@inner
def count64(bits: npt.NDArray[np.uint64], table: npt.NDArray[np.uint32]) -> None:
    """Count finite float64 values by raw cell, given as bits."""
    even, odd = table[0], table[1]
    for i in range(0, bits.size - 1, 2):
        even[cell64(bits[i])] += np.uint32(1)
        odd[cell64(bits[i + 1])] += np.uint32(1)
    if bits.size % 2:
        even[cell64(bits[bits.size - 1])] += np.uint32(1)


@jit
def count_cells(values: npt.NDArray[np.float64], times: npt.NDArray[np.int64], table: npt.NDArray[np.int64]) -> None:
    """Count finite values, each as often as ``times`` says, by raw cell."""
    bits = values.view(np.uint64)
    for i in range(values.size):
        table[cell64(bits[i])] += times[i]
