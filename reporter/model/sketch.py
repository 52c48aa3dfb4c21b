"""A small fingerprint of a tensor, from which its distance to another one is known or estimated without its values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reporter.model.change import Change
from reporter.model.norms import distance, norm, overlap, root, scaled

BUCKETS = 1024
"""Sums kept of a tensor: the squared distance of two has the relative standard deviation √(2 / BUCKETS)."""

DISTANCE_ERROR = math.sqrt(2 / BUCKETS) / 2
"""Relative standard deviation of an estimated distance ‖b − a‖: 2.2 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """The values of a small tensor, or signed sums of a large one.

    Source: M. Charikar, K. Chen, M. Farach-Colton, *Finding frequent items in data streams*, 2002 (count sketch); its
    squared distance estimates that of the vectors without bias (N. Alon, Y. Matias, M. Szegedy, 1999).

    Attributes:
        size: number of values of the tensor.
        values: float64, shape (min(size, BUCKETS),): the values in C order where size ≤ BUCKETS, else
            sums of ±w_i, each in one of BUCKETS buckets; sign and bucket are fixed hashes of i
            (:mod:`reporter.measuring.kernels.sketch`), values that are not finite left out.
    """

    size: int
    values: npt.NDArray[np.float64]

    @property
    def exact(self) -> bool:
        """Whether it holds the values themselves."""
        return self.size <= BUCKETS

    def change(self, after: Sketch, norm_before: float, norm_after: float) -> Change:
        """What changed from this tensor to ``after``, a sketch of the same size.

        Args:
            norm_before, norm_after: √Σx² over the finite values of either, which the estimate is tied to.
        """
        a, b = self.values, after.values
        if self.exact:
            known, known_now = np.isfinite(a), np.isfinite(b)
            both = known & known_now
            equal = int(((a == b) | (np.isnan(a) & np.isnan(b))).sum())
            bad = [self.size - int(finite.sum()) for finite in (both, known, known_now)]
            a, b = a[both], b[both]
            with np.errstate(over="ignore"):
                largest = float(np.abs(b - a).max(initial=0.0))
            return Change(self.size, equal, distance(a, b), norm(a), norm(b), overlap(a, b), largest, True, *bad)
        apart = distance(a, b)
        exponent = math.frexp(max(norm_before, norm_after, apart))[1]
        x, y, z = (math.ldexp(length, -exponent) for length in (norm_before, norm_after, apart))
        return Change(self.size, 0, apart, norm_before, norm_after,
                      scaled(root((x * x + y * y - z * z) / 2), exponent), math.nan, exact=False)  # fmt: skip
