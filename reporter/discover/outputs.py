"""Which folders are output of this program: known by the marker in every run, never by names that others use too."""

from __future__ import annotations

from pathlib import Path

from reporter.discover.listing import Listing, listing
from reporter.model.output import LOCK, MARKER, POINTER, RECORDED, RECORDING, UNFINISHED, marker
from reporter.storage import open_binary

_BESIDE = frozenset({LOCK, POINTER, "index.html"})
_RUNS, _LATEST = "runs", (".latest-", "latest")


def is_run(folder: Path) -> bool:
    """Whether a folder is one published run."""
    wanted = marker(folder.name)
    try:
        with open_binary(folder / MARKER) as file:
            return file.read(len(wanted) + 1) == wanted
    except (OSError, ValueError):  # none there, or none that can be read: it is looked through
        return False


def is_recording(folder: Path) -> bool:
    """Whether a folder holds what was recorded of a training, see :mod:`reporter.gather.recording`."""
    try:
        return (folder / RECORDING).is_file()
    except (OSError, ValueError):
        return False


def is_output(found: Listing) -> bool:
    """Whether a folder holds runs of this program and nothing else whatsoever.

    One that holds anything beside them, such as the checkpoints that they are about, is looked through. In the first
    run of all it holds the lock alone, and the report says the same of it as the next one.
    """
    if found.files.keys() == {LOCK} and not found.folders and not found.rows:
        return True
    if found.folders.keys() - {RECORDED} != {_RUNS} or not found.files.keys() <= _BESIDE:
        return False
    if RECORDED in found.folders and not is_recording(found.folders[RECORDED]):
        return False
    if not all(row.path.name.startswith(_LATEST) for row in found.rows):
        return False
    runs = listing(found.folders[_RUNS])
    if runs.files or runs.rows or not runs.folders:
        return False
    return all(name.startswith(UNFINISHED) or is_run(path) for name, path in runs.folders.items())
