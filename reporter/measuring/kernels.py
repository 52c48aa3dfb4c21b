"""Compiled loops over blocks of values; the only module that imports numba.

Every kernel releases the GIL and is plain enough to vectorise: one tight loop per quantity over blocks that stay in
the first-level cache, rather than one fused loop, which does not vectorise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

F = TypeVar("F", bound=Callable[..., Any])

STEP = 1 << 14
"""Elements per inner block: 64 KiB of float32. Moments are merged once per such block, in order, so the result does
not depend on how the values were handed over as long as every call but the last is a multiple of it."""

RAW = 1 << 16
"""Length of the dense tables that kernels count into, by raw (not ordered) cell number."""

NEGATIVE_ZERO = 0x7FFF
"""Raw cell in which −0.0 lands (its bits minus one); no finite value shares it."""


def jit(function: F) -> F:
    """Compile without the GIL, cached on disk; sums may be reordered, NaN and infinities are respected."""
    compiled: F = numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})(function)
    return compiled


@jit
def _scan32(bits: npt.NDArray[np.int32]) -> tuple[np.int32, np.int32, int]:
    """Smallest and largest order-preserving key, and the number of zeros of either sign."""
    low = np.int32(0x7FFFFFFF)
    high = np.int32(-0x80000000)
    for i in range(bits.size):
        key = bits[i] ^ ((bits[i] >> np.int32(31)) & np.int32(0x7FFFFFFF))
        low = min(low, key)
        high = max(high, key)
    zeros = 0
    for i in range(bits.size):
        zeros += int((bits[i] & np.int32(0x7FFFFFFF)) == 0)
    return low, high, zeros


@jit
def _cells32(bits: npt.NDArray[np.uint32], table: npt.NDArray[np.int64]) -> None:
    for i in range(bits.size):
        b = bits[i]
        table[(b - (b >> np.uint32(31))) >> np.uint32(16)] += 1


@jit
def _moments(x: npt.NDArray[np.floating[Any]], totals: npt.NDArray[np.float64]) -> None:
    """Merge a block of finite values into ``totals`` = (n, mean, Σd², Σd³, Σd⁴)."""
    n = x.size
    first = np.float64(x[0])
    s = 0.0
    for i in range(n):
        s += np.float64(x[i]) - first
    mean = first + s / n
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    s4 = 0.0
    for i in range(n):
        d = np.float64(x[i]) - mean
        q = d * d
        s1 += d
        s2 += q
        s3 += q * d
        s4 += q * q
    # `mean` is rounded: shift the sums to the true one.
    e = s1 / n
    b2 = s2 - n * e * e
    b3 = s3 - 3.0 * e * s2 + 2.0 * n * e * e * e
    b4 = s4 - 4.0 * e * s3 + 6.0 * e * e * s2 - 3.0 * n * e * e * e * e
    mean += e
    na = totals[0]
    nb = np.float64(n)
    if na == 0:
        totals[0] = nb
        totals[1] = mean
        totals[2] = max(b2, 0.0)
        totals[3] = b3
        totals[4] = max(b4, 0.0)
        return
    t = na + nb
    d = mean - totals[1]
    dn = d / t
    a2 = totals[2]
    a3 = totals[3]
    totals[4] += (
        b4
        + d * dn * dn * dn * na * nb * (na * na - na * nb + nb * nb)
        + 6.0 * dn * dn * (na * na * b2 + nb * nb * a2)
        + 4.0 * dn * (na * b3 - nb * a3)
    )
    totals[3] += b3 + d * dn * dn * na * nb * (na - nb) + 3.0 * dn * (na * b2 - nb * a2)
    totals[2] += b2 + d * dn * na * nb
    totals[1] += nb * dn
    totals[0] = t


@jit
def measure32(
    x: npt.NDArray[np.float32],
    table: npt.NDArray[np.int64],
    totals: npt.NDArray[np.float64],
    extremes: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Take in float32 values.

    Args:
        x: any number of values.
        table: RAW counters of finite values by raw cell.
        totals: (n, mean, Σd², Σd³, Σd⁴) of the finite values.
        extremes: (min, max), +inf and −inf before the first finite value.
        counts: (zeros, NaN, +Inf, −Inf).
    """
    bits = x.view(np.int32)
    raw = x.view(np.uint32)
    keys = np.empty(2, np.int32)
    values = keys.view(np.float32)
    for start in range(0, x.size, STEP):
        stop = min(start + STEP, x.size)
        low, high, zeros = _scan32(bits[start:stop])
        if low > -0x7F800001 and high < 0x7F800000:
            counts[0] += zeros
            _cells32(raw[start:stop], table)
            keys[0] = low ^ ((low >> 31) & 0x7FFFFFFF)
            keys[1] = high ^ ((high >> 31) & 0x7FFFFFFF)
            extremes[0] = min(extremes[0], np.float64(values[0]))
            extremes[1] = max(extremes[1], np.float64(values[1]))
            _moments(x[start:stop], totals)
        else:
            kept = np.empty(stop - start, np.float32)
            n = 0
            for i in range(start, stop):
                v = x[i]
                if np.isnan(v):
                    counts[1] += 1
                elif np.isinf(v):
                    counts[2 if v > 0 else 3] += 1
                else:
                    kept[n] = v
                    n += 1
                    counts[0] += v == 0
                    extremes[0] = min(extremes[0], np.float64(v))
                    extremes[1] = max(extremes[1], np.float64(v))
            if n:
                _cells32(kept[:n].view(np.uint32), table)
                _moments(kept[:n], totals)


