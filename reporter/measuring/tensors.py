"""One tensor: its summary, statistics, exact quantiles and the norms of its output units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring import kernels
from reporter.measuring.accumulate import Coded, accumulator, as_real, pieces
from reporter.measuring.quantiles import from_codes, from_values
from reporter.model.measured import Quantiles, TensorMeasure, Units
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.sketch import BUCKETS, Sketch
from reporter.model.summary import NOTHING
from reporter.model.tensor import TensorInfo, TensorSource
from reporter.statistics import statistics

Array = npt.NDArray[Any]

MAX_UNITS = 1 << 20
"""Tensors with more output units than this get no norms per unit: 8 MiB of float64."""


def measure_tensor(source: TensorSource, probabilities: Iterable[float]) -> TensorMeasure:
    """Measure one tensor in a streaming pass, and a second one for the exact quantiles of large ones.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    stream = pieces(source.blocks())
    start = list(islice(stream, 2))
    if not start:
        return TensorMeasure(source.info, NOTHING, statistics(NOTHING), Quantiles({}))
    dtype = start[0].dtype
    taken = accumulator(dtype)
    energy = UnitEnergy.of(source.info)
    sketch = Sketcher(source.info.size)
    for piece in _chain(start, stream):
        taken.add(piece)
        sketch.add(piece)
        if energy is not None:
            energy.add(piece)
    summary = taken.close()

    def again() -> Iterator[Array]:
        # A tensor of one piece is still in memory.
        return iter(start) if len(start) == 1 else source.blocks()

    if isinstance(taken, Coded):
        quantiles = from_codes(taken, summary, probabilities)
    else:
        quantiles = from_values(again, dtype, summary, probabilities)
    units = None if energy is None else energy.close()
    return TensorMeasure(source.info, summary, statistics(summary), quantiles, units, sketch.close())


def _chain(start: list[Array], rest: Iterator[Array]) -> Iterator[Array]:
    yield from start
    yield from rest


class UnitEnergy:
    """Σx² and max |x| per output unit of a weight matrix, streamed."""

    def __init__(self, axis: int, units: int, stride: int) -> None:
        self._axis = axis
        self._stride = stride
        self._energy = np.zeros(units)
        self._maxima = np.zeros(units)
        self._position = 0

    @classmethod
    def of(cls, info: TensorInfo) -> UnitEnergy | None:
        """For a tensor that has output units: a weight matrix of two or more axes, in the model."""
        if info.collection != "model" or info.role not in WEIGHT_MATRICES or len(info.shape) < 2:
            return None
        axis = info.output_axis % len(info.shape)
        units = info.shape[axis]
        if not 0 < units <= MAX_UNITS or not info.size:
            return None
        return cls(axis, units, math.prod(info.shape[axis + 1 :]))

    def add(self, piece: Array) -> None:
        """Take in the next values in C order."""
        values = piece if piece.dtype == np.float32 else as_real(piece)
        kernels.channels(values, self._position, self._stride, self._energy, self._maxima)
        self._position += piece.size

    def close(self) -> Units:
        """The norms and maxima."""
        return Units(self._axis, np.sqrt(self._energy), self._maxima)


class Sketcher:
    """The sketch of a tensor of ``size`` values, streamed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values = np.zeros(min(size, BUCKETS))
        self._position = 0

    def add(self, piece: Array) -> None:
        """Take in the next values in C order; the logic of :attr:`Sketch.values`."""
        values = piece if piece.dtype == np.float32 else as_real(piece)
        if self._size <= BUCKETS:
            self._values[self._position : self._position + piece.size] = values
        else:
            kernels.sketch(values, self._position, self._values)
        self._position += piece.size

    def close(self) -> Sketch:
        """The sketch of everything taken in."""
        return Sketch(self._size, self._values)
