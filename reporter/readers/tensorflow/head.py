"""What names, first and last bytes of TensorFlow's files tell, without all that reads them: every file is asked."""

from __future__ import annotations

import os
from pathlib import Path

from reporter.readers.files.wire import WireError, fields, varint
from reporter.readers.tensorflow.snappy import beginning

MAGIC = bytes.fromhex("57fb808b247547db")
"""Last eight bytes: 0xdb4775248b80fb57 in little-endian order."""

FOOTER_BYTES = 48
"""Two block handles of at most 20 bytes each, zero padding, magic."""

MAX_SHARDS = 99_999
"""Shard numbers have five digits in the file names."""


def first_entry(head: bytes) -> tuple[bytes, bytes] | None:
    r"""Key of the first entry and its value, as far as ``head``, the first bytes of a table, shows it; unchecked.

    >>> first_entry(bytes.fromhex("00000608011a020801001c105f43"))
    (b'', b'\x08\x01\x1a\x02\x08\x01')
    """
    return _first(head) or _first(beginning(head))


def _first(head: bytes) -> tuple[bytes, bytes] | None:
    try:
        shared, at = varint(head, 0, len(head))
        unshared, at = varint(head, at, len(head))
        length, at = varint(head, at, len(head))
    except WireError:
        return None
    if shared or at + unshared > len(head):
        return None
    at += unshared
    return head[at - unshared : at], head[at : at + length]


def header_shards(value: bytes) -> int:
    r"""Number of shards if this is the header of a V2 checkpoint, else 0; V1 files keep a message in the same field.

    >>> header_shards(b"\x08\x01\x1a\x02\x08\x01"), header_shards(b"\x0a\x04\x1a\x02\x08\x01")
    (1, 0)
    """
    try:
        found = next((field.raw for field in fields(value) if field.number == 1), 0)
    except WireError:
        return 0
    return found if isinstance(found, int) and found <= MAX_SHARDS else 0


def shard_path(prefix: Path, number: int, shards: int) -> Path:
    """The data file with this number.

    >>> shard_path(Path("run/ckpt-1"), 0, 2).name
    'ckpt-1.data-00000-of-00002'
    """
    return Path(f"{prefix}.data-{number:05d}-of-{shards:05d}")


def index_path(prefix: Path) -> Path:
    """The index file of a checkpoint.

    >>> index_path(Path("run/model.ckpt-5")).name
    'model.ckpt-5.index'
    """
    return Path(f"{os.fspath(prefix)}.index")
