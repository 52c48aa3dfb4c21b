"""Compiled kernels on disk: checked before they are believed, made durable, and never a reason for a run to fail.

numba keeps an index (``.nbi``) and machine code (``.nbc``) of each function, both pickled. What a full disk or a power
failure has cut would raise whatever unpickling raises, at every later run, and what was damaged would be executed.
Here each file begins with a hash of the rest, and what does not fit counts as not there: it is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

_DIGEST = hashlib.sha256().digest_size


class KeptKernel(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, with files that are checked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        numbas = self.__dict__["_cache_file"]
        self._cache_file = _CheckedFiles(
            numbas._cache_path, numbas._index_name.removesuffix(".nbi"), numbas._source_stamp
        )


class _CheckedFiles(IndexDataCacheFile):  # type: ignore[misc]
    """Index and machine code of one function."""

    def load(self, key: Any) -> Any:
        """What was saved under a key, None where there is nothing that can be used."""
        name = self._load_index().get(key)
        return None if name is None else _read(Path(self._data_path(name)))

    def save(self, key: Any, data: Any) -> None:
        """Keep machine code; where that fails, it serves this run alone."""
        with suppress(OSError):
            super().save(key, data)

    def _load_index(self) -> dict[Any, str]:
        found = _read(Path(self._index_path))
        return found[2] if found is not None and found[:2] == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        _write(Path(self._index_path), self._dump((self._version, self._source_stamp, overloads)))

    def _save_data(self, name: str, data: Any) -> None:
        _write(Path(self._data_path(name)), self._dump(data))


def _read(path: Path) -> Any:
    """What a file holds, None if it is not there or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST], content[_DIGEST:]
    return pickle.loads(data) if hashlib.sha256(data).digest() == digest else None


def _write(path: Path, data: bytes) -> None:
    """Write a file aside, make it durable, and rename it into place.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    aside = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
