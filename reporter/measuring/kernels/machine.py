"""The processor that kernels are compiled for, and linking object files into this process, with llvmlite alone."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import cache
from itertools import count
from typing import Any

import llvmlite
import llvmlite.binding as llvm

ENTRY = "kernel"
"""The name of the function in every object file."""


COMPILER: str = llvmlite.__version__
"""The version of llvmlite: each has its own LLVM, and each version of numba wants its own llvmlite."""


@cache
def processor() -> tuple[str, str]:
    """Name and features of this processor, as LLVM calls them."""
    features: str = llvm.get_host_cpu_features().flatten()
    return llvm.get_host_cpu_name(), features


def any_machine() -> Any:
    """What knows of the processor no more than its family."""
    return _target().create_target_machine()


def target_machine() -> Any:
    """What makes machine code for this processor, with the options that numba has for code that it runs itself."""
    name, features = processor()
    x86 = platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}
    return _target().create_target_machine(
        cpu=name, features=features, opt=3, reloc="static" if x86 else "default", codemodel="jitdefault", jit=True
    )


@cache
def _target() -> Any:
    with suppress(RuntimeError):  # newer versions of llvmlite need no call, and say so
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


@cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(target_machine(), suppress_errors=True)


_numbers = count()
_loaded: list[Any] = []
"""What is linked stays in memory for as long as it is referred to: for ever."""


def load(code: bytes) -> int:
    """Link an object file into this process.

    Names that it does not define are those of the C library and of other code that is loaded in this process. One that
    is not found is an error here, and not when it is called.

    Returns:
        The address of its function :data:`ENTRY`.

    Raises:
        RuntimeError: it is no object file, or a name is not found.
    """
    library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(ENTRY)
    linked = library.link(_linker(), f"kernel{next(_numbers)}")
    _loaded.append(linked)
    address: int = linked[ENTRY]
    return address
