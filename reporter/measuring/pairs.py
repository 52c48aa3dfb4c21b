"""Compare a tensor with itself in another checkpoint, value by value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.measuring import kernels
from reporter.measuring.accumulate import read_only
from reporter.measuring.codes import is_coded, widened
from reporter.measuring.pieces import PIECE_BYTES, Array, as_real, pieces
from reporter.measuring.wide import SQUARES
from reporter.model.change import Change
from reporter.model.changes import Changes, merge
from reporter.model.norms import distance, norm, overlap, root
from reporter.model.tensor import Contents, TensorSource


def partners(source: TensorSource, earlier: Sequence[Mapping[str, TensorSource]]) -> tuple[TensorSource | None, ...]:
    """Find a tensor in earlier checkpoints.

    Args:
        source: the tensor.
        earlier: for each earlier checkpoint its tensors by name.

    Returns:
        For each of them the tensor of the same name, shape and dtype, or None.
    """
    found = (names.get(source.info.name) for names in earlier)
    return tuple(one if one is not None and can_be_paired(one, source) else None for one in found)


def can_be_paired(before: TensorSource, after: TensorSource) -> bool:
    """Whether two tensors have the same shape and dtype, so that their values can be compared one by one."""
    return before.info.shape == after.info.shape and before.info.dtype == after.info.dtype


def is_recast(before: TensorSource, after: TensorSource) -> bool:
    """Whether two tensors hold floats of two types in one shape: their values can be compared, their bits cannot."""
    a, b = before.info, after.info
    return a.shape == b.shape and a.dtype != b.dtype and all(one.dtype.startswith(_FLOATS) for one in (a, b))


_FLOATS = ("float", "bfloat")

NARROW = 1 << 16
"""8- and 16-bit values that are widened at a time: what is made of them stays in the second-level cache. In pieces of
4 MiB, memory that is new each time took four fifths of the time."""


def change(before: Array, after: Array) -> Change:
    """Paired change between two pieces of equal length.

    Complex values are compared by their magnitudes. Values count as unchanged where their stored bits are equal; of two
    types, where the bits of their values as float64 are.
    """
    if before.dtype != after.dtype:
        before, after = as_real(before), as_real(after)
    sums = np.zeros(5)
    counts = np.zeros(4, np.int64)
    x, y = before, after
    if before.dtype == np.float32:
        kernels.compare(x, y, before.view(np.uint32), after.view(np.uint32), sums, counts)
    elif is_coded(before.dtype):
        for start in range(0, before.size, NARROW):
            some = slice(start, start + NARROW)
            (a, a_bits), (b, b_bits) = (widened(one[some]) for one in (before, after))
            kernels.compare(a, b, a_bits, b_bits, sums, counts)
    else:
        x, y = as_real(before), as_real(after)
        kernels.compare(x, y, *_bits(before, after), sums, counts)
    found = of_sums(before.size, sums.tolist(), counts.tolist())
    low, high = SQUARES
    if x.dtype == np.float64 and not all(low < s < high for s in sums[:3].tolist()):
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both], y[both]
        found = replace(found, distance=distance(x, y), norm_before=norm(x), norm_after=norm(y), overlap=overlap(x, y))
    return found


def of_sums(size: int, sums: Sequence[float], counts: Sequence[int]) -> Change:
    """The change of so many pairs from what :func:`reporter.measuring.kernels.pairs.compare` counted."""
    difference, old, new, product, largest = sums
    equal, left_out, bad_before, bad_after = counts
    norms = math.sqrt(difference), math.sqrt(old), math.sqrt(new), root(product)
    return Change(size, equal, *norms, largest, True, left_out, bad_before, bad_after)


def _bits(before: Array, after: Array) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Two arrays of integers that are equal exactly where the stored values are equal to the bit.

    They are made from the stored bits, not from the float64 values, which may round different integers to the same one.
    """
    width = before.dtype.itemsize
    if width == 16:
        same = (before.view(np.uint64) == after.view(np.uint64)).reshape(-1, 2).all(axis=1)
        return read_only(same.astype(np.uint64)), read_only(np.ones(before.size, np.uint64))
    unsigned = f"u{width}"
    return (
        read_only(before.view(unsigned).astype(np.uint64)),
        read_only(after.view(unsigned).astype(np.uint64)),
    )


def compare_tensors(before: TensorSource, after: TensorSource) -> Change | None:
    """Paired change between two tensors, or None where their shapes or dtypes differ.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    if not can_be_paired(before, after):
        return None
    return _paired(before, after)


def _paired(before: TensorSource, after: TensorSource) -> Change:
    if not before.info.size:
        return Change()
    size = PIECE_BYTES // max(before.info.itemsize, after.info.itemsize)
    pairs = zip(pieces(before.blocks(), size), pieces(after.blocks(), size), strict=True)
    return merge(change(a, b) for a, b in pairs)


def compare_recast(before: Contents, after: Contents) -> Changes:
    """Changes of the tensors that both checkpoints hold as floats of two types, by name, see :func:`is_recast`.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    old = {source.info.name: source for source in before.tensors}
    pairs = ((old.get(source.info.name), source) for source in after.tensors)
    return Changes.of({b.info.name: _paired(a, b) for a, b in pairs if a is not None and is_recast(a, b)})


def compare_contents(before: Contents, after: Contents) -> Changes:
    """Paired changes of every tensor that both checkpoints hold with the same name, shape and dtype, by name.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    old = {source.info.name: source for source in before.tensors}
    pairs = ((source.info.name, old.get(source.info.name), source) for source in after.tensors)
    changes = ((name, compare_tensors(a, b)) for name, a, b in pairs if a is not None)
    return Changes.of({name: change for name, change in changes if change is not None})
