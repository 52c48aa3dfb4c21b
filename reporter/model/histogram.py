"""Counts of values in bins whose edges several samples can share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Histogram:
    """Exact counts of finite values in half-open bins ``[edges[i], edges[i+1])``.

    Attributes:
        edges: ascending, one more than ``counts``; each a number with at most 8 significant bits.
        counts: values per bin.
        below, above: finite values left and right of the edges (beyond a robust range), not in any bin.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0

    @property
    def total(self) -> int:
        """All finite values, those outside the edges included."""
        return sum(self.counts) + self.below + self.above
