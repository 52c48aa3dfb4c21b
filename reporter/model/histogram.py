"""Counts of values in bins whose edges several samples can share."""

from __future__ import annotations

from collections.abc import Mapping

from reporter.frozen import dataclass


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


@dataclass(frozen=True, slots=True)
class SeriesHistograms:
    """Histograms of a series on shared edges: one set for the whole, one for what is trained of it, one per layer.

    Attributes:
        whole, trained: of each checkpoint, all on the same edges; None where it has no finite value.
        shown: places of the checkpoints that ``layers`` speaks of.
        layers: layer -> one of its kernel (:func:`reporter.model.trained.leading`) per such checkpoint, on that layer's
            edges; None where it is missing or not finite.
    """

    whole: tuple[Histogram | None, ...]
    trained: tuple[Histogram | None, ...]
    shown: tuple[int, ...]
    layers: Mapping[str, tuple[Histogram | None, ...]]


@dataclass(frozen=True, slots=True)
class CheckpointHistograms:
    """Histograms of one checkpoint, of all trained weights and of the kernel of each layer, each on edges of its own.

    None without a finite value.
    """

    trained: Histogram | None
    layers: Mapping[str, Histogram | None]
