"""From a kernel in Python to machine code in an object file; the only module that imports numba."""

from __future__ import annotations

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

_RESOLVED = frozenset({"memset", "memcpy", "memmove"})
"""Functions of the C library that machine code may call: the process has them wherever it runs."""


def object_code(kernel: Kernel, types: Types) -> bytes:
    """Compile a kernel for one combination of types.

    Returns:
        An object file with a function ``kernel`` that takes, in place of an array, its address and its lengths.
    """
    entry = numba.cfunc(_signature(kernel, types), error_model="numpy")(_entry(kernel, types))
    module = llvm.parse_assembly(entry.inspect_llvm())
    module.get_function(entry.native_name).name = ENTRY
    _define_unused(module)
    code: bytes = target_machine().emit_object(module)
    return code


def _signature(kernel: Kernel, types: Types) -> Any:
    """The signature of the entry: an array is its address and a length for each axis."""
    words: list[Any] = []
    for one in types:
        if isinstance(one, str):
            words.append(_NUMBERS[one])
        else:
            words += [of.CPointer(numba.from_dtype(one[0])), *[of.int64] * one[1]]
    return _NUMBERS[kernel.result](*words)


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
        name: _for_numba(value) if isinstance(value, Kernel) or (callable(value) and _known(value)) else value
        for name, value in function.__globals__.items()
        if name in function.__code__.co_names
    }
    copy = FunctionType(function.__code__, {**function.__globals__, **own}, function.__name__)
    # Without the explicit False a function would inherit the setting of the one that calls it.
    return numba.njit(nogil=True, error_model="numpy", fastmath=set(maths) or False, forceinline=True,
                      no_cpython_wrapper=True, no_cfunc_wrapper=True)(copy)  # fmt: skip


def _known(value: Any) -> bool:
    return isinstance(value, FunctionType) and value in MATHS


def _define_unused(module: Any) -> None:
    """Define what numba's code names for the case of an error, which no kernel can raise: it ends the process.

    Without these definitions, machine code could be loaded only where numba is imported.
    """
    functions = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    functions = [name for name in functions if name not in _RESOLVED]
    variables = [v.name for v in module.global_variables if v.is_declaration]
    stubs = ["declare void @llvm.trap()"]
    stubs += [f'define void @"{name}"() {{\n  call void @llvm.trap()\n  unreachable\n}}' for name in functions]
    stubs += [f'@"{name}" = global ptr null' for name in variables]
    module.link_in(llvm.parse_assembly("\n".join(stubs)))
    for name in functions:
        module.get_function(name).linkage = "internal"
    for name in variables:
        module.get_global_variable(name).linkage = "internal"
