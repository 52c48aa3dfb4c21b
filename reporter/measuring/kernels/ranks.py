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
def collect32(bits: npt.NDArray[np.uint32], slots: npt.NDArray[np.uint8], found: npt.NDArray[np.uint32]) -> int:
    """Copy the values whose raw cell has a slot.

    Args:
        bits: of float32 values.
        slots: by raw cell, 0 for none.
        found: receives bits; long enough for all of them.

    Returns:
        How many there are.
    """
    cells = np.empty(STEP, np.uint16)
    four = cells.view(np.uint64)
    n = 0
    for start in range(0, bits.size, STEP):
        block = bits[start : min(start + STEP, bits.size)]
        _cells(block, cells)
        for i in range((block.size + 3) // 4):
            if i == block.size // 4 or not _none(four[i], slots):
                for k in range(4 * i, min(4 * i + 4, block.size)):
                    if slots[cells[k]]:
                        found[n] = block[k]
                        n += 1
    return n


@jit
def collect64(x: npt.NDArray[np.float64], slots: npt.NDArray[np.uint8], found: npt.NDArray[np.float64]) -> int:
    """Copy the finite values whose raw cell has a slot; arguments as in :func:`collect32`."""
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
