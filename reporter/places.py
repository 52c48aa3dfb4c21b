"""Where a path leads for its reader: addresses of object stores, and the local folders that stand for them.

A path of the command line may be an address such as ``s3://bucket/run``. :class:`pathlib.Path` joins its slashes to
``s3:/bucket/run``, from which the address is told again here. What lies there is listed into a local folder of empty
files (``reporter.storage``); people are shown the address, never that folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}([^/].*|)", re.DOTALL)
_ANY_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
OWN_WAYS = "give credentials by the store's own ways, such as AWS_PROFILE or GOOGLE_APPLICATION_CREDENTIALS"

_SECRETS = re.compile(r"[?&][^=&]*(?:sig|token|secret|key|credential|passw|auth)[^=&]*=", re.IGNORECASE)
_FOLDERS: dict[str, str] = {}
"""Local folder -> what stands in its place, without a slash at the end."""


def address(path: Path | str) -> str:
    """The address that a path is, "" if it is a plain one.

    >>> address(Path("s3://bucket/run")), address("gs://b/x"), address("runs/s3"), address("/C:/run")
    ('s3://bucket/run', 'gs://b/x', '', '')
    """
    found = _ADDRESS.fullmatch(str(path))
    return f"{found[1]}://{found[2]}" if found else ""


def no_place(text: str) -> str:
    """Why a text that looks like an address names no place, "" if it names one or is a plain path.

    It is asked before the text becomes a path, which would make ``s3:///runs``, of a variable that is not set before
    ``/runs``, the same as ``s3://runs``, and ``s3://`` a local folder.

    >>> no_place("s3:///runs"), no_place("s3://bucket/runs"), no_place("file:///tmp/x")
    ('s3:// is followed by no bucket: is a variable not set?', '', '')
    """
    found = _ANY_ADDRESS.fullmatch(text)
    if found is None:
        return ""
    protocol, rest = found.groups()
    if protocol != protocol.lower():
        return f"{protocol}:// has to be written {protocol.lower()}://"
    if protocol in ("file", "local"):
        return "" if rest.startswith("/") else f"{protocol}:// is followed by no path of this machine: it begins with /"
    return (
        "" if rest and not rest.startswith("/") else f"{protocol}:// is followed by no bucket: is a variable not set?"
    )


def secret_in(path: Path | str) -> str:
    """Why an address must not be used or shown, "" if it may: it holds what only its owner should know.

    >>> secret_in("s3://key:word@bucket/run"), secret_in("s3://bucket/run")[:9]
    ('a name or password before its bucket', '')
    """
    rest = address(path).partition("://")[2]
    if "@" in rest.partition("/")[0]:
        return "a name or password before its bucket"
    return "a signature or token in its query" if _SECRETS.search(rest) else ""


def stand_for(folder: Path, shown_as: str) -> None:
    """From now on, show this folder under another name."""
    _FOLDERS[str(folder)] = shown_as


@contextmanager
def standing_for(folder: Path, shown_as: str) -> Iterator[None]:
    """As :func:`stand_for`, as long as the context lasts: for a folder that is gone afterwards.

    >>> with standing_for(Path("/tmp/x1"), "memory: "):
    ...     shown(Path("/tmp/x1/net"))
    'memory: net'
    >>> shown(Path("/tmp/x1/net"))
    '/tmp/x1/net'
    """
    stand_for(folder, shown_as)
    try:
        yield
    finally:
        del _FOLDERS[str(folder)]


def shown(path: Path | str) -> str:
    """A path as people know it.

    >>> shown(Path("runs/a")), shown(Path("s3://bucket/run"))
    ('runs/a', 's3://bucket/run')
    """
    text = str(path)
    for folder, name in _FOLDERS.items():
        if text.startswith(f"{folder}/"):
            return name + text[len(folder) + 1 :]
    return address(text) or text
