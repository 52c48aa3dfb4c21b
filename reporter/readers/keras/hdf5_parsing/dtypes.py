"""Types of HDF5 datasets as those of numpy."""

from __future__ import annotations

from typing import Any

import h5py
import ml_dtypes
import numpy as np

from reporter.frozen import dataclass
from reporter.readers.keras.hdf5_parsing.attributes import attribute
from reporter.readers.keras.hdf5_parsing.damage import FOREIGN

_ML_DTYPES = {name: np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}
_ML_NAMES = {dtype: name for name, dtype in _ML_DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Type:
    """What the values of a dataset are.

    Attributes:
        stored, dtype: of the bytes and of the values.
        problem: why they are no numbers, or "".
        as_in_numpy: whether the file's bytes are numpy's bytes, so that they can be read without HDF5.
    """

    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    problem: str
    as_in_numpy: bool


class Types:
    """The types of the datasets of one file: there are few, and it takes long to tell one."""

    def __init__(self) -> None:
        self._known: dict[bytes, Type] = {}

    def of(self, handle: Any) -> Type:
        """What the values of a dataset are."""
        type_ = handle.get_type()
        key = type_.encode()
        if key not in self._known:
            stored, dtype, problem = dtypes(handle)
            told = Type(stored, dtype, problem, (not problem or stored.kind == "V") and lies_as(type_, stored))
            if stored.kind == "V":  # an attribute of the dataset tells more, which others need not have
                return told
            self._known[key] = told
        return self._known[key]


def said(dtype: np.dtype[Any]) -> str:
    """A dtype in one word that numpy or ml_dtypes understands; compound values are opaque."""
    if dtype.names or dtype.subdtype:
        return f"V{dtype.itemsize}"
    return _ML_NAMES.get(dtype) or dtype.str


def dtypes(handle: Any) -> tuple[np.dtype[Any], np.dtype[Any], str]:
    """dtype of the bytes and of the values, and why they are no numbers, or ""."""
    try:
        stored = np.dtype(handle.dtype)
    except FOREIGN as exc:
        return np.dtype("O"), np.dtype("O"), f"an HDF5 type without an equivalent in numpy: {exc}"
    if stored.kind == "O":
        return stored, stored, "references" if h5py.check_ref_dtype(stored) else "strings or lists of varying length"
    if stored.kind in "SU":
        return stored, stored, "strings"
    if stored.names or stored.subdtype:
        return stored, stored, "compound values" if stored.names else "values that are arrays"
    if stored.kind == "V":
        named = attribute(handle, "dtype")
        dtype = _ML_DTYPES.get(named) if isinstance(named, str) else None
        if dtype is not None and dtype.itemsize == stored.itemsize:
            return stored, dtype, ""
        return stored, stored, "opaque bytes, without the dtype attribute that Keras writes for bfloat16"
    if stored.kind not in "biufc" or stored.itemsize > (16 if stored.kind == "c" else 8):
        return stored, stored, f"values of type {stored.name}"
    plain = np.dtype(stored.str)  # without h5py's metadata of enumerations
    return plain, plain.newbyteorder("="), ""


def lies_as(file_type: Any, dtype: np.dtype[Any]) -> bool:
    """Whether the file's bytes are numpy's bytes, so that they can be read without HDF5."""
    if file_type.get_size() != dtype.itemsize:
        return False
    if dtype.kind == "V":
        return bool(file_type.get_class() == h5py.h5t.OPAQUE)
    if dtype.kind == "b":
        return True
    if file_type.get_class() == h5py.h5t.ENUM:
        file_type = file_type.get_super()
    return dtype == dtype.newbyteorder("<") and bool(file_type.equal(h5py.h5t.py_create(dtype)))
