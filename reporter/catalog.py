"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reporter.cache import Cache
from reporter.discover import find
from reporter.errors import CheckpointError, ReportError, RotatedAway, SettingError
from reporter.model.checkpoint import CheckpointRef, Claim, Found
from reporter.model.tensor import Contents
from reporter.readers import READERS, reader
from reporter.settings import Settings


def scan(settings: Settings, cache: Cache | None = None) -> Found:
    """Discover everything below the roots; no weight is read.

    Args:
        cache: knows the steps of checkpoints that were measured before, so that they are not opened.
    """

    def peek(claim: Claim) -> tuple[int | None, str]:
        known = cache.step(claim.format, claim.members) if cache is not None else None
        return known or peek_step(claim.format, claim.path)

    return find(settings.roots, READERS, peek, settle=settings.settle, out=settings.out, cache=settings.cache)


def only_checkpoint(path: Path, settings: Settings) -> CheckpointRef:
    """The one checkpoint that a path names.

    Raises:
        SettingError: there is none, or more than one.
    """
    found = scan(replace(settings, roots=(path,), out=path / ".none"))
    refs = [ref for series in found.series for ref in series.checkpoints]
    if len(refs) == 1:
        return refs[0]
    if refs:
        raise SettingError(f"{path}: holds {len(refs)} checkpoints; name one of them, such as {refs[0].path}")
    problem = next((f for f in found.files if f.reason), None)
    reason = f"{problem.state}: {problem.reason}" if problem else "it is no checkpoint of a known format"
    raise SettingError(f"{path}: {reason}")


def peek_step(format_: str, path: Path) -> tuple[int | None, str]:
    """The training step inside a checkpoint and the entry that gave it."""
    with open_checkpoint(format_, path) as contents:
        return contents.step, contents.step_source


@contextmanager
def open_checkpoint(format_: str, path: Path) -> Iterator[Contents]:
    """Open a checkpoint; whatever goes wrong while it is open becomes an error of our own, see :func:`translated`."""
    try:
        with reader(format_).open(path) as contents:
            yield contents
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
