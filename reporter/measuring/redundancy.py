"""What a tensor holds that deployment could leave out: zeros in a pattern, few distinct values, repeated outputs."""

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
"""Share of zeros from which the 2:4 pattern is looked at; a tensor that has it is at least half zero."""

FEW = 256
"""At most this many distinct values: as many as an 8-bit code book or int8 has."""

ENOUGH = 4 * FEW
"""Values from which few distinct ones mean something."""

LANES = 1 << 20
"""Tensors with more values behind one step of the input axis get no 2:4 pattern: 1 MiB of counters."""

NEGLIGIBLE = 1e-2
"""A channel is prunable when it has at most this share of the median channel's weight."""

LEVELS = 127
"""Positive levels of symmetric int8; −128 is left out, so that 0 stays 0."""

SAME = 0.999
"""|cos| beyond which two output channels are called the same (diagnostics: duplicate outputs)."""

LEAST_INPUTS = 8
"""Output channels with fewer inputs point the same way by chance."""

MOST_VALUES = 1 << 22
"""Tensors with more values are not searched for duplicates: 16 MiB of float32 to hold at once."""

MOST_PRODUCTS = 1 << 31
"""Nor are those whose search takes more multiplications, values × outputs: about 0.1 s."""

ROWS = 256
"""Outputs that are compared with all others at a time, which bounds memory."""


class Pattern24:
    """Share of the groups of 4 along the input axis with at least 2 zeros, streamed."""

    def __init__(self, shape: tuple[int, ...], axis: int) -> None:
        self._length = shape[axis]
        self._stride = math.prod(shape[axis:]) // self._length
        self._groups = math.prod(shape) // self._length * (self._length // 4)
        self._zeros = np.zeros(self._stride, np.uint8)
        self._found = 0
        self._position = 0

    @classmethod
    def of(cls, shape: tuple[int, ...], axis: int | None, zero_share: float) -> Pattern24 | None:
        """For a sparse tensor with at least one group."""
        if axis is None or zero_share < SPARSE or shape[axis] < 4 or math.prod(shape[axis:]) > LANES * shape[axis]:
            return None
        return cls(shape, axis)

    def add(self, values: Reals) -> None:
        """Take in the next values in C order."""
        self._found += kernels.groups_2_4(values, self._position, self._length, self._stride, self._zeros)
        self._position += values.size

    def close(self) -> float:
        """The share."""
        return self._found / self._groups


class Distinct:
    """Distinct values, as long as they are few."""

    def __init__(self) -> None:
        self._seen: Array | None = np.empty(0)

    def add(self, values: Reals) -> None:
        """Take in the next values; NaN counts as one value, and −0 as 0."""
        if self._seen is not None:
            self._seen = np.unique(np.concatenate([self._seen, np.unique(values)]))
            if len(self._seen) > FEW:
                self._seen = None

    def close(self) -> int | None:
        """How many, None if more than :data:`FEW`."""
        return None if self._seen is None else len(self._seen)


def prunable(weights: Reals) -> int | None:
    """How many channels have at most :data:`NEGLIGIBLE` of the median weight; None where all are zero.

    >>> prunable(np.array([1.0, 2.0, 3.0, 0.01])), prunable(np.zeros(3))
    (1, None)
    """
    weights = np.abs(weights[np.isfinite(weights)])
    if not weights.any():
        return None
    return int((weights <= NEGLIGIBLE * np.median(weights)).sum())


def coarse(norms: Reals, maxima: Reals) -> int:
    """How many channels reach fewer than :data:`FEW_LEVELS` levels of the scale of all, negligible ones left out.

    Source: M. Nagel et al., *Data-free quantization through weight equalization and bias correction*, ICCV 2019: the
    ranges of channels differ so much that one scale erases some of them.

    >>> coarse(np.array([1.0, 2.0, 1e-3]), np.array([0.5, 9.0, 1e-3]))
    1
    """
    few = LEVELS * maxima < FEW_LEVELS * maxima.max(initial=0.0)
    return int((few & (norms > NEGLIGIBLE * np.median(norms))).sum())


def searchable(size: int, inputs: int, outputs: int) -> bool:
    """Whether a tensor is searched for duplicate outputs.

    Filters of a single input channel are not: some formats store depthwise ones so, which work on different inputs.
    """
    few = size <= MOST_VALUES and size * outputs <= MOST_PRODUCTS
    return few and inputs > 1 and outputs > 1 and size // outputs >= LEAST_INPUTS


def duplicates(values: Array, axis: int) -> int:
    """How many output channels repeat an earlier one up to scale, |cos| > 0.999; those of zeros or with NaN do not.

    Args:
        values: the whole tensor, with its shape.
        axis: of the output channels.
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
