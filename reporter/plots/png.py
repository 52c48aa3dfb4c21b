"""Encode a bitmap as PNG, so that the same pixels give the same bytes."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

LEVEL = 3
"""Level of compression. A sheet of 40 histograms takes 13 ms at level 3, and 44 ms at level 6 for 13 % fewer bytes."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(image: Image.Image) -> bytes:
    """The bytes of a PNG with 8-bit RGB pixels and without metadata, which would tell when and with what it was made.

    PNG allows a filter for each row. No row has one here: drawings with flat colours compress better that way, and five
    times faster than with the filters that Pillow chooses row by row (measured: 13 ms and 175 kB against 66 ms and
    200 kB).

    Args:
        image: mode ``RGB``.
    """
    # A PNG has a byte for the filter in front of each row, 0 for none. Rows are written with one byte more than they
    # need, which is 0: each serves as the filter of the next row, and the last one is cut off.
    rows = b"\0" + image.tobytes("raw", "RGB", 1 + 3 * image.width)
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    data = zlib.compress(memoryview(rows)[:-1], LEVEL)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file: its length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
