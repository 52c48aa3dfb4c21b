"""The singular values of a weight matrix, in a few numbers."""

from __future__ import annotations

from reporter.frozen import dataclass


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """A power law p(λ) ∝ λ^−alpha fitted to the largest eigenvalues λ = σ² of WᵀW.

    Attributes:
        alpha: the exponent.
        distance: Kolmogorov–Smirnov distance between the fit and the tail; smaller is better.
        tail: number of eigenvalues in the tail.
        error: of alpha, where the eigenvalues are estimates; 0.0 where they are exact.
    """

    alpha: float
    distance: float
    tail: int
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Spectral measures of one weight matrix, (product of all axes but the outputs' × outputs).

    Attributes:
        rows, columns: of the matrix.
        norm: largest singular value; a lower bound where not ``exact``. None where ``left_out`` says why.
        stable_rank: ‖W‖_F² / ‖W‖₂².
        effective_rank: exp(−Σ p log p), p the singular values divided by their sum; with an
            error where not ``exact``.
        power_law: only if there are enough eigenvalues.
        exact: from all singular values; otherwise from estimates of them, see :mod:`reporter.measuring.krylov`.
        left_out: why nothing was computed, "" otherwise.
        rank_error: standard error of the effective rank; 0.0 where it is exact.
    """

    rows: int
    columns: int
    norm: float | None = None
    stable_rank: float | None = None
    effective_rank: float | None = None
    power_law: PowerLaw | None = None
    exact: bool = False
    left_out: str = ""
    rank_error: float = 0.0
