"""An object of a store as an open file: what is read is fetched by ranges, and nothing else is.

Its descriptor is that of a nameless local file of the same size, empty at first (:mod:`reporter.storage.spool`). As far
as the disk has room, it keeps the tensors that were read: they are read again for quantiles, and beside the checkpoints
that come next. A library in a child process, which reads the descriptor, has what it needs put there before
(:func:`provider`), or all bytes (:func:`complete`).
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from weakref import WeakValueDictionary

from reporter.storage.mirror import StoredObject, stored_object
from reporter.storage.pieces import PIECE_BYTES
from reporter.storage.spool import spool_of
from reporter.storage.stores import Details, fetched
from reporter.storage.temporary import remember_copied

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LEAST, MOST = 16 << 10, 1 << 20
"""Bytes that a small read fetches: twice as many each time that reading goes on where it was."""

CHUNKS = 16
"""Results of small reads that are kept of one object: its head and tail are looked at several times."""

CHUNKS_BYTES = 64 << 20
"""Such results that are kept of all objects together, except for those of the one that was opened last."""

_Key = tuple[Path, Details]


class _Chunks:
    """Small parts of an object that were fetched lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[tuple[int, bytes]] = []
        self._end = -1  # of the last read

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        return sum(len(data) for _, data in self._found)

    def read(self, stored: StoredObject, position: int, count: int) -> bytes:
        """The bytes at a position, with more of those that follow than were asked for if they have to be fetched."""
        with self._lock:
            goes_on, self._end = position == self._end, position + count
            for start, data in self._found:
                if start <= position and position + count <= start + len(data):
                    return data[position - start : position - start + count]
            size = min(2 * len(self._found[-1][1]), MOST) if goes_on and self._found else LEAST
            stop = min(max(position + count, position + size), stored.details.size)
            data = fetched(stored.store, stored.key, position, stop)
            if len(data) <= MOST:
                self._found = [*self._found[1 - CHUNKS :], (position, data)]
            return data[:count]


class StoredFile(io.FileIO):
    """An object, open for reading; :meth:`read_into` may be called by several threads at once."""

    def __init__(self, stored: StoredObject) -> None:
        """Open an object as it was when it was last looked at."""
        self.stored = stored
        self._spool = spool_of(stored)
        super().__init__(os.dup(self._spool.descriptor), "rb")
        self._position = 0  # not that of the descriptor, which copies of one descriptor share
        self._chunks = _chunks_of((stored.path, stored.details))
        _open[self.fileno()] = self

    def expect(self, start: int, stop: int) -> None:
        """Fetch a range ahead, which is about to be read from front to back."""
        if not self._spool.whole and stop - start > LEAST and stop <= self.stored.details.size:
            self._spool.expect(start, stop)

    def read_into(self, position: int, view: memoryview) -> None:
        """Fill ``view`` with the bytes at a position.

        Raises:
            EOFError: the object ends before.
            OSError: the store does not give them.
        """
        size = self.stored.details.size
        if position + len(view) > size:
            raise EOFError(f"{len(view):,} bytes at {position:,} are wanted, there are {size:,}")
        if self._spool.whole:
            while view:
                count = os.preadv(self.fileno(), [view[:PIECE_BYTES]], position)
                view, position = view[count:], position + count
            return
        if (known := self._spool.stretch(position, position + len(view))) is not None:
            known.read_into(position, view)
        elif view:
            view[:] = self._chunks.read(self.stored, position, len(view))

    def fill(self) -> None:
        """Fetch all bytes into the local file, for a library that reads its descriptor.

        Raises:
            NotExamined: the local file would be too large.
            OSError: the store does not give them.
        """
        self._spool.fill()

    def provide(self, start: int, stop: int) -> None:
        """Fetch a range into the local file, for a library that asks for what it needs.

        Raises:
            NotExamined, OSError: as :meth:`fill`.
        """
        self._spool.provide(start, stop)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As any file does; a read beyond the end gives what is there."""
        view, position = memoryview(buffer).cast("B"), self._position
        count = max(min(len(view), self.stored.details.size - position), 0)
        self.read_into(position, view[:count])
        self._position += count
        return count

    def tell(self) -> int:
        """As any file does."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As any file does."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.stored.details.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """As any file does."""
        left = max(self.stored.details.size - self._position, 0)
        buffer = bytearray(left if size is None or size < 0 else min(size, left))
        self.readinto(buffer)
        return bytes(buffer)

    def readall(self) -> bytes:
        """As any file does."""
        return self.read()

    def close(self) -> None:
        """Close it; a second call does nothing."""
        if not self.closed:
            _open.pop(self.fileno(), None)
        super().close()


_open: WeakValueDictionary[int, StoredFile] = WeakValueDictionary()
"""By descriptor."""

_chunks: OrderedDict[_Key, _Chunks] = OrderedDict()


def opened(path: Path) -> StoredFile | None:
    """The object that a local file stands for, opened; None for every other path."""
    stored = stored_object(path)
    return None if stored is None else StoredFile(stored)


def open_binary(path: Path) -> BinaryIO:
    """``path.open("rb")``, for objects of stores as well.

    Raises:
        OSError: it cannot be opened.
    """
    stored = opened(path)
    return path.open("rb") if stored is None else io.BufferedReader(stored, LEAST)


def complete(descriptor: int) -> None:
    """See that a descriptor that is handed to a library has all bytes of its object; local files have them.

    Raises:
        NotExamined, OSError: as :meth:`StoredFile.fill`.
    """
    file = _open.get(descriptor) if _open else None
    if file is not None:
        remember_copied(file.stored.path)
        file.fill()


def provider(descriptor: int) -> Callable[[int, int], None] | None:
    """What fetches a range for a library that is handed a descriptor; None where the file has all of its bytes."""
    file = _open.get(descriptor) if _open else None
    return None if file is None else file.provide


def _chunks_of(key: _Key) -> _Chunks:
    found = _chunks.pop(key, None) or _Chunks()
    _chunks[key] = found
    total = sum(one.nbytes for one in _chunks.values())
    while total > CHUNKS_BYTES and len(_chunks) > 1:
        total -= _chunks.popitem(last=False)[1].nbytes
    return found
