"""A member of a zip archive, its CRC-32 computed from the blocks that are read anyway, and from the rest at the end.

A CRC of a whole is that of its parts, in any order of reading: crc(A ‖ B) = crc(A)·x^(8·len B) + crc(B) modulo the
generator polynomial (zlib's ``crc32_combine``, by Mark Adler; Python has no binding of it).
"""

from __future__ import annotations

import io
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import CorruptCheckpoint
from reporter.readers.files.block_size import CHECK_BYTES
from reporter.readers.files.buffers import Buffers
from reporter.readers.files.window import Window

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_POLYNOMIAL = 0xEDB88320  # bit-reversed, as all here: the highest bit is x^0
_ONE = 1 << 31


class SummedWindow(Window):
    """A window that remembers the CRC-32 of each block that was read through :meth:`block`.

    Args:
        name: of the member, for messages.
        crc: the CRC-32 that is recorded for it.
    """

    def __init__(
        self, path: Path, file: io.IOBase, offset: int, length: int, name: str, crc: int, buffers: Buffers
    ) -> None:
        super().__init__(path, file, offset, length, buffers)
        self._name = name
        self._recorded = crc
        self._found: dict[int, tuple[int, int]] = {}
        self._verified = False

    def block(self, position: int, count: int, tensor: str = "") -> npt.NDArray[np.uint8]:
        """As :meth:`Window.block`."""
        memory = super().block(position, count, tensor)
        if not self._verified and position not in self._found:
            self._found[position] = (count, zlib.crc32(memory.data))
        return memory

    def verify(self) -> None:
        """Read what has not been read, and compare.

        Raises:
            CorruptCheckpoint: the CRC-32 differs from the recorded one.
        """
        if self._verified:
            return
        crc = at = 0
        for position, (count, part) in sorted(self._found.items()):
            if position >= at:
                crc = self._extended(crc, at, position)
                crc = combined(crc, part, count)
                at = position + count
        crc = self._extended(crc, at, self.length)
        if crc != self._recorded:
            reason = f"{self._name} fails its zip CRC-32: {crc:08x}, {self._recorded:08x} is recorded"
            raise CorruptCheckpoint(self.path, reason)
        self._verified = True

    def _extended(self, crc: int, start: int, stop: int) -> int:
        for at in range(start, stop, CHECK_BYTES):
            crc = zlib.crc32(super().block(at, min(CHECK_BYTES, stop - at)).data, crc)
        return crc


def combined(first: int, second: int, length: int) -> int:
    """The CRC-32 of two pieces of data, of which the second has ``length`` bytes.

    >>> combined(zlib.crc32(b"check"), zlib.crc32(b"point"), 5) == zlib.crc32(b"checkpoint")
    True
    """
    return _product(_power(length), first) ^ second


@lru_cache(maxsize=4096)
def _power(length: int) -> int:
    """x^(8·length) modulo the polynomial."""
    result, square = _ONE, _ONE >> 8
    while length:
        if length & 1:
            result = _product(result, square)
        square = _product(square, square)
        length >>= 1
    return result


def _product(a: int, b: int) -> int:
    result = 0
    while a:
        if a & _ONE:
            result ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return result
