"""An HDF5 file as plain groups and datasets: a child process walks it, contiguous values are read without it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from reporter.errors import CorruptCheckpoint, from_os
from reporter.readers.files.streams import Array, DirectStream, Slab, SlabStream
from reporter.readers.files.window import Window
from reporter.readers.isolation import GIB, Kind, Limits
from reporter.readers.keras import scanned
from reporter.readers.keras.tree import Dataset, Group
from reporter.storage import StoredFile, complete, remember_copied

if TYPE_CHECKING:
    from reporter.readers.isolation import Session

HDF5 = Kind(
    module="reporter.readers.keras.hdf5_parsing",
    library="the HDF5 library",
    # A slab, the chunk it is cut from and a copy of both take 256 MiB; the rest is for structures of many objects.
    limits=Limits(memory=GIB),
    missing="HDF5 files are read with h5py, which cannot be imported: pip install h5py",
    by_need=True,
)

_DTYPE = re.compile(r"[<>|]?[biufcSUVOmM]\d*(\[\d*\w+\])?")
_ML_DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")
}


@contextmanager
def open_hdf5(window: Window) -> Iterator[Group]:
    """Open the HDF5 file that lies in a window; yields its root and everything below it.

    Raises:
        PartialCheckpoint: its end is missing.
        CorruptCheckpoint: it is not HDF5, or damaged.
        RefusedCheckpoint: it holds links, external storage, virtual datasets, or exceeds a limit.
    """
    known = scanned.known(window)
    with _session(window, lazily=known is not None) as parsing:
        try:
            found = parsing.ask("scan") if known is None else known
            tree = _Tree(parsing, window)
            root = tree.group(found, "")
        except (LookupError, TypeError, ValueError, AttributeError) as exc:  # memory of the child was damaged
            raise CorruptCheckpoint(window.path, f"{HDF5.library} gave nonsense back: {exc}") from exc
        if known is None:
            scanned.keep(window, found)
        tree.foresee()
        yield root


def layout(window: Window) -> str:
    """Which of Keras's layouts an HDF5 file has, from a look at its first few hundred objects.

    Returns:
        "legacy", "v3", or "" for neither.

    Raises:
        CheckpointError: it cannot be opened.
    """
    with _session(window) as parsing:
        return str(parsing.ask("layout"))


@contextmanager
def _session(window: Window, *, lazily: bool = False) -> Iterator[Session]:
    from reporter.readers.isolation import session

    # A member of an archive is read from front to back in any case, for its checksum.
    archived = window.length < window.size
    place = {"offset": window.offset, "length": window.length}
    with session(HDF5, window.path, (window.file.fileno(),), lazily=lazily, whole=archived, **place) as parsing:
        yield parsing


class _Tree:
    """Builds groups and datasets from what the child has found; it has looked at sizes and links."""

    def __init__(self, parsing: Session, window: Window) -> None:
        self._parsing = parsing
        self._window = window
        self._in_chunks = 0

    def foresee(self) -> None:
        """Say that an object of a store will be copied, where that is less work than asking for its chunks singly."""
        if self._to_be_copied and isinstance(self._window.file, StoredFile):
            remember_copied(self._window.path)

    def prepare(self) -> None:
        """Before the first of the chunks is read.

        Raises:
            CheckpointError: the copy cannot be made.
        """
        try:
            if self._to_be_copied:
                complete(self._window.file.fileno())
        except OSError as exc:
            raise from_os(self._window.path, exc) from exc

    @property
    def _to_be_copied(self) -> bool:
        """Whether most of the file lies in chunks, each of which would be a request or several."""
        return 2 * self._in_chunks > self._window.length

    def group(self, said: Mapping[str, Any], path: str) -> Group:
        inner = f"{path}/" if path else ""
        return Group(
            path,
            int(said["address"]),
            dict(said["attributes"]),
            {name: self.group(child, inner + name) for name, child in said["groups"].items()},
            {name: self._dataset(child, inner + name) for name, child in said["datasets"].items()},
        )

    def _dataset(self, said: Mapping[str, Any], path: str) -> Dataset:
        shape, dtype, problem = _counts(said["shape"]), _dtype(said["dtype"]), str(said["problem"])
        stream: DirectStream | SlabStream | None = None
        if "position" in said:
            stored, size, (position,) = _dtype(said["stored"]), math.prod(shape), _counts([said["position"]])
            if position + size * stored.itemsize > self._window.length:
                raise CorruptCheckpoint(self._window.path, f"dataset {path!r} lies outside the file")
            stream = DirectStream(self._window, position, size, stored, dtype)
        elif "number" in said:
            self._in_chunks += math.prod(shape) * dtype.itemsize
            read = _Reading(self, self._parsing, int(said["number"]), _dtype(said["stored"]))
            stream = SlabStream(read, shape, dtype, _counts(said["chunk"]))
        return Dataset(path, shape, dtype, int(said["address"]), problem, stream)


class _Reading:
    """Reads slabs of a dataset in the child."""

    def __init__(self, tree: _Tree, parsing: Session, number: int, stored: np.dtype[Any]) -> None:
        self._tree = tree
        self._parsing = parsing
        self._number = number
        self._stored = stored

    def __call__(self, slab: Slab, tensor: str) -> Array:
        self._tree.prepare()
        values: Array = np.empty([axis.stop - axis.start for axis in slab], self._stored)
        borders = [(axis.start, axis.stop) for axis in slab]
        into = values.reshape(-1).view(np.uint8)
        self._parsing.ask("read", into=into, tensor=tensor, number=self._number, slab=borders)
        return values


def _counts(said: Any) -> tuple[int, ...]:
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in said):
        raise ValueError(f"sizes {said!r:.80}")
    return tuple(said)


def _dtype(said: str) -> np.dtype[Any]:
    if said in _ML_DTYPES:
        return _ML_DTYPES[said]
    if not _DTYPE.fullmatch(said):
        raise ValueError(f"a dtype {said!r:.80}")
    plain: np.dtype[Any] = np.dtype(said)
    return plain
