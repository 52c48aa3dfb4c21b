"""What deployment could leave out of a tensor: zeros in a pattern, few distinct values, channels that repeat others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring import kernels
from reporter.model.deployment import FEW_LEVELS

Array = npt.NDArray[Any]
Reals = npt.NDArray[np.floating[Any]]

SPARSE = 0.4
"""Least share of zeros for which the 2:4 pattern is measured. A tensor that follows it has at least half zeros."""

FEW = 256
"""Most distinct values that are counted: as many as an 8-bit code book or int8 has."""

ENOUGH = 4 * FEW
"""Least number of values for which it is remarkable that few of them are distinct."""

MOST_LANES = 1 << 20
"""Most values that one step along the input axis may span. Each needs a counter of one byte; a tensor that would need
more than this 1 MiB gets no 2:4 pattern."""

NEGLIGIBLE = 1e-2
"""A channel is prunable if its weight is at most this share of the median channel's."""

LEVELS = 127
"""Positive levels of symmetric int8: level −128 is not used, so that the range is symmetric and 0 stays 0."""

SAME = 0.999
"""Two output channels with a larger |cosine| count as duplicates."""

LEAST_INPUTS = 8
"""Least number of inputs for which duplicates are searched: vectors of fewer point the same way by chance."""

MOST_VALUES = 1 << 22
"""Tensors with more values are not searched for duplicates: 16 MiB of float32 to hold at once."""

MOST_PRODUCTS = 1 << 31
"""Nor are those whose search takes more multiplications (values × outputs), which is about 0.1 s."""

ROWS = 256
"""Number of output channels that are compared with all earlier ones at once, which bounds memory."""


class Pattern24:
    """The share of groups of 4 along the input axis that have at least 2 zeros; values are taken in part by part.

    Source: A. Mishra et al., *Accelerating sparse deep neural networks*, 2021: hardware that skips these zeros.

    >>> pattern = Pattern24((4, 2), axis=0)
    >>> pattern.add(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 3.0], [4.0, 5.0]]).ravel())
    >>> pattern.close()  # the first column has two zeros, the second one
    0.5
    """

    def __init__(self, shape: tuple[int, ...], axis: int) -> None:
        self._length = shape[axis]
        self._stride = math.prod(shape[axis:]) // self._length
        self._groups = math.prod(shape) // self._length * (self._length // 4)
        self._zeros = np.zeros(self._stride, np.uint8)
        self._found = 0
        self._position = 0

    @classmethod
    def of(cls, shape: tuple[int, ...], axis: int | None, zero_share: float) -> Pattern24 | None:
        """A new measurement; None for a tensor that is not sparse, or has no group or too many unfinished ones at once.

        Args:
            shape: of the tensor.
            axis: of the inputs, None if it has none.
            zero_share: the share of its values that are zero.
        """
        if axis is None or zero_share < SPARSE or shape[axis] < 4 or math.prod(shape[axis:]) > MOST_LANES * shape[axis]:
            return None
        return cls(shape, axis)

    def add(self, values: Reals) -> None:
        """Add the next values of the tensor, in C order."""
        self._found += kernels.groups_2_4(values, self._position, self._length, self._stride, self._zeros)
        self._position += values.size

    def close(self) -> float:
        """The share of groups with at least 2 zeros among all groups, once every value was added."""
        return self._found / self._groups


class Distinct:
    """The number of distinct values, as long as it is small; values are taken in part by part."""

    def __init__(self) -> None:
        self._seen: Array | None = np.empty(0)

    def add(self, values: Reals) -> None:
        """Add the next values; all NaNs count as one value, and −0 as 0."""
        if self._seen is not None:
            self._seen = np.unique(np.concatenate([self._seen, np.unique(values)]))
            if len(self._seen) > FEW:
                self._seen = None

    def close(self) -> int | None:
        """The number of distinct values, None if it is above :data:`FEW`."""
        return None if self._seen is None else len(self._seen)


def prunable(weights: Reals) -> int | None:
    """How many channels have at most :data:`NEGLIGIBLE` of the median channel's weight; None where all are zero.

    Args:
        weights: one number per channel, such as its norm; those that are not finite are left out.

    >>> prunable(np.array([1.0, 2.0, 3.0, 0.01])), prunable(np.zeros(3))
    (1, None)
    """
    weights = np.abs(weights[np.isfinite(weights)])
    if not weights.any():
        return None
    return int((weights <= NEGLIGIBLE * np.median(weights)).sum())


def coarse(norms: Reals, maxima: Reals) -> int:
    """How many channels use fewer than :data:`FEW_LEVELS` of the 127 levels if all share one int8 scale.

    Channels with a negligible norm are not counted.

    Args:
        norms: √Σx² of each channel.
        maxima: max |x| of each channel; the largest of all sets the scale.

    Source: M. Nagel et al., *Data-free quantization through weight equalization and bias correction*, ICCV 2019: the
    ranges of channels differ so much that one scale erases some of them.

    >>> coarse(np.array([1.0, 2.0, 1e-3]), np.array([0.5, 9.0, 1e-3]))
    1
    """
    few = LEVELS * maxima < FEW_LEVELS * maxima.max(initial=0.0)
    return int((few & (norms > NEGLIGIBLE * np.median(norms))).sum())


def searchable(size: int, inputs: int, outputs: int) -> bool:
    """Whether a tensor is searched for duplicate output channels.

    It is not if the search would take too much memory or time, or if a channel has too few inputs. Filters with a
    single input channel are left out as well: some formats store depthwise filters that way, and these may be equal,
    since each works on another input.

    Args:
        size: number of values.
        inputs: length of the input axis.
        outputs: length of the output axis.
    """
    few = size <= MOST_VALUES and size * outputs <= MOST_PRODUCTS
    return few and inputs > 1 and outputs > 1 and size // outputs >= LEAST_INPUTS


def duplicates(values: Array, axis: int) -> int:
    """How many output channels point the same or the opposite way as an earlier one, |cosine| > :data:`SAME`.

    Channels that are zero throughout or hold values that are not finite are left out.

    Args:
        values: the whole tensor, with its shape.
        axis: of the output channels.

    >>> duplicates(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0]]), axis=1)  # the second column is twice the first
    1
    """
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    usable = np.isfinite(largest[:, 0]) & (largest[:, 0] > 0)
    rows = (rows[usable] / largest[usable]).astype(np.float32)  # so that no square under- or overflows
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = 0
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        same = np.abs(block @ rows[: start + len(block)].T) > SAME
        earlier = np.arange(same.shape[1]) < np.arange(start, start + len(block))[:, None]
        found += int((same & earlier).any(axis=1).sum())
    return found
