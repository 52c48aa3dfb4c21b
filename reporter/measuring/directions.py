"""How many directions the difference of two weight matrices has: few where a low-rank adapter was merged into one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.deployment import is_float
from reporter.measuring.pieces import pieces, to_float64
from reporter.model.kind import ChangeKind, KindOfChange
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.tensor import TensorSource

Matrix = npt.NDArray[np.floating[Any]]

MOST_VALUES = 1 << 24
"""Differences of more values are left out: one of this size takes 128 MiB as float64."""

LEAST_SIDE = 8
"""A matrix with a shorter side has few directions whatever happened to it."""

SOUGHT = 32
"""Directions that are looked for at first."""

MOST_SOUGHT = 128
"""And at most, where all of those are beyond the noise."""

OVERSAMPLED = 8
"""Further vectors, so that the last directions sought are as exact as the first."""

ITERATIONS = 3
"""Power iterations, with which the tail of many equal singular values hardly blurs the directions before it."""

BEYOND_EDGE = 1.1
"""How far beyond the edge of what noise gives a singular value counts as a direction."""

FLOOR = 1e-6
"""Least share of the largest singular value that counts: below, float32 rounded the sum."""

CAPTURED = 0.9
"""Least share of ‖b − a‖² in the directions of a change of low rank."""

GAP = 2.0
"""Least ratio of its last singular value to the next. Training, even of ten steps, leaves 1.1: its directions fade out,
while those of an adapter end."""

MOST_SHARE = 0.25
"""Most directions of a change of low rank, as a share of the shorter side. Ten steps of Adam may leave half of it."""


def directions(before: TensorSource, after: TensorSource, told: KindOfChange) -> KindOfChange:
    """Count the directions of a difference, as a matrix of (all other axes × outputs).

    Args:
        before, after: tensors of the same shape and dtype.
        told: what is known of the change.

    Returns:
        The same with the rank, and of kind ``LOW_RANK`` where these directions explain it.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    info = after.info
    if len(info.shape) < 2 or info.role not in WEIGHT_MATRICES or not is_float(info.dtype):
        return told
    columns = info.shape[info.output_axis]
    rows = info.size // max(columns, 1)
    if not 0 < info.size <= MOST_VALUES or min(rows, columns) < LEAST_SIDE:
        return told
    values, start = np.empty(info.size), 0
    for a, b in zip(pieces(before.blocks()), pieces(after.blocks()), strict=True):
        values[start : start + a.size] = to_float64(b) - to_float64(a)
        start += a.size
    largest = float(np.abs(values).max())
    if not 0 < largest < math.inf:
        return told
    values /= largest
    matrix = np.moveaxis(values.reshape(info.shape), info.output_axis, -1).reshape(rows, columns)
    total = float(np.vdot(values, values))
    rank, singular = _counted(matrix, total)
    captured = float((singular[:rank] ** 2).sum()) / total
    few = 0 < rank <= MOST_SHARE * min(rows, columns) and rank < len(singular)
    low = few and captured >= CAPTURED and singular[rank - 1] >= GAP * singular[rank]
    kind = ChangeKind.LOW_RANK if low else told.kind
    stable = total / float(singular[0]) ** 2
    return replace(told, kind=kind, rank=rank, captured=min(captured, 1.0), stable_rank=stable)


def _counted(matrix: Matrix, total: float) -> tuple[int, Matrix]:
    """How many directions are beyond the noise, and the largest singular values."""
    sought = SOUGHT
    while True:
        sought = min(sought, min(matrix.shape))
        singular = leading(matrix, sought)
        rank = beyond_noise(singular, total, matrix.shape)
        if rank < sought or sought in (MOST_SOUGHT, min(matrix.shape)):
            return rank, singular
        sought = MOST_SOUGHT


def beyond_noise(singular: Matrix, total: float, shape: tuple[int, ...]) -> int:
    """How many of the largest singular values are beyond the edge of what the rest would have as noise.

    If nothing but independent noise of variance v is left, its largest singular value is about √v (√rows + √columns).

    Source: V. Marchenko, L. Pastur, *Distribution of eigenvalues for some sets of random matrices*, 1967.

    Args:
        singular: the largest singular values, descending.
        total: Σ of the squares of all.
        shape: of the matrix.

    >>> beyond_noise(np.array([50.0, 30.0, 14.0, 13.9]), 50.0**2 + 30.0**2 + 100 * 50, (100, 50))
    2
    """
    rows, columns = shape
    for rank, value in enumerate(singular):
        if value <= FLOOR * singular[0]:
            return rank
        rest = max(total - float((singular[:rank] ** 2).sum()), 0.0)
        left = rows - rank, columns - rank
        edge = math.sqrt(rest / (left[0] * left[1])) * (math.sqrt(left[0]) + math.sqrt(left[1]))
        if value <= BEYOND_EDGE * edge:
            return rank
    return len(singular)


def leading(matrix: Matrix, count: int) -> Matrix:
    """The largest singular values, descending, by subspace iteration from fixed random vectors; lower bounds.

    Source: N. Halko, P.-G. Martinsson, J. Tropp, *Finding structure with randomness*, SIAM Review 53 (2011), 4.4.

    >>> np.round(leading(np.diag([3.0, 2.0, 1.0]), 2), 9).tolist()
    [3.0, 2.0]
    """
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    width = min(count + OVERSAMPLED, tall.shape[1])
    start = np.random.default_rng(0).standard_normal((tall.shape[1], width))
    basis, _ = np.linalg.qr(tall @ start)
    for _ in range(ITERATIONS):
        basis, _ = np.linalg.qr(tall.T @ basis)
        basis, _ = np.linalg.qr(tall @ basis)
    found: Matrix = np.linalg.svd(basis.T @ tall, compute_uv=False)[:count]
    return found
