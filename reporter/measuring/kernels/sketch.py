"""The sign sketch: 1,024 sums of ±x, in which sign and bucket are fixed hashes of a value's position.

Two sketches made with the same hashes estimate the distance of their tensors, see
:class:`reporter.model.sketch.Sketch`. A textbook count sketch hashes every position to a bucket, which means scattered
additions. Here the values are read as rows of BUCKETS, and a whole row is added to the buckets, rotated by a hash of
its number, so that additions run over consecutive memory. Each sign is one bit of a hash. With 4 buckets instead of
1,024, a tensor of 10 values might give::

    row 0, rotated by 1:    +w0 −w1 −w2 +w3        column j goes to bucket (j + 1) % 4
    row 1, rotated by 1:    −w4 −w5 +w6 −w7        four consecutive rows share a rotation
    row 2, rotated by 1:    +w8 −w9

    bucket 0    +w3 −w7
    bucket 1    +w0 −w4 +w8
    bucket 2    −w1 −w5 −w9
    bucket 3    −w2 +w6
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner
from reporter.model.sketch import BUCKETS

Floats = npt.NDArray[np.floating[Any]]


@inner
def _mixed(counter: np.uint32) -> np.uint32:
    """Hash a counter to 32 bits that behave like independent ones: the finaliser of MurmurHash3 (public domain)."""
    # numba computes products of 32-bit numbers in 64 bits, so each result is narrowed again.
    h = np.uint32(counter * np.uint32(0x9E3779B1) + np.uint32(0x7F4A7C15))
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return h ^ (h >> np.uint32(16))


@inner
def _words(group: int, words: npt.NDArray[np.uint32]) -> None:
    """Fill ``words`` with the signs of 32 rows: bit 31 − k of ``words[j]`` is set where column j of row 32·group + k is
    subtracted."""
    base = np.uint32(group * BUCKETS)
    for j in range(BUCKETS):
        words[j] = _mixed(np.uint32(base + np.uint32(j)))


@inner
def _turn(row: int) -> int:
    """By how many buckets a row is rotated; the same for four consecutive rows.

    Without rotation, a matrix with a power of two of columns would put all values of a column into the same few
    buckets.
    """
    return int(_mixed(np.uint32(~np.uint32(row // 4))) % np.uint32(BUCKETS))


@inner
def _add_row(x: Floats, row: int, words: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]) -> None:
    """Add one row, or the beginning of one, to the sums."""
    shift, turn = np.uint32(row % 32), _turn(row)
    turned = sums[turn:]
    for j in range(x.size):
        v = np.float64(x[j])
        turned[j] += -v if (words[j] << shift) & np.uint32(0x80000000) else v


@inner
def _add_four_rows(
    bits: npt.NDArray[np.int32], row: int, words: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]
) -> None:
    """Add four whole rows to the sums at once; a sign is applied by flipping the sign bit.

    Args:
        bits: the four rows as int32.
        row: the number of the first, a multiple of 4.
        words: the signs of its group of 32 rows, see :func:`_words`.
        sums: as of :func:`add_sketch`.
    """
    top = np.uint32(0x80000000)
    shift, turn = np.uint32(row % 32), _turn(row)
    turned = sums[turn : turn + BUCKETS]
    p, q, r, s = bits[:BUCKETS], bits[BUCKETS : 2 * BUCKETS], bits[2 * BUCKETS : 3 * BUCKETS], bits[3 * BUCKETS :]
    for j in range(BUCKETS):
        w = np.uint32(words[j] << shift)
        a = np.uint32(np.uint32(p[j]) ^ (w & top)).view(np.float32)
        b = np.uint32(np.uint32(q[j]) ^ (np.uint32(w << np.uint32(1)) & top)).view(np.float32)
        c = np.uint32(np.uint32(r[j]) ^ (np.uint32(w << np.uint32(2)) & top)).view(np.float32)
        d = np.uint32(np.uint32(s[j]) ^ (np.uint32(w << np.uint32(3)) & top)).view(np.float32)
        turned[j] += (np.float64(a) + np.float64(b)) + (np.float64(c) + np.float64(d))


@inner
def add_sketch(x: Floats, start: int, words: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]) -> None:
    """Add a block of float64 values to the sketch.

    Args:
        x: the block, which lies within one group of 32 rows; values that are not finite are replaced by 0.
        start: position of ``x[0]`` in the tensor, a multiple of BUCKETS.
        words: scratch memory of BUCKETS words for signs.
        sums: float64, shape (2·BUCKETS,), added to; :func:`fold` makes the sums of the sketch of them. A rotated row
            goes on behind the last bucket, and need not be cut in two.
    """
    first = start // BUCKETS
    for k in range(0, x.size, BUCKETS):
        row = first + k // BUCKETS
        if k == 0:
            _words(row // 32, words)
        _add_row(x[k : min(k + BUCKETS, x.size)], row, words, sums)


@inner
def add_sketch32(
    x: npt.NDArray[np.float32],
    bits: npt.NDArray[np.int32],
    start: int,
    group: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint32],
    sums: npt.NDArray[np.float64],
) -> None:
    """As :func:`add_sketch`, for float32 values and with four whole rows at a time.

    Args:
        x: the block.
        bits: the same memory as int32.
        start: position of ``x[0]`` in the tensor, a multiple of BUCKETS.
        group: the number of the group of 32 rows whose signs are in ``words``, −1 for none; both are kept from block to
            block, as a block is only half of a group.
        words: shape (BUCKETS,), the signs of that group.
        sums: as in :func:`add_sketch`.
    """
    first = start // BUCKETS
    if first // 32 != group[0]:
        group[0] = first // 32
        _words(group[0], words)
    k = 0
    while k + 4 * BUCKETS <= x.size:
        _add_four_rows(bits[k : k + 4 * BUCKETS], first + k // BUCKETS, words, sums)
        k += 4 * BUCKETS
    while k < x.size:
        stop = min(k + BUCKETS, x.size)
        _add_row(x[k:stop], first + k // BUCKETS, words, sums)
        k = stop


@inner
def fold(turned: npt.NDArray[np.float64], sums: npt.NDArray[np.float64]) -> None:
    """Add what lies behind the last bucket to the first ones, and all to the sums of the sketch.

    Args:
        turned: shape (2·BUCKETS,), as :func:`add_sketch` filled it.
        sums: shape (BUCKETS,), added to.
    """
    for j in range(BUCKETS):
        sums[j] += turned[j] + turned[BUCKETS + j]


@inner
def for_sketch(
    scratch: npt.NDArray[np.uint64], buckets: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32], npt.NDArray[np.float64], npt.NDArray[np.uint64]]:
    """Divide scratch memory into ``group``, ``words`` and ``sums`` of :func:`add_sketch32`, and what is left.

    Args:
        scratch: the memory.
        buckets: BUCKETS, or 0 where no sketch is wanted; then ``sums`` is empty.
    """
    group = scratch[:1].view(np.int64)
    group[0] = -1
    words_end = 1 + BUCKETS // 2
    turned = scratch[words_end : words_end + 2 * buckets].view(np.float64)
    turned[:] = 0.0
    return group, scratch[1:words_end].view(np.uint32), turned, scratch[words_end + 2 * BUCKETS :]
