"""What a source of metrics is, and how all of them read files: bounded, and without a lock."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from reporter.errors import RefusedCheckpoint, from_os
from reporter.frozen import dataclass
from reporter.metrics.logged import Log
from reporter.readers.files.window import open_file

HEAD = 4096
"""Bytes by which a source knows its files."""

MAX_TEXT = 64 << 20
"""Bytes of a log that is text: a million rows of a CSVLogger."""


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of log. One file in this folder, one line in :data:`reporter.metrics.SOURCES`.

    Attributes:
        title: in words, for the report.
        names: what its files are usually called; only such are taken unless a file is named by the user.
        begins: whether a file with these first bytes is one.
        read: adds what a file holds to a log; raises only what :func:`reporter.errors.translated` knows.
        together: whether the files of one folder continue one another.
        sure: whether the name alone tells, so that a file that does not begin as it should is damaged, not another.
    """

    title: str
    names: re.Pattern[str]
    begins: Callable[[bytes], bool]
    read: Callable[[Path, Log], None]
    together: bool = False
    sure: bool = False


def head_of(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        CheckpointError: it cannot be read.
    """
    with open_file(path) as file:
        try:
            return file.read(HEAD) or b""
        except OSError as error:
            raise from_os(path, error) from error


def text_of(path: Path) -> bytes:
    """All bytes of a file that is text.

    Raises:
        CheckpointError: it cannot be read, or is larger than :data:`MAX_TEXT`.
    """
    with open_file(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_TEXT:
                raise RefusedCheckpoint(path, f"it takes {size:,} bytes, and at most {MAX_TEXT:,} are read of a log")
            parts, left = [], size
            while left > 0 and (part := file.read(left)):
                parts.append(part)
                left -= len(part)
            return b"".join(parts)
        except OSError as error:
            raise from_os(path, error) from error


def lines_of(data: bytes, log: Log) -> list[str]:
    """The complete lines of a text; a last one without its end is left out, as its last number may be cut short."""
    text = data.decode("utf-8-sig", "backslashreplace")
    whole, end, rest = text.rpartition("\n")
    if rest.strip():
        log.notes.append("its last line has no end, as while it is being written: it is left out")
    return whole.splitlines() if end else []
