"""Moments and norms of float64 values so large or small that their squares or fourth powers over- or underflow.

Kernels square values without scaling them first, as scaling would slow down every tensor for the sake of very few.
Where a piece turns out to hold such values, its moments and norms are computed again here, scaled, with numpy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.model.norms import exponents
from reporter.model.summary import Moments

Array = npt.NDArray[np.float64]

FOURTH = 2.0**-200, 2.0**230
"""Where the largest magnitude lies between these, sums of fourth powers neither overflow nor vanish. That holds for
distances from the mean as well, which are 0 or at least 2⁻⁵³ of the largest magnitude."""

SQUARES = 2.0**-900, 2.0**1000
"""Sums of squares between these lost nothing to overflow or underflow."""


def in_range(extremes: Array) -> bool:
    """Whether the kernels' moments are right for values with this minimum and maximum."""
    largest = max(-extremes[0], extremes[1])
    return bool(FOURTH[0] <= largest <= FOURTH[1] or largest <= 0.0)


def wide_moments(values: Array) -> Moments:
    """Moments of the finite values, of which there must be one at least, computed after scaling by a power of two.

    Returns:
        (n, mean, Σd², Σd³, Σd⁴, exponent) with d = (x − mean) / 2^exponent.
    """
    x = values[np.isfinite(values)]
    exponent = int(exponents(x))
    x = np.ldexp(x, -exponent)
    mean = x[0] + (x - x[0]).mean()  # about x[0], so that equal values give exactly their value
    d = x - mean
    square = d * d
    m2, m3, m4 = (float(s.sum()) for s in (square, square * d, square * square))
    return x.size, float(np.ldexp(mean, exponent)), m2, m3, m4, exponent


def wide_norms(values: Array, place: int, run: int, energy: Array, maxima: Array) -> Array | None:
    """Norms of the output units whose Σx² over- or underflowed float64; their ``energy`` is set to 0.

    Args:
        values: the piece; values that are not finite are left out.
        place, run: as in :func:`reporter.measuring.kernels.blocks.measure64`.
        energy: Σx² as the kernel computed it, changed in place.
        maxima: max |x| by the same entries, as float64.

    Returns:
        √Σx² by entry, 0 for entries whose ``energy`` is right; None where all of them are.
    """
    wide = ~((energy > SQUARES[0]) & (energy < SQUARES[1])) & (maxima > 0)
    if not wide.any():
        return None
    at = (np.arange(place, place + values.size) // max(run, 1)) % energy.size
    of = np.isfinite(values) & wide[at]
    at = at[of]
    powers = np.frexp(maxima)[1]
    squares = np.square(np.ldexp(values[of], -powers[at]))
    with np.errstate(over="ignore"):  # even the norm may be beyond float64
        norms = np.ldexp(np.sqrt(np.bincount(at, squares, energy.size)), powers)
    energy[wide] = 0.0
    return np.where(wide, norms, 0.0)
