"""Buffers for blocks, used again once nobody holds what was handed out of them.

A fresh 4 MiB allocation for every block costs more than reading and checking it: the C library returns each to the
kernel, which has to clear and map it again. Measured on a 422 MB checkpoint: 2.3 GB/s without this, 7 GB/s with it.
Files are read into them with ``preadv`` rather than mapped: a trainer that truncates a mapped file kills the process
that looks at it (SIGBUS), and a short read is an error like any other.
"""

from __future__ import annotations

import sys
import threading

import numpy as np
import numpy.typing as npt

from reporter.readers.files.block_size import BLOCK_BYTES

MAX_BUFFERS = 18
"""Kept for reuse: a tensor of 64 MiB, which stays in memory while it is measured, and a little more."""

SMALL = 64 << 10
"""Below this the C library reuses memory by itself, and a view that somebody keeps must not keep 4 MiB alive."""

_UNUSED = 3  # references to a buffer while the loop below looks at it: the list's, the variable's, the argument's


class Buffers:
    """Memory for blocks of at most ``BLOCK_BYTES``; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[npt.NDArray[np.uint8]] = []

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        """An array of ``size`` bytes with arbitrary contents; it is taken back when the last view of it is gone.

        >>> buffers = Buffers()
        >>> first = buffers.take(1 << 20)
        >>> address = first.ctypes.data
        >>> buffers.take(1 << 20).ctypes.data == address  # `first` is still held
        False
        >>> del first
        >>> buffers.take(1 << 20).ctypes.data == address
        True
        """
        if size < SMALL:
            return np.empty(size, np.uint8)
        with self._lock:
            for buffer in self._kept:
                # Views keep the array that owns their memory alive, and only views are ever handed out.
                if buffer.size >= size and sys.getrefcount(buffer) == _UNUSED:
                    return buffer[:size]
            if len(self._kept) == MAX_BUFFERS:
                return np.empty(size, np.uint8)
            self._kept.append(np.empty(max(size, BLOCK_BYTES), np.uint8))
            return self._kept[-1][:size]
