"""Interpretations of the object graphs met last: all checkpoints of a series hold the same one, and are opened twice.

To parse a graph and to find out what its objects are takes Python far longer than to read it; both are pure functions
of what is hashed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from reporter.readers.meaning import Interpretation
from reporter.readers.tensorflow.bundle import Entry

MOST = 8
"""Interpretations that are kept; one of 1,000 tensors takes some 300 kB."""

_kept: dict[bytes, Interpretation] = {}
"""By digest, the one that was used last at the end."""


def remembered(graph: bytes, entries: Mapping[str, Entry], interpret: Callable[[], Interpretation]) -> Interpretation:
    """What ``interpret`` makes of a graph and of entries, or made of them lately.

    Args:
        graph: as it is stored; empty where there is none.
        entries: of the index.
        interpret: must look at nothing else. It may raise; then nothing is kept.
    """
    key = _digest(graph, entries)
    found = _kept.pop(key, None) or interpret()
    _kept[key] = found
    while len(_kept) > MOST:
        _kept.pop(next(iter(_kept)), None)  # another thread may have been first
    return found


def _digest(graph: bytes, entries: Mapping[str, Entry]) -> bytes:
    """Of the graph, and of all that an interpretation looks at in entries.

    Of checksums it sees only which are equal. Each is replaced by the number of the first entry that has it: as such
    they are the same in all checkpoints of a series.
    """
    first: dict[int, int] = {}
    facts = [
        (key, e.dtype, e.shape, e.shard, e.offset, e.size, first.setdefault(e.crc, i), len(e.parts))
        for i, (key, e) in enumerate(entries.items())
    ]
    digest = hashlib.sha256(len(graph).to_bytes(8, "little") + graph)
    digest.update(repr(facts).encode("utf-8", "surrogateescape"))
    return digest.digest()
