"""All eigenvalues of WᵀW of a large matrix, estimated from a few dozen products with it.

Block Lanczos from random vectors gives the largest eigenvalues nearly exactly, and a quadrature of how the others are
distributed: the Ritz values, each weighted by what it shares with the random vectors. Several independent blocks of
vectors are carried side by side, since a product with 32 vectors hardly takes longer than one with 8; how far they
disagree is the error.

Sources: G. Golub, R. Underwood, *The block Lanczos method for computing eigenvalues*, 1977; S. Ubaru, J. Chen, Y. Saad,
*Fast estimation of tr(f(A)) via stochastic Lanczos quadrature*, SIAM J. Matrix Anal. 38 (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass

Matrix = npt.NDArray[np.floating[Any]]
Reals = npt.NDArray[np.float64]

GROUPS = 4
"""Independent blocks of vectors."""

BLOCK = 8
"""Vectors of a block."""

STEPS = 16
"""Products with WᵀW."""

FEWER = 11
"""Products after which the estimate is made as well: by how much it changed until the end tells its bias."""

SETTLED = 0.02
"""Most relative residual of a Ritz value that stands for an eigenvalue, whose error is of the order of its square."""


@dataclass(frozen=True, slots=True, eq=False)
class Eigenvalues:
    """Of WᵀW, descending.

    Attributes:
        values: as many as the matrix has columns or rows, whichever is less.
        groups: the same from each block of vectors alone, shape (GROUPS, len(values)).
        coarse: the same from fewer products.
    """

    values: Reals
    groups: Reals
    coarse: Reals

    def error(self, of: Callable[[Reals], float | None]) -> float:
        """How far off a function of them may be: the spread of the blocks, or what the last products changed."""
        groups = [value for group in self.groups if (value := of(group)) is not None]
        fine, coarse = of(self.values), of(self.coarse)
        spread = float(np.std(groups, ddof=1)) if len(groups) > 1 else 0.0
        return max(spread, abs(fine - coarse)) if fine is not None and coarse is not None else spread


def eigenvalues(matrix: Matrix, total: float) -> Eigenvalues:
    """Estimate the eigenvalues of WᵀW; the same matrix gives the same ones.

    Args:
        matrix: W, at least GROUPS · BLOCK · STEPS rows and columns, with no entry above 1e15.
        total: ‖W‖_F², which is the sum of all eigenvalues.
    """
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    projected = _projected(tall)
    part = BLOCK * FEWER
    fewer = [(t[:part, :part], t[part : part + BLOCK, part - BLOCK : part]) for t, _ in projected]
    values, *groups = _estimates(projected, tall.shape[1], total)
    return Eigenvalues(values, np.array(groups), _estimates(fewer, tall.shape[1], total)[0])


def _estimates(projected: Sequence[tuple[Reals, Reals]], count: int, total: float) -> list[Reals]:
    """All eigenvalues, descending, from all blocks together and from each alone."""
    ritz = [_ritz(t, last) for t, last in projected]
    top = _settled(ritz)
    rest = count - len(top)
    mean = max(total - float(top.sum()), 0.0) / rest
    bulks = [(values[len(top) :], weights[len(top) :]) for values, weights, _ in ritz]
    together = tuple(np.concatenate(parts) for parts in zip(*bulks, strict=True))
    found = ([*top, *_spread(nodes, weights, rest, mean)] for nodes, weights in (together, *bulks))
    return [np.sort(values)[::-1] for values in found]


def _projected(tall: Matrix) -> list[tuple[Reals, Reals]]:
    """WᵀW in the Krylov space of each block, and by how much it leaves that space: the block after its last one."""
    count = tall.shape[1]
    random = np.random.default_rng(0)
    start = random.standard_normal((GROUPS, count, BLOCK))
    now = [np.linalg.qr(block)[0].astype(tall.dtype) for block in start]
    basis = np.empty((GROUPS, count, BLOCK * STEPS), tall.dtype, order="F")
    t = np.zeros((GROUPS, BLOCK * STEPS, BLOCK * STEPS))
    last = np.zeros((GROUPS, BLOCK, BLOCK))
    for step in range(STEPS):
        image = tall.T @ (tall @ np.hstack(now))
        here = slice(BLOCK * step, BLOCK * (step + 1))
        for g in range(GROUPS):
            known = basis[g][:, : here.stop]
            known[:, here] = now[g]
            left = image[:, BLOCK * g : BLOCK * (g + 1)]
            along = known.T @ left
            t[g, : here.stop, here] = along
            left = left - known @ along
            now[g], last[g] = _orthonormal(left, known, random)
    return [(np.triu(t[g]) + np.triu(t[g], 1).T, last[g]) for g in range(GROUPS)]


def _orthonormal(block: Matrix, known: Matrix, random: np.random.Generator) -> tuple[Matrix, Matrix]:
    """A block as orthonormal vectors, which are orthogonal to those that are known, times a small matrix.

    Where the matrix has no further directions, nothing but rounding is left of the block, and random vectors take the
    place of what is.
    """
    vectors, by = np.linalg.qr(block)
    for _ in range(2):
        vectors = vectors - known @ (known.T @ vectors)
        spent = np.linalg.norm(vectors, axis=0) < 0.5
        vectors[:, spent] = random.standard_normal((len(vectors), int(spent.sum())))
        vectors, _ = np.linalg.qr(vectors)
        if not spent.any():
            break
    return vectors, by


def _ritz(t: Reals, last: Reals) -> tuple[Reals, Reals, Reals]:
    """Ritz values, descending, their weights, which add up to 1, and their residuals."""
    values, vectors = np.linalg.eigh(t)
    order = np.argsort(values)[::-1]
    values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
    weights = (vectors[:BLOCK] ** 2).sum(axis=0) / BLOCK
    return values, weights, np.linalg.norm(last @ vectors[-BLOCK:], axis=0)


def _settled(ritz: Sequence[tuple[Reals, Reals, Reals]]) -> Reals:
    """The largest eigenvalues that are as good as exact; at least the first, of which it is a lower bound."""
    values, residuals = np.array([r[0] for r in ritz]), np.array([r[2] for r in ritz])
    best: Reals = values.max(axis=0)  # Ritz values are never above the eigenvalues that they stand for
    error = (residuals / np.maximum(values, np.finfo(np.float32).eps * best[0])).min(axis=0)
    unsettled = np.flatnonzero(error > SETTLED)
    settled: Reals = best[: max(int(unsettled[0]) if len(unsettled) else len(best) - 1, 1)]
    return settled


def _spread(nodes: Reals, weights: Reals, count: int, mean: float) -> Reals:
    """As many values as there are left, distributed as weighted nodes are, with the mean that they must have."""
    order = np.argsort(nodes)
    nodes, weights = np.sqrt(nodes[order]), weights[order] / weights.sum()
    places = np.cumsum(weights) - weights / 2
    values: Reals = np.interp((np.arange(count) + 0.5) / count, places, nodes) ** 2
    return values * (mean / values.mean()) if values.any() else values
