"""What a log holds before it is put beside checkpoints: named courses of values, and remarks about the file."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from reporter.printable import brief

MAX_COURSES = 500
"""Metrics of one log; a training that logs more writes one for each layer, which this program measures itself."""

MAX_POINTS = 1_000_000
"""Values of one log: a few hundred megabytes at most while they are put in order."""

MAX_NAME = 120
"""Characters of a metric's name; of a longer one the middle is left out."""

FARTHEST = 2.0**53
"""Positions are whole numbers up to here, so that none is rounded."""


class Unit(StrEnum):
    """What the positions of a course count."""

    STEP = "step"
    EPOCH = "epoch"
    """Epochs that were completed: 1 after the first."""


@dataclass(slots=True)
class Course:
    """The values of one metric in the order of their positions, to which later values are added.

    A training that is resumed writes some positions again: what was logged for them, and beyond, is replaced.

    Attributes:
        positions: strictly ascending.
        resumed: how often values were replaced.
    """

    unit: Unit
    positions: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    resumed: int = 0

    def add(self, position: float, value: float) -> None:
        """Add a value.

        >>> course = Course(Unit.STEP)
        >>> for position, value in ((1, 0.5), (2, 0.4), (3, 0.9), (2, 0.3)):
        ...     course.add(position, value)
        >>> course.positions, course.values, course.resumed
        ([1, 2], [0.5, 0.3], 1)
        """
        if self.positions and position <= self.positions[-1]:
            at = bisect_left(self.positions, position)
            del self.positions[at:], self.values[at:]
            self.resumed += 1
        self.positions.append(position)
        self.values.append(value)


@dataclass(slots=True)
class Log:
    """What one file, or the event files of one folder, hold.

    Attributes:
        courses: by the name and unit of the metric.
        steps_of_epochs: step at the end of each epoch that the log itself gives both of.
        notes: remarks, such as that its end is still being written.
        damage: remarks about what is lost for good.
    """

    courses: dict[tuple[str, Unit], Course] = field(default_factory=dict)
    steps_of_epochs: dict[float, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    points: int = 0
    _left_out: int = 0

    def add(self, name: str, unit: Unit, position: float, value: float) -> None:
        """Add a value; beyond the limits, or at a position that cannot be one, it is counted instead."""
        if not (math.isfinite(position) and 0 <= position <= FARTHEST) or self.points >= MAX_POINTS:
            self._left_out += 1
            return
        key = (brief(name.strip() or "(no name)", MAX_NAME), unit)
        course = self.courses.get(key)
        if course is None:
            if len(self.courses) >= MAX_COURSES:
                self._left_out += 1
                return
            course = self.courses[key] = Course(unit)
        course.add(position, value)
        self.points += 1

    def remarks(self) -> Iterable[str]:
        """All notes, with those on what was counted while it was read."""
        yield from self.notes
        resumed = max((course.resumed for course in self.courses.values()), default=0)
        if resumed:
            yield "some steps are logged more than once, as by a training that was resumed: the later values count"
        if self._left_out:
            yield (
                f"{self._left_out:,} values are left out: it holds more than {MAX_COURSES} metrics or "
                f"{MAX_POINTS:,} values, or they are at positions that are no steps"
            )
