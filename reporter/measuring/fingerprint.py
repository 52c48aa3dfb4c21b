"""Sums of hashes of a tensor's values, which tell whether two tensors hold the same ones, and in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.measuring.pieces import Array, pieces
from reporter.model.tensor import TensorInfo, TensorSource

Sums = npt.NDArray[np.uint64]

LONGEST_AXIS = 1 << 22
"""Longest axis whose slices are told apart, for which it takes 32 MiB."""

MOST_AXES = 6
"""Most axes of tensors of which every order of axes is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """Of the values of one tensor; two zeros of different sign count as the same value.

    Attributes:
        shape: of the tensor.
        total: Σ of a hash of each value, modulo 2⁶⁴: the same for the same values in any order, and for no others but
            with a probability of about 2⁻⁶⁴.
        in_order: the same with each hash multiplied by an odd number of its position: tells the order as well.
        slices: for each axis of two or more places the sum of hashes in each slice, uint64, shape (length,).
    """

    shape: tuple[int, ...]
    total: int
    in_order: int
    slices: Mapping[int, Sums]

    def moved_to(self, other: Fingerprint) -> tuple[int, ...]:
        """Along which axes slices changed places, for a tensor of the same shape; empty where no axis explains it."""
        moved = tuple(k for k, sums in self.slices.items() if not np.array_equal(sums, other.slices[k]))
        whole = all(np.array_equal(np.sort(self.slices[k]), np.sort(other.slices[k])) for k in moved)
        return moved if whole else ()

    def transposed_to(self, other: Fingerprint) -> tuple[int, ...] | None:
        """Which axis of this tensor each axis of another one is; None where no other order of axes explains it."""
        axes = range(len(self.shape))
        if not 1 < len(axes) == len(other.shape) <= MOST_AXES:
            return None
        known = set(self.slices)
        for order in permutations(axes):
            if tuple(self.shape[k] for k in order) != other.shape or order == tuple(axes):
                continue
            pairs = [(k, j) for j, k in enumerate(order) if k in known]
            if pairs and all(j in other.slices and np.array_equal(self.slices[k], other.slices[j]) for k, j in pairs):
                return order
        return None


def can_be_hashed(info: TensorInfo) -> bool:
    """Whether a value of the tensor is one number of at most 64 bits."""
    return info.size > 0 and not info.dtype.startswith("complex")


def fingerprint(source: TensorSource, *, flipped: bool = False) -> Fingerprint:
    """Read a tensor once.

    Args:
        source: the tensor, which :func:`can_be_hashed`.
        flipped: of the values with the other sign.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    shape = source.info.shape
    slices = {k: np.zeros(n, np.uint64) for k, n in enumerate(shape) if 1 < n <= LONGEST_AXIS}
    total = in_order = start = 0
    for piece in pieces(source.blocks()):
        hashes = _hashed(-piece if flipped else piece)
        place = np.arange(start, start + piece.size)
        total += int(hashes.sum())
        in_order += int((hashes * (2 * place.astype(np.uint64) + np.uint64(1))).sum())
        # float64 weights are exact: a piece has at most 2^22 values, and 2^22 numbers of 31 bits add up to 53 bits.
        weights = (hashes >> np.uint64(33)).astype(np.float64)
        for k, sums in slices.items():
            within = place // math.prod(shape[k + 1 :]) % shape[k]
            sums += np.bincount(within, weights, shape[k]).astype(np.uint64)
        start += piece.size
    return Fingerprint(shape, total % 2**64, in_order % 2**64, slices)


def _hashed(values: Array) -> Sums:
    """A hash of each value: the finaliser of splitmix64 (S. Vigna, public domain) of its bits."""
    values = values + np.zeros(1, values.dtype)  # −0 + 0 is 0
    h = values.view(f"u{values.itemsize}").astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
