"""Standard output and error that may be closed, full, gone or of a narrow encoding: no run ends early for that."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from reporter.errors import ReportError

BROKEN_PIPE = 141
"""128 + SIGPIPE: the exit code that shells give programs whose reader has gone."""

_SPELLED = "ckpt-report"
"""Name of the way to write what an encoding lacks."""


class OutputGone(ReportError):
    """Standard output cannot be written; nobody is told where only its reader has gone."""

    def __init__(self, error: OSError) -> None:
        quiet = error.errno == errno.EPIPE
        super().__init__("" if quiet else f"standard output cannot be written: {error.strerror or error}")
        self.exit_code = BROKEN_PIPE if quiet else 1  # type: ignore[misc]


@contextmanager
def guarded() -> Iterator[None]:
    """While a command runs: what it says on standard error may get lost, what it gives out raises :class:`OutputGone`.

    What the encoding of standard output lacks is escaped, and the bytes of file names are given out as they are.
    """
    _fill_closed()
    codecs.register_error(_SPELLED, _spelled)
    before = sys.stdout, sys.stderr
    out, said = (stream or open(os.devnull, "w", encoding="utf-8") for stream in before)  # noqa: PTH123, SIM115
    if hasattr(out, "reconfigure"):
        out.reconfigure(errors=_SPELLED)
    sys.stdout, sys.stderr = cast(TextIO, _Out(out)), cast(TextIO, _Stream(said))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _fill_closed() -> None:
    """Put ``/dev/null`` where a standard stream is closed, or the next file that is opened would take its place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class _Stream:
    """A text stream whose failures are final and silent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._failed(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        """Let everything that follows, and what is still held back, go to ``/dev/null``."""
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Out(_Stream):
    """One whose failures are told to the program."""

    def _failed(self, error: OSError) -> None:
        super()._failed(error)
        raise OutputGone(error) from error


def _spelled(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    parts = (
        bytes([ord(c) - 0xDC00]) if 0xDC80 <= ord(c) <= 0xDCFF else c.encode("ascii", "backslashreplace") for c in text
    )
    return b"".join(parts), error.end
