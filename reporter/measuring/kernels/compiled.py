"""How kernels are compiled and kept for the next process; the only module that imports numba.

numba keeps two pickled files for each function, an index (``.nbi``) and machine code (``.nbc``). It trusts both. A file
that a full disk or a power failure cut short would raise an arbitrary error at every later run, and damaged machine
code would be executed. Here each file begins with a SHA-256 hash of the rest. A file that does not match its hash is
treated as missing, and the kernel is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, UserProvidedCacheLocator

from reporter.measuring.kernels import told_compiling
from reporter.model import sketch

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "nsz"}
"""What LLVM may assume. Sums may be reordered (``reassoc``), products and sums fused (``contract``), and the sign of a
zero ignored (``nsz``). That values are never NaN or infinite is not assumed."""

_INNER = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


_DIGEST = hashlib.sha256().digest_size


def jit(function: F) -> F:
    """Decorate a kernel that Python calls: it is compiled at its first call, kept for later runs, and releases the GIL.

    Sums may be reordered, see :data:`FAST`.
    """
    compiled = _compiled(function, fastmath=FAST)
    if FOLDER or READY:
        compiled._cache = _KeptKernel(function)  # type: ignore[attr-defined]
    else:
        told_compiling()
    return compiled


def inner(function: F) -> F:
    """Decorate a function that only kernels call: its code becomes a part of each of these, with their options.

    As a function of its own it would be compiled twice, alone and within its kernel, with sums in a different order.
    The process that compiles would run the one version, later processes, which load the kernel, the other, and their
    results would differ in the last digits.
    """
    return _compiled(function, fastmath=FAST, **_INNER)


def exact(function: F) -> F:
    """Decorate a function that only kernels call and whose operations happen as written.

    Reordering would simplify, for example, ``(a + magic) - magic`` to ``a``, where rounding was the purpose.
    """
    # Without the explicit False the function would inherit the setting of the kernel that calls it.
    return _compiled(function, fastmath=False, **_INNER)


def _compiled(function: F, **options: Any) -> F:
    compiled: F = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return compiled


def _folders() -> tuple[str, tuple[str, ...]]:
    """Where compiled code is kept, "" where nothing can be written, and further folders that hold some already.

    These may be read-only, as in the image of a container whose user owns nothing.

    numba by itself compiles a kernel again when the file that defines it changes. Kernels call functions of other files
    as well, so the folder's name contains a hash of all files of this package, and of the module that says how large a
    sketch is.
    """
    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), Path(sketch.__file__)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    kept, ready = "", []
    for base in _bases(here):
        folder = base / f"{PREFIX}{digest}"
        if not kept and _writable(folder):
            kept = str(folder)
            _prune(base, folder)
        elif folder.is_dir():
            ready.append(str(folder))
    return kept, tuple(ready)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


PREFIX = "kernels-"

OLD = 30 * 86_400
"""Seconds after which compiled code of another version of the program is deleted, unless it was used meanwhile."""


def _prune(base: Path, own: Path) -> None:
    """Delete what other versions of this program compiled there, and nobody has used for a month."""
    with suppress(OSError):
        os.utime(own)
        for folder in base.glob(f"{PREFIX}{'[0-9a-f]' * 16}"):
            if folder != own and time.time() - folder.stat().st_mtime > OLD and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)


def _bases(here: Path) -> Iterator[Path]:
    """Folders in which a folder for compiled code can be, the best one first."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(chosen)
        return
    if cache := os.environ.get("CKPT_REPORT_CACHE"):
        yield Path(cache) / "kernels"
    yield here / "__pycache__"
    if cache := os.environ.get("XDG_CACHE_HOME"):
        yield Path(cache) / "ckpt-report"
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache" / "ckpt-report"


FOLDER, READY = _folders()


class _Locator(UserProvidedCacheLocator):  # type: ignore[misc]
    """Says where below such a folder the files of a function are. Whether they can be written shows when they are."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)
        self._cache_path = self.get_suitable_cache_subpath(file)

    def ensure_cache_path(self) -> None:
        """Nothing: numba's own would refuse to read from a folder that it cannot write to."""

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> _Locator:
        return cls(function, file)


class _Kept(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class _KeptKernel(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, with files that are checked against their hashes."""

    _impl_class = _Kept

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        numbas = self.__dict__["_cache_file"]
        base = numbas._index_name.removesuffix(".nbi")
        places = [str(Path(folder, numbas._cache_path)) for folder in (FOLDER, *READY) if folder]
        kept, *ready = (_CheckedFiles(place, base, numbas._source_stamp) for place in places)
        kept.ready = tuple(ready)
        self._cache_file = kept


class _CheckedFiles(IndexDataCacheFile):  # type: ignore[misc]
    """The index and the machine code of one function, each in a file that begins with its hash.

    Attributes:
        ready: the same in further folders, which are only read.
    """

    ready: tuple[_CheckedFiles, ...] = ()

    def load(self, key: Any) -> Any:
        """The machine code that was saved for a combination of types, None where there is none or it is damaged."""
        found = next((code for files in (self, *self.ready) if (code := files.own(key)) is not None), None)
        if found is None:
            told_compiling()
        return found

    def own(self, key: Any) -> Any:
        """The same, from the files of this folder alone."""
        name = self._load_index().get(key)
        return None if name is None else _read(Path(self._data_path(name)))

    def save(self, key: Any, data: Any) -> None:
        """Keep machine code for later runs; where the disk refuses, only this run uses it."""
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
    """The object in a file, None if the file is missing or does not match its hash."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST], content[_DIGEST:]
    return pickle.loads(data) if hashlib.sha256(data).digest() == digest else None


def _write(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, make it durable, and rename it, so that others see all of it or nothing.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    aside = path.with_name(f"{path.name}.new-{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with aside.open("wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
