"""The local file for bytes of an object: what was read of it is kept there, and is not fetched again.

All who have one object open share its file, and it stays a while after that: discovery opens an object before it is
measured, and the last checkpoint of a series is read again for its readiness for deployment. The file has no name, and
is gone with the process.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path
from weakref import finalize

from reporter.storage.mirror import StoredObject
from reporter.storage.pieces import Stretch, pieces_of
from reporter.storage.stores import Details
from reporter.storage.temporary import has_room, nameless, remember_copied, require_room

KEPT, KEPT_BYTES, KEPT_FILES = 2, 2 << 30, 128
"""The files that were opened last are kept when nobody has them open any more; those before them as long as all
together have no more than this on the disk and take no more descriptors."""

BLOCK = 64 << 10
"""Bytes that are fetched at once for a parser that asks for a few: structures lie close together."""

REQUEST_BYTES = 2 << 20
"""Bytes that a store gives in the time of one request, see :data:`reporter.storage.pieces.PIECE_BYTES`: once single
blocks have taken as long as the whole object would, that is fetched, which costs at most twice what was best."""


class Spool:
    """A local file of the size of an object, empty at first.

    Attributes:
        stored: the object, as it was when it was last looked at.
        descriptor: of the file, for as long as this lives.
        whole: whether it has all bytes.
    """

    def __init__(self, stored: StoredObject) -> None:
        self.stored = stored
        self.descriptor = nameless(stored.details.size)
        finalize(self, _close, os.getpid(), self.descriptor)
        self.whole = False
        self._lock = threading.Lock()
        self._stretches: list[Stretch] = []  # by their start
        self._blocks: set[int] = set()
        self._requests = 0

    @property
    def nbytes(self) -> int:
        """Bytes that it takes on the disk."""
        return 512 * os.fstat(self.descriptor).st_blocks

    def expect(self, start: int, stop: int) -> None:
        """Fetch a range ahead, which is about to be read from front to back."""
        with self._lock:
            at, known = self._before(start)
            if known is not None and (known.start, known.stop) == (start, stop):
                known.begin()
            elif known is None or known.stop <= start:
                kept = self.descriptor if _found_room(self, stop - start) else -1
                self._stretches.insert(at, Stretch(self.stored, start, stop, kept))

    def stretch(self, start: int, stop: int) -> Stretch | None:
        """The expected range in which all of these bytes lie, None where there is none."""
        known = self._before(start)[1]
        return known if known is not None and stop <= known.stop else None

    def fill(self) -> None:
        """Fetch all bytes, for a library that reads the descriptor.

        Raises:
            NotExamined: the file would be too large.
            OSError: the store does not give them.
        """
        with self._lock:
            self._fill()

    def provide(self, start: int, stop: int) -> None:
        """Fetch a range, as far as the file lacks it, for a parser in another process that asks for what it needs.

        Raises:
            NotExamined, OSError: as :meth:`fill`.
        """
        with self._lock:
            size = self.stored.details.size
            if self.whole:
                remember_copied(self.stored.path)
            if self.whole or not 0 <= start < stop <= size:
                return
            missing = [at for at in range(start - start % BLOCK, stop, BLOCK) if at not in self._blocks]
            if not missing:
                return
            self._requests += 1
            if self._requests * REQUEST_BYTES >= size:
                remember_copied(self.stored.path)
                self._fill()
                return
            self._fetch(missing[0], min(missing[-1] + BLOCK, size))
            self._blocks.update(missing)

    def _fill(self) -> None:
        if not self.whole:
            size = self.stored.details.size
            _found_room(self, size)
            require_room(self.stored.path, size)
            self._fetch(0, size)
            self.whole = True

    def _fetch(self, start: int, stop: int) -> None:
        at = start
        for piece in pieces_of(self.stored, start, stop):
            os.pwrite(self.descriptor, piece, at)
            at += len(piece)

    def _before(self, position: int) -> tuple[int, Stretch | None]:
        """The last stretch that begins at a position or before it, and the index behind it."""
        at = bisect_right(self._stretches, position, key=lambda one: one.start)
        return at, self._stretches[at - 1] if at else None


def _close(owner: int, descriptor: int) -> None:
    if os.getpid() == owner:  # a copy of this process has closed what it was handed, and may use the number again
        os.close(descriptor)


_spools: OrderedDict[tuple[Path, Details], Spool] = OrderedDict()
"""Those that are open or kept, the one that was opened last at the end."""

_registry = threading.Lock()


def _forget() -> None:
    """In a copy of this process, which closes what it was handed: it has files of its own."""
    global _registry
    _registry = threading.Lock()
    _spools.clear()


os.register_at_fork(after_in_child=_forget)


def spool_of(stored: StoredObject) -> Spool:
    """The file of an object, a new one if there is none of it as it is now."""
    key = stored.path, stored.details
    with _registry:
        found = _spools.pop(key, None) or Spool(stored)
        _spools[key] = found
        held = sum(one.nbytes for one in _spools.values())
        while len(_spools) > KEPT and (held > KEPT_BYTES or len(_spools) > KEPT_FILES):
            held -= _spools.popitem(last=False)[1].nbytes
    return found


def _found_room(wanted: Spool, size: int) -> bool:
    """Whether the disk has room for so many more bytes, at the cost of what is kept of other objects."""
    with _registry:
        while not has_room(size):
            other = next((key for key, one in _spools.items() if one is not wanted), None)
            if other is None:
                return False
            del _spools[other]
    return True
