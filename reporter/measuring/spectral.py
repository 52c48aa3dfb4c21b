"""Spectral measures of weight matrices, which are made on request only: a whole matrix must be held in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.collapse import effective_rank
from reporter.measuring.deployment import is_float
from reporter.measuring.one_thread import one_thread
from reporter.measuring.pieces import to_float64
from reporter.model.measured import Measured
from reporter.model.role import WEIGHT_MATRICES, input_axis
from reporter.model.spectrum import PowerLaw, Spectrum
from reporter.model.tensor import Contents, TensorSource
from reporter.numerals import integer

Matrix = npt.NDArray[np.floating[Any]]

MOST_VALUES = 1 << 24
"""Matrices with more values are left out. One of this size takes 128 MiB as float64, and twice as much where the
outputs are not the last axis, as it is then copied."""

MOST_SIDE = 1024
"""All singular values are computed if the smaller side is at most this long, which takes about a second for 1024 ×
4096. Of larger matrices only the largest singular value is computed, as the work grows with the cube of the side."""

LEAST_EIGENVALUES = 50
"""Least number of eigenvalues for a power law, as in WeightWatcher: a fit to fewer means nothing."""

BLOCK = 8
"""Number of vectors that the power iteration carries. With 8, its speed depends on the gap between the largest and the
9th singular value instead of the 2nd, which may be nearly as large."""

TOLERANCE = 1e-7
"""The power iteration stops when the largest singular value changes relatively by no more than this."""

ITERATIONS = 100
"""Most steps of the power iteration. Its value is a lower bound at any step; at worst, for a random matrix, it is then
about 1e-5 too small."""


def measure_spectra(contents: Contents, measured: Measured) -> Mapping[str, Spectrum]:
    """Spectra of the weight matrices of an open checkpoint, by their names in ``measured``.

    Depthwise filters are left out, as they are no matrices from inputs to outputs.

    Args:
        contents: the open checkpoint.
        measured: what was measured of it.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    kinds = {layer.name: layer.kind for layer in contents.layers}
    with one_thread():
        return {
            known.info.name: spectrum_of(source)
            for source, known in zip(contents.tensors, measured.tensors, strict=True)
            if _is_matrix(source, kinds.get(source.info.layer, ""))
        }


def _is_matrix(source: TensorSource, kind: str) -> bool:
    info = source.info
    if info.collection != "model" or info.role not in WEIGHT_MATRICES or not is_float(info.dtype) or not info.size:
        return False
    looked_up = info.role == "embedding" and len(info.shape) > 1
    return looked_up or input_axis(info.role, info.output_axis, len(info.shape), kind) is not None


def spectrum_of(source: TensorSource) -> Spectrum:
    """The spectrum of one tensor as a matrix of (all other axes × outputs), or the reason why it has none.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    info = source.info
    outputs = info.shape[info.output_axis]
    rows, columns = info.size // outputs, outputs
    if info.size > MOST_VALUES:
        return Spectrum(rows, columns, left_out=f"more than {integer(MOST_VALUES)} values")
    values = np.empty(info.size)
    position = 0
    for block in source.blocks():
        values[position : position + block.size] = to_float64(block)
        position += block.size
    if not np.isfinite(values).all():
        return Spectrum(rows, columns, left_out="values that are not finite")
    largest = max(float(values.max()), -float(values.min()))
    if not largest:
        return Spectrum(rows, columns, left_out="all zero")
    values /= largest  # so that no square under- or overflows
    matrix = np.moveaxis(values.reshape(info.shape), info.output_axis, -1).reshape(rows, columns)
    if min(rows, columns) <= MOST_SIDE:
        return _from_all(np.linalg.svd(matrix, compute_uv=False), largest, rows, columns)
    norm = largest_singular_value(matrix)
    return Spectrum(rows, columns, norm * largest, float(np.vdot(values, values)) / norm**2)


def _from_all(singular: Matrix, scale: float, rows: int, columns: int) -> Spectrum:
    """The spectrum from all singular values, descending, of a matrix that was divided by ``scale``."""
    norm = float(singular[0])
    return Spectrum(
        rows=rows,
        columns=columns,
        norm=norm * scale,
        stable_rank=float((singular**2).sum()) / norm**2,
        effective_rank=effective_rank(singular),
        power_law=power_law(singular**2),
        exact=True,
    )


def power_law(eigenvalues: Matrix) -> PowerLaw | None:
    """Fit p(λ) ∝ λ^−alpha to the largest eigenvalues; None with fewer than :data:`LEAST_EIGENVALUES` eigenvalues.

    The exponent is the one of maximum likelihood. The tail begins where the Kolmogorov–Smirnov distance between the
    eigenvalues and the fit is smallest, as in WeightWatcher. Eigenvalues that are zero up to rounding do not count.

    Sources: C. Martin, M. Mahoney, *Implicit self-regularization in deep neural networks*, JMLR 22 (2021);
    A. Clauset, C. Shalizi, M. Newman, *Power-law distributions in empirical data*, SIAM Review 51 (2009), eq. 3.1.
    """
    if not len(eigenvalues):
        return None
    ordered = np.sort(eigenvalues)
    ordered = ordered[ordered > len(ordered) * np.finfo(np.float64).eps * ordered[-1]]
    n = len(ordered)
    if n < LEAST_EIGENVALUES:
        return None
    logs = np.log(ordered)
    best: PowerLaw | None = None
    for start in range(n - 1):
        tail = n - start
        spread = float((logs[start:] - logs[start]).sum())
        if not spread > 0:
            continue
        alpha = 1 + tail / spread
        fitted = -np.expm1(-(alpha - 1) * (logs[start:] - logs[start]))
        steps = np.arange(tail + 1) / tail
        distance = float(np.maximum(steps[1:] - fitted, fitted - steps[:-1]).max())
        if best is None or distance < best.distance:
            best = PowerLaw(alpha, distance, tail)
    return best


def largest_singular_value(matrix: Matrix) -> float:
    """The largest singular value, by power iteration on a block of :data:`BLOCK` vectors; a lower bound.

    It starts from cosines of fixed frequencies, not from random vectors, so that the same matrix gives the same value.
    No coordinate of the start vectors is zero.

    >>> round(largest_singular_value(np.diag([1.0, 2.0, 3.0])), 6)
    3.0
    """
    rows, columns = matrix.shape
    small = matrix if rows >= columns else matrix.T
    count = min(BLOCK, small.shape[1])
    angles = np.outer(np.arange(small.shape[1]) + 0.5, np.arange(count) + 0.37)
    vectors, _ = np.linalg.qr(np.cos(angles))
    estimate = 0.0
    for _ in range(ITERATIONS):
        image = small @ vectors
        now = float(np.linalg.norm(image, 2))
        if now - estimate <= TOLERANCE * now:
            return max(now, estimate)
        estimate = now
        vectors, _ = np.linalg.qr(small.T @ image)
    return estimate
