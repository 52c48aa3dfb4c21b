"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reporter.discover import find
from reporter.errors import CheckpointError, RotatedAway
from reporter.model.checkpoint import Found
from reporter.model.tensor import Contents
from reporter.readers import READERS, reader
from reporter.settings import Settings


def scan(settings: Settings) -> Found:
    """Discover everything below the roots; no weight is read."""
    return find(settings.roots, READERS, peek_step, settle=settings.settle, out=settings.out)


def peek_step(format_: str, path: Path) -> tuple[int | None, str]:
    """The training step inside a checkpoint and the entry that gave it."""
    with open_checkpoint(format_, path) as contents:
        return contents.step, contents.step_source


@contextmanager
def open_checkpoint(format_: str, path: Path) -> Iterator[Contents]:
    """Open a checkpoint; files that vanish or cannot be read become errors of our own."""
    try:
        with reader(format_).open(path) as contents:
            yield contents
    except FileNotFoundError as error:
        raise RotatedAway(path, f"{Path(error.filename or path).name} was deleted while it was being read") from error
    except OSError as error:
        raise CheckpointError(path, f"cannot be read: {error.strerror or error}") from error
