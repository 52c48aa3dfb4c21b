"""The one tree of errors; every message says what was wrong with which file or setting, and what to do.

::

    ReportError
    ├── SettingError              a flag, setting or argument (exit code 2)
    │   └── UnknownName           no variable or layer has that name; a KeyError as well
    ├── MissingPackage            an optional package is not installed; an ImportError as well
    ├── CheckpointError           one checkpoint; carries its path and the state that listings show
    │   ├── CorruptCheckpoint     settled, and its bytes contradict themselves        "corrupt"
    │   ├── PartialCheckpoint     settled, and part of it is missing                  "partial"
    │   ├── InProgress            unsound, and written a moment ago                   "in progress"
    │   ├── RotatedAway           gone while it was being read                        "rotated away"
    │   ├── NotDownloaded         a Git-LFS pointer stands in its place               "not downloaded"
    │   ├── UnsupportedCheckpoint a known format or feature that is not read          "unsupported"
    │   ├── RefusedCheckpoint     reading it would be unsafe                          "refused"
    │   ├── Unreadable            this user may not read it, or it is no file         "unreadable"
    │   └── NotExamined           this machine lacks memory, time, files or disk      "not examined"
    ├── ClusterError              the workers' scheduler was lost; what they measured is kept
    ├── RenderError               a page or document could not be made
    └── OutputError               the output folder could not be written
        └── OutputBusy            another run holds its lock (exit code 75)
"""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from reporter.places import shown


class State(StrEnum):
    """What became of something that was met, as listings and report.json say it."""

    MEASURED = "measured"
    FOUND = "found"
    EMPTY = "empty"
    """It was read, and holds no numbers."""
    NO_CHECKPOINT = "not a checkpoint"
    LEFT_OUT = "left out"
    """A folder that was not looked into."""

    CORRUPT = "corrupt"
    PARTIAL = "partial"
    IN_PROGRESS = "in progress"
    ROTATED_AWAY = "rotated away"
    RECORDED = "recorded"
    """It was measured in memory while the model was trained, and never was a file."""
    NOT_DOWNLOADED = "not downloaded"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    NOT_EXAMINED = "not examined"

    SOUND = "sound"
    """``verify`` has read it to its end, and every checksum is right."""


class ReportError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class SettingError(ReportError):
    """A flag, a setting or an argument that cannot be used."""

    exit_code = 2


class ClusterError(ReportError):
    """The scheduler of the workers was lost in the middle of a run; what they measured is in the cache."""


class UnknownName(SettingError, KeyError):
    """No variable or layer of a result has that name; the message names those that are alike."""

    __str__ = Exception.__str__  # that of a KeyError would put the message in quotation marks


class MissingPackage(ReportError, ImportError):
    """A package that only some functions need is not installed; the message says how to install it."""


class CheckpointError(ReportError):
    """One checkpoint that could not be measured; the run goes on without it.

    Attributes:
        path: the file or folder.
        reason: what is wrong with it and what to do, without the path.
        tensor: the tensor at which it was noticed, or "".
    """

    state: ClassVar[State] = State.CORRUPT
    exit_code = 4

    def __init__(self, path: Path | str, reason: str, *, tensor: str = "") -> None:
        self.path = Path(path)
        self.reason = f"tensor {tensor!r}: {reason}" if tensor else reason
        self.tensor = tensor
        super().__init__(f"{shown(path)}: {self.reason}")


class CorruptCheckpoint(CheckpointError):
    """The bytes contradict themselves: a bad magic, a failed checksum, an offset outside the file."""

    state = State.CORRUPT


class PartialCheckpoint(CheckpointError):
    """A shard or the end of a file is missing: an interrupted copy or save."""

    state = State.PARTIAL


class InProgress(CheckpointError):
    """Structurally unsound, but written within the settle window: a trainer is probably saving it."""

    state = State.IN_PROGRESS


class RotatedAway(CheckpointError):
    """Deleted or replaced while it was being read."""

    state = State.ROTATED_AWAY


class NotDownloaded(CheckpointError):
    """A Git-LFS pointer instead of the file itself."""

    state = State.NOT_DOWNLOADED


class UnsupportedCheckpoint(CheckpointError):
    """A format, version or feature that is recognised and not read."""

    state = State.UNSUPPORTED


class RefusedCheckpoint(CheckpointError):
    """Reading it would execute something, follow a link out of the file, or exceed a limit."""

    state = State.REFUSED


_HERE = "could not be examined here: "


