"""The refining sweep behind exact quantiles: the low 16 bits of the few values that share a cell with a wanted rank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import jit

STEP = 1 << 12


@jit
def _hit(bits: np.uint32, slots: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint32]) -> None:
    b = bits - (bits >> np.uint32(31))
    slot = slots[b >> np.uint32(16)]
    if slot:
        tables[slot - 1, b & np.uint32(0xFFFF)] += np.uint32(1)


@jit
def refine32(bits: npt.NDArray[np.uint32], slots: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint32]) -> None:
    """Count the low 16 bits of the values whose raw cell has a slot.

    Args:
        bits: of float32 values.
        slots: by raw cell, 0 for none, else 1 + the row of ``tables``.
        tables: shape (slots, 65536).
    """
    cells = np.empty(min(bits.size, STEP), np.uint16)
    mask = np.uint64(0xFFFF)
    for start in range(0, bits.size, STEP):
        block = bits[start : min(start + STEP, bits.size)]
        for i in range(block.size):
            cells[i] = np.uint16((block[i] - (block[i] >> np.uint32(31))) >> np.uint32(16))
        four = cells[: cells.size // 4 * 4].view(np.uint64)
        whole = block.size // 4
        for i in range(whole):  # hits are few: one branch for four values
            v = four[i]
            if (
                slots[v & mask]
                | slots[v >> np.uint64(16) & mask]
                | slots[v >> np.uint64(32) & mask]
                | slots[v >> np.uint64(48)]
            ):
                for k in range(4 * i, 4 * i + 4):
                    _hit(block[k], slots, tables)
        for k in range(4 * whole, block.size):
            _hit(block[k], slots, tables)
