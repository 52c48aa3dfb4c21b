"""Sums over pairs: the values of one tensor in two checkpoints, position by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner, jit

Floats = npt.NDArray[np.floating[Any]]
STEP = 1 << 12
"""Pairs per block: 16 KiB of float32 from each checkpoint, which together fit into the first-level cache."""

LANES = 512
"""Maxima that are kept side by side, and combined at the end, see :func:`_largest`."""


@inner
def _sums(a: Floats, b: Floats) -> tuple[float, float, float, float]:
    """Σ(b−a)², Σa², Σb² and Σab of values that are all finite."""
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
    return dd, aa, bb, ab


@inner
def _largest(a: Floats, b: Floats, lanes: npt.NDArray[np.float64]) -> None:
    """Raise ``lanes`` to |b − a|, each lane for every 512th pair: a single maximum of floats does not vectorise."""
    for k in range(0, a.size - LANES + 1, LANES):
        p, q = a[k : k + LANES], b[k : k + LANES]
        for j in range(LANES):
            d = abs(np.float64(q[j]) - np.float64(p[j]))
            lanes[j] = d if d > lanes[j] else lanes[j]
    for k in range(a.size // LANES * LANES, a.size):
        lanes[0] = max(lanes[0], abs(np.float64(b[k]) - np.float64(a[k])))


@inner
def _same(a: npt.NDArray[np.unsignedinteger[Any]], b: npt.NDArray[np.unsignedinteger[Any]]) -> int:
    """How many pairs are equal to the bit."""
    same = np.int32(0)
    for i in range(a.size):
        same += np.int32(a[i] == b[i])
    return int(same)


@inner
def _sums_of_finite(a: Floats, b: Floats) -> tuple[float, float, float, float, float]:
    """Σ(b−a)², Σa², Σb², Σab and max |b−a| of the pairs in which both are finite."""
    dd = 0.0
    aa = 0.0
    bb = 0.0
    ab = 0.0
    largest = 0.0
    for i in range(a.size):
        p = np.float64(a[i])
        q = np.float64(b[i])
        if abs(p) < np.inf and abs(q) < np.inf:
            d = q - p
            dd += d * d
            aa += p * p
            bb += q * q
            ab += p * q
            largest = max(largest, abs(d))
    return dd, aa, bb, ab, largest


@inner
def _count_non_finite(a: Floats, b: Floats, counts: npt.NDArray[np.int64]) -> None:
    """Count pairs in which either is not finite, such values of a, and such values of b, in ``counts[1:]``."""
    for i in range(a.size):
        p = not abs(np.float64(a[i])) < np.inf
        q = not abs(np.float64(b[i])) < np.inf
        counts[1] += p or q
        counts[2] += p
        counts[3] += q


@jit
def compare(
    a: Floats,
    b: Floats,
    a_bits: npt.NDArray[np.unsignedinteger[Any]],
    b_bits: npt.NDArray[np.unsignedinteger[Any]],
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Compare two pieces, and add to what ``sums`` and ``counts`` already hold.

    Args:
        a, b: values of the earlier and of the later checkpoint, float32 or float64, of one length.
        a_bits, b_bits: the same values as they are stored, as unsigned integers, for equality to the bit.
        sums: (Σ(b−a)², Σa², Σb², Σab, max |b−a|) over the pairs in which both are finite.
        counts: numbers of (pairs that are equal to the bit, pairs in which either is not finite, values of a that are
            not finite, values of b that are not finite).
        scratch: memory that the kernel needs.
    """
    lanes = scratch.view(np.float64)[:LANES]
    for j in range(LANES):
        lanes[j] = 0.0
    for start in range(0, a.size, STEP):
        stop = min(start + STEP, a.size)
        p, q = a[start:stop], b[start:stop]
        counts[0] += _same(a_bits[start:stop], b_bits[start:stop])
        dd, aa, bb, ab = _sums(p, q)
        # A NaN or an infinity makes the sum of squares NaN or infinite. np.isfinite does not serve here: numba compiles
        # it to x - x == 0, which reordering simplifies to True.
        if not aa + bb < np.inf:
            dd, aa, bb, ab, largest = _sums_of_finite(p, q)
            lanes[0] = max(lanes[0], largest)
            _count_non_finite(p, q, counts)
        else:
            _largest(p, q, lanes)
        sums[0] += dd
        sums[1] += aa
        sums[2] += bb
        sums[3] += ab
    for j in range(LANES):
        sums[4] = max(sums[4], lanes[j])
