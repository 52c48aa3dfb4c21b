"""Find and open checkpoints through the registry of readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reporter.discover import find
from reporter.errors import ReportError, translated
from reporter.model.checkpoint import Found, Peek
from reporter.model.structure import structure
from reporter.model.tensor import Contents
from reporter.readers import READERS, reader
from reporter.settings import Settings


def scan(settings: Settings) -> Found:
    """Discover everything below the roots; no weight is read."""
    return find(settings.roots, READERS, peek, settle=settings.settle, out=settings.out)


def peek(format_: str, path: Path) -> Peek:
    """What a checkpoint says of itself: step, structure, and how it can be checked."""
    with open_checkpoint(format_, path) as contents:
        return Peek(
            step=contents.step,
            step_source=contents.step_source,
            integrity=contents.integrity,
            missing=len(contents.missing_layers),
            structure=structure(source.info for source in contents.tensors),
        )


@contextmanager
def open_checkpoint(format_: str, path: Path) -> Iterator[Contents]:
    """Open a checkpoint; whatever goes wrong while it is open becomes an error of our own."""
    try:
        with reader(format_).open(path) as contents:
            yield contents
    except ReportError:
        raise
    except Exception as error:
        raise translated(path, error) from error
