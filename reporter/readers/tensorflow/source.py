"""The values of a tensor as a stream of blocks, its crc32c verified in the first full pass."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import CorruptCheckpoint
from reporter.model.tensor import TensorInfo
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.files.crc32c import extend, mask
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.dtypes import NumericType
from reporter.readers.tensorflow.shards import Shards
from reporter.readers.tensorflow.slices import Box

Array = npt.NDArray[Any]


class WholeTensor:
    """A tensor stored in one piece; a :class:`reporter.model.tensor.TensorSource`."""

    def __init__(self, info: TensorInfo, entry: Entry, kind: NumericType, shards: Shards, big_endian: bool) -> None:
        self._info = info
        self._part = _Part(entry, kind, shards, big_endian, info.key)

    @property
    def info(self) -> TensorInfo:
        """What is known without reading the values."""
        return self._info

    def blocks(self) -> Iterator[Array]:
        """Yield the values in C order; the last block only once the checksum of the whole has been found right.

        Raises:
            reporter.errors.CheckpointError: the checksum differs, or the file changed since it was opened.
        """
        step = BLOCK_BYTES // self._info.itemsize
        reader = self._part.reader()
        for start in range(0, self._info.size, step):
            yield reader.take(start, min(step, self._info.size - start))


class PartitionedTensor:
    """A tensor stored in parts, put together block by block; a :class:`reporter.model.tensor.TensorSource`.

    A block is a range along one axis with all later axes whole. What a part contributes to it is then one contiguous
    piece of that part's bytes, and in the course of a pass each part is read once, from its start to its end.
    """

    def __init__(self, info: TensorInfo, entry: Entry, kind: NumericType, shards: Shards, big_endian: bool) -> None:
        self._info = info
        self._kind = kind
        self._buffers = shards.buffers
        self._parts = [(box, _Part(part, kind, shards, big_endian, info.key)) for box, part in entry.parts]

    @property
    def info(self) -> TensorInfo:
        """What is known without reading the values."""
        return self._info

    def blocks(self) -> Iterator[Array]:
        """Yield the values in C order.

        Raises:
            reporter.errors.CheckpointError: the checksum of a part differs, or a file changed since it was opened.
        """
        shape = self._info.shape
        if not self._info.size:
            return
        axis, rows = _block_rows(shape, self._info.itemsize)
        readers = [(box, part.reader()) for box, part in self._parts]
        for outer in product(*(range(size) for size in shape[:axis])):
            ahead = sorted((p for p in readers if _holds(p[0], outer)), key=lambda p: p[0].starts[axis], reverse=True)
            near: list[tuple[Box, _Reader]] = []
            for first in range(0, shape[axis], rows):
                stop = min(first + rows, shape[axis])
                near = [(box, r) for box, r in near if box.starts[axis] + box.lengths[axis] > first]
                while ahead and ahead[-1][0].starts[axis] < stop:
                    near.append(ahead.pop())
                yield self._assemble(near, outer, first, stop)

    def _assemble(self, parts: Sequence[tuple[Box, _Reader]], outer: tuple[int, ...], first: int, stop: int) -> Array:
        axis, shape = len(outer), self._info.shape
        inner = shape[axis + 1 :]
        memory = self._buffers.take((stop - first) * math.prod(inner) * self._kind.itemsize)
        block = memory.view(self._kind.numpy).reshape(stop - first, *inner)
        for box, reader in parts:
            low = max(first, box.starts[axis])
            high = min(stop, box.starts[axis] + box.lengths[axis])
            row = math.prod(box.lengths[axis + 1 :])
            start = 0  # of the row `low` in the part, counted in rows
            for index, begin, size in zip((*outer, low), box.starts, box.lengths[: axis + 1], strict=False):
                start = start * size + index - begin
            values = reader.take(start * row, (high - low) * row)
            where = (slice(low - first, high - first), *_slices(box, axis + 1))
            block[where] = values.reshape(high - low, *box.lengths[axis + 1 :])
        block.setflags(write=False)
        return block.reshape(-1)


class _Part:
    """A contiguous run of values in a shard, and whether its checksum has been found right."""

    def __init__(self, entry: Entry, kind: NumericType, shards: Shards, big_endian: bool, key: str) -> None:
        self.entry = entry
        self.kind = kind
        self.shards = shards
        self.swapped = big_endian != (sys.byteorder == "big")
        self.key = key
        self.verified = False

    def reader(self) -> _Reader:
        return _Reader(self)


class _Reader:
    """One pass over a part, front to back, in pieces that follow one another."""

    def __init__(self, part: _Part) -> None:
        self._part = part
        self._crc = 0
        self._checks = not part.verified

    def take(self, start: int, count: int) -> Array:
        """The next ``count`` values; ``start`` is the position behind the ones taken before."""
        part, entry = self._part, self._part.entry
        width = part.kind.itemsize
        shard = part.shards[entry.shard]
        if start == 0:
            shard.expect(entry.offset, entry.size)
        data = part.shards.buffers.take(count * width)
        shard.read_into(data, entry.offset + start * width, part.key)
        if self._checks:
            self._crc = extend(self._crc, data)
            if (start + count) * width == entry.size:
                if mask(self._crc) != entry.crc:
                    raise CorruptCheckpoint(shard.path, "its bytes fail their crc32c", tensor=part.key)
                part.verified = True
        return _native(data, part.kind, part.swapped)


def _native(data: npt.NDArray[np.uint8], kind: NumericType, swapped: bool) -> Array:
    unit = kind.itemsize // 2 if kind.numpy.kind == "c" else kind.itemsize  # a complex number is swapped in halves
    if swapped and unit > 1:
        data.view(f"u{unit}").byteswap(inplace=True)
    values = data.view(kind.numpy)
    values.setflags(write=False)
    return values


def _block_rows(shape: Sequence[int], itemsize: int) -> tuple[int, int]:
    """The first axis whose rows (all later axes whole) fit a block, and how many of them do."""
    for axis in range(len(shape)):
        row = math.prod(shape[axis + 1 :]) * itemsize
        if row <= BLOCK_BYTES:
            return axis, max(1, BLOCK_BYTES // row)
    raise AssertionError("one element is smaller than a block")


def _holds(box: Box, outer: tuple[int, ...]) -> bool:
    return all(b <= i < b + n for i, b, n in zip(outer, box.starts, box.lengths, strict=False))


def _slices(box: Box, axis: int) -> list[slice]:
    return [slice(b, b + n) for b, n in zip(box.starts[axis:], box.lengths[axis:], strict=True)]
