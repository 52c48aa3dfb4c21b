"""The values of one array of an npz archive or of an npy file: streamed in C order, however they are stored."""

from __future__ import annotations

import math
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import CorruptCheckpoint
from reporter.frozen import dataclass
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.files.npy import Header
from reporter.readers.files.streams import Array, native
from reporter.readers.files.window import Window
from reporter.readers.files.zipped import inflated

SLAB_BYTES = 16 << 20
"""Values in Fortran order are gathered into slabs of rows of this size, or of one row."""

MAX_ROW_BYTES = 32 << 20
"""A row in Fortran order is gathered in memory; no layer has 8 million weights to one input."""

SEGMENT_BYTES = 64
"""Where a slab has fewer bytes of a column, reading everything once for each slab is faster than a read for each."""

Raw = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MemberStream:
    """An array's values.

    Attributes:
        window: header and values; where ``info`` is a deflated member, what they are deflated to.
        info: the member of the archive, whose CRC-32 is checked by every reading; None for an npy file.
    """

    window: Window
    header: Header
    info: zipfile.ZipInfo | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values, in native byte order."""
        return self.header.dtype.newbyteorder("=")

    def blocks(self, tensor: str) -> Iterator[Array]:
        """Yield the values as 1-D arrays of a few MiB.

        Raises:
            CheckpointError: the file is damaged, or has become shorter.
        """
        if self.header.fortran and len(self.header.shape) > 1 and self.header.size:
            yield from self._reordered(tensor)
            return
        for raw in self._raw(tensor):
            yield native(raw.view(self.header.dtype), self.dtype)

    def _raw(self, tensor: str) -> Iterator[Raw]:
        """The bytes of the values as they are stored, in whole elements."""
        if self.info is not None and self.info.compress_type == zipfile.ZIP_DEFLATED:
            return _regular(inflated(self.window, self.info), self.header.start)
        return self._stored(tensor)

    def _stored(self, tensor: str) -> Iterator[Raw]:
        start, end = self.header.start, self.window.length
        self.window.expect(0, end)
        crc = zlib.crc32(self.window.bytes_at(0, start))
        for at in range(start, end, BLOCK_BYTES):
            block = np.empty(min(BLOCK_BYTES, end - at), np.uint8)
            self.window.read_at(at, block.data, tensor)
            if self.info is not None:
                crc = zlib.crc32(block.data, crc)
            yield block
        if self.info is not None and crc != self.info.CRC:
            reason = f"it fails its zip CRC-32: {crc:08x}, {self.info.CRC:08x} is recorded"
            raise CorruptCheckpoint(self.window.path, reason, tensor=tensor)

    def _reordered(self, tensor: str) -> Iterator[Array]:
        """From Fortran to C order: as the file has them, the values are columns, of which each slab takes some rows."""
        rows, *rest = self.header.shape
        columns, dtype = math.prod(rest), self.header.dtype
        height = min(max(SLAB_BYTES // (columns * dtype.itemsize), 1), rows)
        in_pieces = height < rows and height * dtype.itemsize >= SEGMENT_BYTES
        step = BLOCK_BYTES // dtype.itemsize
        with self._anywhere(tensor) if in_pieces else nullcontext() as window:
            for first in range(0, rows, height):
                slab = np.empty((columns, min(height, rows - first)), dtype)
                if window is None:
                    at = 0
                    for raw in self._raw(tensor):
                        at = _take(raw.view(dtype), at, rows, first, slab)
                else:
                    _gather(window, rows, first, slab, tensor)
                # `slab` is (…, axis 2, axis 1, rows): turned round it is in the order of the shape.
                values = slab.reshape(*rest[::-1], -1).T.reshape(-1)
                for start in range(0, values.size, step):
                    yield native(values[start : start + step], self.dtype)

    @contextmanager
    def _anywhere(self, tensor: str) -> Iterator[Window]:
        """The values, to be read in any order, their CRC-32 checked; inflated into a temporary file if deflated."""
        if self.info is None or self.info.compress_type == zipfile.ZIP_STORED:
            for _ in self._raw(tensor) if self.info is not None else ():
                pass
            yield self.window.part(self.header.start, self.window.length - self.header.start)
            return
        with tempfile.TemporaryFile() as spool:
            for raw in self._raw(tensor):
                spool.write(raw.data)
            spool.flush()
            yield Window(self.window.path, spool)


def row_bytes(header: Header) -> int:
    """Bytes of the smallest piece of an array in Fortran order that can be put into C order."""
    return math.prod(header.shape[1:]) * header.dtype.itemsize if header.fortran else 0


def _gather(window: Window, rows: int, first: int, slab: Array, tensor: str) -> None:
    """Fill a slab with the rows from ``first`` on, a read for each column."""
    size = slab.dtype.itemsize
    width = slab.shape[1] * size
    flat = memoryview(slab.reshape(-1).view(np.uint8).data)
    for column in range(slab.shape[0]):
        window.read_at((column * rows + first) * size, flat[column * width : (column + 1) * width], tensor)


def _take(values: Array, at: int, rows: int, first: int, slab: Array) -> int:
    """Copy what a run of columns holds of a slab; ``at`` counts the values before it. Returns where it ends."""
    last = first + slab.shape[1]
    done = 0
    while done < values.size:
        column, row = divmod(at + done, rows)
        whole = (values.size - done) // rows
        if row == 0 and whole:
            slab[column : column + whole] = values[done : done + whole * rows].reshape(whole, rows)[:, first:last]
            done += whole * rows
            continue
        count = min(rows - row, values.size - done)
        begin, end = max(row, first), min(row + count, last)
        if begin < end:
            slab[column, begin - first : end - first] = values[done + begin - row : done + end - row]
        done += count
    return at + done


def _regular(pieces: Iterator[bytes], skip: int) -> Iterator[Raw]:
    """Pieces of any length as blocks of ``BLOCK_BYTES``, without the first ``skip`` bytes."""
    block, filled = np.empty(BLOCK_BYTES, np.uint8), 0
    for piece in pieces:
        view = np.frombuffer(piece, np.uint8)[skip:]
        skip = max(skip - len(piece), 0)
        while view.size:
            part, view = view[: BLOCK_BYTES - filled], view[BLOCK_BYTES - filled :]
            block[filled : filled + part.size] = part
            filled += part.size
            if filled == BLOCK_BYTES:
                yield block
                block, filled = np.empty(BLOCK_BYTES, np.uint8), 0
    if filled:
        yield block[:filled]
