"""Measure and pair checkpoints that a trainer may rewrite or delete meanwhile: each blamed for itself, tried twice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reporter.catalog import open_checkpoint
from reporter.discover import settled
from reporter.errors import CheckpointError, InProgress, RotatedAway, translated
from reporter.matching import SAME, Match, match, renamed
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.change import Change
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured
from reporter.model.tensor import Contents, TensorInfo, TensorSource

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]

Identity = tuple[tuple[int, int, int], ...]
"""Size, time of change in nanoseconds and inode of every file of a checkpoint."""

CHANGED = "it was written to while it was being read; the next run will have it"


def identity(ref: CheckpointRef) -> Identity:
    """What the files of a checkpoint are now.

    Raises:
        RotatedAway: one is gone.
    """
    found = []
    for member in ref.members:
        try:
            stat = member.stat()
        except OSError as error:
            raise RotatedAway(ref.path, f"{member.name} was deleted while it was being read") from error
        found.append((stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(found)


@contextmanager
def unchanged(ref: CheckpointRef) -> Iterator[Identity]:
    """A block in which a checkpoint is read: its files are the same before and after.

    Raises:
        InProgress: one was written to, or replaced; this outranks whatever the block raised, which came of it.
        RotatedAway: one is gone.
    """
    before = identity(ref)
    try:
        yield before
    except Exception as error:
        if identity(ref) != before:
            raise InProgress(ref.path, CHANGED) from error
        raise
    if identity(ref) != before:
        raise InProgress(ref.path, CHANGED)


@dataclass(frozen=True, slots=True)
class Opened:
    """A measured checkpoint that is still open, so that the next one can be paired with it.

    Attributes:
        ref: with size and time as they were when it was read.
        numbers: under the names of the series.
        files: what its files were while it was measured.
    """

    ref: CheckpointRef
    contents: Contents
    numbers: Measured
    matched: Match
    files: Identity
    stack: ExitStack

    def close(self) -> None:
        """Close its files."""
        self.stack.close()

    def has_changed(self) -> str:
        """What happened to its files since it was measured, or ""."""
        try:
            return "" if identity(self.ref) == self.files else "it was rewritten"
        except RotatedAway:
            return "it was deleted"


def opened(ref: CheckpointRef, plan: Plan, series: Measured | None = None) -> Opened:
    """Open and measure a checkpoint; once more if it changed while it was being read (formats.md, section 3).

    Args:
        series: the checkpoint that names the layers of the series, None if this is it.

    Raises:
        reporter.errors.CheckpointError: it cannot be measured; InProgress if it changed both times.
    """
    try:
        return _opened(ref, plan, series)
    except InProgress:
        return _opened(ref, plan, series)


def _opened(ref: CheckpointRef, plan: Plan, series: Measured | None) -> Opened:
    with ExitStack() as stack:
        try:
            with unchanged(ref) as files:
                contents = stack.enter_context(open_checkpoint(ref.format, ref.path))
                numbers = measure_checkpoint(contents, plan)
        except Exception as error:
            raise translated(ref.path, error) from error
        if ref.step.source == "in-file" and contents.step != ref.step.value:
            # Rewritten since it was put in its place: what is in it now belongs to another one.
            raise InProgress(ref.path, f"it was at step {ref.step} when it was found, and is at {contents.step} now")
        matched = match(series, numbers) if series is not None else SAME
        ref = replace(ref, nbytes=sum(f[0] for f in files), mtime_ns=max((f[1] for f in files), default=0))
        return Opened(ref, contents, renamed(numbers, matched), matched, files, stack.pop_all())


def failure(ref: CheckpointRef, error: Exception, settle: float) -> CheckpointError:
    """The error that a listing shows for a checkpoint: unsound ones are in progress until they have settled."""
    known = translated(ref.path, error)
    newest = ref.mtime_ns
    for member in ref.members:
        with suppress(OSError):
            newest = max(newest, member.stat().st_mtime_ns)
    state, reason = settled(known.reason, known.state, newest, settle, time.time())
    return InProgress(ref.path, reason) if state != known.state else known


@dataclass(frozen=True, slots=True)
class Paired:
    """Two neighbours compared value by value.

    Attributes:
        changes: by the series' names; empty if the two could not be compared.
        remarks: by checkpoint, why not, where its numbers stand nevertheless.
        failed: by checkpoint, what shows that its numbers cannot be trusted.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, CheckpointError] = field(default_factory=dict)


def pair(before: Opened, after: Opened) -> Paired:
    """Compare two open checkpoints; whichever disappears or fails meanwhile is the one that is blamed.

    A checkpoint that was deleted or rewritten *after* it had been measured keeps its numbers, and gets a remark.
    """
    failed: dict[str, CheckpointError] = {}
    changes: dict[str, Change] = {}
    try:
        changes = compare_contents(_guarded(before), _guarded(after), before.matched.tensors, after.matched.tensors)
    except _Failed as error:
        failed[error.ref.name] = translated(error.ref.path, error.cause)
    moved = {o.ref.name: what for o in (before, after) if (what := o.has_changed())}
    remarks = {
        name: f"{what} after it had been measured: its numbers stand, its values could not be compared with those of "
        f"{after.ref.name if name == before.ref.name else before.ref.name}"
        for name, what in moved.items()
    }
    if moved:  # values that were read while a file changed are worth nothing
        changes = {}
    return Paired(changes, remarks, {name: error for name, error in failed.items() if name not in moved})


class _Failed(Exception):
    def __init__(self, ref: CheckpointRef, cause: Exception) -> None:
        super().__init__(str(cause))
        self.ref, self.cause = ref, cause


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A tensor that says whose it is when it cannot be read."""

    source: TensorSource
    ref: CheckpointRef

    @property
    def info(self) -> TensorInfo:
        return self.source.info

    def blocks(self) -> Iterator[Array]:
        try:
            yield from self.source.blocks()
        except Exception as error:
            raise _Failed(self.ref, error) from error


def _guarded(one: Opened) -> Contents:
    return replace(one.contents, tensors=tuple(_Guarded(source, one.ref) for source in one.contents.tensors))
