"""How far a distribution of values moved between two checkpoints, whatever became of the single values."""

from __future__ import annotations

from reporter.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Shift:
    """Effect sizes, never p-values: at the size of tensors any difference is significant.

    Attributes:
        wasserstein: W1 / σ, the mean distance by which values would have to move to turn one sample into the other,
            in standard deviations of the one before; None where that is 0 or there is nothing to compare.
        error: largest error of ``wasserstein``: values are known to within their cell.
        psi: population stability index Σ (p − q) ln(p / q) over the bins; None where the samples are too small or
            too narrow to be binned.
        js: Jensen-Shannon distance over the bins, base 2, from 0 (equal) to 1 (disjoint); None like ``psi``.
        bins: number of bins of ``psi`` and ``js``, the two open ones at the ends included; 0 where there are none.
        low, high: left end of the first and right end of the last closed bin.
    """

    wasserstein: float | None
    error: float = 0.0
    psi: float | None = None
    js: float | None = None
    bins: int = 0
    low: float = 0.0
    high: float = 0.0


UNMOVED = Shift(0.0, 0.0, 0.0, 0.0)
"""Of two samples that are equal to the bit."""
