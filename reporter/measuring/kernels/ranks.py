"""The sweep behind exact quantiles: the few values that share a cell with a wanted rank, collected or counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.cells import cell64
from reporter.measuring.kernels.compiled import jit

STEP = 1 << 12


@jit
def _cells(bits: npt.NDArray[np.uint32], cells: npt.NDArray[np.uint16]) -> None:
    for i in range(bits.size):
        cells[i] = np.uint16((bits[i] - (bits[i] >> np.uint32(31))) >> np.uint32(16))


@jit
def _none(four: np.uint64, slots: npt.NDArray[np.uint8]) -> bool:
    """Whether none of four cells has a slot: hits are few, so one branch does for four values."""
    mask = np.uint64(0xFFFF)
    first = slots[four & mask] | slots[(four >> np.uint64(16)) & mask]
    second = slots[(four >> np.uint64(32)) & mask] | slots[four >> np.uint64(48)]
    none: bool = (first | second) == 0
    return none


@jit
def _mark(cells: npt.NDArray[np.uint16], eight: npt.NDArray[np.uint16], marks: npt.NDArray[np.uint16]) -> None:
    a, b, c, d, e, f, g, h = eight[0], eight[1], eight[2], eight[3], eight[4], eight[5], eight[6], eight[7]
    for i in range(cells.size):
        v = cells[i]
        marks[i] |= np.uint16(
            (v == a) | (v == b) | (v == c) | (v == d) | (v == e) | (v == f) | (v == g) | (v == h)
        )  # fmt: skip


@jit
def collect32(bits: npt.NDArray[np.uint32], wanted: npt.NDArray[np.uint16], found: npt.NDArray[np.uint32]) -> int:
    """Copy the values that lie in wanted cells.

    Comparisons with eight cells at a time vectorise: twice as fast as a look-up for eight or fewer, as mostly.

    Args:
        bits: of float32 values.
        wanted: raw cells, a multiple of eight; some may be repeated.
        found: receives bits; longer by one than there are any.

    Returns:
        How many there are.
    """
    cells = np.empty(STEP, np.uint16)
    marks = np.empty(STEP, np.uint16)
    four = marks.view(np.uint64)
    n = 0
    for start in range(0, bits.size, STEP):
        block = bits[start : min(start + STEP, bits.size)]
        _cells(block, cells)
        marks[:] = 0
        for k in range(0, wanted.size, 8):
            _mark(cells[: block.size], wanted[k : k + 8], marks[: block.size])
        whole = block.size // 16
        for i in range(whole):
            if four[4 * i] | four[4 * i + 1] | four[4 * i + 2] | four[4 * i + 3]:
                n = _copy(block, marks, 16 * i, 16 * i + 16, found, n)
        n = _copy(block, marks, 16 * whole, block.size, found, n)
    return n


@jit
def _copy(
    block: npt.NDArray[np.uint32],
    marks: npt.NDArray[np.uint16],
    start: int,
    stop: int,
    found: npt.NDArray[np.uint32],
    n: int,
) -> int:
    """Without branches, which would be mispredicted."""
    for k in range(start, stop):
        found[n] = block[k]
        n += int(marks[k])
    return n


@jit
def collect64(x: npt.NDArray[np.float64], slots: npt.NDArray[np.uint8], found: npt.NDArray[np.float64]) -> int:
    """Copy the finite values whose raw cell has a slot, 0 for none; ``found`` is long enough. Returns their number."""
    bits = x.view(np.uint64)
    n = 0
    for i in range(x.size):
        if abs(x[i]) < np.inf and slots[cell64(bits[i])]:
            found[n] = x[i]
            n += 1
    return n


@jit
def refine32(bits: npt.NDArray[np.uint32], slots: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint32]) -> None:
    """Count the low 16 bits of the values whose raw cell has a slot.

    Args:
        bits: of float32 values.
        slots: by raw cell, 0 for none, else 1 + the row of ``tables``.
        tables: shape (slots, 65536).
    """
    cells = np.empty(STEP, np.uint16)
    four = cells.view(np.uint64)
    for start in range(0, bits.size, STEP):
        block = bits[start : min(start + STEP, bits.size)]
        _cells(block, cells)
        for i in range((block.size + 3) // 4):
            if i == block.size // 4 or not _none(four[i], slots):
                for k in range(4 * i, min(4 * i + 4, block.size)):
                    slot = slots[cells[k]]
                    if slot:
                        b = block[k] - (block[k] >> np.uint32(31))
                        tables[slot - 1, b & np.uint32(0xFFFF)] += np.uint32(1)
