"""Spectral measures of weight matrices, which are made on request only: a whole matrix must be held in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring import krylov
from reporter.measuring.collapse import effective_rank
from reporter.measuring.deployment import is_float
from reporter.measuring.one_thread import one_thread
from reporter.measuring.pieces import to_float64
from reporter.measuring.threads import Pool, available
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
4096. Those of larger matrices are estimated, as the work grows with the cube of the side: all of them for 2000 × 2000
take 2 s, the estimate 0.3 s."""

LEAST_EIGENVALUES = 50
"""Least number of eigenvalues for a power law, as in WeightWatcher: a fit to fewer means nothing."""

CANDIDATES = 120
"""Beginnings of the tail that are tried for a power law through estimated eigenvalues, which are no finer than that."""

RANK_ERROR = 0.02
ALPHA_ERROR = 0.05
"""Least relative errors of estimates, which may be further off than they differ from each other: as far as they were at
most for heavy-tailed and power-law matrices whose singular values are known. A random matrix has no clear tail, and its
alpha an error of the order of itself."""


def measure_spectra(contents: Contents, measured: Measured, threads: int = 0) -> Mapping[str, Spectrum]:
    """Spectra of the weight matrices of an open checkpoint, by their names in ``measured``.

    Depthwise filters are left out, as they are no matrices from inputs to outputs.

    Args:
        contents: the open checkpoint.
        measured: what was measured of it.
        threads: each works on a matrix of its own; 0 for one per available processor.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    kinds = {layer.name: layer.kind for layer in contents.layers}
    matrices = {
        known.info.name: source
        for source, known in zip(contents.tensors, measured.tensors, strict=True)
        if _is_matrix(source, kinds.get(source.info.layer, ""))
    }
    with one_thread(), Pool(threads or available()) as pool:
        spectra = pool.in_order(partial(spectrum_of, source) for source in matrices.values())
        return dict(zip(matrices, spectra, strict=True))


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
    small = min(rows, columns) <= MOST_SIDE
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
    total = float(np.vdot(values, values))
    if not small:
        values = values.astype(np.float32)  # half the time, and rounding is far below the error of the estimates
    matrix = np.moveaxis(values.reshape(info.shape), info.output_axis, -1).reshape(rows, columns)
    if small:
        return _from_all(np.linalg.svd(matrix, compute_uv=False), largest, rows, columns)
    return _estimated(matrix, total, largest)


def _estimated(matrix: Matrix, total: float, scale: float) -> Spectrum:
    """The spectrum from estimates of all singular values, of a matrix that was divided by ``scale``.

    Args:
        total: ‖W‖_F² of the matrix as it is.
    """
    found = krylov.eigenvalues(matrix, total)
    fit = power_law(found.values, CANDIDATES)
    if fit is not None:
        fit = replace(fit, error=max(found.error(_alpha), ALPHA_ERROR * fit.alpha))
    rank = effective_rank(np.sqrt(found.values))
    norm = math.sqrt(float(found.values[0]))
    return Spectrum(
        rows=matrix.shape[0],
        columns=matrix.shape[1],
        norm=norm * scale,
        stable_rank=total / norm**2,
        effective_rank=rank,
        power_law=fit,
        rank_error=max(found.error(lambda values: effective_rank(np.sqrt(values))), RANK_ERROR * rank),
    )


def _alpha(eigenvalues: Matrix) -> float | None:
    fit = power_law(eigenvalues, CANDIDATES)
    return fit.alpha if fit is not None else None


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


def power_law(eigenvalues: Matrix, candidates: int = 0) -> PowerLaw | None:
    """Fit p(λ) ∝ λ^−alpha to the largest eigenvalues; None with fewer than :data:`LEAST_EIGENVALUES` eigenvalues.

    The exponent is the one of maximum likelihood. The tail begins where the Kolmogorov–Smirnov distance between the
    eigenvalues and the fit is smallest, as in WeightWatcher. Eigenvalues that are zero up to rounding do not count.

    Args:
        eigenvalues: in any order.
        candidates: about how many beginnings of the tail are tried, evenly spread; 0 for every eigenvalue.

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
    for start in range(0, n - 1, max(n // candidates, 1) if candidates else 1):
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
