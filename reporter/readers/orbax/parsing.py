"""Arrays of an Orbax checkpoint, in a child process: OCDBT and zarr are read by tensorstore. Alone imports tensorstore.

Its drivers are named here, never by the files: they read local files below one folder (the file driver refuses keys
with ``..``, as seen with tensorstore 0.1.86, and the parent has looked for links), and open no URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts

from reporter.errors import CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint, from_words

MAX_CHUNK = 1 << 30
"""Bytes of one chunk, which is decompressed at once: Orbax keeps an array in one chunk per device."""

MAX_ARRAYS = 100_000

# A chunk is kept until its last slab was read.
_CONTEXT = {
    "cache_pool": {"total_bytes_limit": MAX_CHUNK + (64 << 20)},
    "data_copy_concurrency": {"limit": 1},
    "file_io_concurrency": {"limit": 4},
}
_DRIVERS = {"/.zarray": "zarr", "/zarr.json": "zarr3"}
_REASON = 300


def open_parsing(files: list[int], folders: list[str], ocdbt: list[bool], complete: list[bool]) -> Parsing:
    """Open the stores of all items of a checkpoint.

    Raises:
        CheckpointError: one is damaged.
    """
    return Parsing(list(zip(folders, ocdbt, complete, strict=True)))


class Parsing:
    """Open stores."""

    def __init__(self, items: Sequence[tuple[str, bool, bool]]) -> None:
        self._items = items
        self._context = ts.Context(_CONTEXT)
        self._arrays: list[Any] | None = None
        self._found: list[Any] = []

    def answer(self, question: str, **arguments: Any) -> tuple[Any, Any]:
        """The ``arrays`` (number of the item, name, shape, dtype, chunk), or the values of a slab of one to ``read``.

        Raises:
            CheckpointError: something is damaged, or out of proportion.
        """
        if self._arrays is None:
            self._arrays = []
            for number in range(len(self._items)):
                self._list(number, self._arrays)
        if question == "arrays":
            return self._found, b""
        number, slab = arguments["number"], tuple(slice(start, stop) for start, stop in arguments["slab"])
        with _translated(self._items[self._found[number][0]][0]):
            values = np.ascontiguousarray(self._arrays[number][slab].read().result())
        return None, values.reshape(-1).view(np.uint8)

    def close(self) -> None:
        """Let go of the stores."""
        self._arrays = None

    def _list(self, number: int, arrays: list[Any]) -> None:
        folder, ocdbt, complete = self._items[number]
        base: dict[str, Any] = {"driver": "file", "path": f"{folder}/"}
        if ocdbt:
            base = {"driver": "ocdbt", "base": base}
        with _translated(folder):
            keys = [key.decode("utf-8", "backslashreplace") for key in self._store(base).list().result()]
            stored = [(key[: -len(s)], _DRIVERS[s]) for key in sorted(keys) for s in _DRIVERS if key.endswith(s)]
            if len(stored) > MAX_ARRAYS:
                raise RefusedCheckpoint(Path(), f"it holds {len(stored):,} arrays, more than {MAX_ARRAYS:,}")
            opening = [self._open(base, name, driver, complete) for name, driver in stored]
            for (name, _), future in zip(stored, opening, strict=True):
                array = future.result()
                chunk = array.chunk_layout.read_chunk.shape or ()  # None of a scalar
                size = int(np.prod([min(n, c) for n, c in zip(array.shape, chunk, strict=True)], dtype=object))
                if size * array.dtype.numpy_dtype.itemsize > MAX_CHUNK:
                    raise RefusedCheckpoint(Path(), f"array {name!r} has chunks of {size:,} values")
                self._found.append([number, name, array.shape, array.dtype.name, chunk])
                arrays.append(array)

    def _store(self, spec: dict[str, Any]) -> Any:
        return ts.KvStore.open(spec, context=self._context).result()

    def _open(self, base: dict[str, Any], name: str, driver: str, complete: bool) -> Any:
        # "path" of a file store is the folder itself, of an OCDBT store a prefix of its keys.
        path = f"{base.get('path', '')}{name}/"
        spec = {"driver": driver, "kvstore": {**base, "path": path}, "fill_missing_data_reads": not complete}
        return ts.open(spec, open=True, read=True, context=self._context)


@contextmanager
def _translated(folder: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, RuntimeError, NotImplementedError, LookupError, TypeError) as exc:
        text = re.sub(r"\s+", " ", str(exc)).replace(f"{folder}/", "")
        text = re.sub(r" \[(source locations|tensorstore_spec)=.*", "", text)[:_REASON]
        if text.startswith("NOT_FOUND"):
            raise PartialCheckpoint(Path(), f"part of its arrays is missing: {text}") from exc
        raise from_words(Path(), text) or CorruptCheckpoint(Path(), f"tensorstore cannot read it: {text}") from exc
