"""The order in which a person would list names: 9 before 10."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(1 << 14)
def natural(text: str) -> tuple[tuple[int, int, str, str], ...]:
    """Sort key in which numbers inside names count by value.

    Numbers are compared as digits without leading zeros, the longer one being larger: a name that is not trusted may
    hold thousands of them, which ``int`` would refuse. Equal numbers are told apart by their zeros, so that different
    names never have the same key.

    >>> sorted(["ckpt-10", "ckpt-9", "ckpt-09", "ckpt"], key=natural)
    ['ckpt', 'ckpt-09', 'ckpt-9', 'ckpt-10']
    """
    parts = [part for part in re.split(r"([0-9]+)", text) if part]
    return tuple(
        (0, len(digits := part.lstrip("0")), digits, part) if part.isdecimal() and part.isascii() else (1, 0, part, "")
        for part in parts
    )
