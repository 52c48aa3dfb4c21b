"""The pictures of a report, drawn before it is composed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from reporter.frozen import dataclass
from reporter.model.blocks import Figure
from reporter.model.finding import Finding
from reporter.model.histogram import Histogram
from reporter.model.table import Thumbnail


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
        curves: norm, update, zeros and a metric, small, on one axis of steps; None for a single checkpoint.
        evidence: what findings look like, by :func:`evidence_key`.
        telling: layer -> the same of the dozen layers that matter most, which the PDF shows.
        brief: whether some were left out because the report is over very many series.
        thumbnails: by tensor, those on the cards of layers, where an earlier run has made them; else none.
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
    brief: bool = False
    metrics: Figure | None = None
    curves: Figure | None = None
    evidence: Mapping[tuple[str, str, str], Figure] = field(default_factory=dict)
    thumbnails: Mapping[str, Thumbnail] = field(default_factory=dict)


def evidence_key(finding: Finding) -> tuple[str, str, str]:
    """What the picture of a finding depends on, within its series: its rule, and where it shows worst."""
    return finding.rule.name, finding.checkpoint, finding.tensor


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


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of a tensor at one checkpoint.

    Attributes:
        label: of the checkpoint.
        histogram: None where it holds no finite value.
        odd: how many values are NaN or infinite.
    """

    label: str
    histogram: Histogram | None
    odd: int = 0


@dataclass(frozen=True, slots=True)
class Around:
    """A number at the checkpoints around the event.

    Attributes:
        title: what the number is.
        unit: as in :data:`reporter.derive.statistics.STATISTICS`, or any text.
        labels: of the checkpoints.
        line: their positions, in ascending order, and the number; None where there is none, NaN where it is none.
        event: index of the checkpoint at which it happened.
    """

    title: str
    unit: str
    labels: tuple[str, ...]
    line: Line
    event: int
