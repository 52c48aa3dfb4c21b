"""TensorBoard event files, written without TensorFlow and without the code under test."""

from __future__ import annotations

import struct

import google_crc32c


def _masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """One TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number: int, data: bytes | int) -> bytes:
    """A field of a message: bytes, or a number as a varint."""
    if isinstance(data, int):
        return _varint(number << 3) + _varint(data)
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def simple(value: float) -> bytes:
    """``simple_value``, as TensorFlow 1 writes it."""
    return b"\x15" + struct.pack("<f", value)


def event(step: int, tag: str | bytes, value: bytes) -> bytes:
    """An event with one value, whose form is given as the rest of its message."""
    name = tag if isinstance(tag, bytes) else tag.encode()
    return b"\x09" + struct.pack("<d", 1.76e9) + field(2, step) + field(5, field(1, field(1, name) + value))


BEGIN = record(b"\x09" + struct.pack("<d", 1.76e9) + field(3, b"brain.Event:2"))
"""The first record of every event file."""


def scalars(values: dict[int, float], tag: str = "loss") -> bytes:
    """A whole file with one scalar at each step."""
    return BEGIN + b"".join(record(event(step, tag, simple(value))) for step, value in values.items())
