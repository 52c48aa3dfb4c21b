"""Guards libhdf5 against structures that it reads unsafely once they are damaged, on their way from the file to it.

- Global heaps, where strings of variable length lie: ``H5HG__cache_heap_deserialize`` of HDF5 1.14 steps from object
  to object by their sizes without checking that it moves, and loops for ever [X: one flipped bit in a file of Keras].
- Fractal heaps, where groups of the "latest" format keep more than eight links: one flipped bit in a name, and 1.14
  corrupts its memory [X: double free, segmentation fault]. Keras has never written them; they are refused.

No time limit ends a loop in native code, and no ``except`` a crash.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint
from reporter.readers.files.window import Window

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# With the only version that libhdf5 accepts, which no text contains (HDF5 file format specification, III.E and III.G).
_GLOBAL = b"GCOL\x01"
_FRACTAL = b"FRHP\x00"
_REFUSED = (
    "it keeps large groups or attributes in the way of HDF5's libver='latest', which is not safe to read; "
    "save it with h5py's default, as Keras does"
)
_BESIDE = len(_GLOBAL) - 1
_HEADER = 16
MAX_HEAP = 64 << 20


class HeapGuard(Window):
    """The same window, for libhdf5, which is shown no heap that could harm it.

    It may have read the start of a heap with what lies before it, so every read is searched, and what is beside it.
    """

    def __init__(self, window: Window) -> None:
        super().__init__(window.path, window.file, window.offset, window.length)
        self._sound: set[int] = set()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer from the position on.

        Raises:
            CorruptCheckpoint: a global heap in it is damaged.
            RefusedCheckpoint: it holds a fractal heap.
            EOFError: the window ends before the buffer is full.
        """
        start, view = self.tell(), memoryview(buffer).cast("B")
        first, end = max(start - _BESIDE, 0), start + len(view)
        if end > self.length:
            raise EOFError(f"{len(view):,} bytes at {start:,} are wanted, there are {self.length:,}")
        seen = self.bytes_at(first, end + _BESIDE - first)
        view[:] = seen[start - first : end - first]
        self.seek(end)
        if _FRACTAL in seen:
            raise RefusedCheckpoint(self.path, _REFUSED)
        at = seen.find(_GLOBAL)
        while at >= 0:
            if first + at not in self._sound:
                check_heap(self, first + at)
                self._sound.add(first + at)
            at = seen.find(_GLOBAL, at + 1)
        return len(view)


def check_heap(window: Window, start: int) -> None:
    """Walk over the objects of the global heap collection at a position.

    Raises:
        CorruptCheckpoint: its sizes do not lead to its end.
    """
    header = window.bytes_at(start, _HEADER)
    size = int.from_bytes(header[8:16], "little")
    if len(header) < _HEADER or not _HEADER <= size <= min(MAX_HEAP, window.length - start):
        raise CorruptCheckpoint(window.path, f"a global heap declares {size:,} bytes")
    heap = window.bytes_at(start, size)
    at = _HEADER
    while at + _HEADER <= size:
        index, _, _, length = struct.unpack_from("<HHIQ", heap, at)
        step = _HEADER + (length + 7) // 8 * 8 if index else length  # object 0 is the free rest, its header included
        if step < _HEADER or at + step > size:
            raise CorruptCheckpoint(window.path, f"object {index} of a global heap declares {length:,} bytes")
        at += step
