"""PNG bytes of an RGB bitmap: the same bytes for the same pixels."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

LEVEL = 3
"""Measured on a sheet of 40 histograms: 13 ms at 3, 44 ms at 6 for 13 % fewer bytes."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(image: Image.Image) -> bytes:
    """PNG with 8-bit RGB pixels and no metadata, so nothing in it tells when or with what it was made.

    Every row has filter 0: flat drawings compress better and, with the tables of zlib as they are, five times faster
    than with the row-by-row choice of filters that Pillow always makes (measured: 13 ms and 175 kB against 66 ms and
    200 kB).

    Args:
        image: mode ``RGB``.
    """
    # One byte more than a row needs: the zero after each row is the filter byte of the next.
    rows = b"\0" + image.tobytes("raw", "RGB", 1 + 3 * image.width)
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    data = zlib.compress(memoryview(rows)[:-1], LEVEL)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
