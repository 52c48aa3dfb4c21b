"""Partitioned tensors: the boxes they are cut into, and the binary keys under which each box is stored.

A partitioned tensor has one entry without data that lists its boxes, and one entry per box whose key is
``EncodeTensorNameSlice`` of tensorflow/core/util/saved_tensor_slice_util.cc. Keys are only ever *encoded* here, from
what the first entry lists, and looked up: nothing in a hostile key is decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reporter.frozen import dataclass
from reporter.readers.files.wire import WireError, fields

FULL = -1
"""Length of an axis that is not cut, as the keys encode it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a tensor: ``lengths[i]`` elements from ``starts[i]`` on each axis; :data:`FULL` is the whole axis."""

    starts: tuple[int, ...]
    lengths: tuple[int, ...]

    def within(self, shape: Sequence[int]) -> Box:
        """The same part with every length spelled out for a tensor of this shape.

        >>> Box((0, 2), (FULL, 3)).within((4, 5))
        Box(starts=(0, 2), lengths=(4, 3))
        """
        lengths = (size if length == FULL else length for size, length in zip(shape, self.lengths, strict=True))
        return Box(self.starts, tuple(lengths))


def parse_box(data: bytes) -> Box:
    """Read a TensorSliceProto.

    Raises:
        WireError: it is malformed.
    """
    starts: list[int] = []
    lengths: list[int] = []
    for extent in fields(data):
        if extent.number != 1:
            continue
        start, length = 0, FULL
        for field in fields(extent.data):
            if field.number == 1:
                start = field.signed
            elif field.number == 2:
                length = field.signed
                if length < 0:
                    raise WireError("a slice has a negative length")
        starts.append(start)
        lengths.append(length)
    return Box(tuple(starts), tuple(lengths))


def slice_key(name: bytes, box: Box) -> bytes:
    r"""The key under which TensorFlow stores this part of the tensor ``name``.

    >>> slice_key(b"w", Box((0, 0), (2, FULL)))
    b'\x00w\x00\x01\x01\x02\x80\x82\x80\x7f'
    """
    escaped = name.replace(b"\xff", b"\xff\x00").replace(b"\x00", b"\x00\xff")
    out = bytearray(_unsigned(0) + escaped + b"\x00\x01" + _unsigned(len(box.starts)))
    for start, length in zip(box.starts, box.lengths, strict=True):
        out += _signed(start) + _signed(length)
    return bytes(out)


def tiles(boxes: Sequence[Box], shape: Sequence[int]) -> bool:
    """Whether the boxes, with lengths spelled out, cover a tensor of this shape exactly once.

    They need not form a grid: MaxShardSizePolicy cuts what is left of a shard's size along a later axis
    (tensorflow/python/checkpoint/sharding/sharding_policies.py).

    >>> tiles([Box((0,), (2,)), Box((2,), (3,))], (5,)), tiles([Box((0,), (2,)), Box((1,), (4,))], (5,))
    (True, False)
    """
    for box in boxes:
        if len(box.starts) != len(shape):
            return False
        if any(b < 0 or n <= 0 or b + n > size for b, n, size in zip(box.starts, box.lengths, shape, strict=True)):
            return False
    if sum(math.prod(box.lengths) for box in boxes) != math.prod(shape):
        return False
    # The volumes add up, so it is enough that no two overlap. In order of the first axis few can.
    order = sorted(boxes, key=lambda box: box.starts)
    starts = np.array([box.starts for box in order], np.int64).reshape(len(order), len(shape))
    ends = starts + np.array([box.lengths for box in order], np.int64).reshape(starts.shape)
    for i in range(len(order) - 1):
        near = slice(i + 1, int(np.searchsorted(starts[:, 0], ends[i, 0])) if len(shape) else None)
        if ((starts[near] < ends[i]) & (ends[near] > starts[i])).all(axis=1).any():
            return False
    return True


# OrderedCode, tensorflow/core/lib/strings/ordered_code.cc: numbers whose encodings sort as they do.


def _unsigned(value: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(raw)]) + raw


def _signed(value: int) -> bytes:
    """The sign and the length in unary lead, in the first 1 to 10 bits, then the number in big-endian order."""
    bits = (~value if value < 0 else value).bit_length()
    size = bits // 7 + 1
    header = ((1 << size) - 1) << (7 * size)
    return ((value & ((1 << (8 * size)) - 1)) ^ header).to_bytes(size, "big")
