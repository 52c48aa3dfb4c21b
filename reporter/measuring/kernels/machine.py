"""The processor that kernels are compiled for, and loading their machine code, with llvmlite alone."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import cache
from typing import Any

import llvmlite.binding as llvm

ENTRY = "kernel"
"""The name of the function in every object file."""


@cache
def processor() -> tuple[str, str]:
    """Name and features of this processor, as LLVM calls them."""
    features: str = llvm.get_host_cpu_features().flatten()
    return llvm.get_host_cpu_name(), features


@cache
def _initialise() -> None:
    with suppress(RuntimeError):  # newer versions need no call, and say so
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def target_machine() -> Any:
    """What makes machine code for this processor, with the options that numba has for code that is not linked."""
    _initialise()
    name, features = processor()
    x86 = platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=3, reloc="static" if x86 else "default", codemodel="jitdefault", jit=True
    )


_engines: list[Any] = []
"""Own the loaded code; kept for as long as the process lives."""


def load(code: bytes) -> int:
    """The address of the function in an object file, 0 where there is none."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    _engines.append(engine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address: int = engine.get_function_address(ENTRY)
    return address
