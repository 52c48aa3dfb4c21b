"""safetensors: a JSON header with offsets, then one buffer without holes (format description of safetensors 0.5)."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import ml_dtypes
import numpy as np

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, SkippedTensor
from reporter.readers.files import flat
from reporter.readers.files.window import Window, open_file
from reporter.readers.keras.streams import DirectStream

MAX_HEADER = 100_000_000
"""The limit of the reference implementation, in bytes."""

_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
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

_WRITERS = {"pt": "PyTorch", "tf": "TensorFlow", "flax": "Flax", "mlx": "MLX", "np": "NumPy", "numpy": "NumPy"}


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class SafetensorsReader:
    """``.safetensors``, one file; each shard of a sharded model is a checkpoint of its own."""

    name = "safetensors"
    title = "safetensors"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a file that starts with the length of a JSON object and the object, or is named so and damaged."""
        path, named = probe.path, probe.path.name.lower().endswith(".safetensors")
        label = path.name[: -len(".safetensors")] if named else path.name
        if probe.head.startswith(b"version https://git-lfs"):
            return None
        if _is_header(probe):
            return Claim(self.name, path, (path,), label)
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
        with open_file(path) as file:
            window = Window(path, file)
            header, start = _read_header(window)
            entries, metadata = _entries(path, header, window.length - start)
            yield _contents(self.name, window, start, entries, metadata)


def _is_header(probe: Probe) -> bool:
    if len(probe.head) < 10:
        return False
    (length,) = struct.unpack_from("<Q", probe.head)
    if probe.head[8:9] != b"{" or not 2 <= length <= min(MAX_HEADER, probe.size - 8):
        return False
    try:
        with open_file(probe.path) as file:
            return Window(probe.path, file).bytes_at(8 + length - 1, 1) in (b"}", b" ")
    except CheckpointError:
        return False


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
        header = json.loads(window.bytes_at(8, length).decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as exc:
        raise CorruptCheckpoint(path, f"its header is not JSON: {exc}") from exc
    if not isinstance(header, dict):
        raise CorruptCheckpoint(path, "its header is not a JSON object")
    return header, 8 + length


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same key occurs twice")
    return found


def _entries(path: Path, header: dict[str, Any], length: int) -> tuple[list[_Entry], dict[str, Any]]:
    """The tensors in the order of their bytes, which must fill the buffer exactly."""
    metadata = header.pop("__metadata__", None)
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


def _entry(path: Path, name: str, raw: Any) -> _Entry:
    fields = raw if isinstance(raw, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not isinstance(dtype, str) or not _is_counts(shape) or not _is_counts(offsets) or len(offsets) != 2:
        raise CorruptCheckpoint(path, "its entry lacks a dtype, a shape or two offsets", tensor=name)
    entry = _Entry(name, dtype, tuple(shape), offsets[0], offsets[1])
    known = _DTYPES.get(dtype)
    size = entry.end - entry.start
    if size < 0 or (known is not None and size != math.prod(entry.shape) * known.itemsize):
        raise CorruptCheckpoint(path, f"{dtype} of shape {shape} does not take {size:,} bytes", tensor=name)
    return entry


def _is_counts(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in value)


def _contents(format: str, window: Window, start: int, entries: list[_Entry], metadata: Mapping[str, Any]) -> Contents:
    tensors: list[flat.FlatTensor] = []
    skipped: list[SkippedTensor] = []
    for entry in sorted(entries, key=lambda e: flat.natural(e.name)):
        stored = _DTYPES.get(entry.dtype)
        if stored is None:
            skipped.append(SkippedTensor(entry.name, entry.dtype, entry.shape, "a data type that is not read"))
            continue
        dtype = stored.newbyteorder("=")
        stream = DirectStream(window, start + entry.start, math.prod(entry.shape), stored, dtype)
        tensors.append(flat.tensor(entry.name, entry.shape, dtype, stream))
    framework = _WRITERS.get(str(metadata.get("format")), "")
    return flat.contents(format, tensors, skipped, integrity="lengths", framework=framework)
