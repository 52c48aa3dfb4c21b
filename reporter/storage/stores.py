"""Requests to a store through fsspec: its library is loaded when an address needs it, failures are tried again."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.places import OWN_WAYS, secret_in

T = TypeVar("T")

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""Protocol -> the extra of this program that brings its library."""

MAX_OBJECTS = 200_000
"""Objects under one address; each takes an empty file and some 1 kB here."""

TRIES, FIRST_PAUSE = 6, 0.2
"""How often a request is made, and seconds before the second time; every further pause is twice as long: 6 s in all."""

ONCE: Mapping[str, Any] = {"config_kwargs": {"retries": {"total_max_attempts": 1}}}
"""Has S3's library make each request once. It would try an error of the server five times, of which s3fs, too, would
make five, so that with ours one refused range came to 125 requests."""


class StoreError(OSError):
    """A store did not give what was asked for, in words that hold nothing of the request's credentials."""

    def __init__(self, reason: str, number: int = errno.EREMOTEIO) -> None:
        super().__init__(number, reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Details:
    """What a store says of an object without reading it.

    Attributes:
        modified: ns since the epoch, 0 where it does not tell.
        version: a number made of its etag or generation, 0 where it has neither.
    """

    size: int
    modified: int
    version: int


_known: dict[tuple[int, str], Any] = {}
"""By process and protocol: fsspec makes one for each thread, with connections of its own, and none survives a fork."""


def filesystem(url: str) -> Any:
    """The fsspec file system of an address.

    Raises:
        SettingError: a library is missing, the address holds a secret, or there is no such protocol.
    """
    protocol = url.partition("://")[0]
    if why := secret_in(url):
        raise SettingError(f"{protocol}://…: the address has {why}: {OWN_WAYS}")
    if (known := _known.get((os.getpid(), protocol))) is not None:
        return known
    extra = EXTRAS.get(protocol)
    needed = f"pip install 'ckpt-report[{extra}]'" if extra else "pip install fsspec and the library of the store"
    try:
        import fsspec

        own = ONCE if extra == "s3" else {}
        made = fsspec.filesystem(protocol, use_listings_cache=False, **own)
        if own:
            made.retries = 1
    except ImportError as error:
        raise SettingError(f"{url}: {protocol}:// needs a library that is not installed: {needed}") from error
    except ValueError as error:  # fsspec knows no such protocol
        raise SettingError(f"{url}: {protocol}:// is no kind of store that fsspec knows") from error
    return _known.setdefault((os.getpid(), protocol), made)


def listed(store: Any, key: str, *, below: bool) -> dict[str, Details]:
    """Key -> details of every object under a key, or directly in it.

    Raises:
        StoreError: the store cannot be listed.
        FileNotFoundError: there is nothing.
    """

    def ask() -> dict[str, Mapping[str, Any]]:
        if below:
            return dict(store.find(key, detail=True))
        return {entry["name"]: entry for entry in store.ls(key, detail=True)}

    found = tried(ask)
    if len(found) > MAX_OBJECTS:
        raise StoreError(f"{len(found):,} objects lie there, more than {MAX_OBJECTS:,}: name a folder below")
    return {name: details(entry) for name, entry in found.items() if entry.get("type") == "file"}


def looked_at(store: Any, key: str) -> Details:
    """What the store says of an object now.

    Raises:
        StoreError, FileNotFoundError: it cannot say, or there is none.
    """
    return details(tried(lambda: store.info(key)))


def fetched(store: Any, key: str, start: int, stop: int) -> bytes:
    """Bytes of an object.

    Raises:
        StoreError, FileNotFoundError: the store cannot give them all, or the object is gone.
    """

    def ask() -> bytes:
        data = bytes(store.cat_file(key, start=start, end=stop))
        if len(data) != stop - start:
            raise StoreError(f"{len(data):,} bytes came where {stop - start:,} were asked for")
        return data

    return tried(ask) if stop > start else b""


def tried(ask: Callable[[], T]) -> T:
    """The answer to a request, made again with growing pauses where it fails for a reason that may pass.

    Raises:
        FileNotFoundError: there is no such object; this is not tried again.
        StoreError: it failed for good.
    """
    for attempt in range(TRIES):
        try:
            return ask()
        except FileNotFoundError as error:  # of which some libraries leave out the number
            raise FileNotFoundError(errno.ENOENT, "there is no such object") from error
        except PermissionError as error:
            raise StoreError("the store does not permit it", errno.EACCES) from error
        except Exception as error:
            if attempt == TRIES - 1 or _is_final(error):
                raise StoreError(_words(error)) from error
            time.sleep(FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0))
    raise AssertionError("the last try returns or raises")


def details(entry: Mapping[str, Any]) -> Details:
    """The same for all stores: each has its own names for time and version."""
    version = entry.get("ETag") or entry.get("etag") or entry.get("generation")
    digest = hashlib.sha256(str(version).encode()).digest() if version else b""
    times = (entry.get(name) for name in ("LastModified", "mtime", "updated", "last_modified", "created"))
    found = next((time for time in times if time is not None), None)
    return Details(int(entry.get("size") or 0), _nanoseconds(found), int.from_bytes(digest[:7], "big"))


def _nanoseconds(time: Any) -> int:
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            return 0
    if isinstance(time, datetime):
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return int(time * 1e9) if isinstance(time, int | float) else 0


def _is_final(error: Exception) -> bool:
    """Whether trying again cannot help: there are no credentials, or this program is wrong."""
    return "Credentials" in type(error).__name__ or isinstance(error, TypeError | AttributeError | NotImplementedError)


def _words(error: Exception) -> str:
    """An error in words without any text of the request, which may hold signatures and names of keys."""
    if isinstance(error, StoreError):
        return error.reason
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        if code:
            return f"the store answered {str(code)[:40]}"
        if "Credentials" in type(cause).__name__:
            return "no credentials for the store were found"
        cause = cause.__cause__
    return f"the store could not be asked: {type(error).__name__}"
