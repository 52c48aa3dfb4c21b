"""How kernels are compiled, and kept for the next process; the only module that imports numba.

numba keeps an index (``.nbi``) and machine code (``.nbc``) of each function, both pickled. What a full disk or a power
failure has cut would raise whatever unpickling raises, at every later run, and what was damaged would be executed.
Here each file begins with a hash of the rest, and what does not fit counts as not there: it is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "nsz"}
_INNER = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


_DIGEST = hashlib.sha256().digest_size


def jit(function: F) -> F:
    """Compile at the first call, without the GIL; sums may be reordered, NaN and infinities are respected."""
    compiled = _compiled(function, fastmath=FAST)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = FOLDER
    try:
        if FOLDER:
            # numba raises RuntimeError where it cannot write a first temporary file there, as on a full disk.
            with suppress(OSError, RuntimeError):
                compiled._cache = _KeptKernel(function)  # type: ignore[attr-defined]
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def inner(function: F) -> F:
    """The same for what only kernels call, and always a part of these.

    A function of its own would be compiled twice, alone and with its kernel, with sums in another order: the process
    that compiles then runs the one, those that load the kernel the other, and the last digits differ.
    """
    return _compiled(function, fastmath=FAST, **_INNER)


def exact(function: F) -> F:
    """The same, every operation as it is written: where reordering would fold a sum to nothing."""
    # Not to say it is to take over what the kernel says that calls it.
    return _compiled(function, fastmath=False, **_INNER)


def _compiled(function: F, **options: Any) -> F:
    compiled: F = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return compiled


def _folder() -> str:
    """Where compiled code is kept: NUMBA_CACHE_DIR, beside the source, or in the user's cache; "" if none is writable.

    numba would keep it there by itself, but its key is the one file a kernel stands in. Kernels call one another
    across files, so there is a folder for each state of all of them.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[:16]
    for base in _bases(here):
        folder = base / f"kernels-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return ""


def _bases(here: Path) -> Iterator[Path]:
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(chosen)
    yield here / "__pycache__"
    if cache := os.environ.get("XDG_CACHE_HOME"):
        yield Path(cache) / "ckpt-report"
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache" / "ckpt-report"


FOLDER = _folder()


class _KeptKernel(FunctionCache):  # type: ignore[misc]
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
