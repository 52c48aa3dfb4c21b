"""Kernels as Python calls them: functions over arrays whose machine code is loaded, or compiled, when it is needed.

A kernel is written in Python and compiled once for each combination of dtypes that it is called with: by llvmlite from
the intermediate code in the package, or by numba where that does not serve. The machine code is kept as an object file.
A run that has to compile loads what it has just compiled in the same way, so that all runs execute the same code.
"""

from __future__ import annotations

import ctypes
import inspect
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from reporter.measuring.kernels import objects, told_compiling
from reporter.measuring.kernels.machine import load
from reporter.measuring.kernels.sizes import SCRATCH

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

FAST = frozenset({"reassoc", "contract", "nsz"})
"""What LLVM may assume. Sums may be reordered (``reassoc``), products and sums fused (``contract``), and the sign of a
zero ignored (``nsz``). That values are never NaN or infinite is not assumed."""

MATHS: dict[Callable[..., Any], frozenset[str]] = {}
"""What LLVM may assume of each function that only kernels call."""


def inner(function: F) -> F:
    """Decorate a function that only kernels call: its code becomes a part of each of these."""
    MATHS[function] = FAST
    return function


def exact(function: F) -> F:
    """Decorate a function that only kernels call and whose operations happen as written.

    Reordering would simplify, for example, ``(a + magic) - magic`` to ``a``, where rounding was the purpose.
    """
    MATHS[function] = frozenset()
    return function


def jit(function: Callable[..., R]) -> Callable[..., R]:
    """Decorate a kernel that Python calls. Sums may be reordered, see :data:`FAST`."""
    return Kernel(function)


Types = tuple[tuple[np.dtype[Any], int] | str, ...]
"""Of each argument: dtype and number of axes of an array, ``"int"`` or ``"float"`` of a number."""

_NUMBERS = {"int": ctypes.c_int64, "float": ctypes.c_double, "None": None}


class Kernel:
    """A function over C-contiguous, aligned arrays and numbers, which releases the GIL.

    Nothing but dtypes, axes and the order in memory is checked at a call: a kernel trusts the lengths that its
    docstring asks for. If the last parameter is called ``scratch``, callers from Python leave it out: it is memory that
    the kernel writes to and that every thread has once, since a kernel cannot allocate any without numba.

    Attributes:
        function: in Python.
        compiled: whether this process had to compile it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.compiled = False
        self.__doc__ = function.__doc__
        parameters = list(inspect.signature(function).parameters.values())
        self._kinds = tuple(str(parameter.annotation) for parameter in parameters)
        self._scratch = parameters[-1].name == "scratch"
        self.result = str(inspect.signature(function).return_annotation)
        self._loaded: dict[Types, Callable[..., Any]] = {}
        self._by_numba: list[Any] = []  # owns the machine code that could not be made into an object file

    def __call__(self, *arguments: Any) -> Any:
        """Call the machine code with the addresses and lengths of arrays."""
        if self._scratch:
            arguments = (*arguments, _own.memory)
        types: list[Any] = []
        words: list[Any] = []
        for kind, value in zip(self._kinds, arguments, strict=True):
            if kind in _NUMBERS:
                types.append(kind)
                words.append(float(value) if kind == "float" else int(value))
            else:
                flags = value.flags
                if not (flags.c_contiguous and flags.aligned):
                    raise TypeError(f"{self.function.__name__} needs arrays that are contiguous and aligned")
                types.append((value.dtype, value.ndim))
                words.append(_address(value))
                words += value.shape
        key = tuple(types)
        native = self._loaded.get(key) or self._load(key)
        return native(*words)

    def _load(self, types: Types) -> Callable[..., Any]:
        if not all(isinstance(one, str) or one[0].isnative for one in types):
            raise TypeError(f"{self.function.__name__} needs arrays in the byte order of this processor")
        with _loading:
            if types not in self._loaded:
                name = self._file(types)
                address = next(_linked(name), 0) or self._compile(types, name)
                self._loaded[types] = self._prototype(types)(address)
        return self._loaded[types]

    def _compile(self, types: Types, name: str) -> int:
        """Compile and keep it, and give its address."""
        told_compiling()
        from reporter.measuring.kernels import intermediate

        self.compiled = True
        with suppress(RuntimeError):  # of a version of LLVM that does not understand it
            if text := intermediate.kept(name):
                return _linked_anew(name, text)
        from reporter.measuring.kernels import compiling

        try:
            return _linked_anew(name, compiling.intermediate(self, types))
        except (compiling.Unfit, RuntimeError) as error:
            logging.getLogger("ckpt_report").warning("%s cannot be kept for later runs: %s", name, error)
            by_numba = compiling.compile_kernel(self, types)
            self._by_numba.append(by_numba)
            return int(by_numba.address)

    def _file(self, types: Types) -> str:
        """The name of its files, such as ``collect32-u4x1-u1x1-u4x1``."""
        parts = [one if isinstance(one, str) else f"{one[0].kind}{one[0].itemsize}x{one[1]}" for one in types]
        return "-".join((self.function.__name__, *parts))

    def _prototype(self, types: Types) -> Any:
        """The signature in C: an array is its address and a length for each axis."""
        words: list[Any] = []
        for one in types:
            words += [_NUMBERS[one]] if isinstance(one, str) else [ctypes.c_void_p, *[ctypes.c_int64] * one[1]]
        return ctypes.CFUNCTYPE(_NUMBERS[self.result], *words)


def _address(array: npt.NDArray[Any]) -> int | None:
    """Where the values of an array begin: the first field of an array in NumPy's stable C interface.

    It stands behind the head that all objects have. ``array.ctypes.data`` is the same, and takes 7 µs, which is as long
    as a kernel needs for a small tensor.
    """
    return ctypes.c_void_p.from_address(id(array) + object.__basicsize__).value


def _linked(name: str) -> Iterator[int]:
    """The addresses of a function in the files of this name that can be linked into this process."""
    for code in objects.kept(f"{name}.o"):
        with suppress(RuntimeError):
            yield load(code)


def _linked_anew(name: str, text: str) -> int:
    """Make machine code of intermediate code, keep it for later runs, and give the address of its function.

    Raises:
        RuntimeError: LLVM refuses the code, or a name that it refers to is not found.
    """
    from reporter.measuring.kernels.intermediate import object_file

    code = object_file(text)
    address = load(code)
    objects.keep(f"{name}.o", code)
    return address


_loading = threading.Lock()


def _renew() -> None:
    """Free the lock in a copy of this process: the thread that held it does not exist there."""
    global _loading
    _loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


class _Own(threading.local):
    """What every thread has for itself."""

    def __init__(self) -> None:
        self.memory = np.empty(SCRATCH, np.uint64)


_own = _Own()
