"""The members of a ``.keras`` zip archive, and of the same files in a folder: read in place, never extracted by name.

Keras stores members uncompressed, so the HDF5 file inside is read through a window. A member that somebody has
compressed is spooled to an anonymous temporary file; limits are those of keras/src/saving/saving_lib.py (CWE-409).
"""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    PartialCheckpoint,
    RefusedCheckpoint,
    UnsupportedCheckpoint,
)
from reporter.readers.keras.config import MAX_CONFIG
from reporter.readers.keras.summed import SummedWindow
from reporter.readers.keras.window import Window, open_file

CONFIG, METADATA, WEIGHTS, WEIGHTS_NPZ = "config.json", "metadata.json", "model.weights.h5", "model.weights.npz"

SPOOL_FLOOR = 256 << 20
SPOOL_RATIO = 100
MAX_SPOOL = 16 << 30
MAX_MEMBERS = 65_536
MAX_DIRECTORY = 32 << 20

_BLOCK = 1 << 20
_FOREIGN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ArithmeticError, LookupError, OSError, RuntimeError,
            TypeError, ValueError)  # fmt: skip
"""What zipfile raises on damaged archives."""


@dataclass(frozen=True, slots=True)
class Members:
    """What a Keras model consists of, opened.

    Attributes:
        config: text of ``config.json``.
        metadata: text of ``metadata.json``.
        weights: the HDF5 file.
        integrity: the check that is made.
        verify: completes it; raises CorruptCheckpoint.
    """

    config: bytes
    metadata: bytes
    weights: Window
    integrity: str
    verify: Callable[[], None]


@contextmanager
def open_archive(path: Path) -> Iterator[Members]:
    """Open a ``.keras`` file; the CRC-32 of its members is checked, that of uncompressed weights by ``verify``.

    Raises:
        PartialCheckpoint: its central directory or its weights are missing.
        CorruptCheckpoint: a CRC-32 or a header is wrong.
        RefusedCheckpoint: it is encrypted, or a member is out of proportion to what is stored.
        UnsupportedCheckpoint: the weights are in a format that is not read (npz).
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        window = Window(path, file)
        with _translated(path):
            archive = stack.enter_context(_zip(window, file))
            infos = {info.filename: info for info in archive.infolist()}
            if len(infos) != len(archive.infolist()):
                raise RefusedCheckpoint(path, "two members of the archive have the same name")
            if WEIGHTS not in infos:
                _no_weights(path, infos)
            config, metadata = (_small(path, archive, infos, name) for name in (CONFIG, METADATA))
            weights = _weights(stack, window, archive, infos[WEIGHTS])
        yield Members(config, metadata, weights, "zip crc32", getattr(weights, "verify", _verified))


@contextmanager
def open_folder(path: Path) -> Iterator[Members]:
    """Open the same members where they lie in a folder (``save_model(…, zipped=False)``).

    Raises:
        CheckpointError: one of them is missing or cannot be read.
    """
    with ExitStack() as stack:
        texts = []
        for name in (CONFIG, METADATA):
            window = Window(path / name, stack.enter_context(open_file(path / name)))
            if window.length > MAX_CONFIG:
                raise RefusedCheckpoint(path, f"{name} takes {window.length:,} bytes")
            texts.append(window.bytes_at(0, window.length))
        if not (path / WEIGHTS).exists():
            _no_weights(path, [WEIGHTS_NPZ] if (path / WEIGHTS_NPZ).exists() else [])
        weights = Window(path / WEIGHTS, stack.enter_context(open_file(path / WEIGHTS)))
        yield Members(texts[0], texts[1], weights, "lengths", _verified)


def _verified() -> None:
    """Nothing is left to check."""


def member_names(path: Path) -> frozenset[str]:
    """Names of the members of a zip archive, from its central directory.

    Raises:
        PartialCheckpoint: it has no central directory.
        CheckpointError: it is damaged or out of proportion.
    """
    with open_file(path) as file, _translated(path), _zip(Window(path, file), file) as archive:
        return frozenset(archive.namelist())


def _no_weights(path: Path, names: Container[str]) -> NoReturn:
    if WEIGHTS_NPZ in names:
        raise UnsupportedCheckpoint(path, f"its weights are in {WEIGHTS_NPZ}; only {WEIGHTS} is read")
    raise PartialCheckpoint(path, f"it holds no {WEIGHTS}")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except CheckpointError:
        raise
    except _FOREIGN as exc:
        raise CorruptCheckpoint(path, f"the zip archive cannot be read: {exc or type(exc).__name__}") from exc


def _zip(window: Window, file: io.FileIO) -> zipfile.ZipFile:
    """Open the archive; zipfile reads its whole central directory, so that is measured first."""
    tail_at = max(window.length - 65_557, 0)  # 22 bytes and a comment of up to 65,535
    tail = window.bytes_at(tail_at, 65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        raise PartialCheckpoint(window.path, "no central directory: still being written, or truncated")
    members, size = struct.unpack_from("<HI", tail, at + 10)
    locator = tail.rfind(b"PK\x06\x07", 0, at)
    if (members == 0xFFFF or size == 0xFFFFFFFF) and 0 <= locator <= len(tail) - 16:
        (end64,) = struct.unpack_from("<Q", tail, locator + 8)
        members, size = struct.unpack("<QQ", window.bytes_at(end64 + 32, 16))
    if members > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise RefusedCheckpoint(window.path, f"its central directory lists {members:,} members in {size:,} bytes")
    return zipfile.ZipFile(io.FileIO(file.fileno(), "rb", closefd=False))


def _small(path: Path, archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    info = infos.get(name)
    if info is None:
        raise CorruptCheckpoint(path, f"it holds no {name}")
    if info.file_size > MAX_CONFIG:
        raise RefusedCheckpoint(path, f"{name} takes {info.file_size:,} bytes")
    _check_readable(path, info)
    return archive.read(info)


def _check_readable(path: Path, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise RefusedCheckpoint(path, f"{info.filename} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedCheckpoint(path, f"{info.filename} is compressed with zip method {info.compress_type}")


def _weights(stack: ExitStack, window: Window, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Window:
    _check_readable(window.path, info)
    if info.compress_type == zipfile.ZIP_STORED:
        return _stored(window, info)
    size, packed = info.file_size, info.compress_size
    if size > MAX_SPOOL or (size > SPOOL_FLOOR and size > SPOOL_RATIO * packed):
        raise RefusedCheckpoint(window.path, f"{info.filename} declares {size:,} bytes in {packed:,}: a zip bomb")
    spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    done = 0
    with archive.open(info) as member:
        while block := member.read(_BLOCK):
            done += len(block)
            if done > size:
                raise RefusedCheckpoint(window.path, f"{info.filename} is longer than it declares")
            spool.write(block)
    spool.flush()
    if done != size:
        raise CorruptCheckpoint(window.path, f"{info.filename} holds {done:,} bytes, {size:,} are declared")
    return Window(window.path, spool, 0, size)  # zipfile has checked its CRC-32


def _stored(window: Window, info: zipfile.ZipInfo) -> SummedWindow:
    """The window of an uncompressed member, its local header checked."""
    header = window.bytes_at(info.header_offset, 30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise CorruptCheckpoint(window.path, f"the local header of {info.filename} is damaged")
    start = info.header_offset + 30 + sum(struct.unpack_from("<HH", header, 26))
    if info.file_size != info.compress_size or start + info.file_size > window.length:
        raise CorruptCheckpoint(window.path, f"{info.filename} lies outside the archive")
    return SummedWindow(
        window.path, window.file, window.offset + start, info.file_size, info.filename, info.CRC, window.buffers
    )
