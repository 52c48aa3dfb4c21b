"""Output units of a weight matrix: Σx² and max |x| of each, streamed piece by piece."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.model.measured import Units
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.tensor import TensorInfo

MAX_UNITS = 1 << 20
"""Tensors with more output units than this get no norms per unit: 8 MiB of float64."""

PERIOD = 512
"""Units are repeated until a period is at least so long: short loops do not vectorise."""

MAX_PERIOD = 1 << 14
"""A unit of several neighbours is spelled out in the period up to this length."""


@dataclass(frozen=True, slots=True)
class Channels:
    """How the values of a tensor belong to its units.

    Attributes:
        axis: of the units.
        units: their number.
        stride: neighbours in a row that belong to one unit.
        length: of the arrays that a kernel fills.
        run: 0 if these arrays go by index modulo their length; else by index // run.
    """

    axis: int
    units: int
    stride: int
    length: int
    run: int

    @classmethod
    def of(cls, info: TensorInfo) -> Channels | None:
        """For a tensor that has output units: a weight matrix of two or more axes, in the model."""
        if info.collection != "model" or info.role not in WEIGHT_MATRICES or len(info.shape) < 2:
            return None
        axis = info.output_axis % len(info.shape)
        units = info.shape[axis]
        if not 0 < units <= MAX_UNITS or not info.size:
            return None
        stride = math.prod(info.shape[axis + 1 :])
        if stride > 1 and units * stride > MAX_PERIOD:
            return cls(axis, units, stride, units, stride)
        once = units * stride
        return cls(axis, units, stride, once * -(-PERIOD // once), 0)

    def part(self, start: int, count: int) -> tuple[int, int]:
        """First and number of the entries that ``count`` values from index ``start`` touch, where they go by runs."""
        if not self.run:
            return 0, self.length
        first = start // self.run
        touched = (start + count - 1) // self.run - first + 1
        if first % self.units + touched > self.units:
            return 0, self.units
        return first % self.units, touched

    def close(
        self, energy: npt.NDArray[np.float64], norms: npt.NDArray[np.float64], maxima: npt.NDArray[np.floating[Any]]
    ) -> Units:
        """Norms and maxima per unit, repeats of a unit put together.

        Args:
            norms: of values that are not in ``energy``, as their squares leave float64.
        """
        stride = 1 if self.run else self.stride
        by_unit = (-1, self.units, stride)
        found = np.sqrt(energy.reshape(by_unit).sum((0, 2)))
        if norms.any():
            found = np.hypot(found, np.hypot.reduce(np.hypot.reduce(norms.reshape(by_unit), 2), 0))
        return Units(self.axis, found, maxima.reshape(by_unit).max((0, 2)).astype(np.float64))
