"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reporter.discover import find
from reporter.errors import CheckpointError, ReportError, RotatedAway
from reporter.model.checkpoint import Found
from reporter.model.quantised import labelled
from reporter.model.tensor import Contents
from reporter.readers import READERS, reader
from reporter.settings import Settings


def scan(settings: Settings) -> Found:
    """Discover everything below the roots; no weight is read."""
    return find(settings.roots, READERS, peek_step, settle=settings.settle, out=settings.out)


def peek_step(format_: str, path: Path) -> tuple[int | None, str]:
    """The training step inside a checkpoint and the entry that gave it."""
    with open_checkpoint(format_, path) as contents:
        return contents.step, contents.step_source


@contextmanager
def open_checkpoint(format_: str, path: Path) -> Iterator[Contents]:
    """Open a checkpoint; whatever goes wrong while it is open becomes an error of our own, see :func:`translated`."""
    try:
        with reader(format_).open(path) as contents:
            yield labelled(contents)
    except ReportError:
        raise
    except Exception as error:
        raise translated(path, error) from error


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
