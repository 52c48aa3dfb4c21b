"""Scales: map numbers to positions, linearly or logarithmically, and choose a few round ticks.

They work for any float64, also where differences of two numbers overflow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reporter import numerals

Array = npt.NDArray[np.float64]

SMALLEST = 5e-324
"""The smallest positive float64."""


class Scale(Protocol):
    """Maps numbers to positions, usually in CSS pixels.

    Attributes:
        low: the smallest number of the range.
        high: the largest number of the range.
    """

    low: float
    high: float

    def __call__(self, values: npt.ArrayLike) -> Array:
        """The positions of numbers, of the same shape; NaN stays NaN."""
        ...

    def ticks(self, wanted: int) -> list[float]:
        """Round numbers within the range, ascending, about ``wanted`` of them."""
        ...


LEAST_SPAN = 0.01
"""Share of a level that an axis shows on either side of it at least: less is magnified into a change that is none."""


def widened(low: float, high: float) -> tuple[float, float]:
    """A range that shows a level, however little varies about it, with :data:`LEAST_SPAN` of it on either side.

    >>> widened(0.99, 1.09), widened(100.0, 100.0)
    ((0.99, 1.09), (99.0, 101.0))
    """
    middle = low / 2 + high / 2
    least = LEAST_SPAN * abs(middle)
    return (low, high) if high / 2 - low / 2 >= least else (middle - least, middle + least)


class Linear:
    """A scale on which equal differences have equal distances.

    A range of a single number is widened around it.

    Args:
        low: the smallest number of the range.
        high: the largest number of the range.
        start: position of ``low``.
        stop: position of ``high``.

    >>> scale = Linear(0.0, 0.9, 0.0, 90.0)
    >>> scale([0.3]).tolist(), scale.ticks(4)
    ([30.0], [0.0, 0.25, 0.5, 0.75])
    """

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        if not high > low:
            around = abs(low) / 2 or 1.0
            low, high = low - max(around, SMALLEST), low + max(around, SMALLEST)
        limit = float(np.finfo(np.float64).max)
        self.low, self.high = max(low, -limit), min(high, limit)
        self._start, self._stop = start, stop
        # The difference of two float64 numbers may overflow; the difference of their halves does not.
        self._factor = 1.0 if math.isfinite(self.high - self.low) else 0.5

    def __call__(self, values: npt.ArrayLike) -> Array:
        """The positions of numbers, of the same shape; NaN stays NaN."""
        low, high = self.low * self._factor, self.high * self._factor
        share = (np.asarray(values, np.float64) * self._factor - low) / (high - low)
        return self._start + (self._stop - self._start) * share

    def ticks(self, wanted: int) -> list[float]:
        """Multiples of 1, 2, 2.5 or 5 times a power of ten within the range, about ``wanted`` of them."""
        step = _round_up((self.high / 2 - self.low / 2) / max(wanted, 1) * 2)
        # If the step is only a few units in the last place, its multiples are rounded to the same number.
        if not math.isfinite(step) or step < 8 * math.ulp(max(abs(self.low), abs(self.high))):
            return [self.low, self.high]
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        decimals = 1 - math.floor(math.log10(step))
        found = [_rounded(k * step, decimals) for k in range(first, last + 1)]
        return found or self.ticks(wanted + 1)


class Log:
    """A scale on which equal ratios have equal distances.

    A range of a single number is widened by the power of ten below it.

    Args:
        low: the smallest number of the range, above 0.
        high: the largest number of the range.
        start: position of ``low``.
        stop: position of ``high``.

    >>> scale = Log(1.0, 1000.0, 0.0, 90.0)
    >>> scale([10.0, 0.0]).tolist(), scale.ticks(4)
    ([30.0, -inf], [1.0, 10.0, 100.0, 1000.0])
    """

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        if not low > 0:
            raise ValueError(f"a logarithmic scale cannot start at {low}")
        self._bottom, self._top = math.log10(low), math.log10(max(low, high))
        if self._top - self._bottom < 1e-9:
            self._bottom = self._top - 1.0
        self.low, self.high = low, max(low, high)
        self._start, self._stop = start, stop

    def __call__(self, values: npt.ArrayLike) -> Array:
        """The positions of numbers, of the same shape: minus infinity for 0 and below; NaN stays NaN."""
        numbers = np.asarray(values, np.float64)
        exponents = np.full(numbers.shape, -np.inf)
        np.log10(numbers, out=exponents, where=numbers > 0)
        exponents[np.isnan(numbers)] = np.nan
        return self._start + (self._stop - self._start) * (exponents - self._bottom) / (self._top - self._bottom)

    def ticks(self, wanted: int) -> list[float]:
        """Powers of ten within the range; if these are too few, also 2 and 5 times them, or other round numbers."""
        bottom, top = math.floor(self._bottom - 1e-9), math.ceil(self._top + 1e-9)
        stride = max(1, math.ceil((self._top - self._bottom) / max(wanted, 1)))
        powers = [k for k in range(bottom, top + 1) if k % stride == 0]
        for digits in ((1,), (1, 3), (1, 2, 5)):
            found = [t for k in powers for d in digits if self._shows(t := float(f"{d}e{k}"))]
            if len(found) >= min(3, wanted) or stride > 1:
                return found or self.ticks(wanted + 1)
        if self.high > self.low:
            return [t for t in Linear(self.low, self.high, 0.0, 1.0).ticks(wanted) if self._shows(t)]
        return [self.low]

    def _shows(self, tick: float) -> bool:
        return 0 < tick < math.inf and self._bottom - 1e-9 <= math.log10(tick) <= self._top + 1e-9


class Whole(Linear):
    """A scale of whole numbers, such as steps: there is no tick between two of them.

    >>> Whole(123.0, 124.0, 0.0, 1.0).ticks(5)
    [123.0, 124.0]
    """

    def ticks(self, wanted: int) -> list[float]:
        """See :meth:`Linear.ticks`."""
        return [t for t in super().ticks(wanted) if t == round(t)] or [self.low]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels of ticks, with as few digits as are needed to tell neighbours apart and to be right.

    >>> tick_labels([-0.25, 0.0, 0.25]), tick_labels([100.0001, 100.0002]), tick_labels([0.0, 2000.0])
    (['−0.25', '0', '0.25'], ['100.0001', '100.0002'], ['0', '2\\u202f000'])
    """
    # Halves, as differences of two float64 numbers may overflow, and a tick at the end of float64 when it is rounded.
    gap = min((b / 2 - a / 2 for a, b in pairwise(ticks)), default=float(np.finfo(np.float64).max))
    texts = []
    for digits in range(3, 18):
        texts = [numerals.in_full(float(t), digits) for t in ticks]
        exact = all(abs(float(f"{t:.{digits}g}") / 2 - t / 2) <= gap / 100 for t in ticks)
        if exact and len(set(texts)) == len(texts):
            break
    return texts


