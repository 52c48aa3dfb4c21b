"""Output units of a weight matrix, such as the neurons of a dense layer: which values belong to which unit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.tensor import TensorInfo
from reporter.model.units import Units

MAX_UNITS = 1 << 20
"""Tensors with more output units get no numbers per unit, which would take more than 8 MiB of float64."""

PERIOD = 512
"""Least length of the arrays that a kernel fills in a loop. For fewer units they hold several repeats of all units, as
short loops do not vectorise."""

MAX_PERIOD = 1 << 14
"""Up to this length, units whose values are several neighbours also get one entry per value of a period."""


@dataclass(frozen=True, slots=True)
class Channels:
    """How the values of a tensor belong to its output units.

    The kernels' side of it is described, with an example, in :mod:`reporter.measuring.kernels.blocks`.

    Attributes:
        axis: the axis along which the units lie, not negative.
        units: the length of this axis.
        stride: number of neighbours in memory that belong to one unit.
        length: length of the arrays that a kernel fills.
        run: 0 if position i belongs to entry i modulo ``length``; else the number of neighbours that share an entry.

    A dense kernel with 3 units on the last axis is measured as 171 repeats of its 3 units, 513 entries in all:

    >>> Channels(axis=1, units=3, stride=1, length=513, run=0).part(0, 600)
    (0, 513)

    Where the 3 units are 10,000 neighbours each, 200 values from position 9,900 on touch the first two:

    >>> Channels(axis=0, units=3, stride=10_000, length=3, run=10_000).part(9_900, 200)
    (0, 2)
    """

    axis: int
    units: int
    stride: int
    length: int
    run: int

    @classmethod
    def of(cls, info: TensorInfo) -> Channels | None:
        """The channels of a weight matrix of the model with two or more axes; None for any other tensor."""
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
        """The first entry, and the number of entries, that ``count`` values from position ``start`` on need.

        Where ``run`` is 0, or where the values reach beyond the last unit, these are all entries.
        """
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
        """Norm and maximum of each unit; the entries of a unit that has several are combined.

        Args:
            energy: Σx², shape (length,).
            norms: √Σx² of values that ``energy`` leaves out because their squares over- or underflow, shape (length,).
            maxima: max |x|, shape (length,).
        """
        stride = 1 if self.run else self.stride
        by_unit = (-1, self.units, stride)
        found = np.sqrt(energy.reshape(by_unit).sum((0, 2)))
        if norms.any():
            with np.errstate(over="ignore"):  # even the norm may be beyond float64
                found = np.hypot(found, np.hypot.reduce(np.hypot.reduce(norms.reshape(by_unit), 2), 0))
        return Units(self.axis, found, maxima.reshape(by_unit).max((0, 2)).astype(np.float64))
