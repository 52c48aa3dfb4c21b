"""``history.json``: by name of a metric a list of its values per epoch, as Keras's ``history.history`` is dumped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint
from reporter.metrics.logged import Log
from reporter.metrics.rows import Rows, numbers
from reporter.metrics.source import MAX_TEXT, Source, text_of
from reporter.readers.files.bounded import TooLarge, parse_json

_BEGINS = re.compile(rb'\s*\{\s*"(?:[^"\\]|\\.){0,200}"\s*:\s*[\[{]')


def json_of(path: Path) -> object:
    """What a file of JSON holds; NaN and infinities are values, as Python writes them.

    Raises:
        CheckpointError: it is too large, or no JSON, as while it is being written.
    """
    try:
        return parse_json(text_of(path), MAX_TEXT)
    except TooLarge as error:
        raise RefusedCheckpoint(path, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise CorruptCheckpoint(path, f"it is no JSON: cut short, or being written ({error})") from error


def read(path: Path, log: Log) -> None:
    """Add a row for each epoch; pandas writes the values of a column under their row numbers instead of a list."""
    held = json_of(path)
    columns = held if isinstance(held, Mapping) else {}
    lists = {name: _column(values) for name, values in columns.items()}
    rows = Rows(log)
    for at in range(max(map(len, lists.values()), default=0)):
        rows.add(numbers({name: values[at] for name, values in lists.items() if at < len(values)}))


def _column(values: object) -> list[object]:
    if isinstance(values, Mapping):
        return list(values.values())
    return values if isinstance(values, list) else []


HISTORY_JSON = Source(
    title="the history of a training as JSON",
    names=re.compile(r".*history.*\.json", re.IGNORECASE),
    begins=lambda head: _BEGINS.match(head) is not None and b'"log_history"' not in head,
    read=read,
)
