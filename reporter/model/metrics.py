"""Metrics of a training, as its logs tell them, beside the checkpoints of a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from reporter.frozen import dataclass


class Goal(StrEnum):
    """Which values of a metric are good ones."""

    LOWEST = "lowest"
    HIGHEST = "highest"
    UNKNOWN = "unknown"
    """Its name does not tell."""


class Axis(StrEnum):
    """What the positions of a metric's values count."""

    STEP = "step"
    """The same as the steps of the checkpoints."""
    EPOCH = "epoch"
    """Epochs, of which nothing says how many steps they have."""
    OTHER = "logged step"
    """Steps of a log that cannot be those of the checkpoints."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric beside one series.

    Attributes:
        name: as it was logged, safe to print; ``val_loss`` for ``epoch_loss`` in a ``validation`` folder.
        base: the name without the word that tells on which data: metrics with one base are drawn together.
        source: the file, or the first of several, as it is shown; "" for the names of the checkpoints.
        format: what kind of log that is.
        goal: which values are good, by the name.
        axis: what the positions count.
        matching: how the positions were found; of other axes than steps, why they were not.
        positions: of the values, ascending.
        values: those logged, which may be NaN or infinite; of very many only such as show the course, same length.
        at: for each checkpoint the last value logged at or before its step, None where there is none.
        at_positions: where each of those was logged; same length.
        count: how many values were logged.
        bad: how many of them are NaN or infinite.
        failed: position of the first of these, None where there is none.
        lasting: position from which on all are NaN or infinite, None where the last one is finite.
        unplaced: how many values are NaN or infinite and have no position, as nothing tells the steps of their epochs;
            they are not in ``count`` and ``bad``.
    """

    name: str
    base: str
    source: str
    format: str
    goal: Goal
    axis: Axis
    matching: str
    positions: tuple[float, ...]
    values: tuple[float, ...]
    at: tuple[float | None, ...]
    at_positions: tuple[float | None, ...]
    count: int = 0
    bad: int = 0
    failed: float | None = None
    lasting: float | None = None
    unplaced: int = 0

    @property
    def is_loss(self) -> bool:
        """Whether the name says that it is a loss."""
        return "loss" in self.name.lower()

    @property
    def best(self) -> int | None:
        """Place of the checkpoint with the best value, the first of several; None where nothing tells."""
        known = [(i, v) for i, v in enumerate(self.at) if v is not None and math.isfinite(v)]
        if self.goal is Goal.UNKNOWN or not known:
            return None
        return (min if self.goal is Goal.LOWEST else max)(known, key=lambda one: one[1])[0]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything that was logged beside a series.

    Attributes:
        all: the metrics, those first by which a checkpoint would be chosen.
        notes: what a reader should know: what was left out, and why.
        cautions: the same about files that are damaged or could not be used.
        files: the logs that were used or tried, as they are shown.
    """

    all: tuple[Metric, ...] = ()
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def matched(self) -> tuple[Metric, ...]:
        """Those whose values have steps of the checkpoints."""
        return tuple(metric for metric in self.all if metric.axis is Axis.STEP)

    @property
    def chosen(self) -> Metric | None:
        """The one that says which checkpoint is the best."""
        return next((metric for metric in self.matched if metric.best is not None and _differ(metric.at)), None)

    @property
    def best(self) -> int | None:
        """Place of the best checkpoint by the chosen metric."""
        return self.chosen.best if self.chosen else None


def _differ(values: Sequence[float | None]) -> bool:
    """Whether there are at least two different values."""
    return len({value for value in values if value is not None and math.isfinite(value)}) > 1


NOTHING = Metrics()
"""Of a series beside which nothing was logged."""
