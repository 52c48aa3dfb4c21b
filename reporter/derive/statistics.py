"""The statistics: each is computed from a summary alone, and is one entry of :data:`STATISTICS`.

All of them are over the finite values only, except for the counts; NaN and infinities have counts of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from reporter.derive.statistic import Statistic, installed_statistics
from reporter.model.cells import bounds, cell_of
from reporter.model.norms import scaled
from reporter.model.summary import Summary
from reporter.model.value import Absent, Value


def _needs_data(function: Callable[[Summary], Value]) -> Callable[[Summary], Value]:
    """Wrap a computation: the result is NO_DATA without a finite value, and NOT_APPLICABLE if it is beyond float64."""

    def guarded(s: Summary) -> Value:
        if not s.finite:
            return Absent.NO_DATA
        value = function(s)
        return value if isinstance(value, Absent) or math.isfinite(value) else Absent.NOT_APPLICABLE

    return guarded


def _rms(s: Summary) -> float:
    return scaled(math.sqrt(s.squares) / math.sqrt(s.finite), s.exponent)


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _skewness(s: Summary) -> Value:
    denominator = _power(s.m2 / s.finite, 1.5)
    return s.m3 / s.finite / denominator if denominator > 0 else Absent.NOT_APPLICABLE


def _kurtosis(s: Summary) -> Value:
    denominator = _power(s.m2 / s.finite, 2.0)
    return s.m4 / s.finite / denominator - 3.0 if denominator > 0 else Absent.NOT_APPLICABLE


NEAR_ZERO = 1e-3
"""Values with a magnitude below this share of the RMS count as near zero."""


def _near_zero(s: Summary) -> Value:
    rms = _rms(s)
    if not 0.0 < rms < math.inf:
        return Absent.NOT_APPLICABLE
    threshold = NEAR_ZERO * rms
    # The threshold is rounded to the nearest edge of a cell, so that the count is exact for the threshold in use.
    cell = cell_of(threshold)
    below, above = bounds(cell)
    cell += threshold - below > above - threshold
    return s.read_cells().between(-cell, cell) / s.finite  # and not `cells`, which would stay in memory


def _minimum(s: Summary) -> Value:
    return Absent.NO_DATA if s.minimum is None else s.minimum


def _maximum(s: Summary) -> Value:
    return Absent.NO_DATA if s.maximum is None else s.maximum


_OWN: tuple[Statistic, ...] = (
    Statistic("count", "Count", "values", "Number of values, finite or not.", lambda s: s.count),
    Statistic("mean", "Mean", "", "Arithmetic mean, Σx / n.", _needs_data(lambda s: s.mean)),
    Statistic("std", "Std", "", "Population standard deviation, √(Σ(x − mean)² / n).", _needs_data(lambda s: s.std)),
    Statistic("min", "Min", "", "Smallest finite value.", _minimum),
    Statistic("max", "Max", "", "Largest finite value.", _maximum),
    Statistic("l2_norm", "L2 norm", "", "Euclidean norm, √Σx².", _needs_data(lambda s: s.norm)),
    Statistic("rms", "RMS", "", "Root mean square, √(Σx² / n).", _needs_data(_rms)),
    Statistic(
        "skewness", "Skewness", "1", "Third standardised moment; 0 for a symmetric sample.", _needs_data(_skewness)
    ),
    Statistic(
        "kurtosis",
        "Excess kurtosis",
        "1",
        "Fourth standardised moment − 3; 0 for a normal sample.",
        _needs_data(_kurtosis),
    ),
    Statistic("zero_count", "Zeros", "values", "Values that are exactly 0, of either sign.", lambda s: s.zeros),
    Statistic("zero_share", "Zero share", "share", "Exact zeros / n.", _needs_data(lambda s: s.zeros / s.finite)),
    Statistic(
        "near_zero_share",
        "Near-zero share",
        "share",
        "Share of values with |x| < RMS / 1000 (threshold rounded to 8 significant bits); exact zeros included.",
        _needs_data(_near_zero),
    ),
    Statistic("nan_count", "NaN", "values", "Values that are not a number.", lambda s: s.nan),
    Statistic("posinf_count", "+Inf", "values", "Values that are +infinity.", lambda s: s.posinf),
    Statistic("neginf_count", "−Inf", "values", "Values that are −infinity.", lambda s: s.neginf),
)
"""Those of this program. A new statistic is one entry here."""

INSTALLED: tuple[Statistic, ...] = installed_statistics(s.name for s in _OWN)
"""Those of installed packages."""

STATISTICS: tuple[Statistic, ...] = (*_OWN, *INSTALLED)
"""All statistics, in the order of the tables."""
