"""What lies under an address, as a local folder of empty files: discovery walks it as it walks any folder.

The files are empty, so that whatever opens one without asking for its bytes meets its end at once, and never zeros.
Sizes, times and versions are those that the store tells. The folder goes when the process ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.places import address, stand_for
from reporter.storage.stores import Details, StoreError, filesystem, listed, looked_at


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a store, as it was when it was last looked at.

    Attributes:
        path: the empty file that stands for it.
        url: its address.
        key: what its store knows it by.
    """

    path: Path
    url: str
    key: str
    details: Details

    @property
    def store(self) -> Any:
        """The fsspec file system that holds it."""
        return filesystem(self.url)


@dataclass(frozen=True, slots=True)
class Unusable:
    """An object that no local file can stand for, and why."""

    path: Path
    reason: str


_objects: dict[Path, StoredObject] = {}
_folder: list[Path] = []


def stored_object(path: Path, *, anew: bool = False) -> StoredObject | None:
    """The object that a local file stands for; None for every other path.

    Args:
        anew: whether the store is asked how it is now.

    Raises:
        FileNotFoundError: it is gone by now.
        StoreError: the store cannot be asked.
    """
    if not _objects:
        return None
    found = _objects.get(path)
    if found is not None and anew:
        found = replace(found, details=looked_at(found.store, found.key))
        _objects[path] = found
    return found


def local(path: Path) -> tuple[Path, tuple[Unusable, ...]]:
    """The local path that stands for an address, listed now; any other path as it is.

    An address of a single object, or of the prefix of a bundle, has what lies directly beside it listed as well.

    Returns:
        The path, and what lies there and cannot be shown in it.

    Raises:
        SettingError: it cannot be listed, or a library is missing.
    """
    url = address(path)
    if not url:
        return path, ()
    protocol, _, rest = url.partition("://")
    if protocol in ("file", "local"):
        return Path("/", rest), ()
    key = rest.rstrip("/")
    if not key or not all(map(is_name, key.split("/"))):
        raise SettingError(f"{url}: does not name a bucket, folder or object that can be listed")
    store, root = filesystem(url), _root(protocol)
    try:
        found = _below(store, key)
        single = set(map(_plain, found)) <= {key}  # one object, or the prefix of a bundle
        if single:
            found = _beside(store, key)
    except StoreError as error:
        raise SettingError(f"{url}: cannot be listed: {error.reason}") from error
    place = root / key
    _forget([path for path in place.parent.glob("*") if path in _objects] if single else [place])
    return place, _placed(root, protocol, found)


def mirrored(path: Path) -> Path:
    """The local path that stands for an address, if that has been listed; any other path as it is."""
    protocol, _, key = address(path).partition("://")
    return _folder[0] / protocol / key if protocol and _folder else path


def _forget(paths: Iterable[Path]) -> None:
    """Take away what an earlier listing left."""
    for path in list(paths):
        if _objects.pop(path, None) is not None:
            path.unlink(missing_ok=True)
        elif path.is_dir():
            _forget(path.iterdir())
            with suppress(OSError):  # not empty: it has what cannot be listed with this address
                path.rmdir()


def _below(store: Any, key: str) -> dict[str, Details]:
    try:
        return listed(store, key, below=True)
    except FileNotFoundError:
        return {}


def _beside(store: Any, key: str) -> dict[str, Details]:
    folder = key.rpartition("/")[0]
    try:
        return listed(store, folder, below=False) if folder else {}
    except FileNotFoundError:
        return {}


def _placed(root: Path, protocol: str, found: dict[str, Details]) -> tuple[Unusable, ...]:
    """Make the empty files."""
    problems = []
    for name, details in sorted(found.items()):
        key = _plain(name)
        path, url = root / key, f"{protocol}://{key}"
        if not all(map(is_name, key.split("/"))):
            problems.append(Unusable(path, "no file can have such a name"))
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            problems.append(Unusable(path, "an object and a folder have the same name"))
            continue
        if path.is_dir():
            problems.append(Unusable(path, "an object and a folder have the same name"))
            continue
        _objects[path] = StoredObject(path, url, name, details)
    return tuple(problems)


def _plain(name: str) -> str:
    """A key without what some file systems put before it."""
    return name.lstrip("/")


def is_name(part: str) -> bool:
    """Whether a part of a key can be the name of a local file or folder."""
    return part not in ("", ".", "..") and "\0" not in part and len(os.fsencode(part)) <= 255


def _root(protocol: str) -> Path:
    """The folder for the objects of a protocol."""
    if not _folder:
        folder = Path(tempfile.mkdtemp(prefix="ckpt-report-"))
        _folder.append(folder.resolve())
        atexit.register(_remove, os.getpid(), _folder[0])
    root = _folder[0] / protocol
    root.mkdir(exist_ok=True)
    stand_for(root, f"{protocol}://")
    return root


def _remove(owner: int, folder: Path) -> None:
    if os.getpid() == owner:  # and no copy of this process
        shutil.rmtree(folder, ignore_errors=True)
