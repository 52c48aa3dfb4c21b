"""Files of safetensors, written by the format's description."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np


def safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A file by the format's description, so that any name and value can be in it."""
    names = {"f4": "F32", "f8": "F64", "f2": "F16", "i1": "I8", "i4": "I32", "i8": "I64", "b1": "BOOL"}
    header: dict[str, Any] = {}
    values, start = b"", 0
    for name, array in arrays.items():
        dtype = "BF16" if array.dtype == ml_dtypes.bfloat16 else names[array.dtype.str[1:]]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, start + array.nbytes]}
        values += array.tobytes()
        start += array.nbytes
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)
