"""The sign sketch: a row of sums ±x; sign and place are a fixed hash of the index.

Values are taken as rows of BUCKETS. Column j of a row goes to bucket (j + turn) mod BUCKETS.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import inner

Floats = npt.NDArray[np.floating[Any]]

BUCKETS = 1024
"""As :data:`reporter.model.sketch.BUCKETS`: the length of a row."""


@inner
def _mixed(counter: np.uint32) -> np.uint32:
    """32 bits as good as independent of those of other counters: the finaliser of MurmurHash3 (public domain)."""
    # numba widens products of 32-bit numbers: narrowed again at once
    h = np.uint32(counter * np.uint32(0x9E3779B1) + np.uint32(0x7F4A7C15))
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return h ^ (h >> np.uint32(16))


@inner
def _words(group: int, words: npt.NDArray[np.uint32]) -> None:
    """Signs of 32 rows: bit 31 − k of ``words[j]`` is that of column j in row 32·group + k."""
    base = np.uint32(group * BUCKETS)
    for j in range(BUCKETS):
        words[j] = _mixed(np.uint32(base + np.uint32(j)))


@inner
def _turn(row: int) -> int:
    """How far four rows are turned against the buckets, so that a matrix of 2^k columns does not fill them unevenly."""
    return int(_mixed(np.uint32(~np.uint32(row // 4))) % np.uint32(BUCKETS))


@inner
def _signed_row(x: Floats, row: int, words: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]) -> None:
    turn = _turn(row)
    ahead = min(x.size, BUCKETS - turn)
    _add_signed(x[:ahead], row, words[:ahead], sums[turn:])
    _add_signed(x[ahead:], row, words[ahead:], sums[:turn])


@inner
def _add_signed(x: Floats, row: int, words: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]) -> None:
    shift = np.uint32(row % 32)
    for j in range(x.size):
        v = np.float64(x[j])
        sums[j] += -v if (words[j] << shift) & np.uint32(0x80000000) else v


@inner
def _four_signed_rows(
    bits: npt.NDArray[np.int32],
    row: int,
    words: npt.NDArray[np.uint32],
    signed: npt.NDArray[np.uint32],
    sums: npt.NDArray[np.float64],
) -> None:
    x = signed.view(np.float32)
    top = np.uint32(0x80000000)
    shift = np.uint32(row % 32)
    p, q, r, s = bits[:BUCKETS], bits[BUCKETS : 2 * BUCKETS], bits[2 * BUCKETS : 3 * BUCKETS], bits[3 * BUCKETS :]
    for j in range(BUCKETS):
        w = np.uint32(words[j] << shift)
        signed[j] = np.uint32(p[j]) ^ (w & top)
        signed[BUCKETS + j] = np.uint32(q[j]) ^ ((w << np.uint32(1)) & top)
        signed[2 * BUCKETS + j] = np.uint32(r[j]) ^ ((w << np.uint32(2)) & top)
        signed[3 * BUCKETS + j] = np.uint32(s[j]) ^ ((w << np.uint32(3)) & top)
    turn = _turn(row)
    _add_four(x, 0, sums[turn:])
    _add_four(x, BUCKETS - turn, sums[:turn])


@inner
def _add_four(x: npt.NDArray[np.float32], column: int, sums: npt.NDArray[np.float64]) -> None:
    a, b, c, d = x[column:], x[BUCKETS + column :], x[2 * BUCKETS + column :], x[3 * BUCKETS + column :]
    for j in range(sums.size):
        sums[j] += (np.float64(a[j]) + np.float64(b[j])) + (np.float64(c[j]) + np.float64(d[j]))


@inner
def add_sketch(x: Floats, start: int, words: npt.NDArray[np.uint32], sums: npt.NDArray[np.float64]) -> None:
    """Add a block to the sketch; it is a part of one group of rows."""
    first = start // BUCKETS
    for k in range(0, x.size, BUCKETS):
        row = first + k // BUCKETS
        if k == 0:
            _words(row // 32, words)
        _signed_row(x[k : min(k + BUCKETS, x.size)], row, words, sums)


@inner
def add_sketch32(
    x: npt.NDArray[np.float32],
    bits: npt.NDArray[np.int32],
    start: int,
    group: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint32],
    sums: npt.NDArray[np.float64],
) -> None:
    """As :func:`add_sketch`, four rows at a time where they are whole; ``words`` are those of ``group[0]``."""
    first = start // BUCKETS
    if first // 32 != group[0]:
        group[0] = first // 32
        _words(group[0], words)
    signed = np.empty(4 * BUCKETS, np.uint32)
    k = 0
    while k + 4 * BUCKETS <= x.size:
        _four_signed_rows(bits[k : k + 4 * BUCKETS], first + k // BUCKETS, words, signed, sums)
        k += 4 * BUCKETS
    while k < x.size:
        stop = min(k + BUCKETS, x.size)
        _signed_row(x[k:stop], first + k // BUCKETS, words, sums)
        k = stop
