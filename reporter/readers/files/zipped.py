"""Untrusted zip archives: the central directory is measured before it is read, members are read where they lie.

A stored member is a window of the archive. A deflated one is inflated as a stream, which ends where its declared size
ends. Either way its CRC-32 is checked. Limits are those of keras/src/saving/saving_lib.py (CWE-409), which rejects a
member of more than a floor that inflates to more than 100 times its size.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    PartialCheckpoint,
    RefusedCheckpoint,
    UnsupportedCheckpoint,
    from_os,
)
from reporter.readers.files.block_size import CHECK_BYTES
from reporter.readers.files.window import Window

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC = b"PK\x03\x04"
EMPTY_MAGIC = b"PK\x05\x06"
"""An archive without members is its end record alone."""

BOMB_FLOOR = 256 << 20
"""Bytes; a member of fewer is harmless whatever its ratio."""

BOMB_RATIO = 100
MAX_MEMBER = 16 << 30
"""Bytes of one deflated member: it takes minutes to inflate, several times."""

MAX_MEMBERS = 65_536
"""What a zip archive without the zip64 extension can list; the largest models have some thousand variables."""

MAX_DIRECTORY = 32 << 20
"""Bytes of central directory: 500 for each member."""

_FOREIGN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ArithmeticError, LookupError, RuntimeError,
            TypeError, ValueError)  # fmt: skip
"""What zipfile raises on damaged archives."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn whatever zipfile raises into a CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except OSError as exc:
        if exc.errno:  # said by the operating system, such as of a full disk
            raise from_os(path, exc) from exc
        raise CorruptCheckpoint(path, f"the zip archive cannot be read: {exc}") from exc
    except _FOREIGN as exc:
        raise CorruptCheckpoint(path, f"the zip archive cannot be read: {exc or type(exc).__name__}") from exc


def open_zip(window: Window) -> zipfile.ZipFile:
    """Open the archive in a window; zipfile reads its whole central directory, so that is measured first.

    Raises:
        PartialCheckpoint: it has no central directory.
        RefusedCheckpoint: that is out of proportion, or lists two members of the same name.
        CorruptCheckpoint: it is damaged.
    """
    tail_at = max(window.length - 65_557, 0)  # 22 bytes and a comment of up to 65,535
    tail = window.bytes_at(tail_at, 65_557)
    at = tail.rfind(EMPTY_MAGIC)
    if at < 0 or at + 22 > len(tail):
        raise PartialCheckpoint(window.path, "no central directory: still being written, or truncated")
    with translated(window.path):
        members, size = struct.unpack_from("<HI", tail, at + 10)
        locator = tail.rfind(b"PK\x06\x07", 0, at)
        if (members == 0xFFFF or size == 0xFFFFFFFF) and 0 <= locator <= len(tail) - 16:
            (end64,) = struct.unpack_from("<Q", tail, locator + 8)
            members, size = struct.unpack("<QQ", window.bytes_at(end64 + 32, 16))
        if members > MAX_MEMBERS or size > MAX_DIRECTORY:
            raise RefusedCheckpoint(window.path, f"its central directory lists {members:,} members in {size:,} bytes")
        archive = zipfile.ZipFile(_Readable(window))
        if len(archive.infolist()) != members:
            reason = f"its central directory is damaged: {len(archive.infolist()):,} of {members:,} members are found"
            raise CorruptCheckpoint(window.path, reason)
        if len({info.filename for info in archive.infolist()}) != len(archive.infolist()):
            raise RefusedCheckpoint(window.path, "two members of the archive have the same name")
    return archive


