"""The course of a statistic over the checkpoints of a series, and what moved since which checkpoint."""

from __future__ import annotations

from typing import Literal

from reporter.frozen import dataclass

Since = Literal["previous", "first", "baseline"]
"""What the last checkpoint is held against."""

SHORTEST = 8
"""Checkpoints that a search for a step needs."""

PART = 3
"""Checkpoints at least on either side of a step."""

THRESHOLD = 5.0
"""Distance of the two means in standard deviations within the parts. A straight line gives √12 = 3.5 and is no step."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Where a course splits best into two levels.

    Attributes:
        place: the first checkpoint of the second part.
        before, after: means of the two parts.
        effect: distance of the means, in standard deviations within the parts; infinite where both are constant.
    """

    place: int
    before: float
    after: float
    effect: float


@dataclass(frozen=True, slots=True)
class Trend:
    """One statistic of one layer over all checkpoints that have it.

    Attributes:
        layer, statistic: whose, and which of :data:`reporter.derive.statistics.STATISTICS`.
        first, last: its first and last finite number.
        slope: of the least-squares line, per step, or per checkpoint where the steps are not known; None for a
            single number.
        change_point: None where the course has no clear step, see :func:`reporter.compare.trends.change_points`.
    """

    layer: str
    statistic: str
    first: float
    last: float
    slope: float | None
    change_point: ChangePoint | None = None

    @property
    def change(self) -> float:
        """Last − first."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved in the last checkpoint of a series, and what did not.

    Attributes:
        since: against which checkpoint.
        layers, tensors: names of those that moved, by falling relative update; those that were all zero before come
            last. Tensors are those that are trained, and layers are judged by these.
        still_layers, still_tensors: names of those that are equal to the bit (of estimates: whose sketches are).
        apart, still_apart: the same of the model's other tensors, such as moving statistics.
    """

    since: Since
    layers: tuple[str, ...]
    still_layers: tuple[str, ...]
    tensors: tuple[str, ...]
    still_tensors: tuple[str, ...]
    apart: tuple[str, ...] = ()
    still_apart: tuple[str, ...] = ()
