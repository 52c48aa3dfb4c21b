"""Files, checkpoints and series: what discovery found, before any weight is read."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from reporter.errors import State as State
from reporter.frozen import dataclass
from reporter.model.tensor import Integrity
from reporter.storage import stored_object


class FileStat(NamedTuple):
    """What tells two contents of a file apart without reading it: times in ns since the epoch.

    Attributes:
        modified: when it was last written, or what somebody has set that to.
        changed: when that or anything else about it was last changed, which nobody can set.
    """

    size: int
    modified: int
    inode: int
    changed: int


def file_stat(path: Path, *, anew: bool = False) -> FileStat:
    """Of a file as it is now.

    Args:
        anew: whether a store is asked for an object that was looked at before; its version stands for an inode.

    Raises:
        OSError: it is gone, or cannot be looked at.
    """
    if (stored := stored_object(path, anew=anew)) is not None:
        return FileStat(stored.details.size, stored.details.modified, stored.details.version, 0)
    stat = path.stat()
    return FileStat(stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)


HARMLESS = frozenset(
    {
        State.MEASURED,
        State.RECORDED,
        State.FOUND,
        State.NO_CHECKPOINT,
        State.LEFT_OUT,
        State.IN_PROGRESS,
        State.ROTATED_AWAY,
    }
)
"""States that say nothing against a run: the next one will have what is being written, and what is gone is gone."""

WORST_FIRST = (
    State.CORRUPT,
    State.UNREADABLE,
    State.REFUSED,
    State.PARTIAL,
    State.UNSUPPORTED,
    State.EMPTY,
    State.NOT_EXAMINED,
    State.NOT_DOWNLOADED,
    State.IN_PROGRESS,
    State.ROTATED_AWAY,
)
"""States of what has no numbers, in the order in which it needs somebody: what is damaged before what nobody can read,
that before what may still be written."""

ASIDE = frozenset({State.NO_CHECKPOINT, State.LEFT_OUT})
"""States of what is no checkpoint, or was not looked into."""


class Order(StrEnum):
    """What put the checkpoints of a series in order."""

    IN_FILE = "in-file"
    SAVE_COUNTER = "save counter"
    FILE_NAME = "file name"
    TIME = "modification time"
    RECORDED = "recorded"
    """The steps that a training gave when its states were recorded."""


class SeriesKind(StrEnum):
    """What the checkpoints of a series are to each other."""

    SUCCESSIVE = "successive"
    """States of one training, one after the other."""

    ALTERNATIVES = "alternatives"
    """Models that go by one pattern of names and did not come from each other: seeds, depths, trainings."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A file as discovery sees it: a stat, and the bytes at its two ends (64 each, fewer if it is shorter)."""

    path: Path
    size: int
    mtime_ns: int
    head: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A reader's statement that a file or folder is a checkpoint of its format.

    Attributes:
        format: name of the reader.
        path: the path that names the checkpoint (bundle prefix, file, or folder).
        members: every file that belongs to it, ``path`` itself included where it is a file.
        label: the name that number and stem are taken from, extension removed.
        problem: why it cannot be read, or "".
        state: the state that goes with ``problem``, "" where there is none.
        when_named: whether it is read all the same where the user names this very file.
        part: whether it is one shard of a checkpoint, so that the number in its name is no step.
    """

    format: str
    path: Path
    members: tuple[Path, ...]
    label: str
    problem: str = ""
    state: State | str = ""
    when_named: bool = False
    part: bool = False


@dataclass(frozen=True, slots=True)
class Peek:
    """What discovery learns by opening a checkpoint, before any weight is read.

    Attributes:
        step, step_source, integrity: as in :class:`reporter.model.tensor.Contents`.
        missing: number of layers that the file's own configuration promises and the file lacks.
        save_counter: as in :class:`reporter.model.tensor.Contents`.
        structure: see :func:`reporter.model.structure.structure`.
    """

    step: int | None = None
    step_source: str = ""
    integrity: Integrity = Integrity.UNKNOWN
    missing: int = 0
    structure: tuple[str, ...] = ()
    save_counter: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Where a checkpoint stands in its series.

    Attributes:
        value: the step number, or None where it is not known or no one number tells the checkpoints apart.
        source: what the value comes from.
        detail: which entry or which part of the name gave it.
        inside: the step that the file holds, whatever orders the series; None where it holds none.
    """

    value: int | None
    source: Order
    detail: str = ""
    inside: int | None = None

    @property
    def stored(self) -> int | None:
        """The step that the file holds."""
        return self.value if self.source is Order.IN_FILE else self.inside

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """One readable checkpoint of a series.

    Attributes:
        name: path relative to the scanned folder, for display; unique in a run.
        slug: safe to use as a file name and anchor; unique in a run.
        rotated: if its files are gone and its numbers are those of an earlier run: the day it was measured; else "".
        files: of every member, as they were when it was found.
        recorded: if it never was a file, but was measured in memory while the model was trained: what its recording
            knows it by; else "".
    """

    name: str
    slug: str
    path: Path
    format: str
    members: tuple[Path, ...]
    step: Step
    nbytes: int
    mtime_ns: int
    rotated: str = ""
    files: tuple[FileStat, ...] = ()
    recorded: str = ""

    @property
    def is_there(self) -> bool:
        """Whether its weights can be read: there are files of it, or were when it was found."""
        return not (self.rotated or self.recorded)


