"""Local room for bytes of a store: files without a name, and copies of folders for libraries that want a path."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import NotExamined
from reporter.storage.mirror import stored_object
from reporter.storage.pieces import pieces_of

MAX_COPY = 64 << 30
"""Bytes of one temporary copy: a format that cannot be read by ranges would fill the disk with less notice."""


def nameless(size: int) -> int:
    """The descriptor of an empty file of this size, which is gone when it is closed, however the process ends."""
    folder = tempfile.gettempdir()
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (OSError, AttributeError):  # a file system, or a system, without files that have no name
        descriptor, name = tempfile.mkstemp()
        os.unlink(name)  # noqa: PTH108 (of a name that mkstemp gave as text)
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def has_room(size: int) -> bool:
    """Whether the temporary folder would still be half as free with so many more bytes in it."""
    return shutil.disk_usage(tempfile.gettempdir()).free > 2 * size


def require_room(path: Path, size: int) -> None:
    """Check before a copy is begun.

    Raises:
        NotExamined: it is too large.
    """
    if size > MAX_COPY:
        raise NotExamined(path, f"it is read from a temporary copy, and {size:,} bytes are more than {MAX_COPY:,}")
    if not has_room(size):
        folder = tempfile.gettempdir()
        raise NotExamined(path, f"it is read from a temporary copy of {size:,} bytes, for which {folder} has no room")


_copied: set[Path] = set()


class _Count(threading.local):
    copies = 0


_count = _Count()


def remember_copied(path: Path) -> None:
    """Note that an object or folder is read from a copy, which its checkpoint says."""
    _copied.add(path)
    _count.copies += 1


def copies_used() -> int:
    """How often this thread has read from a copy."""
    return _count.copies


def was_copied(path: Path) -> bool:
    """Whether an object at this path, or below it, has been copied as a whole."""
    return bool(_copied) and any(path == one or path in one.parents for one in _copied)


@contextmanager
def copied(folder: Path, members: Sequence[Path]) -> Iterator[Path]:
    """A folder with the same files in it, for a library that opens them itself: the folder itself if it is local.

    Raises:
        NotExamined: the copy would be too large.
        OSError: the store does not give it.
    """
    stored = [one for one in map(stored_object, members) if one is not None]
    if not stored:
        yield folder
        return
    remember_copied(folder)
    require_room(folder, sum(one.details.size for one in stored))
    with tempfile.TemporaryDirectory(prefix="ckpt-report-") as name:
        copy = Path(name).resolve()
        for one in stored:
            target = copy / one.path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for piece in pieces_of(one, 0, one.details.size):
                    file.write(piece)
        yield copy
