"""Euclidean norms in float64's whole range: values are scaled by a power of two before they are squared.

The square of a value beyond 1e154 overflows, and that of one below 1e-162 is 0. Scaling by powers of two is exact, so
whatever needs no scaling has the same norm, to the bit, with it and without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


def scaled(value: float, exponent: int) -> float:
    """``value · 2**exponent``, infinite where that leaves float64.

    >>> scaled(3.0, 2), scaled(-1.0, 5000)
    (12.0, -inf)
    """
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)


def root(total: float) -> float:
    """The square root with the sign of what it is taken of.

    >>> root(-4.0)
    -2.0
    """
    return math.copysign(math.sqrt(abs(total)), total)


def exponents(values: Floats, axis: int | None = None) -> npt.NDArray[np.int64]:
    """Powers of two just above the largest magnitude, 0 where all values are 0; the axis is kept if one is given.

    >>> exponents(np.array([3.0, -5.0])), exponents(np.array([[1e300], [0.0]]), 1).ravel()
    (array(3), array([997,   0]))
    """
    largest = np.abs(values).max(axis, initial=0.0, keepdims=axis is not None)
    return np.asarray(np.frexp(largest)[1], np.int64)


def norm(values: Floats) -> float:
    """√Σx² of finite values.

    >>> [norm(np.array([3.0, 4.0]) * scale) / scale for scale in (1.0, 2.0**900, 2.0**-900)]
    [5.0, 5.0, 5.0]
    """
    exponent = int(exponents(values))
    return scaled(math.sqrt(float(np.square(np.ldexp(values, -exponent)).sum())), exponent)


def overlap(a: Floats, b: Floats) -> float:
    """√|Σab| with the sign of the sum, of finite values.

    >>> overlap(np.array([4e200]), np.array([-1e200]))
    -2e+200
    """
    ours, theirs = int(exponents(a)), int(exponents(b))
    theirs += (ours + theirs) % 2
    total = float((np.ldexp(a, -ours) * np.ldexp(b, -theirs)).sum())
    return scaled(root(total), (ours + theirs) // 2)


def distance(a: Floats, b: Floats) -> float:
    """‖b − a‖ of finite values."""
    with np.errstate(over="ignore"):
        difference = b - a
    if np.isfinite(difference).all():
        return norm(difference)
    return 2.0 * norm(b / 2 - a / 2)


def together(parts: npt.NDArray[np.float64], groups: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """The norms of vectors from those of their parts, added up from the first to the last; of overlaps alike.

    Args:
        parts: shape (parts, columns).
        groups: rows of the parts of each vector, one or more.

    Returns:
        Shape (groups, columns).

    >>> together(np.array([[3.0, 1e300], [4.0, 1e-300], [-5.0, 0.0]]), [[0, 1], [0, 2]])
    array([[ 5.e+000,  1.e+300],
           [-4.e+000,  1.e+300]])
    """
    rows = np.array([row for group in groups for row in group], np.int64)
    sizes = np.array([len(group) for group in groups], np.int64)
    starts, total = np.cumsum(sizes) - sizes, np.zeros((len(groups), parts.shape[1]))
    if not len(rows):
        return total
    powers = np.frexp(np.maximum.reduceat(np.abs(parts[rows]), starts))[1]
    squares = np.ldexp(parts[rows], -np.repeat(powers, sizes, axis=0))
    squares *= np.abs(squares)
    with np.errstate(over="ignore", invalid="ignore"):
        if len(groups) == 1:
            total[0] = np.add.accumulate(squares, axis=0)[-1]
        else:
            for at in range(sizes.max()):
                longer = np.flatnonzero(sizes > at)
                total[longer] += squares[starts[longer] + at]
        return np.ldexp(np.copysign(np.sqrt(np.abs(total)), total), powers)
