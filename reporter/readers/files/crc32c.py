"""Masked crc32c, the checksum of everything that TensorFlow writes: of blocks, tensors and records."""

from __future__ import annotations

from typing import cast

import google_crc32c
import numpy as np
import numpy.typing as npt

_DELTA = 0xA282EAD8  # tensorflow/core/lib/hash/crc32c.h: a crc of data that holds crcs is weak, so it is stored masked


def extend(crc: int, data: bytes | npt.NDArray[np.uint8]) -> int:
    """The crc32c of everything summed up in ``crc`` followed by ``data``; start with 0."""
    return cast(int, google_crc32c.extend(crc, data))


def mask(crc: int) -> int:
    """The form in which a crc32c is stored.

    >>> hex(mask(extend(0, b"123456789")))
    '0xc78ab0e5'
    """
    return (((crc >> 15) | (crc << 17)) + _DELTA) & 0xFFFFFFFF
