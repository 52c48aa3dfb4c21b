"""Compiled loops over blocks of values for deployment readiness.

What rounding to a narrower float loses is computed in float32, where the difference is exact, and summed in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels.compiled import exact, inner, jit
from reporter.measuring.kernels.sizes import LANES


def _bits(value: float) -> np.uint32:
    return np.uint32(np.float32(value).view(np.uint32))


def _drop(bits: int) -> np.uint32:
    return np.uint32(bits << 23)


_EXPONENT = np.uint32(0x7F800000)
_F16_NORMAL, _F16_DROP, _F16_LIMIT = _bits(2.0**-14), _drop(13), np.float32(65520.0)
_E4M3_NORMAL, _E4M3_DROP, _E4M3_LIMIT = _bits(2.0**-6), _drop(20), np.nextafter(np.float32(464.0), np.float32(500.0))
_E5M2_NORMAL, _E5M2_DROP, _E5M2_LIMIT = _bits(2.0**-14), _drop(21), np.float32(61440.0)
_BF16_LIMIT = np.uint32(0x7F7F8000).view(np.float32)
# A magnitude from the limit on rounds to infinity (E4M3 has none: NaN); a tie goes to the even neighbour.

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
    """a minus a rounded: adding and subtracting a power of two whose last place is the format's rounds to nearest
    even."""
    magic = np.uint32(max(exponent, normal) + drop).view(np.float32)
    return np.float32(a - ((a + magic) - magic))


@jit
def cast32(x: npt.NDArray[np.float32], noise: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> None:
    """Add up what rounding float32 values to each of :data:`FORMATS` loses.

    Args:
        noise: shape (4,), gets Σ(x − rounded)² over the values that do not overflow.
        counts: shape (4, 3), get how many values (are beyond the format or not finite, become 0 or are 0, become
            subnormal).
    """
    for first in range(0, x.size, LANES):
        block = x[first : first + LANES]
        _noise32(block, noise)
        for f in range(len(_THRESHOLDS)):
            over, zero, small = _count32(block, _THRESHOLDS[f, 0], _THRESHOLDS[f, 1], _THRESHOLDS[f, 2])
            counts[f, 0] += over
            counts[f, 1] += zero
            counts[f, 2] += small - zero


@inner
def _noise32(x: npt.NDArray[np.float32], noise: npt.NDArray[np.float64]) -> None:
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
        # On the bits, as the power of two of the largest bfloat16 numbers would be beyond float32.
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
    over = np.int32(0)  # 32 bits, as wide as the values: twice as many at a time
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
    """Σ(x − scale · rint(x / scale))² over the finite values; ``inverse`` is 1 / scale, or 0 for a scale of 0."""
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
        start: index of x[0] in the tensor, in C order.
        period: number of values after which the units repeat.
        stride: values in a row that share a scale. If 1, the scales are those of consecutive values and may go on
            beyond the period, so that a short period makes no short loops.
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
    """How many complete groups of 4 along an axis end in these values with at least 2 zeros among them.

    Args:
        start: index of x[0] in the tensor, in C order.
        length, stride: of the axis; a rest of fewer than 4 values along it makes no group.
        zeros: shape (stride,), the zeros of the groups under way; starts as zeros and is kept between calls.
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