def check_readable(path: Path, info: zipfile.ZipInfo) -> None:
    """Refuse what cannot be read, and what inflates out of proportion.

    Raises:
        RefusedCheckpoint: it is encrypted, or a zip bomb.
        UnsupportedCheckpoint: it is compressed with another method than deflate.
    """
    if info.flag_bits & 1:
        raise RefusedCheckpoint(path, f"{info.filename} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedCheckpoint(path, f"{info.filename} is compressed with zip method {info.compress_type}")
    size, packed = info.file_size, info.compress_size
    out_of_proportion = size > BOMB_FLOOR and size > BOMB_RATIO * packed
    if info.compress_type == zipfile.ZIP_DEFLATED and (size > MAX_MEMBER or out_of_proportion):
        raise RefusedCheckpoint(path, f"{info.filename} declares {size:,} bytes in {packed:,}: a zip bomb")


def stored(window: Window, info: zipfile.ZipInfo) -> Window:
    """The window of an uncompressed member, its local header and CRC-32 checked.

    Raises:
        CorruptCheckpoint: one of them is wrong.
    """
    part = place(window, info)
    part.expect(0, part.length)
    crc, buffer = 0, bytearray(min(CHECK_BYTES, part.length))
    for at in range(0, part.length, CHECK_BYTES):
        view = memoryview(buffer)[: min(CHECK_BYTES, part.length - at)]
        part.read_at(at, view)
        crc = zlib.crc32(view, crc)
    _check_crc(window.path, info, crc)
    return part


def place(window: Window, info: zipfile.ZipInfo) -> Window:
    """The window of a member's bytes as they are in the archive.

    Raises:
        CorruptCheckpoint: its local header is damaged, or it lies outside.
    """
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise CorruptCheckpoint(window.path, f"{info.filename} is stored, but declares two sizes")
    header = window.bytes_at(info.header_offset, 30)
    if len(header) < 30 or header[:4] != MAGIC:
        raise CorruptCheckpoint(window.path, f"the local header of {info.filename} is damaged")
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    # No CRC covers a name, but it is there twice; zipfile compares the two as well.
    name = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437", "replace")
    if window.bytes_at(info.header_offset + 30, name_length) != name:
        raise CorruptCheckpoint(window.path, f"{info.filename} has another name in its local header")
    start = info.header_offset + 30 + name_length + extra_length
    if start + info.compress_size > window.length:
        raise CorruptCheckpoint(window.path, f"{info.filename} lies outside the archive")
    return window.part(start, info.compress_size)


def inflated(window: Window, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a deflated member, about a MiB at a time; never more than it declares.

    Args:
        window: what :func:`place` gave.

    Raises:
        CorruptCheckpoint: it is damaged, does not end where it declares, or its CRC-32 is wrong.
    """
    path, name, left, crc = window.path, info.filename, info.file_size, 0
    inflater = zlib.decompressobj(-15)
    window.expect(0, window.length)
    with translated(path):
        for at in range(0, window.length, CHECK_BYTES):
            packed = window.bytes_at(at, CHECK_BYTES)
            more = True
            while more and not inflater.eof:
                block = inflater.decompress(packed, CHECK_BYTES)
                packed = inflater.unconsumed_tail
                more = bool(packed) or len(block) == CHECK_BYTES  # of a full block, some may still be held back
                left -= len(block)
                if left < 0:
                    raise CorruptCheckpoint(path, f"{name} holds more than the {info.file_size:,} bytes it declares")
                crc = zlib.crc32(block, crc)
                if block:
                    yield block
    if left or not inflater.eof:
        held = info.file_size - left
        raise CorruptCheckpoint(path, f"{name} holds {held:,} bytes, {info.file_size:,} are declared")
    _check_crc(path, info, crc)


def _check_crc(path: Path, info: zipfile.ZipInfo, crc: int) -> None:
    if crc != info.CRC:
        raise CorruptCheckpoint(path, f"{info.filename} fails its zip CRC-32: {crc:08x}, {info.CRC:08x} is recorded")


class _Readable(io.RawIOBase):
    """A window as zipfile wants it: a read beyond the end gives what is there."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Position from the start of the window."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; OSError before the start, which zipfile expects where an archive is shorter than its end record."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._window.length}[whence]
        if base + offset < 0:
            raise OSError("a negative position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        count = max(min(len(view), self._window.length - self._position), 0)
        self._window.read_at(self._position, view[:count])
        self._position += count
        return count
