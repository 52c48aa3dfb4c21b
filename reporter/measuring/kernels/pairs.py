"""The same block of a tensor in two checkpoints: paired sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner, jit

Floats = npt.NDArray[np.floating[Any]]
STEP = 1 << 12
"""Pairs per block: 16 KiB of either side of float32."""

LANES = 512


@inner
def _sums(a: Floats, b: Floats) -> tuple[float, float, float, float]:
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
    """Lane by lane: a maximum of one float does not vectorise."""
    n = lanes.size
    for k in range(0, a.size - n + 1, n):
        p, q = a[k : k + n], b[k : k + n]
        for j in range(n):
            d = abs(np.float64(q[j]) - np.float64(p[j]))
            lanes[j] = d if d > lanes[j] else lanes[j]
    for k in range(a.size // n * n, a.size):
        lanes[0] = max(lanes[0], abs(np.float64(b[k]) - np.float64(a[k])))


@inner
def _same(a: npt.NDArray[np.unsignedinteger[Any]], b: npt.NDArray[np.unsignedinteger[Any]]) -> int:
    same = np.int32(0)
    for i in range(a.size):
        same += np.int32(a[i] == b[i])
    return int(same)


@inner
def _sums_of_finite(a: Floats, b: Floats) -> tuple[float, float, float, float, float]:
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
) -> None:
    """Paired sums of two blocks, added to ``sums``: (Σ(b−a)², Σa², Σb², Σab, max|b−a|) of the pairs in which both are
    finite. To ``counts`` are added the numbers of bit-equal pairs, of pairs in which either is not finite, and of
    values of a and of b that are not; the bits are those of the values as they are stored."""
    lanes = np.zeros(LANES)
    for start in range(0, a.size, STEP):
        stop = min(start + STEP, a.size)
        p, q = a[start:stop], b[start:stop]
        counts[0] += _same(a_bits[start:stop], b_bits[start:stop])
        dd, aa, bb, ab = _sums(p, q)
        # A comparison instead of isfinite(), which is x - x == 0 and does not survive reassociation.
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
