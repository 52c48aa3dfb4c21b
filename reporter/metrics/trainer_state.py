"""``trainer_state.json`` of Hugging Face's Trainer: rows of metrics, each with step and epoch, in ``log_history``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reporter.errors import CorruptCheckpoint
from reporter.metrics.history_json import json_of
from reporter.metrics.logged import Log
from reporter.metrics.rows import Rows, numbers
from reporter.metrics.source import Source

_SUMMARY = re.compile(r"(?:train|eval)_(?:runtime|samples_per_second|steps_per_second)|total_flos|train_loss")
"""How fast it was, and what a last row tells of the training as a whole."""


def read(path: Path, log: Log) -> None:
    """Add every row.

    Raises:
        CheckpointError: it cannot be read, or has no rows.
    """
    held = json_of(path)
    history = held.get("log_history") if isinstance(held, Mapping) else None
    if not isinstance(history, list):
        raise CorruptCheckpoint(path, "it has no list called log_history")
    rows = Rows(log)
    for row in history:
        if isinstance(row, Mapping):
            rows.add({name: value for name, value in numbers(row).items() if not _SUMMARY.fullmatch(name)})


TRAINER_STATE = Source(
    title="trainer_state.json of Hugging Face",
    names=re.compile(r"trainer_state\.json"),
    begins=lambda head: head.lstrip()[:1] == b"{" and b'"log_history"' in head,
    read=read,
    sure=True,
)
