"""Where the object files of compiled kernels are kept for later runs, and what of them is trusted.

Machine code from these files is executed. Each begins with a SHA-256 hash of the rest, and one that does not match, as
after a power failure, is treated as missing. Folders count only if nobody else can write to them: they belong to this
user, to root or to the owner of this program, as in the image of a container, and are writable by their owner alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from reporter.measuring.kernels.machine import COMPILER, processor
from reporter.model import sketch

_DIGEST = hashlib.sha256().digest_size

PREFIX = "kernels-"

OLD = 30 * 86_400
"""Seconds after which compiled code of another version of the program is deleted, unless it was used meanwhile."""


def kept(name: str) -> Iterator[bytes]:
    """The machine code in a file of this name, from each folder that has it whole, the best one first."""
    for folder in (FOLDER, *READY):
        if folder and (code := _read(Path(folder, name))) is not None:
            yield code


def keep(name: str, code: bytes) -> None:
    """Keep machine code for later runs; where the disk refuses, only this run uses it."""
    if FOLDER:
        with suppress(OSError):
            _write(Path(FOLDER, name), code)


@cache
def sources() -> str:
    """A hash of all that decides what kernels compute: this package, and the module with the size of a sketch."""
    paths = [*sorted(Path(__file__).parent.glob("*.py")), Path(sketch.__file__)]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def _folders() -> tuple[str, tuple[str, ...]]:
    """Where machine code is kept, "" where nothing can be written, and further folders that hold some already.

    These may be read-only, as in the image of a container whose user owns nothing. The folder's name is a hash of all
    that decides about the code: the sources, the compiler, and the processor.
    """
    words = (sources(), COMPILER, *processor())
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
    chosen, ready = "", []
    for base in _bases(Path(__file__).parent):
        # Absolute, as a later change of the working folder would lead to one that nobody has looked at.
        folder = base.absolute() / f"{PREFIX}{digest}"
        if not chosen and _writable(folder):
            chosen = str(folder)
            _prune(base, folder)
        elif _trusted(folder):
            ready.append(str(folder))
    return chosen, tuple(ready)


def _bases(here: Path) -> Iterator[Path]:
    """Folders in which a folder for compiled code can be, the best one first."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(chosen)
        return
    if cache := os.environ.get("CKPT_REPORT_CACHE"):
        yield Path(cache) / "kernels"
    yield here / "__pycache__"
    if cache := os.environ.get("XDG_CACHE_HOME"):
        yield Path(cache) / "ckpt-report"
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache" / "ckpt-report"


def _writable(folder: Path) -> bool:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o755, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK) and _trusted(folder)


def _trusted(folder: Path) -> bool:
    """Whether it is a folder that only this user, root or the owner of this program can write to."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    owners = {os.geteuid(), 0, Path(__file__).stat().st_uid}
    return found.st_uid in owners and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _prune(base: Path, own: Path) -> None:
    """Delete what other versions of this program compiled there, and nobody has used for a month."""
    with suppress(OSError):
        os.utime(own)
        for folder in base.glob(f"{PREFIX}{'[0-9a-f]' * 16}"):
            if folder != own and time.time() - folder.stat().st_mtime > OLD and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)


FOLDER, READY = _folders()


def _read(path: Path) -> bytes | None:
    """The content of a file, None if the file is missing or does not match its hash."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, code = content[:_DIGEST], content[_DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write(path: Path, code: bytes) -> None:
    """Write a file under a temporary name, make it durable, and rename it, so that others see all of it or nothing.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    aside = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
