"""What rounding the weights to narrower formats loses: int8, float16, bfloat16 and float8.

The difference between a float32 and the narrower float that it rounds to is exact in float32; its squares are summed in
float64.

**Rounding by addition.** A float32 that is rounded to a format with f fraction bits loses its last 23 − f ones. Adding
a power of two that is 2^(23 − f) times as large as the power of two below the value pushes just these bits out, rounded
to nearest even by the processor; subtracting it again leaves the rounded value. For float16 f is 10, and the factor is
2¹³:

>>> a = np.float32(1 + 2**-12)
>>> float((a + np.float32(2**13)) - np.float32(2**13)), float(a.astype(np.float16))
(1.0, 1.0)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import exact, inner, jit
from reporter.measuring.kernels.sizes import ROUNDING_BLOCK


def _bits(value: float) -> np.uint32:
    """The bits of a value as float32."""
    return np.uint32(np.float32(value).view(np.uint32))


def _drop(bits: int) -> np.uint32:
    """What to add to the bits of a power of two to multiply it by 2^bits: the exponent begins at bit 23."""
    return np.uint32(bits << 23)


_EXPONENT = np.uint32(0x7F800000)
"""The exponent's bits of a float32; those of a value, alone, are the power of two below it."""

# For each format: the smallest normal number, below which the spacing no longer shrinks; the number of fraction bits
# that are lost, 23 less its own; and the magnitude from which values round to infinity (E4M3 has none, but NaN). A
# value halfway between two neighbours goes to the one whose last bit is 0.
_F16_NORMAL, _F16_DROP, _F16_LIMIT = _bits(2.0**-14), _drop(13), np.float32(65520.0)
_E4M3_NORMAL, _E4M3_DROP, _E4M3_LIMIT = _bits(2.0**-6), _drop(20), np.nextafter(np.float32(464.0), np.float32(500.0))
_E5M2_NORMAL, _E5M2_DROP, _E5M2_LIMIT = _bits(2.0**-14), _drop(21), np.float32(61440.0)
_BF16_LIMIT = np.uint32(0x7F7F8000).view(np.float32)

_THRESHOLDS = np.array(
    [
        # rounds to 0 up to        rounds to a subnormal or 0 below            overflows from
        (2.0**-25, 2.0**-14 - 2.0**-25, _F16_LIMIT),
        (2.0**-134, 2.0**-126 - 2.0**-134, _BF16_LIMIT),
        (2.0**-10, 2.0**-6 - 2.0**-10, _E4M3_LIMIT),
        (2.0**-17, 2.0**-14 - 2.0**-17, _E5M2_LIMIT),
    ],
    np.float32,
)


@exact
def _lost(a: np.float32, exponent: np.uint32, normal: np.uint32, drop: np.uint32) -> np.float32:
    """What a magnitude loses when it is rounded: ``a`` minus its rounded value, see the example of this module.

    Args:
        a: not negative, below the limit of the format.
        exponent: the bits of the power of two below ``a``.
        normal: the bits of the format's smallest normal number.
        drop: the number of fraction bits that are lost, at the place of the exponent.
    """
    magic = np.uint32(max(exponent, normal) + drop).view(np.float32)
    return np.float32(a - ((a + magic) - magic))


