"""``metrics.jsonl``: an object of numbers on each line, with a step or an epoch among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reporter.metrics.logged import Log
from reporter.metrics.rows import Rows, numbers
from reporter.metrics.source import Source, lines_of, text_of
from reporter.readers.files.bounded import parse_json

MAX_LINE = 1 << 20
"""Bytes of a line; each is an object of a few numbers."""

_BEGINS = re.compile(rb"\s*\{[^\n]*\}\s*(?:\n|$)")


def read(path: Path, log: Log) -> None:
    """Add every line; those that are no object are counted."""
    rows, bad = Rows(log), 0
    for line in lines_of(text_of(path), log):
        if not line.strip():
            continue
        try:
            row = parse_json(line.encode("utf-8", "surrogatepass"), MAX_LINE)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, Mapping):
            rows.add(numbers(row))
        else:
            bad += 1
    if bad:
        log.damage.append(f"{bad:,} lines are no JSON objects")


METRICS_JSONL = Source(
    title="JSON lines",
    names=re.compile(r".*\.(jsonl|ndjson)", re.IGNORECASE),
    begins=lambda head: _BEGINS.match(head) is not None,
    read=read,
)
