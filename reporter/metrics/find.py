"""Where the logs of a training are looked for: beside its checkpoints, in a few folders of usual names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from reporter.discover.listing import absolute, listing
from reporter.discover.outputs import is_output, is_recording, is_run
from reporter.errors import CheckpointError, SettingError
from reporter.frozen import dataclass
from reporter.metrics.source import Source, head_of
from reporter.model.comparison import Comparison
from reporter.model.natural_order import natural
from reporter.places import shown

FOLDERS = ("logs", "log", "tensorboard", "tb", "metrics", "train", "validation", "eval")
"""Usual names of folders of logs, looked for in the folder of the checkpoints and in the one above it."""

ABOVE = frozenset({
    "history.json", "trainer_state.json", "metrics.jsonl", "training.log", "training.csv", "train_log.csv", "log.csv",
    "history.csv", "metrics.csv",
})  # fmt: skip
"""Files that are taken from the folder above the checkpoints; more may lie there that have nothing to do with them."""

DEPTH = 3
"""How deep a folder of logs is searched: ``logs/20240131-1200/train``."""

MAX_FILES = 100
"""Logs of one series; the last ones by name, which often has a time in it."""

MAX_FOLDERS = 500
"""Folders looked into for one series."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file that a source takes.

    Attributes:
        source: None where the user named it and no source knows it.
    """

    path: Path
    source: Source | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The logs of a series.

    Attributes:
        left_out: how many more there are.
    """

    files: tuple[LogFile, ...]
    left_out: int = 0


def folder_of(series: Comparison) -> Path:
    """The folder that all checkpoints of a series lie in."""
    return Path(os.path.commonpath([absolute(ref.path).parent for ref in series.refs]))


def beside(series: Comparison, others: Sequence[Path], sources: Sequence[Source]) -> Candidates:
    """The logs beside the checkpoints of a series.

    These are, in this order: files beside the last checkpoint; in the folder of the series, and in its folders of logs;
    in the folder above, unless checkpoints of other series lie there as well: files of usual names, and its folders of
    logs.

    Args:
        others: folders of all other series.
        sources: asked in this order.
    """
    folder = folder_of(series)
    direct = [absolute(series.refs[-1].path).parent, folder]
    paths: list[Path] = [path for one in dict.fromkeys(direct) for path in listing(one).files.values()]
    paths += _below([folder / name for name in FOLDERS])
    above = folder.parent
    if above != folder and above != Path(above.anchor) and not any(_within(other, above) for other in others):
        paths += [path for name, path in listing(above).files.items() if name in ABOVE]
        paths += _below([above / name for name in FOLDERS if above / name != folder])
    return _chosen(filter(None, (_taken(path, sources) for path in dict.fromkeys(paths))))


def named(path: Path, sources: Sequence[Source]) -> Candidates:
    """The logs that a path names: a file, whatever it is called, or all in a folder.

    Raises:
        SettingError: it does not exist.
    """
    if path.is_dir():
        return _chosen(filter(None, (_taken(file, sources) for file in _below([absolute(path)]))))
    if not os.path.lexists(path):
        raise SettingError(f"metrics: {shown(path)}: no such file or folder")
    try:
        head = head_of(path)
    except CheckpointError:
        return Candidates((LogFile(absolute(path), None),))
    known = [s for s in sources if s.begins(head)] + [s for s in sources if s.sure and s.names.fullmatch(path.name)]
    return Candidates((LogFile(absolute(path), known[0] if known else None),))


def _within(path: Path, folder: Path) -> bool:
    return path.parts[: len(folder.parts)] == folder.parts


def _below(folders: Sequence[Path]) -> list[Path]:
    """The files below some folders, as deep and as many as is allowed; links to folders are not followed."""
    found: list[Path] = []
    level = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
    for _ in range(DEPTH + 1):
        further: list[Path] = []
        for folder in level[:MAX_FOLDERS]:
            here = listing(folder)
            if is_output(here) or is_run(folder) or is_recording(folder):  # of this program
                continue
            found += here.files.values()
            further += here.folders.values()
        level = further
    return found


def _taken(path: Path, sources: Sequence[Source]) -> LogFile | None:
    """A file with the source that takes it; one that cannot be looked at is nobody's, unless its name is enough."""
    called = [source for source in sources if source.names.fullmatch(path.name)]
    if not called:
        return None
    try:
        head = head_of(path)
    except CheckpointError:
        head = b""
    source = next((one for one in called if one.sure or one.begins(head)), None)
    return LogFile(path, source) if source else None


def _chosen(found: Iterator[LogFile]) -> Candidates:
    files = sorted(found, key=lambda file: natural(str(file.path)))
    return Candidates(tuple(files[-MAX_FILES:]), max(0, len(files) - MAX_FILES))
