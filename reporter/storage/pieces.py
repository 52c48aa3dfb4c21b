"""Ranges of an object in pieces of a few MB, some of which are fetched at the same time, ahead of who reads them."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reporter.storage.mirror import StoredObject
from reporter.storage.stores import fetched

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

PIECE_BYTES = 4 << 20
"""As many as a reader hands on at a time. Stores answer after some 20 ms and give some 100 MB/s per request."""

AHEAD = 6
"""Pieces of one range that are there or on their way: 24 MiB."""

WORKERS = 12
"""Requests at the same time, of all ranges; the connections that the stores' libraries keep are ten to fifty."""

_pools: dict[int, ThreadPoolExecutor] = {}
"""By process: threads do not survive a fork."""


def submitted(stored: StoredObject, start: int, stop: int) -> Future[bytes]:
    """The bytes of a range, as soon as they have come."""
    pool = _pools.get(os.getpid())
    if pool is None:
        from concurrent.futures import ThreadPoolExecutor  # takes 10 ms to load, which plain paths do without

        pool = _pools.setdefault(os.getpid(), ThreadPoolExecutor(WORKERS, "storage"))
    return pool.submit(fetched, stored.store, stored.key, start, stop)


def pieces_of(stored: StoredObject, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a range, piece by piece."""
    coming: deque[Future[bytes]] = deque()
    try:
        for at in range(start, stop, PIECE_BYTES):
            coming.append(submitted(stored, at, min(at + PIECE_BYTES, stop)))
            if len(coming) == AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        for one in coming:
            one.cancel()


class Stretch:
    """A range that is read piece by piece, mostly from front to back; safe to share between threads."""

    def __init__(self, stored: StoredObject, start: int, stop: int, spool: int = -1) -> None:
        """Begin to fetch the first pieces.

        Args:
            spool: a descriptor of a local file that keeps the pieces, each at its place; -1: they are let go when they
                have been read, and fetched again should somebody ask for them once more.
        """
        self._stored = stored
        self.start = start
        self.stop = stop
        self._spool = spool
        self._spooled: set[int] = set()
        self._coming: dict[int, Future[bytes]] = {}
        self.begin()

    def begin(self) -> None:
        """Begin to fetch the first pieces, as a reader is about to start at the front."""
        self._fetch(self.start)

    def read_into(self, position: int, view: memoryview) -> None:
        """Fill ``view`` with the bytes from ``position`` on, all of which lie in the range.

        Raises:
            OSError: the store does not give them.
        """
        while view:
            at = position - (position - self.start) % PIECE_BYTES
            end = min(at + PIECE_BYTES, self.stop)
            self._fetch(at)
            part = view[: min(len(view), end - position)]
            if at in self._spooled:
                done = os.preadv(self._spool, [part], position)
                if done != len(part):
                    raise OSError(errno.EIO, "the temporary file lost what was put into it")
            else:
                piece = (self._coming.get(at) or submitted(self._stored, at, end)).result()
                part[:] = piece[position - at : position - at + len(part)]
                self._keep(at, piece, read=position + len(part) == end)
            view, position = view[len(part) :], position + len(part)

    def _keep(self, at: int, piece: bytes, *, read: bool) -> None:
        if self._spool >= 0:
            os.pwrite(self._spool, piece, at)
            self._spooled.add(at)
        if read or self._spool >= 0:
            self._coming.pop(at, None)

    def _fetch(self, at: int) -> None:
        """Ask for a piece and for those behind it."""
        for one in range(at, min(at + AHEAD * PIECE_BYTES, self.stop), PIECE_BYTES):
            if one not in self._coming and one not in self._spooled:
                self._coming[one] = submitted(self._stored, one, min(one + PIECE_BYTES, self.stop))
