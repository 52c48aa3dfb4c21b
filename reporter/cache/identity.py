"""What makes two looks at the same files the same content, and where their numbers are kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from reporter.cache.version import MEASURING_VERSION
from reporter.installed import packages
from reporter.model.checkpoint import file_stat

COARSE = 1_000_000_000
"""Some file systems note times in whole seconds: there a second write within one goes unseen."""


def identity(format_: str, members: Sequence[Path]) -> str:
    """Forty characters that change with size, times (ns) or inode of any file, and with what measures it.

    The time of the last change is among them, since anybody can set that of the last modification: tools that write
    into a file in place and restore its time would go unseen. So a file that was renamed, or got other permissions or
    another hard link, is measured again, as is a copy. Installed packages that add readers or statistics are among them
    with their versions.

    Raises:
        OSError: a file is gone.
    """
    facts = [f"{MEASURING_VERSION}", *packages(), format_]
    facts += [" ".join(map(str, file_stat(member))) for member in members]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:40]


def is_certain(mtime_ns: int, now: float | None = None) -> bool:
    """Whether a write after this modification time would have changed it.

    Where times are whole seconds, that is so only once the second is over.
    """
    now = time.time() if now is None else now
    return bool(mtime_ns % COARSE) or now - mtime_ns / 1e9 > 2
