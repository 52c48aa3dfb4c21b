"""Many small float32 tensors in one call, so that Python's costs are those of a batch and not of each tensor.

The tensors of a batch lie one after the other in one array: ``ends[t]`` is where tensor t ends and the next begins. For
each of them the kernels that measure a single tensor are called, so that the results are the same to the bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.blocks import measure32
from reporter.measuring.kernels.cells import drain_sorted
from reporter.measuring.kernels.compiled import jit
from reporter.measuring.kernels.pairs import compare


@jit
def measure_batch32(
    x: npt.NDArray[np.float32],
    ordered: npt.NDArray[np.float32],
    ends: npt.NDArray[np.int64],
    runs: npt.NDArray[np.int64],
    unit_ends: npt.NDArray[np.int64],
    sum_ends: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint32],
    totals: npt.NDArray[np.float64],
    extremes: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    energy: npt.NDArray[np.float64],
    maxima: npt.NDArray[np.int32],
    sums: npt.NDArray[np.float64],
    index: npt.NDArray[np.int32],
    cell_counts: npt.NDArray[np.int64],
    cell_ends: npt.NDArray[np.int64],
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Measure a batch; the arrays are as in :func:`measure32` and :func:`drain_sorted`, with a row for each tensor.

    Args:
        x: the values.
        ordered: the same, those of each tensor in ascending order, NaN last, with +0.0 in place of −0.0.
        ends: where each tensor ends in ``x``; none is empty.
        runs: of each tensor's output units.
        unit_ends: where the entries of each tensor end in ``energy`` and ``maxima``.
        sum_ends: where those of its sketch end in ``sums``.
        table: full of zeros, before and after.
        index, cell_counts: as long as ``x``; receive the cells of one tensor after the other.
        cell_ends: receives where those of each tensor end.
        scratch: memory that the kernel needs.
    """
    start = unit = bucket = cell = np.int64(0)
    for t in range(ends.size):
        end = ends[t]
        measure32(
            x[start:end],
            0,
            table,
            totals[t],
            extremes[t],
            counts[t],
            0,
            runs[t],
            energy[unit : unit_ends[t]],
            maxima[unit : unit_ends[t]],
            sums[bucket : sum_ends[t]],
            scratch,
        )
        finite = ordered[start + counts[t, 3] : end - counts[t, 1] - counts[t, 2]]
        cell += drain_sorted(finite, table, index[cell:], cell_counts[cell:])
        cell_ends[t] = cell
        start, unit, bucket = end, unit_ends[t], sum_ends[t]


@jit
def compare_batch32(
    a: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    a_bits: npt.NDArray[np.uint32],
    b_bits: npt.NDArray[np.uint32],
    ends: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Compare the tensors of two batches, pair by pair, as :func:`compare` does; each has a row of both results."""
    start = np.int64(0)
    for t in range(ends.size):
        end = ends[t]
        compare(a[start:end], b[start:end], a_bits[start:end], b_bits[start:end], sums[t], counts[t], scratch)
        start = end
