"""Where discovery asks the file system: what lies in a folder. Trouble becomes words, and never ends a run."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import field
from functools import cache
from pathlib import Path

from reporter.errors import RotatedAway, from_os
from reporter.frozen import dataclass
from reporter.model.checkpoint import State
from reporter.storage import StoreError

_WORDS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "a link that leads back to itself",
    errno.ENAMETOOLONG: "the name is longer than the file system allows",
    errno.ENOTDIR: "it leads through a file as if that were a folder",
    errno.EIO: "the disk reports an error",
    errno.ESTALE: "the network file system has lost it",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}

_PSEUDO = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
    "tracefs",
})  # fmt: skip
"""File systems that hold no files but views of the kernel: some of them block whoever reads them."""

Place = tuple[int, int]
"""Device and inode: two names with one place are one file or folder."""


@dataclass(frozen=True, slots=True)
class Row:
    """A path that is listed as it is: no reader is asked about it, or none knows it."""

    path: Path
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder, sorted by name.

    Attributes:
        files: regular files, and links to such.
        rows: what is neither a file nor a folder, or could not be looked at; the folder itself if it cannot be listed.
    """

    files: dict[str, Path] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)


def listing(folder: Path) -> Listing:
    """The files and folders directly in a folder; links to folders are not followed."""
    found = Listing()
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda e: e.name)
    except OSError as error:
        found.rows.append(trouble(folder, error, "the folder cannot be listed"))
        return found
    for entry in entries:
        path = folder / entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                found.folders[entry.name] = path
            elif entry.is_file(follow_symlinks=False):
                found.files[entry.name] = path
            elif not entry.is_symlink():
                found.rows.append(Row(path, State.NO_CHECKPOINT, "neither a file nor a folder: a pipe or a device"))
            else:
                _link(found, path, entry)
        except OSError as error:
            found.rows.append(trouble(path, error, "it cannot be looked at"))
    return found


_NOWHERE = {
    errno.ENOENT: "a link to something that is not there",
    errno.ELOOP: "a link that leads back to itself",
    errno.ENAMETOOLONG: "a link to a name that is longer than the file system allows",
    errno.ENOTDIR: "a link through a file as if that were a folder",
}
"""Errors that say that nothing lies behind a link, for anybody: no checkpoint can be hidden there."""


def _link(found: Listing, path: Path, entry: os.DirEntry[str]) -> None:
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if error.errno not in _NOWHERE:
            raise
        found.rows.append(Row(path, State.NO_CHECKPOINT, _NOWHERE[error.errno]))
        return
    if stat.S_ISREG(mode):
        found.files[entry.name] = path
        return
    what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
    found.rows.append(Row(path, State.NO_CHECKPOINT, f"a link to {what}, not followed"))


def trouble(path: Path, error: OSError, what: str) -> Row:
    """The row of something that the file system does not give."""
    if isinstance(error, FileNotFoundError):
        return Row(path, RotatedAway.state, "it was deleted while the folder was being listed")
    if gave_out(error):
        known = from_os(path, error)
        return Row(path, known.state, known.reason)
    return Row(path, State.UNREADABLE, f"{what}: {words(error)}")


def gave_out(error: OSError) -> bool:
    """Whether a store failed, which it may not do the next time: that says nothing of the object."""
    return isinstance(error, StoreError) and error.errno == errno.EREMOTEIO


def words(error: OSError) -> str:
    """An error of the operating system in words.

    >>> words(OSError(errno.ELOOP, "Too many levels of symbolic links"))
    'a link that leads back to itself'
    """
    return _WORDS.get(error.errno or 0) or error.strerror or str(error)


def place(path: Path) -> Place | None:
    """Where a file or folder is, links followed; None if that cannot be told, as where every inode is 0."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # a name with a null byte
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def is_pseudo(at: Place) -> bool:
    """Whether a folder lies in a file system of the kernel's own, such as ``/proc``."""
    return at[0] in _pseudo_devices()


@cache
def _pseudo_devices() -> frozenset[int]:
    """From Linux's list of mounts, which asks none of them: a lost network file system would not answer (proc(5))."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return frozenset()
    devices = set()
    for line in lines:
        fields, _, rest = line.partition(" - ")
        if rest.split(" ", 1)[0] in _PSEUDO:
            major, _, minor = fields.split(" ")[2].partition(":")
            devices.add(os.makedev(int(major), int(minor)))
    return frozenset(devices)


def absolute(path: Path) -> Path:
    """A path from the root of the file system, links as they are; beneath ``/`` where the working folder is gone."""
    try:
        return Path(os.path.abspath(path))  # noqa: PTH100 (unlike Path.absolute, this takes the ".." out)
    except OSError:
        return Path(os.path.normpath(Path("/", path)))