@dataclass(frozen=True, slots=True)
class Series:
    """Checkpoints of the same model in step order.

    Attributes:
        name: folder and stem, for display; unique in a run.
        ordered_by: what put them in this order.
        notes: what a reader should know about what was put together here, and in which order.
        cautions: the same, so weighty that it stands beside the verdict.
        doubt: what its order was chosen from where the witnesses disagree; None where they agree.
        turns: places whose checkpoint is older than the one before, although the steps rise, as where a training
            ends and one that was saved earlier begins.
        levels: folders below the common one in which its files lie: 1 where every step has a folder.
    """

    name: str
    slug: str
    format: str
    checkpoints: tuple[CheckpointRef, ...]
    ordered_by: Order
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    doubt: Doubt | None = None
    turns: tuple[int, ...] = ()
    levels: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """Checkpoints whose witnesses of order disagree: the step inside falls where save counter, name or time rise.

    Attributes:
        name: of the whole group.
        checkpoints: in the order of the other witness.
        ordered_by: that witness.
        falls: places whose step inside is lower than that of the checkpoint before.
        by_step: the same in the order of the steps inside; empty where a step is there twice.
        notes: of every series that is made of them.
        levels: as in :class:`Series`.
    """

    name: str
    format: str
    checkpoints: tuple[CheckpointRef, ...]
    ordered_by: Order
    falls: tuple[int, ...]
    by_step: tuple[CheckpointRef, ...] = ()
    notes: tuple[str, ...] = ()
    levels: int = 0


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One row of the list of files: a checkpoint or anything else that lay in the folder.

    Attributes:
        state: what became of it.
        reason: one sentence a person can act on, or "".
        integrity: the check that reading it makes; unknown for other files.
    """

    path: str
    format: str
    state: State
    reason: str = ""
    step: int | None = None
    series: str = ""
    integrity: Integrity = Integrity.UNKNOWN

    @property
    def urgency(self) -> int:
        """The place of its state among :data:`WORST_FIRST`; beyond them all where it needs nobody."""
        return WORST_FIRST.index(self.state) if self.state in WORST_FIRST else len(WORST_FIRST)

    @property
    def harmful(self) -> bool:
        """Whether it may hide something: no run that met it passes, or ends with exit code 0."""
        return self.state not in HARMLESS


@dataclass(frozen=True, slots=True)
class Found:
    """The result of discovery."""

    roots: tuple[Path, ...]
    series: tuple[Series, ...]
    files: tuple[FileEntry, ...] = field(default=())