@jit
def _cell64(bits: np.uint64) -> np.int64:
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


@jit
def count_cells(values: npt.NDArray[np.float64], times: npt.NDArray[np.int64], table: npt.NDArray[np.int64]) -> None:
    """Count finite values, each as often as ``times`` says, by raw cell."""
    bits = values.view(np.uint64)
    for i in range(values.size):
        table[_cell64(bits[i])] += times[i]


@jit
def measure64(
    x: npt.NDArray[np.float64],
    table: npt.NDArray[np.int64],
    totals: npt.NDArray[np.float64],
    extremes: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Take in float64 values; arguments as in :func:`measure32`."""
    kept = np.empty(min(x.size, STEP), np.float64)
    bits = kept.view(np.uint64)
    for start in range(0, x.size, STEP):
        stop = min(start + STEP, x.size)
        n = 0
        for i in range(start, stop):
            v = x[i]
            if np.isnan(v):
                counts[1] += 1
            elif np.isinf(v):
                counts[2 if v > 0 else 3] += 1
            else:
                kept[n] = v
                n += 1
                counts[0] += v == 0
                extremes[0] = min(extremes[0], v)
                extremes[1] = max(extremes[1], v)
        for i in range(n):
            table[_cell64(bits[i])] += 1
        if n:
            _moments(kept[:n], totals)


@jit
def count16(codes: npt.NDArray[np.uint16], table: npt.NDArray[np.int64]) -> None:
    """Count raw 16-bit codes."""
    for i in range(codes.size):
        table[codes[i]] += 1


@jit
def count8(codes: npt.NDArray[np.uint8], table: npt.NDArray[np.int64]) -> None:
    """Count raw 8-bit codes."""
    for i in range(codes.size):
        table[codes[i]] += 1


@jit
def refine32(bits: npt.NDArray[np.uint32], slots: npt.NDArray[np.int32], tables: npt.NDArray[np.int64]) -> None:
    """Count the low 16 bits of the values whose raw cell has a slot (≥ 0)."""
    for i in range(bits.size):
        b = bits[i] - (bits[i] >> np.uint32(31))
        slot = slots[b >> np.uint32(16)]
        if slot >= 0:
            tables[slot, b & np.uint32(0xFFFF)] += 1


@jit
def channels(
    x: npt.NDArray[np.floating[Any]],
    start: int,
    stride: int,
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.float64],
) -> None:
    """Add x² to the energy of each value's output unit, ``(index // stride) % units``, and note its largest |x|;
    values that are not finite are left out, ``start`` is x[0]'s index."""
    units = energy.size
    for i in range(x.size):
        v = abs(np.float64(x[i]))
        if v < np.inf:
            unit = ((start + i) // stride) % units
            energy[unit] += v * v
            maxima[unit] = max(maxima[unit], v)


@jit
def sketch(x: npt.NDArray[np.floating[Any]], start: int, sums: npt.NDArray[np.float64]) -> None:
    """Add ±x to ``sums[index % sums.size]``, the sign a fixed hash of the index; ``start`` is x[0]'s index."""
    for i in range(x.size):
        v = np.float64(x[i])
        if abs(v) < np.inf:
            h = np.uint32(start + i) * np.uint32(0x9E3779B1)
            h = (h ^ (h >> np.uint32(15))) * np.uint32(0x85EBCA77)
            sums[(start + i) % sums.size] += v if h & np.uint32(0x80000000) else -v


@jit
def compare(
    a: npt.NDArray[np.floating[Any]],
    b: npt.NDArray[np.floating[Any]],
    a_bits: npt.NDArray[np.unsignedinteger[Any]],
    b_bits: npt.NDArray[np.unsignedinteger[Any]],
    sums: npt.NDArray[np.float64],
    equal: npt.NDArray[np.int64],
) -> None:
    """Paired sums of two blocks: (Σ(b−a)², Σa², Σb², Σab, max|b−a|) of the pairs in which both are finite, and the
    number of bit-equal pairs; ``a_bits`` and ``b_bits`` are the same blocks as unsigned integers."""
    for start in range(0, a.size, STEP):
        stop = min(start + STEP, a.size)
        same = 0
        for i in range(start, stop):
            same += int(a_bits[i] == b_bits[i])
        equal[0] += same
        _paired(a[start:stop], b[start:stop], sums)


@jit
def _paired(a: npt.NDArray[np.floating[Any]], b: npt.NDArray[np.floating[Any]], sums: npt.NDArray[np.float64]) -> None:
    dd = 0.0
    aa = 0.0
    bb = 0.0
    ab = 0.0
    for i in range(a.size):
        p = np.float64(a[i])
        q = np.float64(b[i])
        d = q - p
        dd += d * d
        aa += p * p
        bb += q * q
        ab += p * q
    biggest = 0.0
    for i in range(a.size):
        biggest = max(biggest, abs(np.float64(b[i]) - np.float64(a[i])))
    # A comparison instead of isfinite(), which is x - x == 0 and does not survive reassociation.
    if not aa + bb < np.inf:
        # A value of this block is not finite: once more, pair by pair.
        dd = aa = bb = ab = biggest = 0.0
        for i in range(a.size):
            p = np.float64(a[i])
            q = np.float64(b[i])
            if abs(p) < np.inf and abs(q) < np.inf:
                d = q - p
                dd += d * d
                aa += p * p
                bb += q * q
                ab += p * q
                biggest = max(biggest, abs(d))
    sums[0] += dd
    sums[1] += aa
    sums[2] += bb
    sums[3] += ab
    sums[4] = max(sums[4], biggest)
