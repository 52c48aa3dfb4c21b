"""Read checkpoints that a trainer may rewrite or delete meanwhile: the same before and after, with one more try."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from reporter.discover import last_written, settled
from reporter.errors import CheckpointError, InProgress, from_os, translated
from reporter.model.checkpoint import CheckpointRef, file_stat

T = TypeVar("T")

CHANGED = "it was written to while it was being read; the next run will have it"


def refreshed(ref: CheckpointRef) -> CheckpointRef:
    """The same checkpoint with the sizes, times and inodes that its files have now.

    Raises:
        RotatedAway: one is gone.
    """
    files = []
    for member in ref.members:
        try:
            files.append(file_stat(member, anew=True))
        except OSError as error:
            raise from_os(ref.path, error) from error
    return replace(
        ref, files=tuple(files), nbytes=sum(f.size for f in files), mtime_ns=max((f.modified for f in files), default=0)
    )


def unchanged(ref: CheckpointRef) -> None:
    """The files are still those that discovery saw.

    Raises:
        InProgress: one was written to meanwhile, or replaced.
        RotatedAway: one is gone.
    """
    if refreshed(ref).files != ref.files:
        raise InProgress(ref.path, CHANGED)


def twice(ref: CheckpointRef, read: Callable[[CheckpointRef], T]) -> T:
    """What ``read`` makes of a checkpoint whose files do not change meanwhile; once more where they did.

    Raises:
        InProgress: they changed both times; this outranks what ``read`` raised, which came of it.
        RotatedAway: one is gone.
    """
    for last in (False, True):
        try:
            result = read(ref)
            unchanged(ref)
            return result
        except Exception as error:
            now = refreshed(ref)
            if now.files == ref.files:
                raise
            if last:
                raise InProgress(ref.path, CHANGED) from error
            ref = now
    raise AssertionError("the second try returns or raises")


def failure(ref: CheckpointRef, error: Exception, settle: float) -> CheckpointError:
    """The error that a listing shows for a checkpoint: an unsound one is in progress until it has settled."""
    known = translated(ref.path, error)
    now, stats = time.time(), list(ref.files)
    for member in ref.members:
        with suppress(OSError):
            stats.append(file_stat(member, anew=True))
    written = last_written(stats, now + settle)
    state, reason = settled(known.reason, known.state, written, settle, now)
    return InProgress(ref.path, reason) if state != known.state else known
