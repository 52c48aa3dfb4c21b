"""The pieces of a tensor that kernels see: the same for every format, of 4 MiB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PIECE_BYTES = 4 << 20
"""What readers hand on at a time, so that nothing is copied; a multiple of a kernel's block for every dtype."""


def piece_size(dtype: np.dtype[Any]) -> int:
    """Elements per piece."""
    return PIECE_BYTES // dtype.itemsize


def pieces(blocks: Iterable[Array], size: int = 0) -> Iterator[Array]:
    """Cut a stream of 1-D blocks into pieces of ``size`` elements (:func:`piece_size` if 0); only the last is shorter.

    Whatever the blocks of a format, and however many threads work on them, the kernels see the same pieces, so that a
    model measured live, or from any file, gives the same floating-point sums. Pieces are contiguous and read-only.
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
    piece = np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)
    piece = np.require(piece, requirements="A").view()
    piece.setflags(write=False)
    return piece


def as_real(values: Array) -> npt.NDArray[np.float64]:
    """Values as float64; complex numbers by their magnitude."""
    return np.abs(values).astype(np.float64) if values.dtype.kind == "c" else to_float64(values)


def to_float64(values: Array) -> npt.NDArray[np.float64]:
    """Values of any real dtype, ml_dtypes included, as float64."""
    if values.dtype.kind == "V" or values.dtype.name in _EXTENDED:
        with np.errstate(invalid="ignore"):  # a signalling NaN
            return values.astype(np.float32).astype(np.float64)  # exact: they all fit float32
    return values.astype(np.float64)


_EXTENDED = frozenset(name for name in dir(ml_dtypes) if name.startswith(("bfloat", "float", "int", "uint")))
