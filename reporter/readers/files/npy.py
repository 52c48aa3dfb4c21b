"""The header of an array that NumPy saved (NEP 1; numpy/lib/_format_impl.py): matched, never evaluated."""

from __future__ import annotations

import math
import re
import struct
import zipfile
from typing import Any

import numpy as np

from reporter.errors import CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.frozen import dataclass
from reporter.readers.files.window import Window
from reporter.readers.files.zipped import check_readable, inflated, open_zip, place

MAGIC = b"\x93NUMPY"

MAX_HEADER = 10_000
"""Characters; NumPy refuses more too, ``_MAX_HEADER_SIZE``. Only tables of many named columns come near."""

MAX_NDIM = 64
"""Axes of an array in NumPy 2 (NPY_MAXDIMS)."""

HEAD_BYTES = 12 + MAX_HEADER

_DESCR = r"'descr': (?:'(?P<descr>[^'\\]{1,32})'|(?P<fields>\[.*\]|\(.*\)))"
_ORDER = r"'fortran_order': (?P<fortran>True|False)"
_SHAPE = r"'shape': \((?P<shape>[0-9L, ]*)\)"
_HEADER = re.compile(rf"\{{{_DESCR}, {_ORDER}, {_SHAPE},? ?\}} *\n?", re.DOTALL)
"""As every NumPy writes it, keys in this order; L ends the numbers of Python 2."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes:
        dtype: of the bytes; ``V1`` where ``problem`` says that they are no numbers.
        fortran: whether the first axis varies fastest.
        start: of the values, in bytes from the magic.
        problem: why the values cannot be measured, or "".
        pickled: whether the values are Python objects.
    """

    dtype: np.dtype[Any]
    described: str
    shape: tuple[int, ...]
    fortran: bool
    start: int
    problem: str = ""
    pickled: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def parse(head: bytes, length: int, path: Any, member: str = "") -> Header:
    """The header at the start of an array's bytes, checked against how many there are.

    Args:
        head: the first :data:`HEAD_BYTES`, fewer if there are no more.
        length: of header and values, in bytes.
        member: its name in an archive, for messages.

    Raises:
        CorruptCheckpoint: it is none, or its shape does not take these bytes.
        PartialCheckpoint: its end is missing.
        RefusedCheckpoint: it is longer than :data:`MAX_HEADER`.
    """
    if not head.startswith(MAGIC):
        raise CorruptCheckpoint(path, "it does not start as NumPy's arrays do", tensor=member)
    version = head[6:7]
    if version not in (b"\1", b"\2", b"\3"):
        raise CorruptCheckpoint(path, f"version {version.hex()} of NumPy's format does not exist", tensor=member)
    prefix, form = (10, "<H") if version == b"\1" else (12, "<I")
    if len(head) < prefix:
        raise PartialCheckpoint(path, f"{length} bytes: its header is cut", tensor=member)
    (size,) = struct.unpack_from(form, head, prefix - struct.calcsize(form))
    if size > MAX_HEADER:
        raise RefusedCheckpoint(path, f"its header takes {size:,} bytes, more than {MAX_HEADER:,}", tensor=member)
    if prefix + size > length:
        raise PartialCheckpoint(path, f"{length} bytes: its header of {size:,} is cut", tensor=member)
    text = head[prefix : prefix + size].decode("utf-8" if version == b"\3" else "latin-1", "replace")
    match = _HEADER.fullmatch(text)
    if match is None:
        raise CorruptCheckpoint(path, f"its header is not one that NumPy writes: {text[:60]!r}", tensor=member)
    numbers = [part.strip().rstrip("L") for part in match["shape"].split(",") if part.strip()]
    if len(numbers) > MAX_NDIM or not all(n.isascii() and n.isdigit() and len(n) < 20 for n in numbers):
        raise CorruptCheckpoint(path, f"its shape ({match['shape'][:60]}) is none", tensor=member)
    described = match["descr"] or "named columns"
    dtype, problem = _dtype(described) if match["descr"] else (None, "a table of named columns, not one array")
    header = Header(
        dtype=np.dtype("V1") if dtype is None else dtype,
        described=described,
        shape=tuple(int(n) for n in numbers),
        fortran=match["fortran"] == "True",
        start=prefix + size,
        problem=problem,
        pickled=described.lstrip("|<>=") == "O" or "O'" in (match["fields"] or ""),
    )
    if dtype is not None:
        _check_length(header, length - header.start, path, member)
    return header


def _check_length(header: Header, there: int, path: Any, member: str) -> None:
    wanted = header.size * header.dtype.itemsize
    if wanted > there:
        reason = f"shape {header.shape} of {header.described} takes {wanted:,} bytes, {there:,} are there"
        raise PartialCheckpoint(path, reason, tensor=member)
    if wanted < there:
        raise CorruptCheckpoint(path, f"{there - wanted:,} bytes follow the values", tensor=member)


_KINDS = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}


def _dtype(text: str) -> tuple[np.dtype[Any] | None, str]:
    """The numeric type that a header describes, or None and why it is none.

    >>> _dtype("<f4"), _dtype("|O")[0], _dtype("<V2")[1][:30]
    ((dtype('float32'), ''), None, '2 opaque bytes per element, as')
    """
    match = re.fullmatch(r"([<>|=]?)([a-zA-Z])([0-9]{0,9})(\[[0-9a-zA-Z]+\])?", text)
    if match is None:
        return None, f"values of type {text}"
    order, kind, size, _ = match.groups()
    if kind == "O":
        return None, "Python objects, stored as a pickle"
    if kind == "f" and size == "1":
        return None, "8-bit floats; NumPy does not store which of their formats they have"
    if kind == "V":
        return None, f"{size or 0} opaque bytes per element, as NumPy writes bfloat16 and float8 without their names"
    if kind in "SUa":
        return None, "text, not numbers"
    if kind in "Mm":
        return None, "dates or durations, not weights"
    if int(size or 0) not in _KINDS.get(kind, ()):
        return None, f"values of type {text}"
    return np.dtype(f"{order}{kind}{size}"), ""


def pickled_member(window: Window) -> str:
    """Name of the first member of an npz archive that is a pickle, or "".

    Raises:
        CheckpointError: it is damaged or out of proportion.
    """
    with open_zip(window) as archive:
        for info in archive.infolist():
            check_readable(window.path, info)
            if head_of(window, info).pickled:
                return info.filename
    return ""


def head_of(window: Window, info: zipfile.ZipInfo) -> Header:
    """The header of an archive's member.

    Raises:
        CheckpointError: as :func:`parse` and :func:`reporter.readers.files.zipped.inflated`.
    """
    member = place(window, info)
    if info.compress_type == zipfile.ZIP_STORED:
        head = member.bytes_at(0, HEAD_BYTES)
    else:
        head = next(inflated(member, info), b"")[:HEAD_BYTES]
    return parse(head, info.file_size, window.path, info.filename)
