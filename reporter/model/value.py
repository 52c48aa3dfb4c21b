"""The values of statistics and quantiles, and what stands in the place of a value that does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from reporter.frozen import dataclass


class Absent(Enum):
    """Why a statistic has no number; neither is NaN, which is a value."""

    NO_DATA = "no data"
    """There is no finite value to speak of."""
    NOT_APPLICABLE = "not applicable"
    """The statistic is not defined for such values, such as the skewness of a constant."""


Value = float | int | Absent
Statistics = Mapping[str, Value]
"""Statistic name -> value, in the order of the registry; see :data:`reporter.derive.statistics.STATISTICS`."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of the finite values, linear interpolation between order statistics as :func:`numpy.quantile`.

    Attributes:
        values: probability -> quantile, ascending; empty when there is no finite value.
        exact: True: as if computed from all values in float64. False: each order statistic is known to within
            2⁻⁸ of its magnitude.
    """

    values: Mapping[float, float]
    exact: bool = True
