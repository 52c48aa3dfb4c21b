"""What the child found in HDF5 files that it scanned lately: each is opened to be told, and again to be measured.

A scan is told by device, inode, size, times and window of its file, as the cache tells checkpoints, and is believed
only where the file had rested for a while before: a write within the same tick of the file system's clock would go
unseen. It is checked like one that has just arrived, and values are never kept.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from typing import Any

from reporter.readers.files.window import Window
from reporter.storage import StoredFile

MAX_BYTES = 16 << 20
"""Of all scans that are kept, compressed; that of a model of 50 layers takes some 5 kB."""

RESTED = 2.0
"""Seconds since the last change of a file before its scan is kept: some file systems note times in whole seconds."""

Key = tuple[int | str, ...]

KEPT: dict[Key, bytes] = {}
"""The scans that are kept, compressed; the one that was used last at the end."""


def known(window: Window) -> Any:
    """What a scan of the file in a window found; None where that is not known."""
    key = _key(window)
    text = KEPT.pop(key, None)
    if text is None:
        return None
    KEPT[key] = text
    return json.loads(zlib.decompress(text))


def keep(window: Window, found: Any) -> None:
    """Keep what a scan found, if the file has rested."""
    key = _key(window)
    if not _has_rested(window):
        return
    KEPT[key] = zlib.compress(json.dumps(found, separators=(",", ":")).encode(), 1)
    while sum(map(len, KEPT.values())) > MAX_BYTES:
        KEPT.pop(next(iter(KEPT)), None)  # another thread may have been first


def _has_rested(window: Window) -> bool:
    """Whether a write after the one that is seen would be seen as well; a store has a version for each."""
    if isinstance(window.file, StoredFile):
        return bool(window.file.stored.details.version)
    status = os.fstat(window.file.fileno())
    return time.time() - max(status.st_mtime_ns, status.st_ctime_ns) / 1e9 >= RESTED


def _key(window: Window) -> Key:
    if isinstance(window.file, StoredFile):  # whose local file says nothing of the object
        details = window.file.stored.details
        path = str(window.file.stored.path)
        return path, details.version, details.size, details.modified, window.offset, window.length
    status = os.fstat(window.file.fileno())
    place = status.st_dev, status.st_ino, status.st_size, window.offset, window.length
    return *place, status.st_mtime_ns, status.st_ctime_ns
