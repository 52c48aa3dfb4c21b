"""Deployment readiness: what narrower formats would lose, from one more pass over a checkpoint that was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring import kernels
from reporter.measuring.collapse import Common, Rank
from reporter.measuring.kernels.sizes import FORMATS, ROUNDING_BLOCK
from reporter.measuring.one_thread import one_thread
from reporter.measuring.pieces import pieces, to_float64
from reporter.measuring.redundancy import (
    ENOUGH,
    FEW,
    LEVELS,
    Distinct,
    Pattern24,
    coarse,
    duplicates,
    prunable,
    searchable,
)
from reporter.model.deployment import Cast, Readiness
from reporter.model.measured import Measured, TensorMeasure
from reporter.model.role import WEIGHT_MATRICES, input_axis
from reporter.model.summary import Summary
from reporter.model.tensor import Contents, TensorSource

Array = npt.NDArray[Any]
Reals = npt.NDArray[np.floating[Any]]

ROUNDING = 2.0**-96
"""Share of the signal's energy below which quantisation noise counts as zero. Rounding in float64, in which it is
computed, makes about 2⁻¹⁰⁴; rounding the weights to float32, which should be seen, 2⁻⁴⁸."""


def measure_deployment(contents: Contents, measured: Measured) -> Mapping[str, Readiness]:
    """The readiness of every floating-point tensor of the model, by its name in ``measured``.

    Args:
        contents: the open checkpoint.
        measured: what was measured of it. Ranges and norms come from there, so that one pass suffices.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    kinds = {layer.name: layer.kind for layer in contents.layers}
    with one_thread():
        return {
            known.info.name: measure_readiness(source, known, kinds.get(source.info.layer, ""))
            for source, known in zip(contents.tensors, measured.tensors, strict=True)
            if source.info.collection == "model" and is_float(source.info.dtype)
        }


def is_float(dtype: str) -> bool:
    """Whether a dtype, given by name, is a floating-point one; complex dtypes are not."""
    return dtype.startswith(("float", "bfloat"))


