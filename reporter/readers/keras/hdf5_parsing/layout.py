"""Which of Keras's layouts an HDF5 file has."""

from __future__ import annotations

from typing import Any

import h5py

from reporter.readers.keras.hdf5_parsing.damage import FOREIGN

KERAS_GROUPS = frozenset({b"model_weights", b"layers", b"_layer_checkpoint_dependencies", b"optimizer", b"vars"})
"""What cannot be opened is damage to a Keras file if it has one of these names."""


def layout(root: Any) -> str:
    """Which of Keras's layouts a file has, told by its first few hundred objects: legacy, v3, or "" for neither."""
    attributes = set(h5py.Group(root).attrs)
    if attributes & {"layer_names", "layer_names0", "nb_layers"} or _has_group(root, b"model_weights"):
        return "legacy"
    return "v3" if _holds_vars(root, 4, [500]) else ""


def _has_group(handle: Any, name: bytes) -> bool:
    try:
        there = handle.links.exists(name) and handle.links.get_info(name).type == h5py.h5l.TYPE_HARD
        return there and isinstance(h5py.h5o.open(handle, name), h5py.h5g.GroupID)
    except FOREIGN:
        if name in KERAS_GROUPS:
            raise
        return False


def _holds_vars(handle: Any, depth: int, budget: list[int]) -> bool:
    """Whether a group named "vars" is at most ``depth`` levels below; ``budget`` objects are looked at."""
    if _has_group(handle, b"vars"):
        return True
    if depth == 0:
        return False
    for name in handle:
        budget[0] -= 1
        if budget[0] < 0:
            return False
        if _has_group(handle, name) and _holds_vars(h5py.h5g.open(handle, name), depth - 1, budget):
            return True
    return False
