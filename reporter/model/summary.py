"""What one streaming pass keeps of an array: small, mergeable, and enough for every statistic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property, reduce

from reporter.frozen import dataclass
from reporter.model.cells import Cells
from reporter.model.norms import scaled

Moments = tuple[int, float, float, float, float, int]
"""As :attr:`Summary.moments`."""


@dataclass(frozen=True)  # without slots, so that cells are read once
class Summary:
    """Counts, central moments, extremes and the cell table of the values seen so far.

    Moments, extremes and cells speak of the finite values only; NaN and infinities are counted apart, so that one
    bad value never hides the others. Merging is associative and commutative up to float64 rounding, exactly so for
    every count; merging with :data:`NOTHING` changes nothing.

    Attributes:
        count: all elements, finite or not.
        nan, posinf, neginf: how many of them are NaN, +Inf, −Inf.
        zeros: how many are exactly zero, of either sign.
        mean: of the finite values; 0.0 when there are none.
        m2, m3, m4: Σ(x−mean)², ³, ⁴ over the finite values, in units of 2**exponent.
        minimum, maximum: of the finite values, None when there are none.
        exponent: 0, but of float64 values so large or so small that their fourth powers are not in float64's range.
        read_cells: gives :attr:`cells`, which may lie in a file.
    """

    count: int = 0
    nan: int = 0
    posinf: int = 0
    neginf: int = 0
    zeros: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    exponent: int = 0
    read_cells: Callable[[], Cells] = Cells.empty

    @cached_property
    def cells(self) -> Cells:
        """The finite values by cell of the common grid."""
        return self.read_cells()

    @property
    def finite(self) -> int:
        """Number of finite values."""
        return self.count - self.nan - self.posinf - self.neginf

    @property
    def squares(self) -> float:
        """Σx² over the finite values, in units of 2**exponent."""
        mean = math.ldexp(self.mean, -self.exponent)
        return self.m2 + self.finite * mean * mean

    @property
    def non_finite(self) -> int:
        """Number of values that are NaN or infinite."""
        return self.nan + self.posinf + self.neginf

    @property
    def sum_of_squares(self) -> float:
        """Σx² over the finite values; infinite where that leaves float64."""
        return scaled(self.squares, 2 * self.exponent)

    @property
    def norm(self) -> float:
        """√Σx² over the finite values."""
        return scaled(math.sqrt(self.squares), self.exponent)

    @property
    def std(self) -> float:
        """√(Σ(x−mean)² / n) over the finite values; 0.0 when there are none."""
        return scaled(math.sqrt(self.m2 / self.finite), self.exponent) if self.finite else 0.0

    def __add__(self, other: Summary) -> Summary:
        """Merge two summaries of disjoint values.

        Source: P. Pébay, *Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
        statistical moments*, Sandia SAND2008-6212, eqs. 2.1, 3.1.
        """
        return merge((self, other))

    @property
    def moments(self) -> Moments:
        """(n, mean, Σd², Σd³, Σd⁴, exponent) of the finite values."""
        return self.finite, self.mean, self.m2, self.m3, self.m4, self.exponent


NOTHING = Summary()
"""The summary of no values."""


def merge(summaries: Iterable[Summary], cells: Cells | None = None) -> Summary:
    """Merge in the order given, which callers keep fixed so that float64 sums repeat to the bit.

    Args:
        cells: of all of them together where that is known.
    """
    parts = [part for part in summaries if part.count]
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    _, mean, m2, m3, m4, exponent = reduce(merge_moments, (part.moments for part in parts))
    merged = cells or Cells.merged(part.read_cells() for part in parts)  # at once: tables add in any order
    return Summary(
        count=sum(part.count for part in parts),
        nan=sum(part.nan for part in parts),
        posinf=sum(part.posinf for part in parts),
        neginf=sum(part.neginf for part in parts),
        zeros=sum(part.zeros for part in parts),
        mean=mean,
        m2=m2,
        m3=m3,
        m4=m4,
        minimum=min((part.minimum for part in parts if part.minimum is not None), default=None),
        maximum=max((part.maximum for part in parts if part.maximum is not None), default=None),
        exponent=exponent,
        read_cells=lambda: merged,
    )


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Merge (n, mean, Σd², Σd³, Σd⁴, exponent) of two disjoint samples.

    >>> merge_moments((1, 1.0, 0.0, 0.0, 0.0, 0), (1, 3.0, 0.0, 0.0, 0.0, 0))
    (2, 2.0, 2.0, 0.0, 2.0, 0)
    """
    na, mean_a, a2, a3, a4, unit_a = a
    nb, mean_b, b2, b3, b4, unit_b = b
    if not na:
        return b
    if not nb:
        return a
    unit = unit_a
    if unit_a != unit_b:
        kept = ((unit_a, mean_a or a2), (unit_b, mean_b or b2))
        unit = max((one for one, is_anything in kept if is_anything), default=0)  # zeros have no unit of their own
        a2, a3, a4 = (math.ldexp(m, p * (unit_a - unit)) for p, m in ((2, a2), (3, a3), (4, a4)))
        b2, b3, b4 = (math.ldexp(m, p * (unit_b - unit)) for p, m in ((2, b2), (3, b3), (4, b4)))
    mean_a, mean_b = math.ldexp(mean_a, -unit), math.ldexp(mean_b, -unit)
    n = na + nb
    d = mean_b - mean_a
    dn = d / n
    m2 = a2 + b2 + d * dn * na * nb
    m3 = a3 + b3 + d * dn * dn * na * nb * (na - nb) + 3.0 * dn * (na * b2 - nb * a2)
    m4 = (
        a4
        + b4
        + d * dn * dn * dn * na * nb * (na * na - na * nb + nb * nb)
        + 6.0 * dn * dn * (na * na * b2 + nb * nb * a2)
        + 4.0 * dn * (na * b3 - nb * a3)
    )
    return n, math.ldexp(mean_a + nb * dn, unit), m2, m3, m4, unit
