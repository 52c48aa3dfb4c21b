"""Kernels: loops over blocks of values, as machine code that is made once on a machine and kept for later runs.

A kernel is looked up by name when it is first used (``kernels.measure32``), and only then is anything loaded. Its way::

    Python  → intermediate code of LLVM   by numba, before a release: ``make kernels``       compiling.py
            → machine code                by llvmlite, at the first run on a machine         intermediate.py
            → a function of this process  by llvmlite, in every run                          machine.py, compiled.py

numba does the first part at run time as well where the package's code is missing or of other sources.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporter.measuring.kernels.batches import compare_batch32, measure_batch32
    from reporter.measuring.kernels.blocks import measure32, measure64, measure_codes
    from reporter.measuring.kernels.cells import drain, drain_sorted
    from reporter.measuring.kernels.pairs import compare
    from reporter.measuring.kernels.ranks import collect32, collect64, refine32
    from reporter.measuring.kernels.rounding import cast32, groups_2_4, int8_noise, int8_noise_by_unit

__all__ = [
    "cast32",
    "collect32",
    "collect64",
    "compare",
    "compare_batch32",
    "drain",
    "drain_sorted",
    "groups_2_4",
    "int8_noise",
    "int8_noise_by_unit",
    "measure32",
    "measure64",
    "measure_batch32",
    "measure_codes",
    "refine32",
]

_MODULE_OF = {
    "measure32": "blocks",
    "measure64": "blocks",
    "measure_codes": "blocks",
    "drain": "cells",
    "drain_sorted": "cells",
    "compare": "pairs",
    "compare_batch32": "batches",
    "measure_batch32": "batches",
    "collect32": "ranks",
    "collect64": "ranks",
    "refine32": "ranks",
    "cast32": "rounding",
    "groups_2_4": "rounding",
    "int8_noise": "rounding",
    "int8_noise_by_unit": "rounding",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kernel = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return kernel


def compiled_anew() -> bool:
    """Whether this process had to compile a kernel, which takes seconds, and did not find all of them kept."""
    used = (globals().get(name) for name in __all__)
    return any(kernel.compiled for kernel in used if kernel is not None)


_tell: tuple[int, Callable[[], None]] | None = None


@contextmanager
def when_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """As a context, have a function called once, when a kernel is about to be compiled, which takes seconds."""
    global _tell
    _tell = os.getpid(), tell
    try:
        yield
    finally:
        _tell = None


def told_compiling() -> None:
    """Tell that a kernel is about to be compiled; copies of this process, which do so as well, tell nothing."""
    global _tell
    if _tell is not None and _tell[0] == os.getpid():
        tell, _tell = _tell[1], None
        tell()


def kept_in() -> str:
    """The folder that compiled kernels are written to; "" where none can be written."""
    folder: str = import_module(f"{__name__}.objects").FOLDER
    return folder


def ready() -> bool:
    """Whether kernels that were compiled earlier are found, in any folder."""
    objects = import_module(f"{__name__}.objects")
    return any(any(Path(folder).glob("*.o")) for folder in (objects.FOLDER, *objects.READY) if folder)
