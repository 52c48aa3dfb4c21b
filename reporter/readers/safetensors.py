"""safetensors: a JSON header with offsets, then one buffer without holes (format description of safetensors 0.5)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

import ml_dtypes
import numpy as np

from reporter.errors import CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.frozen import dataclass
from reporter.model.checkpoint import Claim, Probe
from reporter.model.natural_order import natural
from reporter.model.tensor import Contents, Integrity, SkippedTensor, Tensor
from reporter.readers.files import flat
from reporter.readers.files.block_size import MAX_TENSORS
from reporter.readers.files.bounded import TooLarge, parse_json
from reporter.readers.files.index import no_duplicates
from reporter.readers.files.streams import DirectStream
from reporter.readers.files.window import Window, open_file

MAX_HEADER = 100_000_000
"""The limit of the reference implementation, in bytes: what declares more is damaged."""

MAX_TEXT = 48 << 20
"""Bytes of header that are parsed: 384 for each of the tensors that are read."""

_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("bool"),
    "C64": np.dtype("<c8"),
}

_PACKED = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
"""Bits per element of the types whose elements share bytes."""

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
"""How Hugging Face's libraries end the names of shards."""

_WRITERS = {"pt": "PyTorch", "tf": "TensorFlow", "flax": "Flax", "mlx": "MLX", "np": "NumPy", "numpy": "NumPy"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of the header; ``start`` and ``end`` count from the first byte after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class File:
    """An open file whose offsets were checked: its tensors, where their bytes begin, and who wrote it."""

    window: Window
    start: int
    entries: tuple[Entry, ...]
    framework: str


class SafetensorsReader:
    """``.safetensors``, one file: a whole model, or a shard whose index is not there."""

    name = "safetensors"
    title = "safetensors"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a file that starts with the length of a JSON object and the object, or is named so and damaged."""
        path, named = probe.path, probe.path.name.lower().endswith(".safetensors")
        label = path.name[: -len(".safetensors")] if named else path.name
        if _is_header(probe):
            return Claim(self.name, path, (path,), label, part=_SHARD.search(label) is not None)
        if not named:
            return None
        problem, state = _why_not(probe)
        return Claim(self.name, path, (path,), label, problem, state)

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open a file; every offset is checked first.

        Raises:
            CheckpointError: it cannot be read.
        """
        with open_file(path) as opened:
            file = read_file(Window(path, opened))
            found = [(file, entry) for entry in file.entries]
            lone = _SHARD.search(path.name.removesuffix(".safetensors")) is not None
            note = "one shard of a model, by its name; the index that lists the others is not there"
            yield contents(self.name, found, notes=(note,) if lone else ())


def read_file(window: Window) -> File:
    """Read the header and check every offset.

    Raises:
        CheckpointError: it cannot be read.
    """
    header, start = _read_header(window)
    entries, metadata = _entries(window.path, header, window.length - start)
    return File(window, start, tuple(entries), _WRITERS.get(str(metadata.get("format")), ""))


def _is_header(probe: Probe) -> bool:
    if len(probe.head) < 10:
        return False
    (length,) = struct.unpack_from("<Q", probe.head)
    if probe.head[8:9] != b"{" or not 2 <= length <= min(MAX_HEADER, probe.size - 8):
        return False
    with open_file(probe.path) as file:
        return Window(probe.path, file).bytes_at(8 + length - 1, 1) in (b"}", b" ")


def _why_not(probe: Probe) -> tuple[str, str]:
    if probe.size == 0:
        return "0 bytes: just opened by a writer, or destroyed", "corrupt"
    if len(probe.head) < 8:
        return f"{probe.size} bytes: the header is cut", "partial"
    (length,) = struct.unpack_from("<Q", probe.head)
    if probe.head[8:9] in (b"{", b"") and probe.size < 8 + length <= 8 + MAX_HEADER:
        return f"the header takes {length:,} bytes, the file has {probe.size:,}: an interrupted copy or save", "partial"
    return "it is named .safetensors, but does not start with a safetensors header", "corrupt"


def _read_header(window: Window) -> tuple[dict[str, Any], int]:
    """The header as JSON, and where the buffer starts."""
    path, prefix = window.path, window.bytes_at(0, 8)
    if len(prefix) < 8:
        raise PartialCheckpoint(path, f"{window.length} bytes: the header is cut")
    (length,) = struct.unpack("<Q", prefix)
    if length > MAX_HEADER:
        raise RefusedCheckpoint(path, f"its header declares {length:,} bytes, more than {MAX_HEADER:,}")
    if 8 + length > window.length:
        raise PartialCheckpoint(path, f"the header takes {length:,} bytes, the file has {window.length:,}")
    try:
        header = parse_json(window.bytes_at(8, length), MAX_TEXT, no_duplicates)
    except TooLarge as exc:
        raise RefusedCheckpoint(path, f"its header: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise CorruptCheckpoint(path, f"its header is not JSON: {exc}") from exc
    if not isinstance(header, dict):
        raise CorruptCheckpoint(path, "its header is not a JSON object")
    return header, 8 + length


def _entries(path: Path, header: dict[str, Any], length: int) -> tuple[list[Entry], dict[str, Any]]:
    """The tensors in the order of their bytes, which must fill the buffer exactly."""
    metadata = header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise RefusedCheckpoint(path, f"it lists {len(header):,} tensors, more than {MAX_TENSORS:,}")
    entries = sorted((_entry(path, name, raw) for name, raw in header.items()), key=lambda e: (e.start, e.end))
    at = 0
    for entry in entries:
        if entry.start != at:
            what = "overlaps the one before it" if entry.start < at else f"leaves a hole of {entry.start - at:,} bytes"
            raise CorruptCheckpoint(path, what, tensor=entry.name)
        at = entry.end
    if at > length:
        raise PartialCheckpoint(path, f"its tensors take {at:,} bytes, but {length:,} are there: it is cut")
    if at < length:
        raise CorruptCheckpoint(path, f"{length - at:,} bytes follow the last tensor")
    return entries, metadata if isinstance(metadata, dict) else {}


def _entry(path: Path, name: str, raw: Any) -> Entry:
    fields = raw if isinstance(raw, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not isinstance(dtype, str) or not _is_counts(shape) or not _is_counts(offsets) or len(offsets) != 2:
        raise CorruptCheckpoint(path, "its entry lacks a dtype, a shape or two offsets", tensor=name)
    entry = Entry(name, dtype, tuple(shape), offsets[0], offsets[1])
    known = _DTYPES.get(dtype)
    size = entry.end - entry.start
    bits = 8 * known.itemsize if known is not None else _PACKED.get(dtype)
    if size < 0 or (bits is not None and 8 * size != math.prod(entry.shape) * bits):
        raise CorruptCheckpoint(path, f"{dtype} of shape {shape} does not take {size:,} bytes", tensor=name)
    return entry


def _is_counts(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in value)


def contents(
    format: str,
    found: Sequence[tuple[File, Entry]],
    skipped: Sequence[SkippedTensor] = (),
    notes: Sequence[str] = (),
) -> Contents:
    """Tensors of one or several files in natural order of their names."""
    tensors: list[Tensor] = []
    left_out = list(skipped)
    for file, entry in sorted(found, key=lambda one: natural(one[1].name)):
        stored = _DTYPES.get(entry.dtype)
        if stored is None:
            left_out.append(SkippedTensor(entry.name, entry.dtype, entry.shape, _why_skipped(entry.dtype)))
            continue
        dtype = stored.newbyteorder("=")
        stream = DirectStream(file.window, file.start + entry.start, math.prod(entry.shape), stored, dtype)
        tensors.append(flat.tensor(entry.name, entry.shape, dtype, stream))
    framework = next((file.framework for file, _ in found if file.framework), "")
    return flat.contents(format, tensors, left_out, integrity=Integrity.LENGTHS, framework=framework, notes=notes)


def _why_skipped(dtype: str) -> str:
    if dtype in _PACKED:
        return f"floats of {_PACKED[dtype]} bits, packed without regard to bytes: their raw bytes mean nothing"
    return "a data type that this version does not know"
