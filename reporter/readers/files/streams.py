"""Streams the values of one HDF5 dataset in blocks of a few MiB, whatever its layout on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.files.window import Window

Array = npt.NDArray[np.generic]
Slab = tuple[slice, ...]

SLAB_BYTES = 64 << 20
"""Most that one read through HDF5 may take: a row of chunks is read at once where it fits, so that none is
decompressed twice."""


@dataclass(frozen=True, slots=True)
class DirectStream:
    """Little-endian values that lie in one piece: read straight from the file.

    Attributes:
        position: of the first byte in the window.
        stored: dtype of the bytes.
        dtype: dtype of the values; of the same size.
    """

    window: Window
    position: int
    size: int
    stored: np.dtype[Any]
    dtype: np.dtype[Any]

    def blocks(self, tensor: str) -> Iterator[Array]:
        """Yield the values as 1-D arrays.

        Raises:
            CheckpointError: the file is shorter than it was.
        """
        width = self.stored.itemsize
        self.window.expect(self.position, self.size * width)
        step = max(BLOCK_BYTES // width, 1)
        for start in range(0, self.size, step):
            count = min(step, self.size - start)
            block = self.window.block(self.position + start * width, count * width, tensor)
            yield native(block.view(self.stored), self.dtype)


@dataclass(frozen=True, slots=True)
class SlabStream:
    """Values that HDF5 has to assemble (chunks, filters, big-endian, fill values): read in slabs in C order.

    Attributes:
        read: a slab's values as the file has them; raises CheckpointError.
        chunk: shape of a chunk, or () where there are none.
    """

    read: Callable[[Slab, str], Array]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...] = ()

    def blocks(self, tensor: str) -> Iterator[Array]:
        """Yield the values as 1-D arrays.

        Raises:
            CheckpointError: HDF5 could not read them.
        """
        if 0 in self.shape:
            return
        step = max(BLOCK_BYTES // self.dtype.itemsize, 1)
        for slab in slabs(self.shape, self.dtype.itemsize, self.chunk):
            values = native(np.ascontiguousarray(self.read(slab, tensor)).reshape(-1), self.dtype)
            for start in range(0, values.size, step):
                yield values[start : start + step]


def native(values: Array, dtype: np.dtype[Any]) -> Array:
    """The same values in native byte order, as ``dtype``; any byte but 0 is True, opaque bytes are reinterpreted.

    >>> native(np.array([1, 2], ">i2"), np.dtype("int16")), native(np.array([0, 7], "u1"), np.dtype(bool))
    (array([1, 2], dtype=int16), array([False,  True]))
    """
    if dtype == np.bool_:
        return np.not_equal(values.view(np.uint8), 0)
    if values.dtype.kind == "V":
        return values.view(dtype)
    return values.astype(dtype, copy=False)


def slabs(shape: Sequence[int], itemsize: int, chunk: Sequence[int] = ()) -> Iterator[Slab]:
    """Cut an array into slabs along its first axes, in C order, along chunk borders where that fits.

    >>> [(rows.start, rows.stop) for rows, _ in slabs((5, 2), 4 << 20, (2, 2))]
    [(0, 2), (2, 4), (4, 5)]
    """
    if not shape or math.prod(shape) * itemsize <= BLOCK_BYTES:
        yield tuple(slice(0, n) for n in shape)
        return
    row = math.prod(shape[1:]) * itemsize
    height = chunk[0] if chunk else 1
    if row <= BLOCK_BYTES or row * height <= SLAB_BYTES:
        rows = max(BLOCK_BYTES // row, 1)
        if rows > height:
            rows -= rows % height
        elif row * height <= SLAB_BYTES:
            rows = height
        for start in range(0, shape[0], rows):
            yield (slice(start, min(start + rows, shape[0])), *(slice(0, n) for n in shape[1:]))
        return
    for i in range(shape[0]):
        for rest in slabs(shape[1:], itemsize, chunk[1:]):
            yield (slice(i, i + 1), *rest)
