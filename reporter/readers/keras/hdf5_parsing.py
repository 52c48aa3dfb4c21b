"""Untrusted HDF5, in a child process: opened without a lock, walked without leaving the file, sizes checked.

Alone imports h5py, and runs nowhere but behind :mod:`reporter.readers.isolation`: on damaged files libhdf5 1.14 loops
for ever (``H5HG__cache_heap_deserialize``), crashes, and corrupts its memory (fractal heaps) [X: flipped bits].
Limits are Keras's own where it has any (keras/src/saving/saving_lib.py, ``safe_get_h5_dataset``; CVE-2026-0897 shape
bombs, CVE-2026-1669 external storage).
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint, from_words
from reporter.readers.files.streams import SLAB_BYTES
from reporter.readers.files.window import Window
from reporter.readers.keras.tree import decode

MAX_DEPTH = 64
MAX_OBJECTS = 200_000
MAX_AGAIN = 10_000
"""Links to what another link leads to: with a few of them a small file is a tree without end."""
MAX_NAME = 4096
MAX_ATTRIBUTE = 64 << 20
BOMB_FLOOR = 4 << 30
BOMB_RATIO = 1000
CHUNK_ROW_BYTES = 512 << 20
"""A row of chunks is decompressed again for each of its slabs; more than this is refused."""

ATTRIBUTES = ("layer_names", "weight_names", "nb_layers", "nb_params", "name", "keras_version", "model_config",
              "training_config")  # fmt: skip
"""Of groups, that tell anything; Keras splits long lists as ``layer_names0``, ``layer_names1`` …"""

_PATH = Path()
"""Of every error raised here: the parent knows the file."""

FOREIGN = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SystemError,
           TypeError, ValueError)  # fmt: skip
"""What h5py has been seen to raise on damaged files: nearly every built-in error."""

_TRUNCATED = re.compile(r"truncated file: eof = (\d+), .*stored_eof = (\d+)")

_ML_DTYPES = {name: np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}
_ML_NAMES = {dtype: name for name, dtype in _ML_DTYPES.items()}


def open_parsing(files: list[int], offset: int, length: int) -> Parsing:
    """Open the HDF5 file that lies in a window of an open file.

    Raises:
        PartialCheckpoint: its end is missing.
        CorruptCheckpoint: it is not HDF5, or damaged.
    """
    return Parsing(Window(_PATH, io.FileIO(files[0], closefd=False), offset, length))


class Parsing:
    """An open HDF5 file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._scan: Scan | None = None
        with translated():
            # One chunk at most is kept: slabs follow the chunks. The cache must be able to hold it.
            self._file = h5py.File(window, "r", rdcc_nbytes=SLAB_BYTES, rdcc_nslots=521)
            self._root = h5py.h5g.open(self._file.id, b"/")

    def answer(self, question: str, **arguments: Any) -> tuple[Any, Any]:
        """Its ``layout``; what a ``scan`` finds; the values of a slab to ``read``.

        Raises:
            CheckpointError: it is damaged, or unsafe to read.
        """
        with translated():
            if question == "layout":
                return layout(self._root), b""
            first = self._scan is None
            self._scan = self._scan or Scan(self._window)
            if first:
                found = self._scan.group(self._root, h5py.h5o.get_info(self._root).addr, "", 0)
                if question == "scan":
                    return found, b""
            return None, self._read(self._scan.handles[arguments["number"]], arguments["slab"])

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _read(self, handle: Any, slab: list[list[int]]) -> Any:
        values = np.asarray(h5py.Dataset(handle)[tuple(slice(start, stop) for start, stop in slab)])
        return np.ascontiguousarray(values).reshape(-1).view(np.uint8)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what h5py raises into a CheckpointError, but for want of memory: the caller knows whose limit that is."""
    try:
        yield
    except CheckpointError:
        raise
    except FOREIGN as exc:
        text = re.sub(r"\s+", " ", str(exc))[:300]
        if match := _TRUNCATED.search(text):
            reason = f"it is cut: {int(match[1]):,} bytes are there, {int(match[2]):,} are recorded"
            reason += f" (eof={match[1]}, stored_eof={match[2]}); an interrupted copy or save"
            raise PartialCheckpoint(_PATH, reason) from exc
        if isinstance(exc, EOFError):
            raise PartialCheckpoint(_PATH, f"the file ends early: {text}") from exc
        if isinstance(exc, MemoryError):
            raise
        raise from_words(_PATH, text) or CorruptCheckpoint(
            _PATH, f"HDF5 cannot read it: {text or type(exc).__name__}"
        ) from exc


@dataclass(frozen=True, slots=True)
class Type:
    """What the values of a dataset are.

    Attributes:
        stored, dtype: of the bytes and of the values.
        problem: why they are no numbers, or "".
        as_in_numpy: whether the file's bytes are numpy's bytes, so that they can be read without HDF5.
    """

    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    problem: str
    as_in_numpy: bool


class Scan:
    """Everything below a group, by hard links only, as JSON. What two links lead to is there twice, at one address.

    Attributes:
        handles: datasets that are read here, by their number.
    """

    def __init__(self, window: Window) -> None:
        self.handles: dict[int, Any] = {}
        self._window = window
        self._around: list[int] = []
        self._seen: set[int] = set()
        self._again = 0
        self._sized: set[int] = set()
        self._types: dict[bytes, Type] = {}
        self._declared = 0

    def group(self, handle: Any, address: int, path: str, depth: int) -> dict[str, Any]:
        """One group: ``address``, ``attributes``, ``groups`` and ``datasets`` by name.

        Raises:
            RefusedCheckpoint: a soft or external link, a link cycle, external or virtual storage, or a limit.
            CorruptCheckpoint: the structure is damaged, or data lie outside the file.
        """
        if depth > MAX_DEPTH:
            raise _refuse(f"groups are nested more than {MAX_DEPTH} deep")
        if handle.get_num_objs() > MAX_OBJECTS:
            raise _refuse(f"group {path!r} holds more than {MAX_OBJECTS:,} objects")
        if address in self._around:
            raise _refuse(f"{path!r} is a link to a group around it: a cycle")
        self._around.append(address)
        groups: dict[str, Any] = {}
        datasets: dict[str, Any] = {}
        for raw in handle:
            name = decode(raw)
            inner = f"{path}/{name}" if path else name
            child, at = self._open(handle, raw, inner)
            if isinstance(child, h5py.h5g.GroupID):
                groups[name] = self.group(child, at, inner, depth + 1)
            elif isinstance(child, h5py.h5d.DatasetID):
                datasets[name] = self._dataset(child, at, inner)
        self._around.pop()
        attributes = _attributes(handle) if h5py.h5a.get_num_attrs(handle) else {}  # most have none
        return {"address": address, "attributes": attributes, "groups": groups, "datasets": datasets}

    def _open(self, handle: Any, raw: bytes, path: str) -> tuple[Any, int]:
        """Open one child, which is no link out of here, and say its address.

        The link tells that; ``h5o.get_info`` would as well, but measures all indexes of the object to do so [X].
        """
        if len(raw) > MAX_NAME:
            raise _refuse(f"a name of {len(raw):,} bytes below {path[:80]!r}")
        link = handle.links.get_info(raw)
        if link.type != h5py.h5l.TYPE_HARD:
            what = {h5py.h5l.TYPE_SOFT: "soft", h5py.h5l.TYPE_EXTERNAL: "external"}.get(link.type, "user-defined")
            raise _refuse(f"{path!r} is a {what} link; links are never followed")
        child, address = h5py.h5o.open(handle, raw), int(link.u)
        self._again += address in self._seen
        self._seen.add(address)
        if len(self._seen) > MAX_OBJECTS or self._again > MAX_AGAIN:
            raise _refuse(f"more than {MAX_OBJECTS:,} objects, or {MAX_AGAIN:,} second links to them")
        return child, address

    def _dataset(self, handle: Any, address: int, path: str) -> dict[str, Any]:
        plist = handle.get_create_plist()
        layout = plist.get_layout()
        if plist.get_external_count():
            raise _refuse(f"dataset {path!r} keeps its values in another file")
        if layout == h5py.h5d.VIRTUAL:
            raise _refuse(f"dataset {path!r} is virtual: it shows values of other files")
        space = handle.get_space()
        if space.get_simple_extent_type() == h5py.h5s.NULL:
            return _described(address, (), np.dtype("V1"), "an empty dataspace, without values")
        shape = tuple(int(n) for n in space.shape)
        type_ = self._type(handle)
        stored, dtype, problem = type_.stored, type_.dtype, type_.problem
        if problem and (dtype.kind != "V" or dtype.names or dtype.subdtype):
            return _described(address, shape, dtype, problem)
        chunk = tuple(int(n) for n in plist.get_chunk()) if layout == h5py.h5d.CHUNKED else ()
        self._check_sizes(handle, address, path, shape, chunk, dtype.itemsize)
        for i in range(plist.get_nfilters()):
            code = plist.get_filter(i)[0]
            if not h5py.h5z.filter_avail(code):
                return _described(address, shape, dtype, f"compressed with HDF5 filter {code}, not installed")
        found = {**_described(address, shape, dtype, problem), "stored": _said(stored), "chunk": chunk}
        in_one_piece = (
            layout == h5py.h5d.CONTIGUOUS and handle.get_storage_size() == math.prod(shape) * dtype.itemsize > 0
        )
        position = handle.get_offset() if in_one_piece else None  # of values never written it is nonsense
        if position is not None and type_.as_in_numpy:
            return {**found, "position": position}
        number = len(self.handles)
        self.handles[number] = handle
        return {**found, "number": number}

    def _type(self, handle: Any) -> Type:
        """What the values of a dataset are; there are few types in a file, and it takes long to tell one."""
        type_ = handle.get_type()
        key = type_.encode()
        if key not in self._types:
            stored, dtype, problem = _dtypes(handle)
            told = Type(stored, dtype, problem, (not problem or stored.kind == "V") and _lies_as(type_, stored))
            if stored.kind == "V":  # an attribute of the dataset tells more, which others need not have
                return told
            self._types[key] = told
        return self._types[key]

    def _check_sizes(
        self, handle: Any, address: int, path: str, shape: tuple[int, ...], chunk: tuple[int, ...], itemsize: int
    ) -> None:
        """Declared sizes must stay in proportion to stored ones, each and in sum."""
        declared = math.prod(shape) * itemsize
        self._declared += declared * (address not in self._sized)
        self._sized.add(address)
        for what, size, stored in (
            (f"dataset {path!r} declares", declared, handle.get_storage_size()),
            ("its datasets together declare", self._declared, self._window.length),
        ):
            if size > BOMB_FLOOR and size > BOMB_RATIO * stored:
                raise _refuse(f"{what} {size:,} bytes, but only {stored:,} are stored: a shape bomb")
        if math.prod(chunk) * itemsize > SLAB_BYTES:
            raise _refuse(f"dataset {path!r} has chunks of {math.prod(chunk) * itemsize:,} bytes")
        if chunk and min(chunk[0], shape[0]) * math.prod(shape[1:]) * itemsize > CHUNK_ROW_BYTES:
            raise _refuse(f"dataset {path!r} has chunks that are too tall to be read in order")


def _refuse(reason: str) -> RefusedCheckpoint:
    return RefusedCheckpoint(_PATH, reason)


def _described(address: int, shape: tuple[int, ...], dtype: np.dtype[Any], problem: str) -> dict[str, Any]:
    return {"address": address, "shape": shape, "dtype": _said(dtype), "problem": problem}


def _said(dtype: np.dtype[Any]) -> str:
    """A dtype in one word that numpy or ml_dtypes understands; compound values are opaque."""
    if dtype.names or dtype.subdtype:
        return f"V{dtype.itemsize}"
    return _ML_NAMES.get(dtype) or dtype.str


def _dtypes(handle: Any) -> tuple[np.dtype[Any], np.dtype[Any], str]:
    """dtype of the bytes and of the values, and why they are no numbers, or ""."""
    try:
        stored = np.dtype(handle.dtype)
    except FOREIGN as exc:
        return np.dtype("O"), np.dtype("O"), f"an HDF5 type without an equivalent in numpy: {exc}"
    if stored.kind == "O":
        return stored, stored, "references" if h5py.check_ref_dtype(stored) else "strings or lists of varying length"
    if stored.kind in "SU":
        return stored, stored, "strings"
    if stored.names or stored.subdtype:
        return stored, stored, "compound values" if stored.names else "values that are arrays"
    if stored.kind == "V":
        named = _attribute(handle, "dtype")
        dtype = _ML_DTYPES.get(named) if isinstance(named, str) else None
        if dtype is not None and dtype.itemsize == stored.itemsize:
            return stored, dtype, ""
        return stored, stored, "opaque bytes, without the dtype attribute that Keras writes for bfloat16"
    if stored.kind not in "biufc" or stored.itemsize > (16 if stored.kind == "c" else 8):
        return stored, stored, f"values of type {stored.name}"
    plain = np.dtype(stored.str)  # without h5py's metadata of enumerations
    return plain, plain.newbyteorder("="), ""


def _lies_as(file_type: Any, dtype: np.dtype[Any]) -> bool:
    """Whether the file's bytes are numpy's bytes, so that they can be read without HDF5."""
    if file_type.get_size() != dtype.itemsize:
        return False
    if dtype.kind == "V":
        return bool(file_type.get_class() == h5py.h5t.OPAQUE)
    if dtype.kind == "b":
        return True
    if file_type.get_class() == h5py.h5t.ENUM:
        file_type = file_type.get_super()
    return dtype == dtype.newbyteorder("<") and bool(file_type.equal(h5py.h5t.py_create(dtype)))


def _attributes(handle: Any) -> dict[str, Any]:
    there: set[bytes] = set()
    h5py.h5a.iterate(handle, there.add)  # to ask for each by name takes ten times as long
    found: dict[str, Any] = {}
    for name in ATTRIBUTES:
        if name.encode() in there and (value := _attribute(handle, name)) is not None:
            found[name] = value
            continue
        if f"{name}0".encode() not in there:
            continue
        parts = takewhile(lambda part: part is not None, (_attribute(handle, f"{name}{i}") for i in count()))
        if texts := [text for part in parts for text in (part if isinstance(part, list) else [part])]:
            found[name] = texts
    return found


def _attribute(handle: Any, name: str) -> Any:
    """A string, a list of strings, or a number; None if there is none. Its type and size are checked first.

    Other types, which Keras never writes, are not read: on a damaged sequence h5py crashes [X: h5py 3.14].
    """
    key = name.encode()
    if not h5py.h5a.exists(handle, key):
        return None
    attribute = h5py.h5a.open(handle, key)
    kind, space = attribute.get_type(), attribute.get_space()
    size = space.get_simple_extent_npoints() * kind.get_size()
    if size > MAX_ATTRIBUTE:
        raise _refuse(f"attribute {name!r} takes {size:,} bytes")
    if kind.get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        return None
    if attribute.shape is None:
        return None
    values = np.zeros(attribute.shape, attribute.dtype)
    attribute.read(values)
    if values.ndim:
        return [decode(item) for item in values.reshape(-1).tolist() if isinstance(item, str | bytes)]
    value = values.item()
    if isinstance(value, str | bytes):
        return decode(value)
    return value if isinstance(value, int | float) else None


KERAS_GROUPS = frozenset({b"model_weights", b"layers", b"_layer_checkpoint_dependencies", b"optimizer", b"vars"})
"""What cannot be opened is damage to a Keras file if it has one of these names."""


def layout(root: Any) -> str:
    """Which of Keras's layouts a file has, told by its first few hundred objects: legacy, v3, or "" for neither."""
    attributes = set(h5py.Group(root).attrs)
    if attributes & {"layer_names", "layer_names0", "nb_layers"} or _has_group(root, b"model_weights"):
        return "legacy"
    return "v3" if _holds_vars(root, 4, [500]) else ""


def _has_group(handle: Any, name: bytes) -> bool:
    try:
        there = handle.links.exists(name) and handle.links.get_info(name).type == h5py.h5l.TYPE_HARD
        return there and isinstance(h5py.h5o.open(handle, name), h5py.h5g.GroupID)
    except FOREIGN:
        if name in KERAS_GROUPS:
            raise
        return False


def _holds_vars(handle: Any, depth: int, budget: list[int]) -> bool:
    """Whether a group named "vars" is at most ``depth`` levels below; ``budget`` objects are looked at."""
    if _has_group(handle, b"vars"):
        return True
    if depth == 0:
        return False
    for name in handle:
        budget[0] -= 1
        if budget[0] < 0:
            return False
        if _has_group(handle, name) and _holds_vars(h5py.h5g.open(handle, name), depth - 1, budget):
            return True
    return False
