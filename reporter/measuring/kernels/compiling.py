"""From a kernel in Python to machine code, by numba: the only module that imports it.

numba compiles a function with a signature of C, in which an array is its address and its lengths. Its code is run as it
is, or made into an object file that later runs can use without numba. Such a file must not refer to anything that only
this process has. numba's code does where it raises exceptions, counts references or allocates memory; kernels do none
of it, and LLVM removes these parts, once it is told that nobody else calls them. If something is left, the code is
:class:`Unfit` for a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types as of

from reporter.measuring.kernels.compiled import FAST, MATHS, Kernel, Types
from reporter.measuring.kernels.machine import ENTRY, target_machine

_NUMBERS = {"int": of.int64, "float": of.float64, "None": of.void}

OF_C = frozenset({"memset", "memcpy", "memmove"})
"""Functions that machine code may call: every process has them."""


class Unfit(Exception):
    """Machine code that only this process can run."""


def compile_kernel(kernel: Kernel, types: Types) -> Any:
    """Compile a kernel for one combination of types.

    Returns:
        A function of numba that takes, in place of an array, its address and its lengths; ``address`` is its own.
    """
    words: list[Any] = []
    for one in types:
        if isinstance(one, str):
            words.append(_NUMBERS[one])
        else:
            words += [of.CPointer(numba.from_dtype(one[0])), *[of.int64] * one[1]]
    signature = _NUMBERS[kernel.result](*words)
    return numba.cfunc(signature, error_model="numpy")(_entry(kernel, types))


def _entry(kernel: Kernel, types: Types) -> Callable[..., Any]:
    """A function with that signature, which calls the kernel. Its source is written for each combination of types:

    >>> import numpy as np
    >>> from reporter.measuring.kernels.ranks import collect64
    >>> entry = _entry(collect64, ((np.dtype("f8"), 1), (np.dtype("u1"), 1), (np.dtype("f8"), 1)))
    >>> entry.__code__.co_varnames
    ('a0', 'a0_0', 'a1', 'a1_0', 'a2', 'a2_0')
    """
    parameters, arguments = [], []
    for i, one in enumerate(types):
        lengths = [] if isinstance(one, str) else [f"a{i}_{axis}" for axis in range(one[1])]
        parameters += [f"a{i}", *lengths]
        arguments.append(f"carray(a{i}, ({', '.join(lengths)},))" if lengths else f"a{i}")
    source = f"def entry({', '.join(parameters)}):\n    return kernel({', '.join(arguments)})"
    names: dict[str, Any] = {"kernel": _for_numba(kernel), "carray": numba.carray}
    exec(source, names)
    entry: Callable[..., Any] = names["entry"]
    return entry


@cache
def _for_numba(wanted: Any) -> Any:
    """A kernel, or a function that kernels call, in a form that numba compiles, as are all that it calls itself.

    All of them become a part of the entry's code. As functions of their own they would be optimised twice, alone and
    within what calls them.
    """
    function, maths = (wanted.function, FAST) if isinstance(wanted, Kernel) else (wanted, MATHS[wanted])
    own = {
        name: _for_numba(value)
        for name, value in function.__globals__.items()
        if name in function.__code__.co_names and (isinstance(value, Kernel) or _is_inner(value))
    }
    copy = FunctionType(function.__code__, {**function.__globals__, **own}, function.__name__)
    # Without the explicit False a function would inherit the setting of the one that calls it.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(maths) or False}
    return numba.njit(**options, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(copy)


def _is_inner(value: Any) -> bool:
    return isinstance(value, FunctionType) and value in MATHS


def object_file(entry: Any) -> bytes:
    """The code of a compiled function as an object file whose only function is :data:`ENTRY`.

    Raises:
        Unfit: it refers to something of this process.
    """
    module = llvm.parse_assembly(_HELPER.sub(r"\1 alwaysinline {", entry.inspect_llvm()))
    module.get_function(entry.native_name).name = ENTRY
    for one in (*module.functions, *module.global_variables):
        if not one.is_declaration and one.name != ENTRY:
            one.linkage = "internal"
    machine = target_machine()
    _remove_unused(module, machine)
    missing = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    missing += [v.name for v in module.global_variables if v.is_declaration]
    if missing := sorted(set(missing) - OF_C):
        raise Unfit(f"the code needs {', '.join(missing)}")
    if _ADDRESS.search(str(module)):
        raise Unfit("the code contains an address in memory")
    code: bytes = machine.emit_object(module)
    return code


_HELPER = re.compile(r"^(define linkonce_odr (?!.*@NRT_).*) \{$", re.MULTILINE)
"""The head of a function of numba's own. LLVM may have left it out of line where a kernel is long; that it cannot fail
for the kernel's arguments is known only where it is called."""

_ADDRESS = re.compile(r"inttoptr \(i\d+ [1-9]")
"""A pointer with a value that is known when the code is compiled: the place of something in this process."""


def _remove_unused(module: Any, machine: Any) -> None:
    """Remove what is never reached. Loops stay as numba's own optimisation has left them, sums in the same order."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0))
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    for _ in range(2):
        passes.add_ipsccp_pass()  # that a function always returns 0, its error code, becomes known to its callers
        passes.add_simplify_cfg_pass()
        passes.add_global_opt_pass()
        passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, builder)
