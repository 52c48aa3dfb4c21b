"""Intermediate code of LLVM: from the package, where all kernels are kept in it, to machine code of this processor.

From a kernel in Python, numba makes intermediate code, in which no processor, no address and no caller appears: that is
done before a release (``make kernels``), and takes most of the time. What is left for the first run on a machine is
what depends on its processor: to vectorise and to emit machine code, with llvmlite alone. The files are written from
certain sources. Where these have changed since, as in the checkout of a developer, none is used, and numba compiles.
"""

from __future__ import annotations

import lzma
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from reporter.measuring.kernels.machine import COMPILER, target_machine
from reporter.measuring.kernels.objects import sources

KEPT = Path(__file__).parent / "llvm_ir"
"""The folder of the package with a file for each kernel and combination of types, and with :data:`RECORD`."""

RECORD = "sources.sha256"
"""The name of the file with the hash of the sources that the others were made from."""


def kept(name: str) -> str | None:
    """The intermediate code of that name in the package; None where there is none, or one of other sources."""
    try:
        if (KEPT / RECORD).read_text().split()[0] == sources():
            return lzma.decompress((KEPT / f"{name}.ll.xz").read_bytes()).decode()
    except (OSError, lzma.LZMAError, UnicodeDecodeError, IndexError):
        pass
    return None


def renew(texts: Mapping[str, str]) -> None:
    """Write intermediate code by name into the package, in place of what is there, as made from today's sources."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir()
    for name, text in texts.items():
        (KEPT / f"{name}.ll.xz").write_bytes(lzma.compress(text.encode(), preset=9))
    (KEPT / RECORD).write_text(f"{sources()} of the sources, llvmlite {COMPILER}\n")


def object_file(text: str) -> bytes:
    """Optimise intermediate code for this processor, and emit it as an object file.

    Raises:
        RuntimeError: this version of LLVM does not understand it.
    """
    machine = target_machine()
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    optimise(module, machine, level=3)
    _reassociate(module, machine)
    code: bytes = machine.emit_object(module)
    return code


def _reassociate(module: Any, machine: Any) -> None:
    """Bring sums whose order is free into LLVM's order once more, now that the parts of vectorised ones are added up.

    So they have the bits that numba gives them, which runs its optimisations for a function and again for its callers.
    """
    passes = llvm.create_new_module_pass_manager()
    passes.add_reassociate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))


def optimise(module: Any, machine: Any, level: int) -> None:
    """Run LLVM's own sequence of optimisations; from level 3 on with loops that are vectorised and unrolled."""
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = options.loop_unrolling = options.loop_interleaving = level >= 3
    options.slp_vectorization = False  # as numba: it would join what is written one by one, and gains nothing here
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
