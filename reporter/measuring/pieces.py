"""Cut tensors into pieces of 4 MiB for the kernels, the same ones for every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PIECE_BYTES = 4 << 20
"""Bytes of a piece: as many as readers hand on at a time, so that nothing needs to be copied, and for every dtype a
multiple of a kernel's block."""


def piece_size(dtype: np.dtype[Any]) -> int:
    """Number of values in a piece of :data:`PIECE_BYTES`, given their dtype."""
    return PIECE_BYTES // dtype.itemsize


def pieces(blocks: Iterable[Array], size: int = 0) -> Iterator[Array]:
    """Cut a stream of blocks into pieces of equal size, of which only the last is shorter.

    Formats hand on blocks of different sizes. The kernels see the same pieces for all of them, so that a model measured
    live or from any file gives the same floating-point sums.

    Args:
        blocks: one-dimensional arrays of one dtype.
        size: number of values per piece; 0 for :func:`piece_size`.

    Yields:
        Contiguous, aligned, read-only arrays.

    >>> [piece.tolist() for piece in pieces([np.arange(3), np.arange(3, 5)], size=2)]
    [[0, 1], [2, 3], [4]]
    """
    held: list[Array] = []
    have = 0
    for block in blocks:
        size = size or piece_size(block.dtype)
        start = 0
        while have + block.size - start >= size:
            stop = start + size - have
            held.append(block[start:stop])
            yield _joined(held)
            held, have = [], 0
            start = stop
        if start < block.size:
            held.append(block[start:])
            have += block.size - start
    if held:
        yield _joined(held)


def _joined(parts: list[Array]) -> Array:
    """One contiguous, aligned, read-only array; a single part that is all of this already is not copied."""
    piece = np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)
    piece = np.require(piece, requirements="A").view()
    piece.setflags(write=False)
    return piece


def as_real(values: Array) -> npt.NDArray[np.float64]:
    """Values as float64; complex numbers by their magnitude."""
    return np.abs(values).astype(np.float64, copy=False) if values.dtype.kind == "c" else to_float64(values)


def to_float64(values: Array) -> npt.NDArray[np.float64]:
    """Values of any real dtype, ml_dtypes included, as float64."""
    with np.errstate(invalid="ignore"):  # a signalling NaN raises the flag
        if values.dtype.kind == "V" or values.dtype.name in _EXTENDED:
            return values.astype(np.float32).astype(np.float64)  # exact: they all fit float32
        return values.astype(np.float64, copy=False)


_EXTENDED = frozenset(name for name in dir(ml_dtypes) if name.startswith(("bfloat", "float", "int", "uint")))
"""Names of the dtypes that ml_dtypes adds to numpy, such as bfloat16, float8_e4m3fn and int4."""
