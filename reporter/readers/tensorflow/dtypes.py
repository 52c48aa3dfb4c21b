"""TensorFlow's DataType numbers: which are arrays of numbers on disk, and how numpy names them."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass

STRING = 7

# tensorflow/core/framework/types.proto. Quantised types are the plain integers they are stored as. Types of 2 and 4
# bits occupy one byte per element on disk, as bundles written by TensorFlow 2.21 show.
_NUMERIC: dict[int, npt.DTypeLike] = {
    1: np.float32,
    2: np.float64,
    3: np.int32,
    4: np.uint8,
    5: np.int16,
    6: np.int8,
    8: np.complex64,
    9: np.int64,
    10: np.bool_,
    11: np.int8,
    12: np.uint8,
    13: np.int32,
    14: ml_dtypes.bfloat16,
    15: np.int16,
    16: np.uint16,
    17: np.uint16,
    18: np.complex128,
    19: np.float16,
    22: np.uint32,
    23: np.uint64,
    24: ml_dtypes.float8_e5m2,
    25: ml_dtypes.float8_e4m3fn,
    26: ml_dtypes.float8_e4m3fnuz,
    27: ml_dtypes.float8_e4m3b11fnuz,
    28: ml_dtypes.float8_e5m2fnuz,
    29: ml_dtypes.int4,
    30: ml_dtypes.uint4,
    31: ml_dtypes.int2,
    32: ml_dtypes.uint2,
    33: ml_dtypes.float4_e2m1fn,
}

_OTHERS = {
    STRING: ("string", "text or serialised objects, not numbers"),
    20: ("resource", "a handle to a live object, without values"),
    21: ("variant", "a serialised object, not an array of numbers"),
}


@dataclass(frozen=True, slots=True)
class NumericType:
    """How the elements of a tensor lie on disk: one :attr:`numpy` item each."""

    numpy: np.dtype[Any]

    @property
    def name(self) -> str:
        """Such as ``float32`` or ``bfloat16``."""
        return self.numpy.name

    @property
    def itemsize(self) -> int:
        """Bytes per element on disk."""
        return self.numpy.itemsize


def numeric(number: int) -> NumericType | None:
    """The numeric type with this DataType number, or None.

    >>> numeric(14).name, numeric(29).itemsize, numeric(7)
    ('bfloat16', 1, None)
    """
    found = _NUMERIC.get(number)
    return None if found is None else NumericType(np.dtype(found))


def skipped_reason(number: int) -> tuple[str, str]:
    """Name of a type that is not numeric, and why its values are not measured.

    >>> skipped_reason(20)
    ('resource', 'a handle to a live object, without values')
    """
    return _OTHERS.get(number, (f"DataType {number}", "a data type that this version does not know"))
