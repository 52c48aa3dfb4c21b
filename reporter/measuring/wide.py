"""float64 values whose squares or fourth powers leave float64: the moments and channels of a piece once more, scaled.

Kernels square values as they are, as scaling would cost every tensor what hardly any needs. Where a piece turns out to
be one of these few, what they made of it is made again here, by numpy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.model.norms import exponents
from reporter.model.summary import Moments

Array = npt.NDArray[np.float64]

FOURTH = 2.0**-200, 2.0**230
"""Values of which the largest lies between these have fourth powers that neither overflow, added up, nor vanish, not
even those of distances from the mean, which are at least 2**-53 of it."""

SQUARES = 2.0**-900, 2.0**1000
"""Sums of squares between these have lost nothing."""


def in_range(extremes: Array) -> bool:
    """Whether values with this minimum and maximum can do without."""
    largest = max(-extremes[0], extremes[1])
    return bool(FOURTH[0] <= largest <= FOURTH[1] or largest <= 0.0)


def wide_moments(values: Array) -> Moments:
    """Moments of the finite values, of which there is at least one."""
    x = values[np.isfinite(values)]
    exponent = int(exponents(x))
    x = np.ldexp(x, -exponent)
    mean = x[0] + (x - x[0]).mean()  # exact of equal values
    d = x - mean
    square = d * d
    m2, m3, m4 = (float(s.sum()) for s in (square, square * d, square * square))
    return x.size, float(np.ldexp(mean, exponent)), m2, m3, m4, exponent


def wide_norms(values: Array, place: int, run: int, energy: Array, maxima: Array) -> Array | None:
    """Norms of the channels whose energy left float64, which is set to 0; None where there are none.

    Args:
        values: finite or not; the others as :func:`reporter.measuring.kernels.measure64` takes them.
    """
    wide = ~((energy > SQUARES[0]) & (energy < SQUARES[1])) & (maxima > 0)
    if not wide.any():
        return None
    at = (np.arange(place, place + values.size) // max(run, 1)) % energy.size
    of = np.isfinite(values) & wide[at]
    at = at[of]
    powers = np.frexp(maxima)[1]
    squares = np.square(np.ldexp(values[of], -powers[at]))
    with np.errstate(over="ignore"):  # a norm itself may be beyond float64
        norms = np.ldexp(np.sqrt(np.bincount(at, squares, energy.size)), powers)
    energy[wide] = 0.0
    return np.where(wide, norms, 0.0)
