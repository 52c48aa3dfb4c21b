"""The sweep behind exact quantiles: the few values that share a cell with a wanted rank, collected or counted.

Without branches: every value is written to the next free place, which a hit then keeps. Measured on 2²⁴ normal values
and the cells of 17 ranks: 6 GB/s, where a branch for four values at a time reached 3.5 GB/s.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.cells import cell64
from reporter.measuring.kernels.compiled import jit

STEP = 1 << 12


@jit
def collect32(bits: npt.NDArray[np.uint32], slots: npt.NDArray[np.uint8], found: npt.NDArray[np.uint32]) -> int:
    """Copy the values whose raw cell has a slot.

    Args:
        bits: of float32 values.
        slots: by raw cell, 0 for none.
        found: receives bits; one longer than ``bits``, however few are expected: nothing checks the place.

    Returns:
        How many there are.
    """
    n = 0
    for i in range(bits.size):
        b = bits[i]
        found[n] = b
        n += slots[(b - (b >> np.uint32(31))) >> np.uint32(16)] != 0
    return n


@jit
def collect64(x: npt.NDArray[np.float64], slots: npt.NDArray[np.uint8], found: npt.NDArray[np.float64]) -> int:
    """Copy the finite values whose raw cell has a slot; arguments as in :func:`collect32`."""
    bits = x.view(np.uint64)
    n = 0
    for i in range(x.size):
        found[n] = x[i]
        n += (slots[cell64(bits[i])] != 0) & (abs(x[i]) < np.inf)
    return n


@jit
def refine32(bits: npt.NDArray[np.uint32], slots: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint32]) -> None:
    """Count the low 16 bits of the values whose raw cell has a slot.

    Args:
        bits: of float32 values.
        slots: by raw cell, 0 for none, else 1 + the row of ``tables``.
        tables: shape (slots, 65536).
    """
    found = np.empty(STEP + 1, np.uint32)
    for start in range(0, bits.size, STEP):
        for i in range(collect32(bits[start : min(start + STEP, bits.size)], slots, found)):
            b = found[i] - (found[i] >> np.uint32(31))
            tables[slots[b >> np.uint32(16)] - 1, b & np.uint32(0xFFFF)] += np.uint32(1)
