"""From a kernel in Python to intermediate code, by numba: the only module that imports it.

numba compiles a function with a signature of C, in which an array is its address and its lengths. Of its work only the
intermediate code is used, from which :mod:`reporter.measuring.kernels.intermediate` makes an object file. That must not
refer to anything that only this process has. numba's code does where it raises exceptions, counts references or
allocates memory; kernels do none of it, and LLVM removes these parts, once it is told that nobody else calls them. If
something is left, the code is :class:`Unfit` for a file, and run as numba made it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import config
from numba import types as of
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from reporter.measuring.kernels.compiled import FAST, MATHS, Kernel, Types
from reporter.measuring.kernels.intermediate import optimise
from reporter.measuring.kernels.machine import ENTRY, any_machine

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


def intermediate(kernel: Kernel, types: Types) -> str:
    """The intermediate code of a kernel, simplified as far as that is the same for every processor.

    Its only function that others see is :data:`ENTRY`.

    Raises:
        Unfit: it refers to something of this process.
    """
    with _unoptimised():
        by_numba = compile_kernel(kernel, types)
    module = llvm.parse_assembly(_HELPER.sub(r"\1 alwaysinline {", by_numba.inspect_llvm()))
    module.get_function(by_numba.native_name).name = ENTRY
    for one in (*module.functions, *module.global_variables):
        if not one.is_declaration and one.name != ENTRY:
            one.linkage = "internal"
    # Of the processor no more is told than its family, and nothing is vectorised yet. That nothing fails is known after
    # the first round, and what would be done about failures is removed by the second.
    for _ in range(2):
        optimise(module, any_machine(), level=1)
    missing = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    missing += [v.name for v in module.global_variables if v.is_declaration]
    if missing := sorted(set(missing) - OF_C):
        raise Unfit(f"the code needs {', '.join(missing)}")
    text = _short_names(_PLACE.sub("", str(module)))
    if _ADDRESS.search(text):
        raise Unfit("the code contains an address in memory")
    return text


def _short_names(text: str) -> str:
    """The same code with numbers in place of numba's names, which are long and count what was compiled before."""
    numbers: dict[str, int] = {}
    return _NAME.sub(lambda match: f"n{numbers.setdefault(match[0], len(numbers))}", text)


@contextmanager
def _unoptimised() -> Iterator[None]:
    """Have numba leave out its optimisation, which it does for every function, and again for each that calls it."""
    with global_compiler_lock:
        _ = cpu_target.target_context  # is made at first use, and keeps the level that is set then
        before = config.OPT, config.LOOP_VECTORIZE
        config.OPT, config.LOOP_VECTORIZE = 0, 0
        try:
            yield
        finally:
            config.OPT, config.LOOP_VECTORIZE = before


_HELPER = re.compile(r"^(define linkonce_odr (?!.*@NRT_).*) \{$", re.MULTILINE)
"""The head of a function of numba's own; that it cannot fail for the kernel's arguments is known where it is called."""

_PLACE = re.compile(r"^(?:; ModuleID|source_filename|target (?:datalayout|triple)) .*\n", re.MULTILINE)
"""What a module says of the machine that it was made on."""

_NAME = re.compile(r"\b_ZN\w+")

_ADDRESS = re.compile(r"inttoptr \(i\d+ [1-9]")
"""A pointer with a value that is known when the code is compiled: the place of something in this process."""
