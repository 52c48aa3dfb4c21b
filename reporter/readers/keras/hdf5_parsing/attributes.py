"""Attributes of HDF5 groups and datasets, their types and sizes checked before they are read."""

from __future__ import annotations

from itertools import count, takewhile
from typing import Any

import h5py
import numpy as np

from reporter.readers.keras.hdf5_parsing.damage import refused
from reporter.readers.keras.tree import decode

MAX_ATTRIBUTE = 64 << 20

ATTRIBUTES = ("layer_names", "weight_names", "nb_layers", "nb_params", "name", "keras_version", "model_config",
              "training_config")  # fmt: skip
"""Of groups, that tell anything; Keras splits long lists as ``layer_names0``, ``layer_names1`` …"""


def attributes(handle: Any) -> dict[str, Any]:
    """Those of :data:`ATTRIBUTES` that a group has."""
    there: set[bytes] = set()
    h5py.h5a.iterate(handle, there.add)  # to ask for each by name takes ten times as long
    found: dict[str, Any] = {}
    for name in ATTRIBUTES:
        if name.encode() in there and (value := attribute(handle, name)) is not None:
            found[name] = value
            continue
        if f"{name}0".encode() not in there:
            continue
        parts = takewhile(lambda part: part is not None, (attribute(handle, f"{name}{i}") for i in count()))
        if texts := [text for part in parts for text in (part if isinstance(part, list) else [part])]:
            found[name] = texts
    return found


def attribute(handle: Any, name: str) -> Any:
    """A string, a list of strings, or a number; None if there is none. Its type and size are checked first.

    Other types, which Keras never writes, are not read: on a damaged sequence h5py 3.14 crashes.
    """
    key = name.encode()
    if not h5py.h5a.exists(handle, key):
        return None
    attribute = h5py.h5a.open(handle, key)
    kind, space = attribute.get_type(), attribute.get_space()
    size = space.get_simple_extent_npoints() * kind.get_size()
    if size > MAX_ATTRIBUTE:
        raise refused(f"attribute {name!r} takes {size:,} bytes")
    if kind.get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        return None
    if attribute.shape is None:
        return None
    values = np.zeros(attribute.shape, attribute.dtype)
    attribute.read(values)
    if values.ndim:
        return [decode(item) for item in values.reshape(-1).tolist() if isinstance(item, str | bytes)]
    value = values.item()
    if isinstance(value, str | bytes):
        return decode(value)
    return value if isinstance(value, int | float) else None
