"""Protobuf wire format: a bounds-checked walk over the fields of one message, without generated code.

Only what TensorFlow's checkpoints and TensorBoard's event files need: nested messages come back as bytes and are walked
by the caller, so the depth of recursion is the caller's and never the file's. Encoding:
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types that occur; groups (3 and 4) are refused, as TensorFlow's files never hold them."""

_MAX_VARINT_BYTES = 10  # ceil(64 / 7): a longer run of continuation bits is an error in every implementation
MAX_SPANS = 100_000
"""Fields of a message walked in a file: each costs a read, and a MetaGraphDef has some hundred."""

_SIGN_BIT, _MODULUS = 1 << 63, 1 << 64


class WireError(ValueError):
    """The bytes are not a valid message; callers translate it and name the file."""


class Field(NamedTuple):
    """One field as stored; reading it as another kind than it is raises :class:`WireError`."""

    number: int
    raw: int | bytes

    @property
    def integer(self) -> int:
        """A varint or fixed-width field as an unsigned number."""
        if isinstance(self.raw, int):
            return self.raw
        raise WireError(f"field {self.number} holds bytes where a number is due")

    @property
    def signed(self) -> int:
        """A varint as int32 or int64, which are stored in two's complement of 64 bits."""
        value = self.integer
        return value - _MODULUS if value & _SIGN_BIT else value

    @property
    def data(self) -> bytes:
        """The bytes of a string or of a nested message."""
        if isinstance(self.raw, bytes):
            return self.raw
        raise WireError(f"field {self.number} holds a number where bytes are due")

    @property
    def text(self) -> str:
        r"""A string; what is not UTF-8 stays visible as ``\xNN``."""
        return self.data.decode("utf-8", "backslashreplace")


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    r"""Read one varint of at most 64 bits from ``data[at:end]``; the value and the position behind it.

    >>> varint(b"\xac\x02rest", 0, 6)
    (300, 2)

    Raises:
        WireError: it runs past ``end`` or does not fit 64 bits.
    """
    if at < end and data[at] < 0x80:  # one byte: nearly every tag, length and number of these files
        return data[at], at + 1
    value = shift = 0
    for position in range(at, min(end, at + _MAX_VARINT_BYTES)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= _MODULUS:
                raise WireError(f"the varint at byte {at} does not fit 64 bits")
            return value, position + 1
        shift += 7
    raise WireError(f"the varint at byte {at} has no end")


def fields(data: bytes) -> Iterator[Field]:
    r"""Walk the fields of a message in file order.

    >>> [(f.number, f.raw) for f in fields(b"\x08\x96\x01\x12\x02hi")]
    [(1, 150), (2, b'hi')]

    Raises:
        WireError: a field runs past the end, or its tag or wire type is impossible.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at, end)
        wire = tag & 7
        if wire == VARINT:
            value, at = varint(data, at, end)
            yield Field(_number(tag), value)
            continue
        width, at = varint(data, at, end) if wire == BYTES else (_fixed_width(tag), at)
        if width > end - at:
            raise WireError(f"field {tag >> 3} needs {width} bytes where {end - at} are left")
        chunk = data[at : at + width]
        yield Field(_number(tag), chunk if wire == BYTES else int.from_bytes(chunk, "little"))
        at += width


def spans(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Walk a message that lies in ``file[start:end]`` without reading what its fields hold.

    Yields number, start and end of each length-delimited field. ``file`` may be moved between two steps.

    Raises:
        WireError: a field runs past ``end``, or its tag or wire type is impossible.
    """
    at, count = start, 0
    while at < end:
        count += 1
        if count > MAX_SPANS:
            raise WireError(f"more than {MAX_SPANS} fields")
        file.seek(at)
        head = file.read(min(2 * _MAX_VARINT_BYTES, end - at))  # one tag and one length
        tag, used = varint(head, 0, len(head))
        number = _number(tag)
        if tag & 7 == VARINT:
            _, used = varint(head, used, len(head))
            at += used
            continue
        width, used = varint(head, used, len(head)) if tag & 7 == BYTES else (_fixed_width(tag), used)
        at += used
        if width > end - at:
            raise WireError(f"field {tag >> 3} needs {width} bytes where {end - at} are left")
        if tag & 7 == BYTES:
            yield number, at, at + width
        at += width


def _number(tag: int) -> int:
    if tag < 8:
        raise WireError("a field has number 0")
    return tag >> 3


def _fixed_width(tag: int) -> int:
    if tag & 7 == FIXED32:
        return 4
    if tag & 7 == FIXED64:
        return 8
    raise WireError(f"field {tag >> 3} has wire type {tag & 7}")
