"""The data files of a checkpoint: checked against the index by size, opened at the first read, closed together."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from reporter.errors import NotDownloaded, PartialCheckpoint, RefusedCheckpoint, RotatedAway, from_os
from reporter.model.git_lfs import LFS, NOT_DOWNLOADED, is_pointer
from reporter.readers.files.buffers import Buffers
from reporter.readers.files.window import check_stored
from reporter.readers.tensorflow.bundle import Index
from reporter.readers.tensorflow.head import shard_path
from reporter.storage import opened

# O_NONBLOCK: a pipe that took the file's place between two calls must not hang the run. O_BINARY is Windows's.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Shard:
    """One data file, read by any number of threads."""

    def __init__(self, path: Path, needed: int) -> None:
        """Check that the file is there and has the ``needed`` bytes.

        Raises:
            CheckpointError: it is missing, too short, a Git-LFS pointer, or not a regular file.
        """
        self.path = path
        self._lock = threading.Lock()
        self._descriptor = -1
        self._closed = False
        try:
            status = path.stat()
        except FileNotFoundError as exc:
            reason = f"its data file {path.name} is missing: {needed} bytes of tensors are expected there; copy it too"
            raise PartialCheckpoint(path, reason) from exc
        except OSError as exc:
            raise from_os(path, exc) from exc
        self._stored = opened(path)
        size = status.st_size if self._stored is None else self._stored.stored.details.size
        if not stat.S_ISREG(status.st_mode):
            raise RefusedCheckpoint(path, "not a regular file")
        check_stored(path, status)
        self._identity = _identity(status)
        if size < needed:
            head = self.read(0, min(len(LFS), size))
            self.close()
            if is_pointer(head):
                raise NotDownloaded(path, NOT_DOWNLOADED)
            reason = f"{path.name} has {size} bytes where the index expects {needed}: copy or save it again"
            raise PartialCheckpoint(path, reason)

    def read(self, offset: int, count: int, tensor: str = "") -> bytes:
        """Exactly ``count`` bytes from ``offset``; for what is not streamed.

        Raises:
            CheckpointError: as :meth:`read_into`.
        """
        array = np.empty(count, np.uint8)
        self.read_into(array, offset, tensor)
        return array.tobytes()

    def expect(self, offset: int, count: int) -> None:
        """Say that these bytes are about to be read from front to back: from a store, they are fetched ahead."""
        if self._stored is not None:
            self._stored.expect(offset, offset + count)

    def read_into(self, array: npt.NDArray[np.uint8], offset: int, tensor: str = "") -> None:
        """Fill ``array`` with the bytes from ``offset`` on.

        Raises:
            RotatedAway: the file is gone or was replaced since it was checked.
            PartialCheckpoint: it has been cut off since.
            CheckpointError: the operating system cannot read it.
        """
        rest = array.data
        try:
            while rest:
                count = self._read_some(rest, offset)
                if not count:
                    reason = f"{self.path.name} ends {len(rest)} bytes too early: it was cut off while being read"
                    raise PartialCheckpoint(self.path, reason, tensor=tensor)
                rest, offset = rest[count:], offset + count
        except OSError as exc:
            raise from_os(self.path, exc, tensor=tensor) from exc

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            self._closed = True
            if self._stored is not None:
                self._stored.close()
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _read_some(self, view: memoryview, offset: int) -> int:
        if self._stored is not None:
            count = min(len(view), max(self._stored.stored.details.size - offset, 0))
            self._stored.read_into(offset, view[:count])
            return count
        with self._lock:
            descriptor = self._open()
            if not hasattr(os, "preadv"):  # Windows: one file position, so one reader at a time
                os.lseek(descriptor, offset, os.SEEK_SET)
                data = os.read(descriptor, len(view))
                view[: len(data)] = data
                return len(data)
        return os.preadv(descriptor, [view], offset)

    def _open(self) -> int:
        if self._closed:
            raise ValueError("the checkpoint is closed")
        if self._descriptor < 0:
            descriptor = os.open(self.path, _FLAGS)
            if _identity(os.fstat(descriptor)) != self._identity:
                os.close(descriptor)
                raise RotatedAway(self.path, "it was replaced while being read")
            self._descriptor = descriptor
        return self._descriptor


class Shards:
    """All data files that hold tensors, and buffers to read them into; a context manager that closes them."""

    def __init__(self, prefix: Path, index: Index) -> None:
        """Check every file against the index.

        Raises:
            CheckpointError: as :class:`Shard`.
        """
        self.buffers = Buffers()
        self._shards = {
            number: Shard(shard_path(prefix, number, index.shards), needed)
            for number, needed in sorted(index.needed.items())
        }

    def __getitem__(self, number: int) -> Shard:
        return self._shards[number]

    def __enter__(self) -> Shards:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shard in self._shards.values():
            shard.close()


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
