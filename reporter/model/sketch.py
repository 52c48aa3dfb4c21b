"""A small fingerprint of a tensor, from which its distance to another one is known or estimated without its values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reporter.model.change import Change

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

    def change(self, after: Sketch, before_squares: float, after_squares: float) -> Change:
        """What changed from this tensor to ``after``, a sketch of the same size.

        Args:
            before_squares, after_squares: Σx² over the finite values of either, which the estimate is tied to.
        """
        if self.exact:
            a, b = self.values, after.values
            known, known_now = np.isfinite(a), np.isfinite(b)
            both = known & known_now
            equal = int(((a == b) | (np.isnan(a) & np.isnan(b))).sum())
            bad = [self.size - int(finite.sum()) for finite in (both, known, known_now)]
            a, b = a[both], b[both]
            largest = float(np.abs(b - a).max(initial=0.0))
            return Change(self.size, equal, float(((b - a) ** 2).sum()), float((a * a).sum()), float((b * b).sum()),
                          float((a * b).sum()), largest, True, *bad)  # fmt: skip
        difference = float(((after.values - self.values) ** 2).sum())
        product = (before_squares + after_squares - difference) / 2
        return Change(self.size, 0, difference, before_squares, after_squares, product, math.nan, exact=False)
