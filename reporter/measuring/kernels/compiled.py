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
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

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


def _folder() -> str:
    """Where compiled code is kept: NUMBA_CACHE_DIR, beside the source, or in the user's cache; "" if none is writable.

    numba by itself compiles a kernel again when the file that defines it changes. Kernels call functions of other files
    as well, so the folder's name contains a hash of all files of this package, and of the module that says how large a
    sketch is.
    """
    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), Path(sketch.__file__)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
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
    """numba's cache of one function, with files that are checked against their hashes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        numbas = self.__dict__["_cache_file"]
        self._cache_file = _CheckedFiles(
            numbas._cache_path, numbas._index_name.removesuffix(".nbi"), numbas._source_stamp
        )


class _CheckedFiles(IndexDataCacheFile):  # type: ignore[misc]
    """The index and the machine code of one function, each in a file that begins with its hash."""

    def load(self, key: Any) -> Any:
        """The machine code that was saved for a combination of types, None where there is none or it is damaged."""
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
    try:
        with aside.open("wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
