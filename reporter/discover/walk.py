"""Walk a folder without following links, and ask every reader whether it knows what lies there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from reporter.discover.foreign import foreign
from reporter.discover.unfinished import unfinished
from reporter.errors import RotatedAway, SettingError, translated
from reporter.model.checkpoint import Claim, FileEntry, Probe
from reporter.model.reader import Reader

ENDS = 64
"""Bytes read at either end of a file: enough for every magic and footer."""

MAX_DEPTH = 64
"""Folders nested deeper than this are not entered; no real tree of checkpoints comes near."""

LFS = b"version https://git-lfs"

SKIPPED_FOLDERS = frozenset({".git", ".venv", "__pycache__", "node_modules"})


class Walk:
    """Everything below one root: claims of the readers, and entries for the rest."""

    def __init__(self, root: Path, readers: Sequence[Reader], ignore: Sequence[Path]) -> None:
        self._readers = readers
        self._ignore = {path.resolve() for path in ignore}
        self.claims: list[Claim] = []
        self.others: list[tuple[Path, FileEntry]] = []
        if root.is_dir():
            self._folder(root, 0)
        elif root.exists():
            # A file, such as one of a bundle's: look at its folder, keep what it belongs to.
            self._folder(root.parent, MAX_DEPTH)
            claims = [c for c in self.claims if root in c.members or root == c.path]
            self.claims = [replace(c, problem="", state="") if c.when_named else c for c in claims]
            self.others = [o for o in self.others if o[0] == root]
        else:
            # A bundle is named by its prefix, which is not a file.
            if root.parent.is_dir():
                self._folder(root.parent, MAX_DEPTH)
            self.claims = [c for c in self.claims if c.path == root]
            self.others = []
            if not self.claims:
                raise SettingError(f"{root}: no such folder or checkpoint; give a folder that holds checkpoints")

    def _folder(self, folder: Path, depth: int) -> None:
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda e: e.name)
        except FileNotFoundError:
            self._other(folder, RotatedAway.state, "the folder was deleted while it was being listed")
            return
        except OSError as error:
            self._other(folder, "unreadable", f"the folder cannot be listed: {error.strerror}")
            return
        if (folder / "runs").is_dir() and (folder / "latest").is_symlink():
            return  # an output folder of this program
        files: dict[str, Path] = {}
        folders: list[Path] = []
        for entry in entries:
            path = folder / entry.name
            if entry.is_symlink() and entry.is_dir():
                self._other(path, "not a checkpoint", "a link to a folder, not followed")
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_file():
                files[entry.name] = path
            else:
                self._other(path, "not a checkpoint", "not a regular file")
        everything = files | {f.name: f for f in folders}
        for reader in self._readers:
            claim = _asked(reader, folder, partial(reader.claim_folder, folder, everything))
            if claim is not None:
                self.claims.append(claim)
                inside = set(claim.members)
                self._files({n: p for n, p in files.items() if p not in inside})
                self._folders([f for f in folders if not any(f in m.parents for m in inside)], depth)
                return
        self._files(files)
        self._folders(folders, depth)

    def _folders(self, folders: list[Path], depth: int) -> None:
        for folder in folders:
            if folder.name in SKIPPED_FOLDERS or folder.resolve() in self._ignore:
                continue
            if depth >= MAX_DEPTH:
                continue
            self._folder(folder, depth + 1)

    def _files(self, files: Mapping[str, Path]) -> None:
        claims: list[Claim] = []
        left: list[tuple[Path, str, str]] = []
        for path in files.values():
            if reason := unfinished(path, files):
                left.append((path, "not a checkpoint", reason))
                continue
            try:
                probe = look(path)
            except FileNotFoundError:
                left.append((path, RotatedAway.state, "it was deleted while the folder was being listed"))
                continue
            except OSError as error:
                left.append((path, "unreadable", f"cannot be read: {error.strerror}"))
                continue
            if probe.head.startswith(LFS):
                reason = "a Git-LFS pointer, not the file itself: run `git lfs pull`"
                left.append((path, "not downloaded", reason))
                continue
            for reader in self._readers:
                claim = _asked(reader, path, partial(reader.claim_file, probe, files))
                if claim is not None:
                    # An index may name files that never were there: members are those that can be deleted later.
                    claims.append(replace(claim, members=tuple(m for m in claim.members if m.name in files)))
                    break
            else:
                left.append((path, "not a checkpoint", foreign(probe)))
        # A shard can be read by itself, but is no checkpoint of its own beside the index that lists it.
        taken = {member for claim in claims for member in claim.members}
        parts = {member for claim in claims for member in claim.members if member != claim.path}
        self.claims += [claim for claim in claims if claim.path not in parts]
        for path, state, reason in left:
            if path not in taken:
                self._other(path, state, reason)

    def _other(self, path: Path, state: str, reason: str) -> None:
        self.others.append((path, FileEntry(str(path), "", state, reason)))


def look(path: Path) -> Probe:
    """A probe of a file.

    Raises:
        OSError: it cannot be read, or is gone.
    """
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        head = file.read(ENDS)
        file.seek(max(0, stat.st_size - ENDS))
        return Probe(path, stat.st_size, stat.st_mtime_ns, head, file.read(ENDS))


def _asked(reader: Reader, path: Path, ask: Callable[[], Claim | None]) -> Claim | None:
    """A reader's answer; where asking fails, a claim with the problem: a file may vanish under the question."""
    try:
        return ask()
    except Exception as error:
        known = translated(path, error)
        return Claim(reader.name, path, (path,), path.name, known.reason, known.state)
