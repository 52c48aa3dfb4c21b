"""What damaged or hostile HDF5 files make h5py raise, as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint, from_words

PATH = Path()
"""Of every error raised here: the parent knows the file."""

FOREIGN = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SystemError,
           TypeError, ValueError)  # fmt: skip
"""What h5py has been seen to raise on damaged files: nearly every built-in error."""

_TRUNCATED = re.compile(r"truncated file: eof = (\d+), .*stored_eof = (\d+)")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what h5py raises into a CheckpointError, but for want of memory: the caller knows whose limit that is."""
    try:
        yield
    except CheckpointError:
        raise
    except FOREIGN as exc:
        text = re.sub(r"\s+", " ", str(exc))[:300]
        if match := _TRUNCATED.search(text):
            reason = f"it is cut: {int(match[1]):,} bytes are there, {int(match[2]):,} are recorded"
            reason += f" (eof={match[1]}, stored_eof={match[2]}); an interrupted copy or save"
            raise PartialCheckpoint(PATH, reason) from exc
        if isinstance(exc, EOFError):
            raise PartialCheckpoint(PATH, f"the file ends early: {text}") from exc
        if isinstance(exc, MemoryError):
            raise
        raise from_words(PATH, text) or CorruptCheckpoint(
            PATH, f"HDF5 cannot read it: {text or type(exc).__name__}"
        ) from exc


def refused(reason: str) -> RefusedCheckpoint:
    """The error for a file that is not safe to read."""
    return RefusedCheckpoint(PATH, reason)
