"""How the same tensor differs between two checkpoints, value by value."""

from __future__ import annotations

import math

from reporter.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Paired norms over n values a (before) and b (after); those of layers and models are merged from tensors.

    Norms speak of the pairs in which both values are finite; ``count`` and ``equal`` of all. Roots of sums are kept,
    as the sums of squares of float64 values beyond 1e154 are not in float64's range.

    Attributes:
        count: pairs compared, n.
        equal: pairs that are equal to the bit.
        distance: ‖b−a‖.
        norm_before, norm_after: ‖a‖, ‖b‖.
        overlap: √|Σab| with the sign of Σab.
        largest: max |b−a|; NaN where it is estimated.
        exact: False where a part is estimated from sketches: then nothing is known of ``equal`` and ``largest``, and
            the distance has the error :data:`reporter.model.sketch.DISTANCE_ERROR`.
        left_out: pairs in which either value is not finite, which the sums leave out; of an estimate, at least so many.
        bad_before, bad_after: values of a and of b that are NaN or infinite.
    """

    count: int = 0
    equal: int = 0
    distance: float = 0.0
    norm_before: float = 0.0
    norm_after: float = 0.0
    overlap: float = 0.0
    largest: float = 0.0
    exact: bool = True
    left_out: int = 0
    bad_before: int = 0
    bad_after: int = 0

    @property
    def relative_update(self) -> float | None:
        """‖b−a‖ / ‖a‖; None where a is all zero, or there is nothing to compare.

        >>> Change(count=1, distance=1.0, norm_before=2.0, norm_after=3.0, overlap=6**0.5, largest=1.0).relative_update
        0.5
        """
        return self.distance / self.norm_before if 0 < self.norm_before < math.inf else None

    @property
    def cosine(self) -> float | None:
        """Σab / (‖a‖‖b‖); None where either is all zero."""
        if not (0 < self.norm_before < math.inf and 0 < self.norm_after < math.inf):
            return None
        cosine = (self.overlap / self.norm_before) * (abs(self.overlap) / self.norm_after)
        return max(-1.0, min(1.0, cosine))

    @property
    def finite(self) -> int:
        """Pairs in which both values are finite: those that the sums speak of."""
        return self.count - self.left_out

    @property
    def equal_share(self) -> float | None:
        """Share of pairs that are equal to the bit; None where there are none, or where it is not known."""
        return self.equal / self.count if self.count and self.exact else None

    @property
    def unchanged(self) -> bool:
        """Whether every pair is equal to the bit, NaN included; of an estimate, whether the sketches are.

        A sketch leaves out what is not finite: where there is any, it cannot tell.
        """
        return self.equal == self.count if self.exact else self.distance == 0.0 and not self.left_out
