"""JSON for people and programs: outer levels take a line for each part, and what is below them one line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

DEPTH = 2
"""Levels that take a line for each part: the record, and its lists. Each tensor or file is a line."""

_ENCODER = json.JSONEncoder(allow_nan=False)
"""Without an indent: with one, Python's encoder is not the compiled one, and takes ten times as long."""


def outlined(record: Any, depth: int = DEPTH) -> Iterator[str]:
    """The text of a record, piece by piece. NaN and infinities raise an error, as JSON has none.

    >>> print(*outlined({"path": "a", "tensors": [{"name": "w", "shape": [2, 3]}, {"name": "b"}], "notes": []}), sep="")
    {
     "path": "a",
     "tensors": [
      {"name": "w", "shape": [2, 3]},
      {"name": "b"}
     ],
     "notes": []
    }
    """
    return _parts(record, depth, "\n")


def _parts(value: Any, depth: int, line: str) -> Iterator[str]:
    if not depth or not value or not isinstance(value, dict | list):
        yield _ENCODER.encode(value)
        return
    start, end = "{}" if isinstance(value, dict) else "[]"
    inner = line + " "
    for part in value:
        yield start + inner
        if isinstance(value, dict):
            yield f"{_ENCODER.encode(part)}: "
        yield from _parts(value[part] if isinstance(value, dict) else part, depth - 1, inner)
        start = ","
    yield line + end
