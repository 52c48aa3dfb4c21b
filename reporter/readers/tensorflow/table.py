"""Tables in LevelDB's format, the container of every ``.index`` file: bytes in, sorted (key, value) pairs out.

Layout: https://github.com/google/leveldb/blob/main/doc/table_format.md and tensorflow/core/lib/io/table.cc.
The whole file is handed in: an index is small, its blocks lie close together, and every one is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint
from reporter.readers.files.crc32c import extend, mask
from reporter.readers.files.wire import WireError, varint
from reporter.readers.tensorflow.head import FOOTER_BYTES, MAGIC
from reporter.readers.tensorflow.snappy import decompress

MAX_ENTRIES = 200_000
"""The largest public models have some 10,000 variables, some in parts; what is made of an entry takes about 2 kB."""

MAX_KEY_BYTES = 16 << 10
"""Keys are object paths; TensorFlow's longest real ones stay below 1 KiB."""

MAX_KEYS_BYTES = 64 << 20
"""320 for each entry. Prefix compression lets a few bytes stand for a whole key, so their sum needs its own bound."""

MAX_BLOCK_BYTES = 16 << 20
"""Of a compressed block when expanded: TensorFlow cuts blocks at 256 KiB, so this leaves room for a huge value."""

MAX_EXPANDED_BYTES = 128 << 20
"""Of all blocks together when expanded: snappy turns three bytes into 64."""

_TRAILER_BYTES = 5  # type byte, masked crc32c
_RAW, _SNAPPY = 0, 1


def read_table(data: bytes, path: Path) -> list[tuple[bytes, bytes]]:
    """All entries of a table in key order, every block's checksum verified.

    Args:
        data: the whole file.
        path: named in errors.

    Raises:
        CorruptCheckpoint: no footer, a handle outside the file, a failed checksum, entries out of order.
        RefusedCheckpoint: more entries, longer keys or larger blocks than any real index has.
    """
    try:
        return _read(data, path)
    except WireError as exc:
        raise CorruptCheckpoint(path, f"the index is damaged: {exc}") from exc


def _read(data: bytes, path: Path) -> list[tuple[bytes, bytes]]:
    if len(data) < FOOTER_BYTES:
        raise CorruptCheckpoint(path, f"an index has at least {FOOTER_BYTES} bytes, this file {len(data)}")
    if data[-len(MAGIC) :] != MAGIC:
        raise CorruptCheckpoint(path, "the index does not end in its magic number: it is cut off or overwritten")
    footer = len(data) - FOOTER_BYTES
    meta_offset, meta_size, at = _handle(data, footer, len(data) - len(MAGIC))
    index_offset, index_size, _ = _handle(data, at, len(data) - len(MAGIC))
    _block(data, meta_offset, meta_size, footer, path)

    entries: list[tuple[bytes, bytes]] = []
    last, free, total, expanded = b"", 0, 0, 0
    for _, handle in _entries(_block(data, index_offset, index_size, footer, path), path):
        offset, size, _ = _handle(handle, 0, len(handle))
        if offset < free:  # otherwise a small file could make one block be decoded any number of times
            raise CorruptCheckpoint(path, f"the index is damaged: the block at byte {offset} overlaps the one before")
        free = offset + size + _TRAILER_BYTES
        block = _block(data, offset, size, footer, path)
        expanded += len(block)
        if expanded > MAX_EXPANDED_BYTES:
            raise RefusedCheckpoint(path, f"its index expands to more than {MAX_EXPANDED_BYTES} bytes")
        for key, value in _entries(block, path):
            if entries and key <= last:
                raise CorruptCheckpoint(path, f"the index is damaged: key {key!r} is out of order")
            last, total = key, total + len(key)
            entries.append((key, value))
            if len(entries) > MAX_ENTRIES or total > MAX_KEYS_BYTES:
                raise RefusedCheckpoint(path, f"the index declares more than {MAX_ENTRIES} entries or 256 MiB of keys")
    return entries


def _handle(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    offset, at = varint(data, at, end)
    size, at = varint(data, at, end)
    return offset, size, at


def _block(data: bytes, offset: int, size: int, end: int, path: Path) -> bytes:
    if offset + size + _TRAILER_BYTES > end:
        raise CorruptCheckpoint(path, f"the index is damaged: a block of {size} bytes at {offset} lies outside it")
    content = data[offset : offset + size + 1]  # the checksum covers the type byte
    stored = int.from_bytes(data[offset + size + 1 : offset + size + _TRAILER_BYTES], "little")
    if mask(extend(0, content)) != stored:
        raise CorruptCheckpoint(path, f"the index is damaged: the block at byte {offset} fails its crc32c")
    kind = content[-1]
    if kind == _SNAPPY:
        return decompress(content[:-1], MAX_BLOCK_BYTES)
    if kind != _RAW:
        raise CorruptCheckpoint(path, f"the index is damaged: the block at byte {offset} has unknown type {kind}")
    return content[:-1]


def _entries(block: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    end = _entries_end(block, path)
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at, end)
        unshared, at = varint(block, at, end)
        length, at = varint(block, at, end)
        if shared > len(key) or unshared + length > end - at:
            raise CorruptCheckpoint(path, "the index is damaged: an entry runs past its block")
        if shared + unshared > MAX_KEY_BYTES:
            raise RefusedCheckpoint(path, f"the index holds a key of {shared + unshared} bytes")
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _entries_end(block: bytes, path: Path) -> int:
    """Where the entries end and the restart array begins; its offsets must rise and lie within the entries."""
    count = int.from_bytes(block[-4:], "little") if len(block) >= 4 else 0
    end = len(block) - 4 * (count + 1)
    if count == 0 or end < 0:
        raise CorruptCheckpoint(path, "the index is damaged: a block has no restart array")
    previous = -1
    for at in range(end, len(block) - 4, 4):
        restart = int.from_bytes(block[at : at + 4], "little")
        if restart <= previous or restart > end:
            raise CorruptCheckpoint(path, "the index is damaged: a restart array is out of order")
        previous = restart
    return end
