"""Which files and folders are Keras checkpoints, by their content; names tell what damaged ones were."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from reporter.errors import CheckpointError, NotDownloaded, RefusedCheckpoint, State
from reporter.model.checkpoint import Claim, Probe
from reporter.model.git_lfs import NOT_DOWNLOADED, first_pointer
from reporter.readers.files.window import Window, open_file
from reporter.readers.keras import archive

ARCHIVE, WEIGHTS, LEGACY = "keras", "keras-weights", "keras-h5"

_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SUFFIXES = (".weights.h5", ".h5", ".hdf5", ".keras")
_MAX_USERBLOCK = 8 << 20
"""The signature may stand at 0, 512, 1024, 2048 … (HDF5 file format, II.A); no further than this is looked."""

EMPTY = "0 bytes: just opened by a trainer, or destroyed"


def label(path: Path) -> str:
    """The name without Keras's suffixes.

    >>> label(Path("a/cp-05.weights.h5")), label(Path("m.00-0.47.hdf5")), label(Path("folder.d"))
    ('cp-05', 'm.00-0.47', 'folder.d')
    """
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)] or path.name
    return path.name


def claim_archive(probe: Probe) -> Claim | None:
    """Claim a zip archive with Keras's members, or a file that is named like one and is damaged."""
    named = probe.path.name.lower().endswith(".keras")
    if probe.head.startswith(_ZIP):
        try:
            names = archive.member_names(probe.path)
        except CheckpointError as error:
            return _claim(ARCHIVE, probe.path, error.reason, error.state) if named else None
        if {archive.CONFIG, archive.METADATA} <= names:
            return _claim(ARCHIVE, probe.path)
        reason = f"a zip archive without Keras's {archive.CONFIG} and {archive.METADATA}"
        return _claim(ARCHIVE, probe.path, reason, "unsupported") if named else None
    if not named or signature(probe):
        return None
    if probe.size == 0:
        return _claim(ARCHIVE, probe.path, EMPTY, "corrupt")
    what = "text" if _is_text(probe.head) else "neither a zip archive nor HDF5"
    return _claim(ARCHIVE, probe.path, f"named like a Keras archive, but its content is {what}", "corrupt")


def claim_folder(folder: Path, names: Mapping[str, Path]) -> Claim | None:
    """Claim a folder that a ``.keras`` file was unpacked to, or that was saved unzipped."""
    weights = next((name for name in (archive.WEIGHTS, archive.WEIGHTS_NPZ) if name in names), None)
    if weights is None or not {archive.CONFIG, archive.METADATA} <= names.keys():
        return None
    members = tuple(names[name] for name in (archive.METADATA, archive.CONFIG, weights))
    pointer = first_pointer(members)
    if pointer is not None:
        reason = f"{pointer.name} is {NOT_DOWNLOADED}"
        return Claim(ARCHIVE, folder, members, label(folder), reason, NotDownloaded.state)
    return Claim(ARCHIVE, folder, members, label(folder))


def claim_hdf5(probe: Probe) -> Claim | None:
    """Claim an HDF5 file of whatever layout, or a file that is named like one and is damaged."""
    claim = _claimed(probe)
    if claim is not None and claim.problem:
        _claimed.cache_clear()  # what went wrong, as a parser that had no memory left, may go well next time
    return claim


@lru_cache(maxsize=1)  # the readers of both layouts ask in turn, and it takes opening the file to answer
def _claimed(probe: Probe) -> Claim | None:
    name = probe.path.name.lower()
    by_name = WEIGHTS if name.endswith(".weights.h5") else LEGACY
    if probe.head.startswith(_ZIP):
        return None
    if not signature(probe):
        if not name.endswith((".h5", ".hdf5")):
            return None
        if probe.size == 0:
            return _claim(by_name, probe.path, EMPTY, "corrupt")
        reason = "its content is text" if _is_text(probe.head) else "it has no HDF5 signature"
        return _claim(by_name, probe.path, f"named like an HDF5 file, but {reason}", "corrupt")
    from reporter.readers.keras import hdf5

    with open_file(probe.path) as file:
        try:
            found = hdf5.layout(Window(probe.path, file))
        except RefusedCheckpoint:  # a root group of the "latest" format with many members, as no Keras model has
            found = ""
        except CheckpointError as error:
            return _claim(by_name, probe.path, error.reason, error.state)
    if found == "":
        return _claim(LEGACY, probe.path, "an HDF5 file without Keras weights", State.NO_CHECKPOINT)
    return _claim(WEIGHTS if found == "v3" else LEGACY, probe.path)


def signature(probe: Probe) -> bool:
    """Whether the HDF5 signature stands at one of the places where it may."""
    if probe.head.startswith(_HDF5):
        return True
    if probe.size <= 512:
        return False
    try:
        with open_file(probe.path) as file:
            window, at = Window(probe.path, file), 512
            while at < min(window.length, _MAX_USERBLOCK):
                if window.bytes_at(at, 8) == _HDF5:
                    return True
                at *= 2
    except RefusedCheckpoint:  # a disk image, say, that is nothing but holes
        return False
    return False


def _claim(format: str, path: Path, problem: str = "", state: str = "") -> Claim:
    return Claim(format, path, (path,), label(path), problem, state)


def _is_text(head: bytes) -> bool:
    """Whether the first bytes are UTF-8 (but for a character cut at the end) without control characters."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 3:
            return False
        text = head[: exc.start].decode("utf-8")
    return all(char.isprintable() or char in "\t\n\r\f" for char in text)
