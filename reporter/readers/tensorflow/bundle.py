"""The ``.index`` of a checkpoint: what every tensor is called and where its bytes lie; everything declared is checked.

Messages: tensorflow/core/protobuf/tensor_bundle.proto. Nothing here touches a data file.
"""

from __future__ import annotations

import math
import stat
from pathlib import Path

from reporter.errors import (
    CorruptCheckpoint,
    NotDownloaded,
    PartialCheckpoint,
    RefusedCheckpoint,
    Unreadable,
    UnsupportedCheckpoint,
    from_os,
)
from reporter.frozen import dataclass
from reporter.model.git_lfs import NOT_DOWNLOADED, is_pointer
from reporter.readers.files.wire import Field, WireError, fields
from reporter.readers.tensorflow.dtypes import numeric
from reporter.readers.tensorflow.head import MAX_SHARDS
from reporter.readers.tensorflow.slices import Box, parse_box, slice_key, tiles
from reporter.readers.tensorflow.table import read_table
from reporter.storage import open_binary

MAX_INDEX_BYTES = 64 << 20
"""An entry takes some 100 bytes: this is half a million of them, ten times the largest public checkpoint."""

MAX_RANK = 32
"""TensorFlow's own operations stop at 8; numpy's arrays at 64."""

MAX_PARTS = 16_384
"""Parts of one partitioned tensor: 160 GB in files of 10 MB."""

