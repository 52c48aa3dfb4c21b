"""Open a checkpoint by the name of its format; whatever goes wrong meanwhile becomes an error of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reporter.errors import ReportError, translated
from reporter.model.neighbours import with_roles
from reporter.model.tensor import Contents
from reporter.readers import reader
from reporter.readers.quantised import labelled
from reporter.storage import copies_used, remember_copied, was_copied

COPIED = "it lies in a store, and was read from a temporary local copy, as its format has to be read as a whole"


@contextmanager
def open_checkpoint(format_: str, path: Path) -> Iterator[Contents]:
    """Open a checkpoint; whatever goes wrong while it is open becomes an error of our own."""
    try:
        before = copies_used()
        with reader(format_).open(path) as contents:
            if copies_used() != before:  # maybe of files beside it, such as its shards
                remember_copied(path)
            if was_copied(path):
                contents = replace(contents, notes=(*contents.notes, COPIED))
            yield labelled(with_roles(contents))
    except ReportError:
        raise
    except Exception as error:
        raise translated(path, error) from error
