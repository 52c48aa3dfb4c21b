"""Guards libhdf5 against damaged global heaps, where strings of variable length lie: it loops over them for ever.

``H5HG__cache_heap_deserialize`` of HDF5 1.14 steps from object to object by their sizes without checking that it moves
[X: a bit flip in a heap that Keras had written]. No time limit can end a loop in native code, so every heap is checked
on its way from the file to the library.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reporter.readers.keras.window import Window

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAGIC = b"GCOL"
_HEADER = 16
MAX_HEAP = 64 << 20


class HeapGuard(Window):
    """The same window, for libhdf5: a read that starts with a global heap collection is only let through if its objects
    follow each other to its end (HDF5 file format specification, III.E)."""

    def __init__(self, window: Window) -> None:
        super().__init__(window.path, window.file, window.offset, window.length)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer from the position on.

        Raises:
            ValueError: it starts with a damaged heap.
            EOFError: the window ends before the buffer is full.
        """
        start = self.tell()
        count = super().readinto(buffer)
        if memoryview(buffer).cast("B")[:4] == _MAGIC:
            check_heap(self, start)
        return count


def check_heap(window: Window, start: int) -> None:
    """Walk over the objects of the heap collection at a position.

    Raises:
        ValueError: its sizes do not lead to its end.
    """
    header = window.bytes_at(start, _HEADER)
    size = int.from_bytes(header[8:16], "little")
    if len(header) < _HEADER or not _HEADER <= size <= min(MAX_HEAP, window.length - start):
        raise ValueError(f"a global heap declares {size:,} bytes")
    heap = window.bytes_at(start, size)
    at = _HEADER
    while at + _HEADER <= size:
        index, _, _, length = struct.unpack_from("<HHIQ", heap, at)
        step = _HEADER + (length + 7) // 8 * 8 if index else length  # object 0 is the free rest, its header included
        if step < _HEADER or at + step > size:
            raise ValueError(f"object {index} of a global heap declares {length:,} bytes")
        at += step
