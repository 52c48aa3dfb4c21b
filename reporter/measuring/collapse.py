"""How much of a weight matrix is left: what the rows of an embedding have in common, the effective rank of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.floating[Any]]

MOST_WIDTH = 1 << 16
"""Embeddings with longer rows are left out: the sum of all rows is kept."""

SIDE = 256
"""Inputs and outputs that are taken of a larger matrix: their eigenvalues take 5 ms, those of a side of 2,048 a second.
A matrix of few directions shows as few in any part of it, and one of many shows as many as the part is wide."""

LEAST_SIDE = 16
"""Least number of inputs and of outputs for which the rank is measured: of fewer directions, few is no collapse."""

GOLDEN = (5.0**0.5 - 1.0) / 2.0
"""Steps of this share of a whole fall evenly into it and never repeat, so that they fit no pattern of a convolution."""


class Common:
    """The share of an embedding's energy that is in the mean of its rows; values are taken in part by part.

    Rows that are all zero count as absent, such as those of padding. Each value is divided by the largest one, so that
    no square overflows.

    >>> common = Common((3, 2), largest=2.0)
    >>> for part in ([1.0], [2.0, 1.0, 2.0], [0.0, 0.0]):
    ...     common.add(np.array(part))
    >>> common.close()  # two equal rows, and one of zeros
    1.0
    """

    def __init__(self, shape: tuple[int, ...], largest: float) -> None:
        self._width = int(np.prod(shape[1:]))
        self._scale = 1.0 / largest
        self._sum = np.zeros(self._width)
        self._energy = 0.0
        self._rows = 0
        self._rest: Reals = np.empty(0)

    @classmethod
    def of(cls, shape: tuple[int, ...], axis: int, largest: float) -> Common | None:
        """A new measurement; None for what is no table of rows, or holds nothing but zeros.

        Args:
            shape: of the tensor.
            axis: of its rows.
            largest: its largest magnitude.
        """
        width = int(np.prod(shape[1:])) if len(shape) > 1 else 0
        usable = axis == 0 and 0 < width <= MOST_WIDTH and 0.0 < largest < np.inf and 1.0 / largest < np.inf
        return cls(shape, largest) if usable else None

    def add(self, values: Reals) -> None:
        """Add the next values of the tensor, in C order."""
        joined = np.concatenate([self._rest, values]) if len(self._rest) else values
        whole = len(joined) - len(joined) % self._width
        self._rest = joined[whole:]
        rows = joined[:whole].reshape(-1, self._width) * self._scale
        energy = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        self._sum += rows.sum(axis=0, dtype=np.float64)
        self._energy += float(energy.sum())
        self._rows += int(np.count_nonzero(energy))

    def close(self) -> float | None:
        """‖mean row‖² / mean ‖row‖², once every value was added; None where a value is not finite."""
        if not self._rows or not np.isfinite(self._energy) or not self._energy:
            return None
        return min(1.0, float(self._sum @ self._sum) / self._rows / self._energy)


class Rank:
    """The effective rank of a weight matrix, or of a part of a large one; values are taken in part by part.

    Outputs are brought to one length first, and those without any are left out, so that it tells how many directions
    there are: one output that is a thousand times as long as the others is no collapse.

    >>> rank = Rank((16, 16), axis=1)
    >>> rank.add(np.outer(np.arange(1.0, 17.0), np.ones(16)).ravel())  # of rank 1
    >>> round(rank.close(), 4)
    0.0625
    """

    def __init__(self, shape: tuple[int, ...], axis: int) -> None:
        outputs = shape[axis]
        after = int(np.prod(shape[axis + 1 :]))
        inputs = int(np.prod(shape)) // outputs
        chosen, units = _spread(inputs), _spread(outputs)
        # Input i of an output stands at (i // after) blocks of all outputs, and at i % after behind the output itself.
        places = (chosen // after * outputs * after + chosen % after)[:, None] + units[None, :] * after
        self._form = (len(chosen), len(units))
        self._order = np.argsort(places, axis=None)
        self._places = places.ravel()[self._order]
        self._values = np.zeros(len(self._places))
        self._position = 0

    @classmethod
    def of(cls, shape: tuple[int, ...], axis: int) -> Rank | None:
        """A new measurement; None for a matrix with hardly any inputs or outputs."""
        outputs = shape[axis]
        inputs = int(np.prod(shape)) // outputs if outputs else 0
        return cls(shape, axis) if min(inputs, outputs) >= LEAST_SIDE else None

    def add(self, values: Reals) -> None:
        """Add the next values of the tensor, in C order."""
        start, end = np.searchsorted(self._places, [self._position, self._position + values.size])
        self._values[start:end] = values[self._places[start:end] - self._position]
        self._position += values.size

    def close(self) -> float | None:
        """The effective rank / the smaller side, once every value was added.

        It is None where a value is not finite, and where hardly any output has weights.
        """
        largest = float(np.abs(self._values).max())
        if not 0.0 < largest < np.inf:
            return None
        flat = np.empty(len(self._values))
        flat[self._order] = self._values / largest
        matrix = flat.reshape(self._form)
        lengths = np.linalg.norm(matrix, axis=0)
        matrix = matrix[:, lengths > 0] / lengths[lengths > 0]
        if min(matrix.shape) < LEAST_SIDE:
            return None
        small = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        eigenvalues = np.linalg.eigvalsh(small.T @ small)
        # Rounding leaves eigenvalues of about 1e-16 of the largest, whose roots would add up to a few per cent.
        singular = np.sqrt(np.where(eigenvalues > EPSILON * eigenvalues[-1], eigenvalues, 0.0))
        return effective_rank(singular) / int(small.shape[1])


EPSILON = 1e-12
"""Share of the largest eigenvalue below which one is rounding: singular values below 10⁻⁶ of the largest."""


def _spread(count: int) -> npt.NDArray[np.int64]:
    """At most :data:`SIDE` of ``count`` indices, ascending, evenly spread without a period.

    >>> len(_spread(5)), len(_spread(1000)) > 0.8 * SIDE
    (5, True)
    """
    if count <= SIDE:
        return np.arange(count, dtype=np.int64)
    return np.unique((np.arange(SIDE) * GOLDEN % 1.0 * count).astype(np.int64))


def effective_rank(singular: Reals) -> float:
    """exp of the entropy of the singular values divided by their sum.

    Source: O. Roy, M. Vetterli, *The effective rank: a measure of effective dimensionality*, EUSIPCO 2007.

    >>> round(effective_rank(np.ones(4)), 12), effective_rank(np.array([2.0, 0.0]))
    (4.0, 1.0)
    """
    p = singular[singular > 0] / singular.sum()
    return float(np.exp(-(p * np.log(p)).sum()))