@jit
def cast32(x: npt.NDArray[np.float32], noise: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> None:
    """Add up what rounding float32 values to each of :data:`reporter.measuring.kernels.sizes.FORMATS` loses.

    Args:
        x: the values; NaN and infinities count as overflows.
        noise: shape (4,), by format: Σ(x − rounded)² over the values that do not overflow, added to.
        counts: shape (4, 3), by format: how many values (overflow or are not finite, become 0 or are 0, become
            subnormal), added to.
    """
    for first in range(0, x.size, ROUNDING_BLOCK):
        block = x[first : first + ROUNDING_BLOCK]
        _noise32(block, noise)
        for f in range(len(_THRESHOLDS)):
            over, zero, small = _count32(block, _THRESHOLDS[f, 0], _THRESHOLDS[f, 1], _THRESHOLDS[f, 2])
            counts[f, 0] += over
            counts[f, 1] += zero
            counts[f, 2] += small - zero


@inner
def _noise32(x: npt.NDArray[np.float32], noise: npt.NDArray[np.float64]) -> None:
    """Add to ``noise``, by format, Σ(x − rounded)² over the values that do not overflow."""
    f16 = 0.0
    bf16 = 0.0
    e4m3 = 0.0
    e5m2 = 0.0
    none = np.float32(0.0)
    for i in range(x.size):
        a = np.float32(abs(x[i]))
        b = np.float32(a).view(np.uint32)
        exponent = np.uint32(b & _EXPONENT)
        d = np.float64(_lost(a, exponent, _F16_NORMAL, _F16_DROP) if a < _F16_LIMIT else none)
        f16 += d * d
        d = np.float64(_lost(a, exponent, _E4M3_NORMAL, _E4M3_DROP) if a < _E4M3_LIMIT else none)
        e4m3 += d * d
        d = np.float64(_lost(a, exponent, _E5M2_NORMAL, _E5M2_DROP) if a < _E5M2_LIMIT else none)
        e5m2 += d * d
        # bfloat16 is the upper half of a float32 and is rounded on the bits: for its largest numbers the power of two
        # to add would be beyond float32.
        odd = (b >> np.uint32(16)) & np.uint32(1)
        rounded = np.uint32((b + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)).view(np.float32)
        d = np.float64(a - rounded if a < _BF16_LIMIT else none)
        bf16 += d * d
    noise[0] += f16
    noise[1] += bf16
    noise[2] += e4m3
    noise[3] += e5m2


@inner
def _count32(
    x: npt.NDArray[np.float32], zero_until: np.float32, small_below: np.float32, over_from: np.float32
) -> tuple[np.int32, np.int32, np.int32]:
    """Numbers of magnitudes (not below ``over_from``, up to ``zero_until``, below ``small_below``)."""
    over = np.int32(0)  # counters as wide as the values: with 64 bits, half as many fit into a vector register
    zero = np.int32(0)
    small = np.int32(0)
    for i in range(x.size):
        a = np.float32(abs(x[i]))
        over = np.int32(over + np.int32(not a < over_from))
        zero = np.int32(zero + np.int32(a <= zero_until))
        small = np.int32(small + np.int32(a < small_below))
    return over, zero, small


@jit
def int8_noise(x: npt.NDArray[np.floating[Any]], scale: float, inverse: float) -> float:
    """The squared error of symmetric int8 quantisation with one scale: Σ(x − scale · rint(x / scale))².

    Args:
        x: values; those that are not finite are left out.
        scale: distance of two levels.
        inverse: 1 / scale; 0 where the scale is 0, so that the values themselves are the error.
    """
    total = 0.0
    for i in range(x.size):
        v = np.float64(x[i])
        d = v - scale * np.rint(v * inverse)
        total += d * d if abs(v) < np.inf else 0.0
    return total


@inner
def _int8_noise_by_value(
    x: npt.NDArray[np.floating[Any]], scales: npt.NDArray[np.float64], inverses: npt.NDArray[np.float64]
) -> float:
    """As :func:`int8_noise`, with a scale and its inverse for each value."""
    total = 0.0
    for i in range(x.size):
        v = np.float64(x[i])
        d = v - scales[i] * np.rint(v * inverses[i])
        total += d * d if abs(v) < np.inf else 0.0
    return total


@jit
def int8_noise_by_unit(
    x: npt.NDArray[np.floating[Any]],
    start: int,
    period: int,
    stride: int,
    scales: npt.NDArray[np.float64],
    inverses: npt.NDArray[np.float64],
) -> float:
    """As :func:`int8_noise`, with a scale per output unit.

    Args:
        x: values; those that are not finite are left out.
        start: position of ``x[0]`` in the tensor, in C order.
        period: number of values after which the units repeat.
        stride: number of neighbours that share a scale. If it is 1, there is a scale for each value of the period, and
            the pattern may be repeated beyond the period, so that a short one does not make short loops.
        scales: distance of two levels: by unit where ``stride`` is above 1, else by position in the period.
        inverses: 1 / scale or 0, same length.
    """
    total = 0.0
    i = 0
    while i < x.size:
        at = (start + i) % period
        if stride == 1:
            n = min(scales.size - at, x.size - i)
            total += _int8_noise_by_value(x[i : i + n], scales[at : at + n], inverses[at : at + n])
        else:
            n = min(stride - at % stride, x.size - i)
            total += int8_noise(x[i : i + n], scales[at // stride], inverses[at // stride])
        i += n
    return total


@jit
def groups_2_4(
    x: npt.NDArray[np.floating[Any]], start: int, length: int, stride: int, zeros: npt.NDArray[np.uint8]
) -> int:
    """Count the groups of 4 along an axis that have at least 2 zeros, as hardware for 2:4 sparsity needs them.

    A group counts when its last value is met, so a tensor may be passed in any number of parts, in order.

    Args:
        x: the next values.
        start: position of ``x[0]`` in the tensor, in C order.
        length: of the axis. The last ``length % 4`` values along it form no group.
        stride: distance of neighbours along the axis, in values.
        zeros: uint8, shape (stride,): the zeros found so far in the groups that are not complete. It starts as all
            zeros and is handed from call to call.

    Returns:
        The number of groups, among those completed by ``x``, with at least 2 zeros.
    """
    whole = length - length % 4
    found = 0
    at = (start // stride) % length
    lane = start % stride
    for i in range(x.size):
        if at < whole:
            seen = zeros[lane] + np.uint8(x[i] == 0)
            if at % 4 == 3:
                found += int(seen >= 2)
                seen = 0
            zeros[lane] = seen
        lane += 1
        if lane == stride:
            lane = 0
            at += 1
            if at == length:
                at = 0
    return found
