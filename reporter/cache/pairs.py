"""The exact changes between two checkpoints as a cache file and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reporter.cache.container import Container, Unusable, build
from reporter.model.change import Change
from reporter.model.changes import COUNTS, SUMS, ChangeTable

KIND = "changes"
_BYTES = 4 + 8 * (len(COUNTS) + len(SUMS))


def encode(header: Mapping[str, Any], changes: Mapping[str, Change], places: Mapping[str, int]) -> bytes:
    """The whole cache file; only exact changes are kept.

    Args:
        places: rows of the later checkpoint's tensors by name.
    """
    kept = [(places[name], change) for name, change in changes.items() if change.exact]
    rows = np.array([row for row, _ in kept], "<u4")
    counts = np.array([[getattr(c, f) for f in COUNTS] for _, c in kept], "<i8")
    sums = np.array([[getattr(c, f) for f in SUMS] for _, c in kept], "<f8")
    return build({**header, "kind": KIND}, {"changes": rows.tobytes() + counts.tobytes() + sums.tobytes()})


def decode(container: Container, names: Sequence[str], places: Mapping[str, int]) -> ChangeTable:
    """The inverse.

    Args:
        names: of the later checkpoint's tensors.
        places: their rows.

    Raises:
        Unusable: it is not of changes, or not of these tensors.
    """
    data = container.block("changes") if container.header.get("kind") == KIND else b"-"
    n, rest = divmod(len(data), _BYTES)
    if rest:
        raise Unusable("changes")
    rows = np.frombuffer(data, "<u4", n)
    if n and int(rows.max()) >= len(names):
        raise Unusable("of other tensors")
    counts = np.frombuffer(data, "<i8", n * len(COUNTS), 4 * n).astype(np.int64).reshape(n, len(COUNTS))
    sums = np.frombuffer(data, "<f8", n * len(SUMS), 4 * n + 8 * counts.size).astype(np.float64).reshape(n, len(SUMS))
    if n < len(names) or not np.array_equal(rows, np.arange(n)):
        places = {names[row]: i for i, row in enumerate(rows.tolist())}
    return ChangeTable(places, counts, sums)
