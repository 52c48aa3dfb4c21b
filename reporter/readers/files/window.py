"""A read-only window (offset, length) of an open file: what h5py is given, and what tensors are read from.

Handing h5py a Python file object instead of a path means that HDF5 never takes a lock. While somebody else has a file
open as ``h5py.File(path, "r")``, which locks it by default, a trainer's ``h5py.File(path, "w")`` truncates it, then
fails to lock it: the save is lost and an empty file is left (github.com/keras-team/keras/issues/11101).
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import CheckpointError, PartialCheckpoint, RefusedCheckpoint, Unreadable, from_os
from reporter.readers.files.buffers import Buffers
from reporter.storage import StoredFile, opened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from _typeshed import WriteableBuffer

SPARSE_FLOOR, SPARSE_RATIO = 4 << 30, 100
"""Bytes, and how many times as many as are stored a file of more may have. A file system that compresses makes weights
a few times smaller, and holes of zeros, which are two thirds of a checkpoint whose optimizer has not begun yet."""

_MAX_READ = 1 << 30
"""Bytes per system call; Linux cuts a read at 2 GiB - 4 KiB."""


def open_file(path: Path) -> io.FileIO:
    """Open a regular file for reading, without a lock and without ever waiting.

    Raises:
        RotatedAway: it is gone.
        Unreadable: it is not a regular file (a pipe, a device), or may not be read.
        RefusedCheckpoint: nearly all of it are holes.
        NotExamined: the machine does not let it be opened, as with too many open files.
    """
    try:
        if (stored := opened(path)) is not None:
            return stored
        # A pipe that is named like a checkpoint would block a plain open for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        file = io.FileIO(descriptor, "rb")
    except OSError as exc:
        raise from_os(path, exc) from exc
    except ValueError as exc:  # a name with a null byte
        raise Unreadable(path, f"it cannot be opened: {exc}") from exc
    try:
        check_stored(path, os.fstat(descriptor))
    except CheckpointError:
        file.close()
        raise
    return file


def check_stored(path: Path, status: os.stat_result) -> None:
    """A regular file, whose size is in proportion to what is stored of it.

    Raises:
        Unreadable: it is a pipe, a device or a folder.
        RefusedCheckpoint: it has next to nothing but holes, which take no space and hours to read.
    """
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(path, "it is not a regular file")
    stored = 512 * status.st_blocks  # 0 where the file system does not tell
    if status.st_size > SPARSE_FLOOR and 0 < SPARSE_RATIO * stored < status.st_size:
        reason = f"it has {status.st_size:,} bytes, of which {stored:,} are stored: the rest are holes"
        raise RefusedCheckpoint(path, reason)


class Window(io.RawIOBase):
    """Bytes ``[offset, offset + length)`` of an open file as a file of its own.

    Reads are positional (``preadv``): several threads may read tensors through one window.

    Args:
        path: the checkpoint, for messages.
        file: stays open at least as long as the window; closing the window does not close it.
        length: to the end of the file if None.
        buffers: where blocks are read to; windows of one file share them.
    """

    def __init__(
        self,
        path: Path,
        file: io.IOBase,
        offset: int = 0,
        length: int | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        super().__init__()
        self.buffers = buffers or Buffers()
        self.path = path
        self.file = file
        self._descriptor = file.fileno()
        self._stored = file if isinstance(file, StoredFile) else None
        self.offset = offset
        self._position = 0
        self.size = size = os.fstat(self._descriptor).st_size
        self.length = max(size - offset, 0) if length is None else length
        if offset < 0 or self.length < 0 or offset + self.length > size:
            raise PartialCheckpoint(path, f"{offset + self.length:,} bytes are expected, the file ends at {size:,}")

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Position from the start of the window."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position that :meth:`readinto` starts from."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer from the position on.

        h5py ignores the number of bytes that a file object returns, and hands uninitialised memory to HDF5 for the
        rest, so a short read is an error here.

        Raises:
            EOFError: the window ends before the buffer is full.
        """
        view = memoryview(buffer).cast("B")
        self._fill(self._position, view)
        self._position += len(view)
        return len(view)

    def read_at(self, position: int, buffer: WriteableBuffer, tensor: str = "") -> None:
        """Fill the buffer with the bytes at a position.

        Raises:
            PartialCheckpoint: the file has become shorter.
            NotExamined: the device failed.
        """
        try:
            self._fill(position, memoryview(buffer).cast("B"))
        except EOFError as exc:
            raise PartialCheckpoint(self.path, f"the file ends early: {exc}", tensor=tensor) from exc
        except OSError as exc:
            raise from_os(self.path, exc, tensor=tensor) from exc

    def part(self, offset: int, length: int) -> Window:
        """A window inside this one.

        Raises:
            PartialCheckpoint: it reaches beyond the end of the file.
        """
        return Window(self.path, self.file, self.offset + offset, length, self.buffers)

    def expect(self, position: int, count: int) -> None:
        """Say that these bytes are about to be read from front to back: from a store, they are fetched ahead."""
        if self._stored is not None and count > 0:
            self._stored.expect(self.offset + position, self.offset + position + count)

    def block(self, position: int, count: int, tensor: str = "") -> npt.NDArray[np.uint8]:
        """The bytes at a position, in a buffer that is used again once no view of it is left.

        Raises:
            CheckpointError: as :meth:`read_at`.
        """
        memory = self.buffers.take(count)
        self.read_at(position, memory.data, tensor)
        return memory

    def bytes_at(self, position: int, count: int) -> bytes:
        """The bytes at a position, fewer at the end of the window."""
        buffer = bytearray(max(min(count, self.length - position), 0))
        self.read_at(position, buffer)
        return bytes(buffer)

    def _fill(self, position: int, view: memoryview) -> None:
        if position + len(view) > self.length:
            raise EOFError(f"{len(view):,} bytes at {position:,} are wanted, there are {self.length:,}")
        if self._stored is not None:
            self._stored.read_into(self.offset + position, view)
            return
        done = 0
        while done < len(view):
            part = view[done : done + _MAX_READ]
            count = os.preadv(self._descriptor, [part], self.offset + position + done)
            if count == 0:
                raise EOFError(f"it was cut to {position + done:,} bytes while it was read")
            done += count