_CONSUMER = 1  # kTensorBundleVersion, tensor_bundle.cc: the newest version whose readers this code matches
_PART = b"\x00"


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor, or one part of a partitioned one: ``size`` bytes at ``offset`` of shard ``shard``.

    Attributes:
        dtype: TensorFlow's DataType number.
        crc: the masked crc32c of those bytes.
        parts: for a partitioned tensor, which has no bytes of its own: its boxes and their entries.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc: int = 0
    parts: tuple[tuple[Box, Entry], ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """A parsed ``.index``.

    Attributes:
        shards: number of data files.
        big_endian: byte order of the values in them.
        entries: whole tensors by key, in the file's order (sorted by bytes).
        needed: for every shard with data, the size it must have at least.
        strays: parts that no entry lists.
    """

    shards: int
    big_endian: bool
    entries: dict[str, Entry]
    needed: dict[int, int]
    strays: int = 0


def read_index(path: Path) -> Index:
    """Read and check an ``.index`` file.

    Raises:
        CorruptCheckpoint: damaged, or its entries contradict each other.
        PartialCheckpoint: it is not there.
        RefusedCheckpoint: it is larger than any real index, or not a regular file.
        UnsupportedCheckpoint: written by a format version that is not known.
    """
    data = read_small(path, MAX_INDEX_BYTES)
    table = read_table(data, path)
    try:
        return _index(table, path)
    except WireError as exc:
        raise CorruptCheckpoint(path, f"the index is damaged: {exc}") from exc


def read_small(path: Path, limit: int) -> bytes:
    """The contents of a regular file of at most ``limit`` bytes.

    Raises:
        PartialCheckpoint: it is not there.
        Unreadable, NotExamined: this user may not read it, or the machine cannot.
        NotDownloaded: a Git-LFS pointer stands in its place.
        RefusedCheckpoint: it is larger, or a pipe or device, which would block.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise RefusedCheckpoint(path, "not a regular file")
        if status.st_size > limit:
            raise RefusedCheckpoint(path, f"{status.st_size} bytes where at most {limit} are read")
        with open_binary(path) as file:
            data = file.read(limit + 1)
    except FileNotFoundError as exc:
        raise PartialCheckpoint(path, "the file is missing") from exc
    except OSError as exc:
        raise from_os(path, exc) from exc
    except ValueError as exc:  # a NUL byte in the path
        raise Unreadable(path, f"cannot be read: {exc}") from exc
    if is_pointer(data):
        raise NotDownloaded(path, NOT_DOWNLOADED)
    if len(data) > limit:
        raise RefusedCheckpoint(path, f"it grew beyond {limit} bytes while it was read")
    return data


def _index(table: list[tuple[bytes, bytes]], path: Path) -> Index:
    if not table or table[0][0] != b"":
        raise CorruptCheckpoint(path, "the index has no header entry")
    if next((isinstance(f.raw, bytes) for f in fields(table[0][1]) if f.number == 1), False):
        raise UnsupportedCheckpoint(
            path, "a TensorFlow checkpoint in V1 format under the name of a V2 index; rename it"
        )
    shards, big_endian = _header(table[0][1], path)
    whole: dict[bytes, tuple[Entry, list[Box]]] = {}
    stored: dict[bytes, Entry] = {}
    needed: dict[int, int] = {}
    for key, value in table[1:]:
        entry, boxes = _entry(value)
        name = key.decode("utf-8", "backslashreplace")
        if entry.size:
            if entry.shard >= shards:
                raise CorruptCheckpoint(path, f"lies in shard {entry.shard} of {shards}", tensor=name)
            needed[entry.shard] = max(needed.get(entry.shard, 0), entry.offset + entry.size)
        kind = numeric(entry.dtype)
        if kind is not None and not boxes and math.prod(entry.shape) * kind.itemsize != entry.size:
            reason = f"{entry.shape} of {kind.name} does not fill the {entry.size} bytes declared"
            raise CorruptCheckpoint(path, reason, tensor=name)
        if key.startswith(_PART):
            stored[key] = entry
        else:
            whole[key] = entry, boxes
    entries: dict[str, Entry] = {}
    for key, (entry, boxes) in whole.items():
        name = _unique(key.decode("utf-8", "backslashreplace"), entries)
        entries[name] = _assembled(key, name, entry, boxes, stored, path) if boxes else entry
    listed = sum(len(entry.parts) for entry in entries.values())
    return Index(shards, big_endian, entries, needed, max(0, len(stored) - listed))


def _unique(name: str, taken: dict[str, Entry]) -> str:
    # Two keys become one only where one holds the escapes of the other's undecodable bytes.
    while name in taken:
        name += "'"
    return name


def _header(value: bytes, path: Path) -> tuple[int, bool]:
    shards, endianness, needs = 0, 0, 0
    for field in fields(value):
        if field.number == 1:
            shards = field.signed
        elif field.number == 2:
            endianness = field.integer
        elif field.number == 3:
            needs = next((f.signed for f in fields(field.data) if f.number == 2), 0)
    if not 1 <= shards <= MAX_SHARDS:
        raise CorruptCheckpoint(path, f"the header declares {shards} shards")
    if endianness not in (0, 1):
        raise CorruptCheckpoint(path, f"the header declares byte order {endianness}")
    if needs > _CONSUMER:
        raise UnsupportedCheckpoint(path, f"written for readers of format version {needs}; {_CONSUMER} is known")
    return shards, endianness == 1


def _entry(value: bytes) -> tuple[Entry, list[Box]]:
    numbers = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}
    shape: tuple[int, ...] = ()
    boxes: list[Box] = []
    for field in fields(value):
        if field.number == 2:
            shape = _shape(field.data)
        elif field.number == 7:
            boxes.append(parse_box(field.data))
            if len(boxes) > MAX_PARTS:
                raise WireError(f"a tensor has more than {MAX_PARTS} parts")
        elif field.number in numbers:
            numbers[field.number] = _unsigned(field)
    return Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5], numbers[6]), boxes


def _unsigned(field: Field) -> int:
    if field.signed < 0:
        raise WireError(f"field {field.number} of an entry is negative")
    return field.integer


def _shape(data: bytes) -> tuple[int, ...]:
    shape: list[int] = []
    for field in fields(data):
        if field.number == 3 and field.integer:
            raise WireError("a shape of unknown rank")
        if field.number == 2:
            shape.append(next((f.signed for f in fields(field.data) if f.number == 1), 0))
            if shape[-1] < 0:
                raise WireError("a negative dimension")
            if len(shape) > MAX_RANK:
                raise WireError(f"a shape of more than {MAX_RANK} dimensions")
    return tuple(shape)


def _assembled(key: bytes, name: str, entry: Entry, boxes: list[Box], stored: dict[bytes, Entry], path: Path) -> Entry:
    """A partitioned tensor with its parts, which must tile it exactly."""
    parts: list[tuple[Box, Entry]] = []
    for box in boxes:
        if len(box.starts) != len(entry.shape):
            raise CorruptCheckpoint(path, "a part has another rank than the tensor", tensor=name)
        part = stored.get(slice_key(key, box))
        if part is None:
            raise CorruptCheckpoint(path, "a part is not in the index", tensor=name)
        full = box.within(entry.shape)
        if part.dtype != entry.dtype or part.shape != full.lengths:
            raise CorruptCheckpoint(path, "a part differs from its declaration in type or shape", tensor=name)
        parts.append((full, part))
    if math.prod(entry.shape) and not tiles([box for box, _ in parts], entry.shape):
        raise CorruptCheckpoint(path, f"its parts overlap or leave gaps in {entry.shape}", tensor=name)
    return Entry(entry.dtype, entry.shape, parts=tuple(parts))
