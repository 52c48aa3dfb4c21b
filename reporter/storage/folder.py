"""A folder of a store that is written to: each object is there whole or not at all, which is what stores promise."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from reporter.errors import SettingError
from reporter.storage.mirror import is_name
from reporter.storage.pieces import WORKERS
from reporter.storage.stores import Details, StoreError, fetched, filesystem, listed, looked_at, tried

T = TypeVar("T")

CONTENT_TYPE = {"s3": "ContentType", "s3a": "ContentType", "gs": "content_type", "gcs": "content_type"}
"""Protocol -> what its library calls the type of an object, without which browsers download a page in place of
showing it. Stores that are not listed have no such thing, or guess it from the name."""


class StoredFolder:
    """What lies below an address; names are relative to it.

    Attributes:
        url: the address, without a slash at its end.
    """

    def __init__(self, url: str) -> None:
        """Load what the address needs; nothing is asked of the store.

        Raises:
            SettingError: it names no folder, holds a secret, or a library is missing.
        """
        self._protocol, _, rest = url.partition("://")
        self._key = rest.rstrip("/")
        self.url = f"{self._protocol}://{self._key}"
        self._store = filesystem(self.url)
        if not self._key or not all(map(is_name, self._key.split("/"))):
            raise SettingError(f"{self.url}: does not name a bucket or folder that can be written to")

    def read(self, name: str, most: int) -> bytes:
        """An object.

        Raises:
            FileNotFoundError: there is none.
            StoreError: it cannot be read, or has more than ``most`` bytes.
        """
        size = looked_at(self._store, self._place(name)).size
        if size > most:
            raise StoreError(f"it has {size:,} bytes, more than {most:,}")
        return fetched(self._store, self._place(name), 0, size)

    def read_some(self, names: Iterable[str], most: int) -> dict[str, bytes]:
        """Several objects, as :meth:`read`; those that are not there are left out."""

        def read(name: str) -> bytes | None:
            try:
                return self.read(name, most)
            except FileNotFoundError:
                return None

        chosen = list(names)
        found = zip(chosen, _at_once([partial(read, name) for name in chosen]), strict=True)
        return {name: data for name, data in found if data is not None}

    def objects(self, below: str) -> dict[str, Details]:
        """What lies in a folder below this one, at any depth; nothing where there is no such folder.

        Raises:
            StoreError: it cannot be listed.
        """
        try:
            found = listed(self._store, self._place(below), below=True)
        except FileNotFoundError:
            return {}
        return {name.lstrip("/").removeprefix(f"{self._key}/"): details for name, details in found.items()}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write objects, several at a time; in the place of those that are there.

        Raises:
            StoreError: one could not be written; others may have been.
        """
        _at_once([partial(self._write, name, data) for name, data in files.items()])

    def remove(self, names: Iterable[str]) -> None:
        """Delete objects, several at a time; those that are gone already are no error.

        Raises:
            StoreError: one could not be deleted; others may have been.
        """
        _at_once([partial(self._remove, name) for name in names])

    def _write(self, name: str, data: bytes) -> None:
        import mimetypes  # only what writes to a store needs its tables

        of_type: dict[str, Any] = {}
        if self._protocol in CONTENT_TYPE and (kind := mimetypes.guess_type(name)[0]):
            of_type[CONTENT_TYPE[self._protocol]] = kind
        try:
            tried(lambda: self._store.pipe_file(self._place(name), data, **of_type))
        except FileNotFoundError as error:
            raise StoreError("there is no such bucket", errno.ENOENT) from error

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            tried(lambda: self._store.rm_file(self._place(name)))

    def _place(self, name: str) -> str:
        return f"{self._key}/{name}"


def _at_once(work: list[Callable[[], T]]) -> list[T]:
    """The results of all, in order; at the first failure what has not begun is not begun any more."""
    if len(work) < 2:
        return [one() for one in work]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(WORKERS, len(work)), "storage") as pool:
        try:
            return [future.result() for future in [pool.submit(one) for one in work]]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
