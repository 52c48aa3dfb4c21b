"""Snappy's raw format, decompressed: blocks of an index may use it.

TensorFlow's releases do not compress an index, yet published ones are: 41 of the 79 that this reader was tried on, most
of Sonnet's and half of TensorFlow Serving's. Format: https://github.com/google/snappy/blob/main/format_description.txt
"""

from __future__ import annotations

from reporter.readers.files.wire import WireError, varint


def decompress(data: bytes, limit: int) -> bytes:
    r"""The original of a compressed block.

    >>> decompress(b"\x09\x04ab\x09\x02\x00c", 100)
    b'ababababc'

    Raises:
        WireError: damaged, or it declares more than ``limit`` bytes.
    """
    size, at = varint(data, 0, len(data))
    if size > limit:
        raise WireError(f"a compressed block declares {size} bytes")
    out = _decode(data, at, size)
    if len(out) != size:
        raise WireError(f"a compressed block holds {len(out)} of {size} bytes")
    return bytes(out)


def beginning(data: bytes) -> bytes:
    """What the first bytes of a compressed block, such as a file's first 64, show of the original; empty if nothing."""
    try:
        size, at = varint(data, 0, len(data))
        return bytes(_decode(data, at, size, cut=True))
    except WireError:
        return b""


def _decode(data: bytes, at: int, size: int, *, cut: bool = False) -> bytearray:
    """Elements from ``at`` on; with ``cut``, up to the first that is not wholly there, or to ``size``."""
    out = bytearray()
    end = len(data)
    while at < end and not (cut and len(out) >= size):
        tag = data[at]
        kind, length = tag & 3, tag >> 2
        if kind == 0:  # a literal; lengths from 60 on follow in 1 to 4 bytes
            extra = length - 59 if length >= 60 else 0
            if extra:
                length = int.from_bytes(data[at + 1 : at + 1 + extra], "little")
            at += 1 + extra
            length += 1
            if at + length > end and not cut:
                raise WireError("a literal runs past its compressed block")
            out += data[at : at + length]
            at += length
        else:  # a copy of what came before
            extra = (0, 1, 2, 4)[kind]
            offset = int.from_bytes(data[at + 1 : at + 1 + extra], "little")
            if kind == 1:
                offset |= (tag >> 5) << 8
                length = 4 + (length & 7)
            else:
                length += 1
            at += 1 + extra
            if at > end and cut:
                break
            if at > end or not 0 < offset <= len(out):
                raise WireError("a copy in a compressed block refers to nothing")
            piece = bytes(out[-offset:][:length])
            out += (piece * (length // len(piece) + 1))[:length]
        if len(out) > size:
            raise WireError("a compressed block holds more than it declares")
    return out