def count_labels(ticks: Sequence[float]) -> list[str]:
    """Labels of ticks that are counts.

    >>> count_labels([0.0, 20000.0, 4e9])
    ['0', '20\\u202f000', '4e+09']
    """
    return [numerals.integer(round(t)) if t < 1e7 else numerals.number(float(t), 3) for t in ticks]


def share_labels(ticks: Sequence[float]) -> list[str]:
    """Labels of ticks that are fractions of 1, as percentages.

    >>> share_labels([0.0, 0.001, 0.5])
    ['0 %', '0.1 %', '50 %']
    """
    return [f"{text} %" for text in tick_labels([100.0 * t for t in ticks])]


def _round_up(step: float) -> float:
    """The smallest number that is not below ``step`` among 1, 2, 2.5, 5 and 10 times powers of ten.

    >>> _round_up(0.021), _round_up(30.0)
    (0.025, 50.0)
    """
    if not (0 < step < math.inf):
        return math.inf
    exponent = math.floor(math.log10(step))
    for digits in ("1", "2", "2.5", "5", "10"):
        candidate = float(f"{digits}e{exponent}")
        if candidate >= step * (1 - 1e-9):
            return candidate
    return float(f"2e{exponent + 1}")


def _rounded(value: float, decimals: int) -> float:
    """A product without its rounding error: 3 × 0.1, which is 0.30000000000000004 in float64, becomes 0.3."""
    return round(value, decimals) + 0.0 if abs(decimals) < 300 else value
