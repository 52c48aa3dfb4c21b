"""The pictures of a report, drawn before it is composed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reporter.model.page import Figure


@dataclass(frozen=True, slots=True)
class CheckpointFigures:
    """Pictures of one checkpoint: its global histogram, and sheets with a histogram of each of its first layers."""

    histogram: Figure | None
    sheets: tuple[Figure, ...]
    layers: int


@dataclass(frozen=True, slots=True)
class SeriesFigures:
    """Pictures of a series.

    Attributes:
        moving: how the distribution moves over the steps (None for a single checkpoint).
        bands: percentile bands over the steps (None for a single checkpoint).
        trends: lines of statistics over the steps.
        distances: how far the whole is from the first checkpoint and the baseline (None for a single checkpoint).
        similarity: each checkpoint against each (None for less than three).
        norms, updates: layers × checkpoints heat maps.
        checkpoints: by place, of those with a page of their own.
        layers: layer -> its distribution over the steps.
        metrics: what was logged above the weights, on one axis of steps; None where nothing was.
        telling: layer -> the same of the dozen layers that matter most, which the PDF shows.
        course: the weights over the steps in small charts, where no metrics stand above them.
        brief: whether some were left out because the report is over very many series.
    """

    moving: Figure | None
    bands: Figure | None
    trends: tuple[Figure, ...]
    norms: Figure | None
    updates: Figure | None
    checkpoints: Mapping[int, CheckpointFigures]
    distances: Figure | None = None
    similarity: Figure | None = None
    layers: Mapping[str, Figure] = field(default_factory=dict)
    telling: Mapping[str, Figure] = field(default_factory=dict)
    course: Figure | None = None
    brief: bool = False
    metrics: Figure | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """One run in a picture: a number per checkpoint and where each is; None, NaN and infinity leave a gap."""

    labels: Sequence[str]
    positions: Sequence[float]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Runs:
    """Several series of one model, laid over each other.

    Attributes:
        series: their places in the report, ascending.
        figures: norm and update of all of them in one picture each.
    """

    series: tuple[int, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Values at positions; None where there is no value, NaN or infinite where it is none."""

    positions: Sequence[float]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """An upright line through all panels, such as the first bad step; ``text`` says what it is."""

    position: float
    text: str
