"""A mapping of names to arrays in memory as checkpoint contents: what a program holds that has no Keras model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.errors import SettingError
from reporter.frozen import dataclass
from reporter.model.tensor import Contents, Integrity
from reporter.readers.files import flat

NUMBERS = "fiub"
"""Kinds of dtype that are measured; those of ml_dtypes, such as bfloat16, are of kind V."""


@dataclass(frozen=True, slots=True)
class _Array:
    values: npt.NDArray[Any]

    def blocks(self, tensor: str) -> Iterator[npt.NDArray[Any]]:
        """The values in one block."""
        yield np.ascontiguousarray(self.values).reshape(-1)


def array_contents(arrays: Mapping[str, Any]) -> Contents:
    """Arrays by the names of their variables, ``dense/kernel`` or ``dense.kernel``, as an ``.npz`` of them would be.

    Args:
        arrays: whatever NumPy makes an array of numbers of.

    Raises:
        SettingError: there is none, a name is no text, or a value is no array of numbers.
    """
    if not arrays:
        raise SettingError("the mapping of arrays is empty: there is nothing to measure")
    tensors = []
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise SettingError(f"a mapping of arrays has to have texts as names, and has {name!r}")
        array = np.asarray(value)
        if array.dtype.kind not in NUMBERS and not (array.dtype.kind == "V" and array.dtype.names is None):
            raise SettingError(f"{name}: {type(value).__name__} is no array of numbers")
        tensors.append(flat.tensor(name, array.shape, array.dtype.newbyteorder("="), _Array(_native(array))))
    return flat.contents("live", tensors, (), integrity=Integrity.IN_MEMORY, framework="mapping of arrays")


def _native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