def measure_readiness(source: TensorSource, known: TensorMeasure, kind: str = "") -> Readiness:
    """The readiness of one tensor.

    Casts are measured of every tensor, after float64 was rounded to float32. Everything else is measured of weight
    matrices, and prunable channels of the gammas of normalisation layers as well.

    Args:
        source: the tensor.
        known: what was measured of it.
        kind: the class of its layer, "" if unknown; it tells depthwise filters from others.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    info, summary = source.info, known.summary
    matrix = info.role in WEIGHT_MATRICES
    axis = info.output_axis % len(info.shape) if info.shape else 0
    over = input_axis(info.role, info.output_axis, len(info.shape), kind) if matrix else None
    casts = Casts()
    int8 = Int8.of(known) if matrix else None
    zero_share = summary.zeros / summary.finite if summary.finite else 0.0
    pattern = Pattern24.of(info.shape, over, zero_share)
    few = len(summary.cells.index) <= FEW and info.size >= ENOUGH and info.itemsize > 1
    distinct = Distinct() if matrix and few else None
    whole = over is not None and searchable(info.size, info.shape[over], info.shape[axis])
    rank = Rank.of(info.shape, axis) if over is not None else None
    common = Common.of(info.shape, axis, _largest(summary)) if info.role == "embedding" else None
    kept: list[Reals] = []
    for values in _reals(source):
        casts.add(values)
        for taker in (int8, pattern, distinct, rank, common):
            if taker is not None:
                taker.add(values)
        if whole or info.role == "gamma":
            kept.append(values)
    # How much each output channel contributes, for `prunable`: its norm, or the factor that gamma scales it by.
    weights = known.units.norms if known.units else _flat(kept) if info.role == "gamma" else np.empty(0)
    tensor, channel = int8.close(summary) if int8 else (None, None)
    return Readiness(
        int8_tensor=tensor,
        int8_channel=channel,
        coarse=coarse(known.units.norms, known.units.maxima) if known.units and tensor is not None else None,
        casts=casts.close(summary),
        pattern_2_4=pattern.close() if pattern else None,
        distinct=distinct.close() if distinct else None,
        channels=weights.size or None,
        prunable=prunable(weights),
        duplicates=duplicates(_flat(kept).reshape(info.shape), axis) if whole else None,
        common=common.close() if common else None,
        rank=rank.close() if rank else None,
    )


def _largest(summary: Summary) -> float:
    """The largest magnitude; 0 where there is no finite value."""
    return max(-(summary.minimum or 0.0), summary.maximum or 0.0)


class Int8:
    """The noise of int8 quantisation, with one scale for the tensor and with one per output channel.

    Quantisation is symmetric, and the largest magnitude is mapped to level 127. Values are taken in part by part.
    """

    def __init__(self, known: TensorMeasure) -> None:
        assert known.summary.minimum is not None and known.summary.maximum is not None
        self._scale, self._inverse = _scales(max(-known.summary.minimum, known.summary.maximum))
        self._tensor = self._channel = 0.0
        self._position = 0
        self._units = known.units is not None
        if known.units is not None:
            shape, maxima = known.info.shape, known.units.maxima
            self._stride = math.prod(shape[known.units.axis + 1 :])
            self._period = self._stride * len(maxima)
            if self._period <= ROUNDING_BLOCK:
                # A short pattern is written out with one scale per value and repeated, so that loops are long.
                maxima = np.resize(np.repeat(maxima, self._stride), self._period + ROUNDING_BLOCK)
                self._stride = 1
            self._scales, self._inverses = _scales(maxima)

    @classmethod
    def of(cls, known: TensorMeasure) -> Int8 | None:
        """A new measurement; None for a tensor without any finite value, which has no range."""
        return cls(known) if known.summary.finite else None

    def add(self, values: Reals) -> None:
        """Add the next values of the tensor, in C order."""
        self._tensor += kernels.int8_noise(values, float(self._scale), float(self._inverse))
        if self._units:
            self._channel += kernels.int8_noise_by_unit(
                values, self._position, self._period, self._stride, self._scales, self._inverses
            )
        self._position += values.size

    def close(self, summary: Summary) -> tuple[float | None, float | None]:
        """The signal-to-quantisation-noise ratios in dB, with one scale and with a scale per channel.

        Either is None where :func:`decibel` has no value; the second also for a tensor without output channels.
        """
        signal = summary.sum_of_squares
        # Weights that are whole multiples of the scale lose nothing, but float64 rounds when that is computed.
        tensor, channel = (0.0 if noise < ROUNDING * signal else noise for noise in (self._tensor, self._channel))
        return decibel(signal, tensor), decibel(signal, channel) if self._units else None


class Casts:
    """What rounding to each narrower float loses; values are taken in part by part."""

    def __init__(self) -> None:
        self._noise = np.zeros(len(FORMATS))
        self._counts = np.zeros((len(FORMATS), 3), np.int64)

    def add(self, values: Reals) -> None:
        """Add the next values of the tensor; their order does not matter."""
        with np.errstate(over="ignore", under="ignore"):
            kernels.cast32(values.astype(np.float32, copy=False), self._noise, self._counts)

    def close(self, summary: Summary) -> tuple[Cast, ...]:
        """The losses by format, in the order of :data:`reporter.measuring.kernels.sizes.FORMATS`.

        Args:
            summary: of the tensor, to tell values that overflow from those that are not finite anyway.
        """
        result = []
        for name, noise, (over, zero, subnormal) in zip(FORMATS, self._noise, self._counts, strict=True):
            overflow = int(over) - (summary.count - summary.finite)
            sqnr = None if overflow else decibel(summary.sum_of_squares, float(noise))
            result.append(Cast(name, overflow, int(zero) - summary.zeros, int(subnormal), sqnr))
        return tuple(result)


def decibel(signal: float, noise: float) -> float | None:
    """The ratio of two energies in dB, 10 · log₁₀(signal / noise): infinite without noise.

    It is None without a signal, and where one of the energies is beyond float64.

    >>> decibel(100.0, 1.0), decibel(1.0, 0.0), decibel(0.0, 0.0)
    (20.0, inf, None)
    """
    if not (0.0 < signal < math.inf and noise < math.inf):
        return None
    return 10.0 * (math.log10(signal) - math.log10(noise)) if noise > 0 else math.inf


def _scales(largest: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The distance of two int8 levels for the largest magnitude, or for each of several, and its inverse.

    Both are 0 where the range is so small that the distance would be subnormal; the values then count as noise.
    """
    scales = np.asarray(largest, np.float64) / LEVELS
    usable = scales > np.finfo(np.float64).tiny
    scales = np.where(usable, scales, 0.0)
    return scales, np.divide(1.0, scales, out=np.zeros_like(scales), where=usable)


def _reals(source: TensorSource) -> Iterator[Reals]:
    """The pieces of a tensor as float64 or float32."""
    for piece in pieces(source.blocks()):
        if piece.dtype == np.float64 or piece.dtype == np.float32:
            yield piece
        else:
            yield to_float64(piece).astype(np.float32)  # exact: narrower floats all fit float32


def _flat(held: list[Reals]) -> Reals:
    """All pieces in one array."""
    return np.concatenate(held) if held else np.empty(0)
