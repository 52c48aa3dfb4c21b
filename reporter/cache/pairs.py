"""The exact changes between two checkpoints as a cache file and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reporter.cache.container import Container, Unusable, build
from reporter.model.changes import COUNTS, NORMS, Changes
from reporter.model.layout import Layout

KIND = "changes"

SMALL = np.uint32
"""Type of counts in memory where there are no larger ones: a thousand checkpoints may hold two million changes."""

_BYTES = 4 + 8 * (len(COUNTS) + len(NORMS))


def encode(header: Mapping[str, Any], changes: Changes, places: Mapping[str, int]) -> bytes:
    """The whole cache file; only exact changes are kept.

    Args:
        places: rows of the later checkpoint's tensors by name.
    """
    kept = {places[name]: at for name, at in changes.places.items() if changes.exact[at]}
    rows, at = np.array(list(kept), "<u4"), list(kept.values())
    counts, norms = changes.counts[at].astype("<i8"), changes.norms[at].astype("<f8")
    return build({**header, "kind": KIND}, {"changes": rows.tobytes() + counts.tobytes() + norms.tobytes()})


def decode(container: Container, layout: Layout) -> Changes:
    """The inverse.

    Args:
        layout: of the later checkpoint.

    Raises:
        Unusable: it is not of changes, or not of these tensors.
    """
    data = container.block("changes") if container.header.get("kind") == KIND else b"-"
    n, rest = divmod(len(data), _BYTES)
    if rest:
        raise Unusable("changes")
    rows = np.frombuffer(data, "<u4", n)
    infos, places = layout.infos, layout.places
    if n and int(rows.max()) >= len(infos):
        raise Unusable("of other tensors")
    counts = np.frombuffer(data, "<i8", n * len(COUNTS), 4 * n).reshape(n, len(COUNTS))
    counts = counts.astype(SMALL if counts.max(initial=0) <= np.iinfo(SMALL).max else np.int64)
    norms = np.frombuffer(data, "<f8", n * len(NORMS), 4 * n + 8 * counts.size).astype(np.float64)
    norms = norms.reshape(n, len(NORMS))
    if n < len(infos) or not np.array_equal(rows, np.arange(n)):
        places = {infos[row].name: i for i, row in enumerate(rows.tolist())}
    return Changes(places, counts, norms, np.broadcast_to(np.True_, n))
