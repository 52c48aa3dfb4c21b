"""Copies of weights that are kept beside them: averages over time, and targets that follow. Told by their names."""

from __future__ import annotations

import re

from reporter.model.role import Role
from reporter.model.tensor import TensorInfo

COPIES = frozenset({
    "ema", "average", "averages", "averaged", "avg", "polyak", "shadow", "swa", "target", "targets", "lagged",
})  # fmt: skip
"""Words that call a tensor the copy of another one. A teacher is none: it may be meant to stay as it is."""

ORIGINALS = frozenset({
    "online", "main", "local", "raw", "current", "live", "behaviour", "behavior", "student", "model", "net", "network",
    "optimizer", "exponential", "moving",
})  # fmt: skip
"""Words that the original may have in its place, or that either may have besides."""


def stem(info: TensorInfo) -> tuple[bool, tuple[str, ...]]:
    """Whether a name or role calls a tensor a copy, and the words of its name that are left to compare.

    Returns:
        Those words are the same for a copy and its original.
    """
    words = re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", info.name).lower())
    is_copy = info.role == Role.EMA or not COPIES.isdisjoint(words)
    return is_copy, tuple(word for word in words if word not in COPIES and word not in ORIGINALS)
