"""How kernels are compiled, and kept for the next process; with :mod:`.kept` alone to import numba."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba

from reporter.measuring.kernels.kept import KeptKernel

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "nsz"}
_INNER = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def jit(function: F) -> F:
    """Compile at the first call, without the GIL; sums may be reordered, NaN and infinities are respected."""
    compiled = _compiled(function, fastmath=FAST)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = FOLDER
    try:
        if FOLDER:
            # numba raises RuntimeError where it cannot write a first temporary file there, as on a full disk.
            with suppress(OSError, RuntimeError):
                compiled._cache = KeptKernel(function)  # type: ignore[attr-defined]
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
