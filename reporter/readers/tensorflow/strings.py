"""Scalar strings of a checkpoint: the object graph is one. Read whole, so they have a size limit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint
from reporter.readers.files.crc32c import extend, mask
from reporter.readers.files.wire import WireError, varint
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.dtypes import STRING
from reporter.readers.tensorflow.shards import Shards


def read_scalar_string(entry: Entry, shards: Shards, *, big_endian: bool, limit: int, path: Path, tensor: str) -> bytes:
    """The bytes of a scalar string, both checksums verified.

    On disk (WriteStringTensor, tensor_bundle.cc): the length as varint, the masked crc32c of the length as a fixed
    number of 4 or 8 bytes, the bytes. The entry's crc covers that fixed number, the inner checksum and the bytes.

    Raises:
        CorruptCheckpoint: not a scalar string, or a checksum or length is wrong.
        RefusedCheckpoint: larger than ``limit``.
    """
    if entry.dtype != STRING or entry.shape or entry.parts or not entry.size:
        raise CorruptCheckpoint(path, "not a scalar string", tensor=tensor)
    if entry.size > limit:
        raise RefusedCheckpoint(path, f"{entry.size} bytes where at most {limit} are read", tensor=tensor)
    data = shards[entry.shard].read(entry.offset, entry.size, tensor)
    try:
        length, at = varint(data, 0, len(data))
    except WireError as exc:
        raise CorruptCheckpoint(path, str(exc), tensor=tensor) from exc
    if at + 4 + length != len(data):
        raise CorruptCheckpoint(path, f"declares {length} bytes in an entry of {len(data)}", tensor=tensor)
    order: Literal["big", "little"] = "big" if big_endian else "little"
    crc = extend(0, length.to_bytes(4 if length < 1 << 32 else 8, order))
    if data[at : at + 4] != mask(crc).to_bytes(4, order):
        raise CorruptCheckpoint(path, "its length fails its crc32c", tensor=tensor)
    if mask(extend(crc, data[at:])) != entry.crc:
        raise CorruptCheckpoint(path, "its bytes fail their crc32c", tensor=tensor)
    return data[at + 4 :]
