"""The one tree of errors; every message says what was wrong with which file or setting, and what to do.

::

    ReportError
    ├── SettingError              a flag, setting or argument (exit code 2)
    ├── CheckpointError           one checkpoint; carries its path and the state that listings show
    │   ├── CorruptCheckpoint     settled, and its bytes contradict themselves        "corrupt"
    │   ├── PartialCheckpoint     settled, and part of it is missing                  "partial"
    │   ├── InProgress            unsound, and written a moment ago                   "in progress"
    │   ├── RotatedAway           gone while it was being read                        "rotated away"
    │   ├── NotDownloaded         a Git-LFS pointer stands in its place               "not downloaded"
    │   ├── UnsupportedCheckpoint a known format or feature that is not read          "unsupported"
    │   └── RefusedCheckpoint     reading it would be unsafe                          "refused"
    ├── RenderError               a page or document could not be made
    └── OutputError               the output folder could not be written
        └── OutputBusy            another run holds its lock (exit code 75)
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class ReportError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class SettingError(ReportError):
    """A flag, a setting or an argument that cannot be used."""

    exit_code = 2


class CheckpointError(ReportError):
    """One checkpoint that could not be measured; the run goes on without it.

    Attributes:
        path: the file or folder.
        reason: what is wrong with it and what to do, without the path.
        tensor: the tensor at which it was noticed, or "".
    """

    state: ClassVar[str] = "corrupt"
    exit_code = 4

    def __init__(self, path: Path | str, reason: str, *, tensor: str = "") -> None:
        self.path = Path(path)
        self.reason = f"tensor {tensor!r}: {reason}" if tensor else reason
        self.tensor = tensor
        super().__init__(f"{path}: {self.reason}")


class CorruptCheckpoint(CheckpointError):
    """The bytes contradict themselves: a bad magic, a failed checksum, an offset outside the file."""

    state = "corrupt"


class PartialCheckpoint(CheckpointError):
    """A shard or the end of a file is missing: an interrupted copy or save."""

    state = "partial"


class InProgress(CheckpointError):
    """Structurally unsound, but written within the settle window: a trainer is probably saving it."""

    state = "in progress"


class RotatedAway(CheckpointError):
    """Deleted or replaced while it was being read."""

    state = "rotated away"


class NotDownloaded(CheckpointError):
    """A Git-LFS pointer instead of the file itself."""

    state = "not downloaded"


class UnsupportedCheckpoint(CheckpointError):
    """A format, version or feature that is recognised and not read."""

    state = "unsupported"


class RefusedCheckpoint(CheckpointError):
    """Reading it would execute something, follow a link out of the file, or exceed a limit."""

    state = "refused"


class RenderError(ReportError):
    """A page, a plot or the PDF could not be made."""


class OutputError(ReportError):
    """The output folder cannot be written."""


class OutputBusy(OutputError):
    """Another run holds the lock of the output folder."""

    exit_code = 75


def translated(path: Path, error: Exception) -> CheckpointError:
    """The error of our own for anything that reading a checkpoint raised.

    An unattended run must neither end because of one file, nor hide that the fault is this program's.
    """
    if isinstance(error, CheckpointError):
        return error
    if isinstance(error, FileNotFoundError):
        return RotatedAway(path, f"{Path(error.filename or path).name} was deleted while it was being read")
    if isinstance(error, OSError):
        return CheckpointError(path, f"cannot be read: {error.strerror or error}")
    what = f"{type(error).__name__}: {error}"
    return CheckpointError(path, f"a defect of ckpt-report ({what}); please report it with this file")


def with_state(path: Path, reason: str, state: str) -> CheckpointError:
    """The error of a checkpoint that a listing shows in this state.

    >>> with_state(Path("m.h5"), "0 bytes", "partial")
    PartialCheckpoint('m.h5: 0 bytes')
    """
    kinds = {kind.state: kind for kind in CheckpointError.__subclasses__()}
    return kinds.get(state, CheckpointError)(path, reason)
