"""How the same tensor differs between two checkpoints, value by value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Paired sums over n values a (before) and b (after); mergeable, so layers and models are sums of tensors.

    Sums speak of the pairs in which both values are finite; ``count`` and ``equal`` of all.

    Attributes:
        count: pairs compared, n.
        equal: pairs that are equal to the bit.
        difference: Σ(b−a)².
        before, after: Σa², Σb².
        product: Σab.
        largest: max |b−a|; NaN where it is estimated.
        exact: False where a part is estimated from sketches: then nothing is known of ``equal`` and ``largest``, and
            the distance has the error :data:`reporter.model.sketch.DISTANCE_ERROR`.
        left_out: pairs in which either value is not finite, which the sums leave out; of an estimate, at least so many.
        bad_before, bad_after: values of a and of b that are NaN or infinite.
    """

    count: int = 0
    equal: int = 0
    difference: float = 0.0
    before: float = 0.0
    after: float = 0.0
    product: float = 0.0
    largest: float = 0.0
    exact: bool = True
    left_out: int = 0
    bad_before: int = 0
    bad_after: int = 0

    def __add__(self, other: Change) -> Change:
        """Merge two sets of pairs."""
        return Change(
            self.count + other.count,
            self.equal + other.equal,
            self.difference + other.difference,
            self.before + other.before,
            self.after + other.after,
            self.product + other.product,
            max(self.largest, other.largest) if self.exact and other.exact else math.nan,
            self.exact and other.exact,
            self.left_out + other.left_out,
            self.bad_before + other.bad_before,
            self.bad_after + other.bad_after,
        )

    @property
    def relative_update(self) -> float | None:
        """‖b−a‖ / ‖a‖; None where a is all zero, or there is nothing to compare.

        >>> Change(count=1, difference=1.0, before=4.0, after=9.0, product=6.0, largest=1.0).relative_update
        0.5
        """
        return math.sqrt(self.difference / self.before) if self.before > 0 else None

    @property
    def cosine(self) -> float | None:
        """Σab / (‖a‖‖b‖); None where either is all zero."""
        norms = math.sqrt(self.before) * math.sqrt(self.after)
        return max(-1.0, min(1.0, self.product / norms)) if norms > 0 else None

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
        return self.equal == self.count if self.exact else self.difference == 0.0 and not self.left_out


def merge(changes: Iterable[Change]) -> Change:
    """Merge in the order given: what adding them up gives, without an object for every partial sum."""
    count = equal = left_out = bad_before = bad_after = 0
    difference = before = after = product = largest = 0.0
    exact = True
    for c in changes:
        count += c.count
        equal += c.equal
        difference += c.difference
        before += c.before
        after += c.after
        product += c.product
        exact = exact and c.exact
        left_out += c.left_out
        bad_before += c.bad_before
        bad_after += c.bad_after
        largest = max(largest, c.largest) if exact else math.nan
    return Change(
        count, equal, difference, before, after, product, largest, exact, left_out, bad_before, bad_after
    )  # fmt: skip
