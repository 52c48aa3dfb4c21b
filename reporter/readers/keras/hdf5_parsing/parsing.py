"""An HDF5 file that is open in the child process, and the questions that it answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from reporter.readers.files.streams import SLAB_BYTES
from reporter.readers.files.window import Window
from reporter.readers.keras.hdf5_parsing.damage import PATH, translated
from reporter.readers.keras.hdf5_parsing.layout import layout
from reporter.readers.keras.hdf5_parsing.scan import Scan


def open_parsing(files: list[int], offset: int, length: int, need: Callable[[int, int], None] | None = None) -> Parsing:
    """Open the HDF5 file that lies in a window of an open file.

    Args:
        need: is told what is about to be read, for it to be there.

    Raises:
        PartialCheckpoint: its end is missing.
        CorruptCheckpoint: it is not HDF5, or damaged.
    """
    file = io.FileIO(files[0], closefd=False)
    return Parsing(Window(PATH, file, offset, length) if need is None else _Fetched(file, offset, length, need))


class _Fetched(Window):
    """A window of a file whose bytes are there once they were asked for."""

    def __init__(self, file: io.FileIO, offset: int, length: int, need: Callable[[int, int], None]) -> None:
        super().__init__(PATH, file, offset, length)
        self._need = need

    def _fill(self, position: int, view: memoryview) -> None:
        if position + len(view) <= self.length:
            self._need(self.offset + position, self.offset + position + len(view))
        super()._fill(position, view)


class Parsing:
    """An open HDF5 file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._scan: Scan | None = None
        with translated():
            # One chunk at most is kept: slabs follow the chunks. The cache must be able to hold it.
            self._file = h5py.File(window, "r", rdcc_nbytes=SLAB_BYTES, rdcc_nslots=521)
            self._root = h5py.h5g.open(self._file.id, b"/")

    def answer(self, question: str, **arguments: Any) -> tuple[Any, Any]:
        """Its ``layout``; what a ``scan`` finds; the values of a slab to ``read``.

        Raises:
            CheckpointError: it is damaged, or unsafe to read.
        """
        with translated():
            if question == "layout":
                return layout(self._root), b""
            first = self._scan is None
            self._scan = self._scan or Scan(self._window)
            if first:
                found = self._scan.group(self._root, h5py.h5o.get_info(self._root).addr, "", 0)
                if question == "scan":
                    return found, b""
            return None, self._read(self._scan.handles[arguments["number"]], arguments["slab"])

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _read(self, handle: Any, slab: list[list[int]]) -> Any:
        values = np.asarray(h5py.Dataset(handle)[tuple(slice(start, stop) for start, stop in slab)])
        return np.ascontiguousarray(values).reshape(-1).view(np.uint8)
