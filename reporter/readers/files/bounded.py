"""JSON of untrusted files: measured before it is parsed, for objects take up to forty times its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MAX_VALUES = 3_000_000
"""Commas, colons and opening brackets in a text, of which every value has one at least, so that this bounds how many
there are. The header of a safetensors file takes 12 for each tensor: 200,000. The most that this many make of a text
takes 280 MB and 4 s of one core of 2.5 GHz."""

_MARKS = (b",", b":", b"[", b"{")


class TooLarge(ValueError):
    """It has more values, or more bytes, than are parsed; nothing was."""


def parse_json(
    text: bytes,
    max_bytes: int,
    hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    max_values: int = MAX_VALUES,
) -> Any:
    """Parse JSON.

    Args:
        text: in UTF-8.
        max_bytes: no more are parsed.
        hook: what makes an object of its keys and values; a dict if None.
        max_values: as for :data:`MAX_VALUES`.

    Raises:
        TooLarge: it exceeds a limit.
        ValueError, RecursionError: it is not JSON, or nested too deep.

    >>> parse_json(b'{"a": [1, 2]}', 100)
    {'a': [1, 2]}
    """
    if len(text) > max_bytes:
        raise TooLarge(f"it takes {len(text):,} bytes, more than {max_bytes:,}")
    values = sum(map(text.count, _MARKS))
    if values > max_values:
        raise TooLarge(f"it holds {values:,} values, more than {max_values:,}")
    return json.loads(text.decode("utf-8"), object_pairs_hook=hook)
