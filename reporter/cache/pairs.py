"""The exact changes between two checkpoints as a cache file and back, without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from reporter.cache.container import Container, Unusable, build
from reporter.model.change import Change

KIND = "changes"
_RECORD = np.dtype(
    [
        ("row", "<u4"),
        ("count", "<i8"),
        ("equal", "<i8"),
        ("difference", "<f8"),
        ("before", "<f8"),
        ("after", "<f8"),
        ("product", "<f8"),
        ("largest", "<f8"),
    ]
)
"""One tensor: its row in the later checkpoint, and the fields of a :class:`Change`."""

_FIELDS = _RECORD.names[1:] if _RECORD.names else ()


class StoredChanges(Mapping[str, Change]):
    """Changes by tensor name, each made when it is asked for."""

    __slots__ = ("_places", "_records")

    def __init__(self, records: Any, names: Sequence[str]) -> None:
        self._records = records
        self._places = {names[row]: i for i, row in enumerate(records["row"].tolist())}

    def __getitem__(self, name: str) -> Change:
        return Change(*self._records[self._places[name]].item()[1:])

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def encode(header: Mapping[str, Any], changes: Mapping[str, Change], places: Mapping[str, int]) -> bytes:
    """The whole cache file; only exact changes are kept.

    Args:
        places: rows of the later checkpoint's tensors by name.
    """
    records = [
        (places[name], *(getattr(change, f) for f in _FIELDS)) for name, change in changes.items() if change.exact
    ]
    return build({**header, "kind": KIND}, {"changes": np.array(records, _RECORD).tobytes()})


def decode(container: Container, names: Sequence[str]) -> Mapping[str, Change]:
    """The inverse.

    Raises:
        Unusable: it is not of changes, or not of these tensors.
    """
    data = container.block("changes") if container.header.get("kind") == KIND else b"-"
    if len(data) % _RECORD.itemsize:
        raise Unusable("changes")
    records = np.frombuffer(data, _RECORD)
    if len(records) and int(records["row"].max()) >= len(names):
        raise Unusable("of other tensors")
    return StoredChanges(records, names)
