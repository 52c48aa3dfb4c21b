"""The folder of cache files: read if usable, written whole, counted, pruned.

No locks: files are only ever renamed into place, each is complete in itself, and what cannot be used counts as not
there. So any number of runs can share the folder, on a network file system too.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from reporter.cache import container
from reporter.cache.container import Container, Unusable
from reporter.errors import SettingError
from reporter.frozen import dataclass

T = TypeVar("T")

LAYOUT = "v1"
"""Folder below the cache folder; another layout of files gets another one."""

KINDS = ("checkpoint", "changes", "record", "place", "rendering")
"""What the files hold, by the end of their names."""

MALFORMED = (Unusable, KeyError, TypeError, ValueError, IndexError, AttributeError, struct.error)
"""What reading a file raises that is whole but not as expected, such as one of another version."""

_DAY, _HOUR = 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True)
class Use:
    """What is in the cache folder: by kind of file, their number and bytes."""

    folder: Path
    kinds: Mapping[str, tuple[int, int]]


class Folder:
    """Cache files by their key, a hexadecimal hash, and a suffix that ends in their kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder / LAYOUT
        self._aside = self._root / "unfinished"
        self._tidied = False
        self._distrusted: set[Path] = set()
        self.problem = ""
        """Why nothing more can be written, "" if all is well."""

    def path(self, key: str, suffix: str) -> Path:
        """Where a file is or would be."""
        return self._root / key[:2] / f"{key}.{suffix}"

    def read(self, path: Path, decode: Callable[[Container], T]) -> T | None:
        """What a file holds, None where there is none that can be used."""
        if path in self._distrusted:
            return None
        try:
            result = decode(container.opened(path))
            if time.time() - path.stat().st_mtime > _DAY:
                os.utime(path)  # so that pruning by age spares what is in use
        except (OSError, *MALFORMED):
            return None
        return result

    def files(self, key: str) -> dict[str, bytes]:
        """The files of a key by suffix; those that vanish are left out."""
        found: dict[str, bytes] = {}
        for path in sorted(self.path(key, "x").parent.glob(f"{key}.*")):
            with suppress(OSError):
                found[path.name.removeprefix(f"{key}.")] = path.read_bytes()
        return found

    def write(self, path: Path, content: bytes) -> bool:
        """Write a file; whether it is there now."""
        if self.problem or path in self._distrusted:
            return False
        try:
            self._tidy()
            container.write(path, content, self._aside)
        except OSError as error:
            why = error.strerror or error
            self.problem = f"cache: {self._folder} cannot be written ({why}); nothing is kept for the next run"
            return False
        return True

    def _tidy(self) -> None:
        """Once a run, remove what runs that were killed have left unfinished; others may be writing just now."""
        if self._tidied:
            return
        self._tidied = True
        for left in self._aside.glob(f"{container.UNFINISHED}*"):
            with suppress(OSError):
                if abs(time.time() - left.stat().st_mtime) > _HOUR:
                    left.unlink()

    def discard(self, path: Path) -> None:
        """Never use this file again."""
        self._distrusted.add(path)
        with suppress(OSError):
            path.unlink()
            self._distrusted.discard(path)

    def forget(self, key: str) -> None:
        """Delete all files of a key."""
        for path in (self._root / key[:2]).glob(f"{key}.*"):
            self.discard(path)

    def beside(self, folder: str, name: str) -> Path:
        """Where a file of a series is or would be."""
        return self._root / folder / name

    def in_folder(self, folder: str, suffix: str) -> list[Path]:
        """All files of a series with this suffix, sorted; none where they cannot be listed."""
        try:
            return sorted(path for path in (self._root / folder).iterdir() if path.suffix == f".{suffix}")
        except OSError:
            return []

    def use(self) -> Use:
        """What there is."""
        counted = dict.fromkeys(KINDS, (0, 0))
        for path, stat in self._files():
            number, nbytes = counted.get(path.suffix[1:], (0, 0))
            if path.suffix[1:] in counted:
                counted[path.suffix[1:]] = number + 1, nbytes + stat.st_size
        return Use(self._folder, counted)

    def prune(self, older_than: float | None = None) -> tuple[int, int]:
        """Delete files: all, or those not used for so many seconds.

        Only files of this program's naming are deleted, and the folders that are empty then.

        Returns:
            their number and bytes.
        """
        number = nbytes = 0
        now = time.time()
        for path, stat in self._files():
            unfinished = path.suffix[1:] not in KINDS  # of a run that was killed, or is writing just now
            age = _HOUR if unfinished and older_than is None else older_than
            if age is None or now - stat.st_mtime > age:
                with suppress(OSError):
                    path.unlink()
                    number, nbytes = number + 1, nbytes + stat.st_size
        for where, folders, _ in os.walk(self._root, topdown=False):
            for name in folders:
                with suppress(OSError):
                    Path(where, name).rmdir()
        return number, nbytes

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        paths = [
            Path(where, name) for where, _, names in os.walk(self._root, onerror=self._unreadable) for name in names
        ]
        for path in sorted(paths):
            if path.suffix[1:] in KINDS or path.name.startswith(container.UNFINISHED):
                with suppress(OSError):
                    yield path, path.lstat()

    def _unreadable(self, error: OSError) -> None:
        """Where nothing was ever kept there is no folder; one that cannot be listed is told."""
        if not isinstance(error, FileNotFoundError):
            raise SettingError(f"cache: {self._folder} cannot be read ({error.strerror})") from error
