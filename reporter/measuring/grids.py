"""Changes that are the same for all values: rounded to a coarser dtype, rounded to few levels, or scaled and rounded.

Each is a test that takes the values before and after piece by piece, and ends at the first value that contradicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import ml_dtypes
import numpy as np
import numpy.typing as npt

from reporter.measuring.pieces import Array, to_float64
from reporter.model.change import Change
from reporter.model.kind import ChangeKind, KindOfChange
from reporter.model.measured import TensorMeasure
from reporter.model.units import Units

NARROWER: dict[str, tuple[str, ...]] = {
    "float64": ("float8_e5m2", "float8_e4m3fn", "bfloat16", "float16", "float32"),
    "float32": ("float8_e5m2", "float8_e4m3fn", "bfloat16", "float16"),
    "float16": ("float8_e5m2", "float8_e4m3fn"),
    "bfloat16": ("float8_e5m2", "float8_e4m3fn"),
}
"""To what the values of a dtype may have been rounded, coarsest first."""

MOST_UPDATE = 0.5
"""Most relative update of a rounding."""

LEVELS = (7, 127)
"""Positive levels of symmetric 4- and 8-bit integers."""

LEAST_VALUES = 64
"""Least number of values that lie on a grid for it to be no chance."""

LEAST_INPUTS = 8
"""Least number of values of an output unit that has a grid of its own."""

OFF_GRID = 1e-3
"""How far from a level a value may be, in steps: float32 rounds the 127th level by 1e-5 of a step."""


class Test(Protocol):
    """Whether one kind of change explains all values."""

    differs: bool
    """Whether a value so far was elsewhere before: what was on the grid already did not get there now."""

    def holds(self, before: Array, after: Array, start: int) -> bool:
        """Whether the next values, from position ``start`` on, agree with it."""
        ...

    def found(self, told: KindOfChange) -> KindOfChange:
        """The kind, once all values agree."""
        ...


def tests(change: Change, numbers: TensorMeasure) -> Sequence[Test]:
    """The tests that a change may pass, by what is known of it without its values.

    Args:
        change: of the tensor.
        numbers: what was measured of it after the change.
    """
    info, update = numbers.info, change.relative_update
    if update is None or change.left_out or info.dtype not in NARROWER:
        return ()
    return tuple(_tests(change, numbers, update))


def _tests(change: Change, numbers: TensorMeasure, update: float) -> Iterator[Test]:
    info = numbers.info
    if info.itemsize == 2 and change.cosine is not None and change.norm_before > 0:
        factor = change.cosine * change.norm_after / change.norm_before
        if abs(factor - 1) > 4 * _unit(info.dtype):
            yield _Scaled(factor, info.dtype)
    if update <= MOST_UPDATE:
        yield from (_Cast(info.dtype, name) for name in NARROWER[info.dtype])
        if info.size >= LEAST_VALUES and info.itemsize >= 4:
            largest = max(abs(numbers.summary.minimum or 0.0), abs(numbers.summary.maximum or 0.0))
            yield from (_Levels(n, largest) for n in LEVELS)
            units = numbers.units
            if units is not None and info.size >= LEAST_INPUTS * len(units.maxima):
                yield from (_LevelsByUnit(n, units, info.shape) for n in LEVELS)


def _unit(dtype: str) -> float:
    """The distance from 1 to the next larger number of a floating dtype."""
    return float(ml_dtypes.finfo(dtype).eps)


@dataclass
class _Cast:
    """Every value is one of a narrower dtype, next to what it was.

    >>> test = _Cast("float32", "bfloat16")
    >>> before = np.float32([0.1, 1.0])
    >>> test.holds(before, before.astype("bfloat16").astype("f4"), 0), test.holds(before, before, 0)
    (True, False)
    """

    dtype: str
    narrower: str
    differs: bool = False

    def holds(self, before: Array, after: Array, start: int) -> bool:
        narrow = np.dtype(self.narrower)
        with np.errstate(over="ignore", invalid="ignore"):
            if not (after.astype(narrow).astype(after.dtype) == after).all():
                return False
            limits = ml_dtypes.finfo(narrow)
            a, b = to_float64(before), to_float64(after)
            step = np.maximum(np.abs(a) * float(limits.eps), float(limits.smallest_subnormal))
            self.differs |= bool((before.astype(narrow).astype(before.dtype) != before).any())
            return bool((np.abs(b - a) <= step).all())

    def found(self, told: KindOfChange) -> KindOfChange:
        return replace(told, kind=ChangeKind.CAST, proven=True, dtype=self.narrower)


@dataclass
class _Scaled:
    """Every value is what it was times a factor, to within one step of a 16-bit dtype."""

    factor: float
    dtype: str
    differs: bool = False

    def holds(self, before: Array, after: Array, start: int) -> bool:
        a, b = to_float64(before), to_float64(after)
        step = np.maximum(np.abs(b) * _unit(self.dtype), float(ml_dtypes.finfo(self.dtype).smallest_subnormal))
        self.differs |= bool((a != b).any())
        return bool((np.abs(b - self.factor * a) <= step).all())

    def found(self, told: KindOfChange) -> KindOfChange:
        negated = abs(self.factor + 1) < _unit(self.dtype)
        kind = ChangeKind.NEGATED if negated else ChangeKind.SCALED
        return replace(told, kind=kind, proven=True, factor=self.factor, residual=_unit(self.dtype) / 2)


@dataclass
class _Levels:
    """Every value is a multiple of one step, and next to what it was."""

    levels: int
    largest: float
    differs: bool = False

    def holds(self, before: Array, after: Array, start: int) -> bool:
        return self._on_grid(before, after, self.largest / self.levels)

    def _on_grid(self, before: Array, after: Array, step: float | npt.NDArray[np.float64]) -> bool:
        a, b = to_float64(before), to_float64(after)
        self.differs |= not _near_levels(a, step).all()
        return bool(_near_levels(b, step).all() and (np.abs(b - a) <= step * (1 + OFF_GRID)).all())

    def found(self, told: KindOfChange) -> KindOfChange:
        return replace(told, kind=ChangeKind.QUANTISED, proven=True, levels=2 * self.levels + 1)


def _near_levels(values: npt.NDArray[np.float64], step: float | npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        place = np.nan_to_num(values / step)
        return np.asarray(np.abs(place - np.rint(place)) <= OFF_GRID)


@dataclass
class _LevelsByUnit:
    """The same, with a step for each output unit."""

    levels: int
    units: Units
    shape: tuple[int, ...]
    differs: bool = False

    def holds(self, before: Array, after: Array, start: int) -> bool:
        axis = self.units.axis % len(self.shape)
        stride = math.prod(self.shape[axis + 1 :])
        unit = (start + np.arange(after.size)) // stride % self.shape[axis]
        grid = _Levels(self.levels, 0.0)
        held = grid._on_grid(before, after, self.units.maxima[unit] / self.levels)
        self.differs |= grid.differs
        return held

    def found(self, told: KindOfChange) -> KindOfChange:
        return replace(told, kind=ChangeKind.QUANTISED, proven=True, levels=2 * self.levels + 1, by_unit=True)
