"""An object of a store as an open file: what is read is fetched by ranges, and nothing else is.

Its descriptor is that of a nameless local file of the same size, empty at first. As far as the disk has room, it keeps
the tensors that were read, for as long as the object is open: they are read again for quantiles, and beside the
checkpoints that come next. It gets all bytes where a library in a child process reads the descriptor
(:func:`complete`).
"""

from __future__ import annotations

import errno
import io
import os
import threading
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from weakref import WeakValueDictionary

from reporter.storage.mirror import StoredObject, stored_object
from reporter.storage.pieces import PIECE_BYTES, Stretch, pieces_of
from reporter.storage.stores import Details, fetched
from reporter.storage.temporary import has_room, nameless, remember_copied, require_room

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LEAST, MOST = 16 << 10, 1 << 20
"""Bytes that a small read fetches: twice as many each time that reading goes on where it was."""

CHUNKS = 16
"""Results of small reads that are kept of one object: its head and tail are looked at several times."""

CHUNKS_BYTES = 64 << 20
"""Such results that are kept of all objects together, except for those of the one that was opened last."""

COPIES_BYTES = 2 << 30
"""Complete copies that are kept for the next who opens the same object: discovery opens it before it is measured."""

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
        self._key = stored.path, stored.details
        kept = _copies.get(self._key)
        self._complete = kept is not None
        super().__init__(nameless(stored.details.size) if kept is None else os.dup(kept), "rb")
        self._position = 0  # not that of the descriptor, which copies of one descriptor share
        self._chunks = _chunks_of(self._key)
        self._lock = threading.Lock()
        self._stretches: list[Stretch] = []  # by their start
        _open[self.fileno()] = self

    def expect(self, start: int, stop: int) -> None:
        """Fetch a range ahead, which is about to be read from front to back."""
        if self._complete or stop - start <= LEAST or stop > self.stored.details.size:
            return
        with self._lock:
            at, known = self._before(start)
            if known is not None and (known.start, known.stop) == (start, stop):
                known.begin()
            elif known is None or known.stop <= start:
                spool = self.fileno() if has_room(stop - start) else -1
                self._stretches.insert(at, Stretch(self.stored, start, stop, spool))

    def read_into(self, position: int, view: memoryview) -> None:
        """Fill ``view`` with the bytes at a position.

        Raises:
            EOFError: the object ends before.
            OSError: the store does not give them.
        """
        size = self.stored.details.size
        if position + len(view) > size:
            raise EOFError(f"{len(view):,} bytes at {position:,} are wanted, there are {size:,}")
        if self._complete:
            while view:
                count = os.preadv(self.fileno(), [view[:PIECE_BYTES]], position)
                view, position = view[count:], position + count
            return
        _, known = self._before(position)
        if known is not None and position + len(view) <= known.stop:
            known.read_into(position, view)
        elif view:
            view[:] = self._chunks.read(self.stored, position, len(view))

    def fill(self) -> None:
        """Fetch all bytes into the local file, for a library that reads its descriptor.

        Raises:
            NotExamined: the local file would be too large.
            OSError: the store does not give them.
        """
        with self._lock:
            if self._complete:
                return
            size, at = self.stored.details.size, 0
            require_room(self.stored.path, size)
            for piece in pieces_of(self.stored, 0, size):
                os.pwrite(self.fileno(), piece, at)
                at += len(piece)
            self._complete = True
            _keep_copy(self._key, self.fileno())

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

    def _before(self, position: int) -> tuple[int, Stretch | None]:
        """The last stretch that begins at a position or before it, and the index behind it."""
        at = bisect_right(self._stretches, position, key=lambda one: one.start)
        return at, self._stretches[at - 1] if at else None


_open: WeakValueDictionary[int, StoredFile] = WeakValueDictionary()
"""By descriptor."""

_chunks: OrderedDict[_Key, _Chunks] = OrderedDict()
_copies: OrderedDict[_Key, int] = OrderedDict()


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


def _keep_copy(key: _Key, descriptor: int) -> None:
    """Keep a complete copy for those who open the same object next, as far as there is room for it."""
    if key[1].size <= COPIES_BYTES:
        _copies[key] = os.dup(descriptor)
    while sum(details.size for _, details in _copies) > COPIES_BYTES:
        os.close(_copies.popitem(last=False)[1])


def _chunks_of(key: _Key) -> _Chunks:
    found = _chunks.pop(key, None) or _Chunks()
    _chunks[key] = found
    total = sum(one.nbytes for one in _chunks.values())
    while total > CHUNKS_BYTES and len(_chunks) > 1:
        total -= _chunks.popitem(last=False)[1].nbytes
    return found