class Unreadable(CheckpointError):
    """This user may not read it, or it is a pipe, a device, a link to itself: waiting does not help."""

    state = State.UNREADABLE


class NotExamined(CheckpointError):
    """The machine is at fault, not the file: memory, processor time, open files, disk or device gave out.

    Args:
        limit: what gave out, and how to raise it where that is known.
    """

    state = State.NOT_EXAMINED

    def __init__(self, path: Path | str, limit: str, *, tensor: str = "") -> None:
        self.limit = limit.removeprefix(_HERE)
        super().__init__(path, _HERE + self.limit, tensor=tensor)


class RenderError(ReportError):
    """A page, a plot or the PDF could not be made."""


class OutputError(ReportError):
    """The output folder cannot be written."""


class OutputBusy(OutputError):
    """Another run holds the lock of the output folder."""

    exit_code = 75


_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})

_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.ENXIO})

_LIMITS = {
    errno.EMFILE: "too many files are open (raise `ulimit -n`)",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "there is not enough memory",
    errno.EAGAIN: "there are too many processes or threads (raise `ulimit -u`)",
    errno.ENOSPC: "a disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would become larger than allowed (raise `ulimit -f`)",
    errno.EIO: "a disk or network drive failed (Input/output error)",
}
"""What errno says of the machine. Whatever is not listed anywhere is put down to it as well, never to the file."""

_NO_MEMORY = (
    os.strerror(errno.ENOMEM),
    "failed to map segment",  # of the dynamic loader
    "memory allocation failed",  # H5E_CANTALLOC of HDF5
    "RESOURCE_EXHAUSTED",  # of absl: TensorFlow and tensorstore
    "std::bad_alloc",
)

_NO_THREAD = "can't start new thread"
"""CPython's RuntimeError where pthread_create fails."""


def from_os(path: Path, error: OSError, *, tensor: str = "") -> CheckpointError:
    """The error of our own for what the operating system said: about the file, or about the machine."""
    concerned = Path(error.filename) if isinstance(error.filename, str) else path
    if error.errno in _GONE and not str(error.strerror).startswith("No usable temporary directory"):
        return RotatedAway(path, f"{concerned.name} was deleted while it was being read", tensor=tensor)
    if error.errno in _FORBIDDEN:
        return Unreadable(path, f"{concerned.name} cannot be read: {error.strerror}", tensor=tensor)
    limit = _LIMITS.get(error.errno or 0) or str(error.strerror or error)
    return NotExamined(path, f"{limit} ({concerned.name})" if concerned != path else limit, tensor=tensor)


def from_words(path: Path, text: str) -> CheckpointError | None:
    """The same of a library that hands on nothing but words; None where they do not speak of the machine.

    Raises:
        MemoryError: they say that there is not enough: whose limit that is, the caller knows.
    """
    if any(words in text for words in _NO_MEMORY):
        raise MemoryError(text)
    said = (number for number in (*_LIMITS, *sorted(_FORBIDDEN)) if os.strerror(number) in text)
    number = next(said, None)
    return None if number is None else from_os(path, OSError(number, os.strerror(number)))


def translated(path: Path, error: Exception) -> CheckpointError:
    """The error of our own for anything that reading a checkpoint raised.

    An unattended run must neither end because of one file, nor hide that the fault is this program's or the machine's.
    """
    if isinstance(error, CheckpointError):
        return error
    if isinstance(error, SettingError):  # of what an installed package adds, such as a statistic
        return CheckpointError(path, str(error))
    if isinstance(error, OSError):
        return from_os(path, error)
    if isinstance(error, MemoryError):
        return NotExamined(path, _LIMITS[errno.ENOMEM])
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return NotExamined(path, _LIMITS[errno.EAGAIN])
    if isinstance(error, ImportError):  # of a library that is installed: not enough memory, or too many files
        return NotExamined(path, f"a library cannot be loaded: {error}")
    what = f"{type(error).__name__}: {error}"
    return CheckpointError(path, f"a defect of ckpt-report ({what}); please report it with this file")


def with_state(path: Path, reason: str, state: State) -> CheckpointError:
    """The error of a checkpoint that a listing shows in this state.

    >>> with_state(Path("m.h5"), "0 bytes", State.PARTIAL)
    PartialCheckpoint('m.h5: 0 bytes')
    """
    kinds = {kind.state: kind for kind in CheckpointError.__subclasses__()}
    return kinds.get(state, CheckpointError)(path, reason)
