"""The pictures of a report, drawn before it is composed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reporter.model.page import Figure


@dataclass(frozen=True, slots=True)
class CheckpointFigures:
    """Pictures of one checkpoint: its global histogram, and sheets with a histogram per layer."""

    histogram: Figure | None
    sheets: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class SeriesFigures:
    """Pictures of a series.

    Attributes:
        moving: how the distribution moves over the steps (None for a single checkpoint).
        bands: percentile bands over the steps (None for a single checkpoint).
        trends: lines of statistics over the steps.
        norms, updates: layers × checkpoints heat maps.
        layers: layer -> its distribution over the steps.
        checkpoints: one per checkpoint.
    """

    moving: Figure | None
    bands: Figure | None
    trends: tuple[Figure, ...]
    norms: Figure | None
    updates: Figure | None
    layers: Mapping[str, Figure]
    checkpoints: tuple[CheckpointFigures, ...]
