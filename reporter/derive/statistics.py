"""The statistics: each is computed from summaries alone, and is one entry of :data:`STATISTICS`.

All of them are over the finite values only, except for the counts; NaN and infinities have counts of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from reporter.derive.samples import Samples
from reporter.derive.statistic import Statistic, installed_statistics
from reporter.model.cells import cells_of, edge
from reporter.model.columns import (
    FLOAT,
    INTEGER,
    NO_DATA,
    NOT_APPLICABLE,
    Coded,
    Floats,
    Integers,
    decoded,
)
from reporter.model.summary import Summary
from reporter.model.value import Value


def _rms(s: Samples) -> Floats:
    return s.scaled(np.sqrt(s.squares) / np.sqrt(s.finite))


def _powers(bases: Floats, exponent: float) -> Floats:
    """Python's powers of each: NumPy's differ in the last bit where it has instructions of its own for them."""
    return np.array([_power(base, exponent) for base in bases.tolist()], np.float64)


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _skewness(s: Samples) -> Floats:
    denominator = _powers(s.variance, 1.5)
    return np.where(denominator > 0, s.moment("m3") / s.finite / denominator, np.nan)


def _kurtosis(s: Samples) -> Floats:
    denominator = _powers(s.variance, 2.0)
    return np.where(denominator > 0, s.moment("m4") / s.finite / denominator - 3.0, np.nan)


NEAR_ZERO = 1e-3
"""Values with a magnitude below this share of the RMS count as near zero."""


def _near_zero(s: Samples) -> Floats:
    rms = _rms(s)
    known = np.flatnonzero((rms > 0.0) & (rms < math.inf))
    threshold = NEAR_ZERO * rms[known]
    # The threshold is rounded to the nearest edge of a cell, so that the count is exact for the threshold in use.
    cell = cells_of(threshold)
    cell += threshold - edge(cell) > edge(cell + 1) - threshold
    shares = np.full(len(rms), np.nan)
    shares[known] = [s.cells[i]().between(-c, c) for i, c in zip(known.tolist(), cell.tolist(), strict=True)]
    return shares / s.finite


def _own(
    name: str, title: str, unit: str, definition: str, together: Callable[[Samples], Floats | Integers]
) -> Statistic:
    """A statistic of this program, which is computed for all samples at once."""

    def compute(summary: Summary) -> Value:
        (value,) = decoded(*_coded(together, Samples.of([summary])))
        return value

    return Statistic(name, title, unit, definition, compute, partial(_coded, together))


def _coded(together: Callable[[Samples], Floats | Integers], samples: Samples) -> Coded:
    """What was computed, as columns have it: NO_DATA without a finite value, NOT_APPLICABLE if it is not finite."""
    with np.errstate(all="ignore"):
        values = together(samples)
    if values.dtype == np.int64:
        return np.ascontiguousarray(values).view(np.float64), np.full(len(values), INTEGER, np.uint8)
    kinds = np.where(np.isfinite(values), FLOAT, NOT_APPLICABLE)
    codes = np.where(samples.finite == 0, NO_DATA, kinds).astype(np.uint8)
    return np.where(codes == FLOAT, values, 0.0), codes


_OWN: tuple[Statistic, ...] = (
    _own("count", "Count", "values", "Number of values, finite or not.", lambda s: s.count("count")),
    _own("mean", "Mean", "", "Arithmetic mean, Σx / n.", lambda s: s.moment("mean")),
    _own(
        "std", "Std", "", "Population standard deviation, √(Σ(x − mean)² / n).", lambda s: s.scaled(np.sqrt(s.variance))
    ),
    _own("min", "Min", "", "Smallest finite value.", lambda s: s.moment("minimum")),
    _own("max", "Max", "", "Largest finite value.", lambda s: s.moment("maximum")),
    _own("l2_norm", "L2 norm", "", "Euclidean norm, √Σx².", lambda s: s.scaled(np.sqrt(s.squares))),
    _own("rms", "RMS", "", "Root mean square, √(Σx² / n).", _rms),
    _own("skewness", "Skewness", "1", "Third standardised moment; 0 for a symmetric sample.", _skewness),
    _own(
        "kurtosis",
        "Excess kurtosis",
        "1",
        "Fourth standardised moment − 3; 0 for a normal sample.",
        _kurtosis,
    ),
    _own("zero_count", "Zeros", "values", "Values that are exactly 0, of either sign.", lambda s: s.count("zeros")),
    _own("zero_share", "Zero share", "share", "Exact zeros / n.", lambda s: s.count("zeros") / s.finite),
    _own(
        "near_zero_share",
        "Near-zero share",
        "share",
        "Share of values with |x| < RMS / 1000 (threshold rounded to 8 significant bits); exact zeros included.",
        _near_zero,
    ),
    _own("nan_count", "NaN", "values", "Values that are not a number.", lambda s: s.count("nan")),
    _own("posinf_count", "+Inf", "values", "Values that are +infinity.", lambda s: s.count("posinf")),
    _own("neginf_count", "−Inf", "values", "Values that are −infinity.", lambda s: s.count("neginf")),
)
"""Those of this program. A new statistic is one entry here."""

INSTALLED: tuple[Statistic, ...] = installed_statistics(s.name for s in _OWN)
"""Those of installed packages."""

STATISTICS: tuple[Statistic, ...] = (*_OWN, *INSTALLED)
"""All statistics, in the order of the tables."""
