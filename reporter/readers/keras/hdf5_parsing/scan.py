"""Everything that an HDF5 file holds, found by hard links only, its sizes checked before anything is read."""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np

from reporter.readers.files.streams import SLAB_BYTES
from reporter.readers.files.window import Window
from reporter.readers.keras.hdf5_parsing.attributes import attributes
from reporter.readers.keras.hdf5_parsing.damage import refused
from reporter.readers.keras.hdf5_parsing.dtypes import Types, said
from reporter.readers.keras.tree import decode

MAX_DEPTH = 64
MAX_OBJECTS = 200_000
MAX_AGAIN = 10_000
"""Links to what another link leads to: with a few of them a small file is a tree without end."""
MAX_NAME = 4096
BOMB_FLOOR = 4 << 30
BOMB_RATIO = 1000
CHUNK_ROW_BYTES = 512 << 20
"""A row of chunks is decompressed again for each of its slabs; more than this is refused."""


class Scan:
    """Everything below a group, by hard links only, as JSON. What two links lead to is there twice, at one address.

    Attributes:
        handles: datasets that are read here, by their number.
    """

    def __init__(self, window: Window) -> None:
        self.handles: dict[int, Any] = {}
        self._window = window
        self._around: list[int] = []
        self._seen: set[int] = set()
        self._again = 0
        self._sized: set[int] = set()
        self._types = Types()
        self._declared = 0

    def group(self, handle: Any, address: int, path: str, depth: int) -> dict[str, Any]:
        """One group: ``address``, ``attributes``, ``groups`` and ``datasets`` by name.

        Raises:
            RefusedCheckpoint: a soft or external link, a link cycle, external or virtual storage, or a limit.
            CorruptCheckpoint: the structure is damaged, or data lie outside the file.
        """
        if depth > MAX_DEPTH:
            raise refused(f"groups are nested more than {MAX_DEPTH} deep")
        if handle.get_num_objs() > MAX_OBJECTS:
            raise refused(f"group {path!r} holds more than {MAX_OBJECTS:,} objects")
        if address in self._around:
            raise refused(f"{path!r} is a link to a group around it: a cycle")
        self._around.append(address)
        groups: dict[str, Any] = {}
        datasets: dict[str, Any] = {}
        for raw in handle:
            name = decode(raw)
            inner = f"{path}/{name}" if path else name
            child, at = self._open(handle, raw, inner)
            if isinstance(child, h5py.h5g.GroupID):
                groups[name] = self.group(child, at, inner, depth + 1)
            elif isinstance(child, h5py.h5d.DatasetID):
                datasets[name] = self._dataset(child, at, inner)
        self._around.pop()
        told = attributes(handle) if h5py.h5a.get_num_attrs(handle) else {}  # most have none
        return {"address": address, "attributes": told, "groups": groups, "datasets": datasets}

    def _open(self, handle: Any, raw: bytes, path: str) -> tuple[Any, int]:
        """Open one child, which is no link out of here, and say its address.

        The link tells that; ``h5o.get_info`` would as well, but measures all indexes of the object to do so.
        """
        if len(raw) > MAX_NAME:
            raise refused(f"a name of {len(raw):,} bytes below {path[:80]!r}")
        link = handle.links.get_info(raw)
        if link.type != h5py.h5l.TYPE_HARD:
            what = {h5py.h5l.TYPE_SOFT: "soft", h5py.h5l.TYPE_EXTERNAL: "external"}.get(link.type, "user-defined")
            raise refused(f"{path!r} is a {what} link; links are never followed")
        child, address = h5py.h5o.open(handle, raw), int(link.u)
        self._again += address in self._seen
        self._seen.add(address)
        if len(self._seen) > MAX_OBJECTS or self._again > MAX_AGAIN:
            raise refused(f"more than {MAX_OBJECTS:,} objects, or {MAX_AGAIN:,} second links to them")
        return child, address

    def _dataset(self, handle: Any, address: int, path: str) -> dict[str, Any]:
        plist = handle.get_create_plist()
        layout = plist.get_layout()
        if plist.get_external_count():
            raise refused(f"dataset {path!r} keeps its values in another file")
        if layout == h5py.h5d.VIRTUAL:
            raise refused(f"dataset {path!r} is virtual: it shows values of other files")
        space = handle.get_space()
        if space.get_simple_extent_type() == h5py.h5s.NULL:
            return _described(address, (), np.dtype("V1"), "an empty dataspace, without values")
        shape = tuple(int(n) for n in space.shape)
        type_ = self._types.of(handle)
        dtype, problem = type_.dtype, type_.problem
        if problem and (dtype.kind != "V" or dtype.names or dtype.subdtype):
            return _described(address, shape, dtype, problem)
        chunk = tuple(int(n) for n in plist.get_chunk()) if layout == h5py.h5d.CHUNKED else ()
        self._check_sizes(handle, address, path, shape, chunk, dtype.itemsize)
        for i in range(plist.get_nfilters()):
            code = plist.get_filter(i)[0]
            if not h5py.h5z.filter_avail(code):
                return _described(address, shape, dtype, f"compressed with HDF5 filter {code}, not installed")
        found = {**_described(address, shape, dtype, problem), "stored": said(type_.stored), "chunk": chunk}
        in_one_piece = (
            layout == h5py.h5d.CONTIGUOUS and handle.get_storage_size() == math.prod(shape) * dtype.itemsize > 0
        )
        position = handle.get_offset() if in_one_piece else None  # of values never written it is nonsense
        if position is not None and type_.as_in_numpy:
            return {**found, "position": position}
        number = len(self.handles)
        self.handles[number] = handle
        return {**found, "number": number}

    def _check_sizes(
        self, handle: Any, address: int, path: str, shape: tuple[int, ...], chunk: tuple[int, ...], itemsize: int
    ) -> None:
        """Declared sizes must stay in proportion to stored ones, each and in sum."""
        declared = math.prod(shape) * itemsize
        self._declared += declared * (address not in self._sized)
        self._sized.add(address)
        for what, size, stored in (
            (f"dataset {path!r} declares", declared, handle.get_storage_size()),
            ("its datasets together declare", self._declared, self._window.length),
        ):
            if size > BOMB_FLOOR and size > BOMB_RATIO * stored:
                raise refused(f"{what} {size:,} bytes, but only {stored:,} are stored: a shape bomb")
        if math.prod(chunk) * itemsize > SLAB_BYTES:
            raise refused(f"dataset {path!r} has chunks of {math.prod(chunk) * itemsize:,} bytes")
        if chunk and min(chunk[0], shape[0]) * math.prod(shape[1:]) * itemsize > CHUNK_ROW_BYTES:
            raise refused(f"dataset {path!r} has chunks that are too tall to be read in order")


def _described(address: int, shape: tuple[int, ...], dtype: np.dtype[Any], problem: str) -> dict[str, Any]:
    return {"address": address, "shape": shape, "dtype": said(dtype), "problem": problem}
