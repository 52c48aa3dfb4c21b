"""Walk folders without following links, and ask every reader whether it knows what lies there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from reporter.discover.foreign import foreign
from reporter.discover.listing import Listing, Place, Row, gave_out, is_pseudo, listing, place, trouble, words
from reporter.discover.outputs import is_output, is_recording, is_run
from reporter.discover.unfinished import unfinished
from reporter.errors import NotDownloaded, translated
from reporter.model.checkpoint import Claim, Probe, State
from reporter.model.git_lfs import NOT_DOWNLOADED, is_pointer
from reporter.model.reader import Reader
from reporter.numerals import counted
from reporter.storage import open_binary

ENDS = 64
"""Bytes read at either end of a file: enough for every magic and footer."""

MAX_DEPTH = 64
"""Folders nested deeper than this are not entered; no real tree of checkpoints comes near."""

SKIPPED_FOLDERS = {
    ".git": "the history of a git repository",
    ".venv": "a Python environment",
    "__pycache__": "compiled Python",
    "node_modules": "packages of JavaScript",
}
"""Folders that are not entered unless they are named, and what they are."""


class Walk:
    """Claims of the readers, and rows for the rest; every folder is entered once, whatever leads to it."""

    def __init__(
        self,
        readers: Sequence[Reader],
        named: Collection[Path] = (),
        cache: Path | None = None,
        max_depth: int = MAX_DEPTH,
    ) -> None:
        """Start with nothing.

        Args:
            named: files that the user gave one by one.
            cache: this program's folder of what earlier runs measured.
            max_depth: folders nested deeper than this below a root are not entered.
        """
        self._readers = readers
        self._named = frozenset(named)
        self._cache = None if cache is None else place(cache)
        self._max_depth = max_depth
        self._entered: dict[Place, Path] = {}
        self._taken: set[Path] = set()
        self._parts: set[Path] = set()
        self.claims: list[Claim] = []
        self.rows: list[Row] = []

    def below(self, root: Path) -> None:
        """Take in everything below a folder, whatever that folder itself is."""
        self._folder(root, 0)

    def beside(self, folder: Path, names: Collection[str]) -> None:
        """Take in the checkpoints that files of a folder, named by the user, belong to, and nothing else of it."""
        at = place(folder)
        if at is not None and at in self._entered:
            return
        found, named = listing(folder), {folder / name for name in names}
        claims, rows = self.claims, self.rows
        self.claims, self.rows = [], []
        if any(row.path == folder for row in found.rows):  # it cannot be listed, but what is in it may be readable
            found = Listing(files={p.name: p for p in named if p.is_file()}, rows=found.rows)
        self._direct(folder, found, named)
        claims += [c for c in self.claims if c.path in named or not named.isdisjoint(c.members)]
        rows += [row for row in self.rows if row.path in named]
        self.claims, self.rows = claims, rows

    def _folder(self, folder: Path, depth: int) -> None:
        at = place(folder)
        if at is not None:
            if at in self._entered:
                return
            self._entered[at] = folder
        found = listing(folder)
        if depth and is_output(found):
            self._leave(folder, "reports of this program")
            return
        self._direct(folder, found)
        for child in found.folders.values():
            reason = self._left_out(child, depth + 1)
            if reason:
                self._leave(child, reason)
            else:
                self._folder(child, depth + 1)

    def _left_out(self, folder: Path, depth: int) -> str:
        """Why a folder is not entered, "" if it is."""
        if folder.name in SKIPPED_FOLDERS:
            return SKIPPED_FOLDERS[folder.name]
        if depth > self._max_depth:
            return f"nested in more than {counted(self._max_depth, 'folder')}"
        at = place(folder)
        if at is not None:
            if at == self._cache:
                return "what earlier runs of this program measured"
            if is_pseudo(at):
                return "no files, but a view of the system"
            if at in self._entered and not _same(self._entered[at], folder):
                return f"the same folder as {self._entered[at]}"
        if is_recording(folder):
            return "states recorded during a training; name this folder for a report of them"
        return "a report of this program" if is_run(folder) else ""

    def _direct(self, folder: Path, found: Listing, named: Collection[Path] | None = None) -> None:
        """What lies directly in a folder; a folder that is part of a checkpoint is none of its own.

        Args:
            named: the only files that are said to be something else where they are no checkpoint; None for all.
        """
        self.rows += found.rows
        if folder not in self._parts:
            names = found.files | found.folders
            for reader in self._readers:
                claim = _asked(reader, folder, partial(reader.claim_folder, folder, names))
                if claim is not None and claim.state != State.UNREADABLE:  # what it is has a row of its own
                    self.claims.append(claim)
                    self._taken.update(claim.members)
                    self._parts.update(*({m, *m.parents} for m in {m.parent for m in claim.members}))
        self._files({name: path for name, path in found.files.items() if path not in self._taken}, named)

    def _files(self, files: Mapping[str, Path], named: Collection[Path] | None) -> None:
        claims: list[Claim] = []
        left: list[Row] = []
        for path in files.values():
            if reason := unfinished(path, files):
                left.append(Row(path, State.NO_CHECKPOINT, reason))
                continue
            try:
                probe = look(path)
            except OSError as error:
                left.append(trouble(path, error, "it cannot be read"))
                continue
            if is_pointer(probe.head):
                left.append(Row(path, NotDownloaded.state, NOT_DOWNLOADED))
                continue
            for reader in self._readers:
                claim = _asked(reader, path, partial(reader.claim_file, probe, files))
                if claim is not None:
                    claims.append(self._settled(claim, files))
                    break
            else:
                if named is None or path in named:
                    left.append(Row(path, State.NO_CHECKPOINT, foreign(probe)))
        # A shard can be read by itself, but is no checkpoint of its own beside the index that lists it.
        taken = {member for claim in claims for member in claim.members}
        parts = {member for claim in claims for member in claim.members if member != claim.path}
        self.claims += [claim for claim in claims if claim.path not in parts]
        self.rows += [row for row in left if row.path not in taken]

    def _settled(self, claim: Claim, files: Mapping[str, Path]) -> Claim:
        """With the members that are there (an index may name files that never were), and read if named by the user."""
        if claim.when_named and claim.path in self._named:
            claim = replace(claim, problem="", state="")
        return replace(claim, members=tuple(m for m in claim.members if m.name in files))

    def _leave(self, folder: Path, reason: str) -> None:
        self.rows.append(Row(folder, State.LEFT_OUT, f"not looked into: {reason}"))


def look(path: Path) -> Probe:
    """A probe of a file.

    Raises:
        OSError: it cannot be read, or is gone.
    """
    with open_binary(path) as file:
        stat = os.fstat(file.fileno())
        head = file.read(ENDS)
        file.seek(max(0, stat.st_size - ENDS))
        return Probe(path, stat.st_size, stat.st_mtime_ns, head, file.read(ENDS))


def _same(one: Path, other: Path) -> bool:
    """Whether two paths say the same, without a look at the file system."""
    return os.path.normpath(one) == os.path.normpath(other)


def _asked(reader: Reader, path: Path, ask: Callable[[], Claim | None]) -> Claim | None:
    """A reader's answer; where asking fails, a claim with the problem: a file may vanish under the question."""
    try:
        return ask()
    except OSError as error:
        if isinstance(error, FileNotFoundError) or gave_out(error):
            known = translated(path, error)
            return Claim(reader.name, path, (path,), path.name, known.reason, known.state)
        return Claim(reader.name, path, (path,), path.name, f"cannot be read: {words(error)}", State.UNREADABLE)
    except Exception as error:
        known = translated(path, error)
        return Claim(reader.name, path, (path,), path.name, known.reason, known.state)
