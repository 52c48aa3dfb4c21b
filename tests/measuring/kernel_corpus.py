"""What kernels compute, to the bit: ``python -m tests.measuring.kernel_corpus HOW`` prints a line for each case.

HOW is ``kept`` for the code that users run, ``numba`` for the code of numba itself, and ``write``, which is ``make
kernels``, for compiling all anew, and writing the intermediate code into the package.

Every kernel runs with every dtype that it is called with; the values are normal, not finite, zero, huge and none at
all, and arrays are shorter and longer than a block, also with strides.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import ml_dtypes
import numpy as np
import numpy.typing as npt

from reporter.measuring import kernels
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.deployment import measure_deployment
from reporter.measuring.kernels import compiled
from reporter.measuring.kernels.compiled import Kernel
from reporter.measuring.tensors import measure_paired
from reporter.model.cells import Cells
from reporter.model.tensor import Contents
from tests.sources import ArraySource

DTYPES = (
    "f2", ml_dtypes.bfloat16, "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "c8", "c16",
    ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4,
)  # fmt: skip
SHAPES = ((0,), (1,), (7,), (3700,), (8193,), (100, 37), (3, 3, 16, 64), (300, 1001), (40, 30, 100))
SPOILS = ("normal", "not finite", "zeros", "huge", "tiny", "one value")
PROBABILITIES = (0.01, 0.1234, 0.5, 0.9)


def main(how: str) -> None:
    """Print every case."""
    texts: dict[str, str] = {}
    if how != "kept":
        from reporter.measuring.kernels import compiling, intermediate, objects

        objects.FOLDER, objects.READY, intermediate.kept = "", (), mock.Mock(return_value=None)
        if how == "numba":
            compiling.intermediate = mock.Mock(side_effect=compiling.Unfit)
        else:
            linked = compiled._linked_anew
            compiled._linked_anew = lambda name, text: linked(name, texts.setdefault(name, text))
    for name, digest in cases():
        print(name, digest, flush=True)
    if texts:
        intermediate.renew(dict(sorted(texts.items())))
    used = [vars(kernels).get(name) for name in kernels.__all__]
    assert all(isinstance(kernel, Kernel) for kernel in used), "kernels that no case uses"
    print("numba" in sys.modules, file=sys.stderr)


def cases() -> Iterator[tuple[str, str]]:
    """Names of cases and hashes of their results."""
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for dtype in map(np.dtype, DTYPES):
            for shape in SHAPES:
                for spoil in SPOILS:
                    yield f"{dtype} {shape} {spoil}", _tensor(dtype, shape, spoil, rng)
        for threads in (1, 2, 8):
            yield f"checkpoint, threads {threads}", _checkpoint(threads)


def _tensor(dtype: np.dtype[Any], shape: tuple[int, ...], spoil: str, rng: np.random.Generator) -> str:
    """One tensor and the same a little changed, with output units on the first and on the last axis."""
    before, after = (_values(dtype, shape, spoil, rng) for _ in range(2))
    results = []
    for axis in (0, -1):
        source = ArraySource(after, "a/kernel", "a", output_axis=axis)
        numbers, changes = measure_paired(source, (ArraySource(before, "a/kernel", "a"),), PROBABILITIES)
        results.append((_bits(numbers), changes))
    strided = np.empty((2 * after.size,), dtype)[::2]
    strided[:] = after.reshape(-1)
    numbers, _ = measure_paired(ArraySource(strided), (), PROBABILITIES)
    return _digest(results, _bits(numbers))


def _values(dtype: np.dtype[Any], shape: tuple[int, ...], spoil: str, rng: np.random.Generator) -> npt.NDArray[Any]:
    scale = {"huge": 1e37, "tiny": 1e-40}.get(spoil, 0.05) if dtype.kind in "fcV" else 40
    x = rng.standard_normal(shape) * scale
    if spoil == "huge" and dtype.itemsize > 4:
        x = x * 1e200
    values = x.astype(dtype)
    flat = values.reshape(-1)
    if spoil == "not finite" and flat.size:
        flat[rng.integers(0, flat.size, 5)] = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0]).astype(dtype)
    if spoil == "zeros":
        flat[: flat.size // 3 * 2] = 0
    if spoil == "one value":
        flat[:] = flat[:1]
    return values


def _checkpoint(threads: int) -> str:
    """A whole checkpoint beside the one before: in pieces, in batches of small tensors, and rounded for deployment."""
    shapes = [(1500, 1501), (512, 512), (30, 7), (64, 1000), (3, 3, 32, 64), (7,), (2000,)]
    now, earlier = (_contents(shapes, seed) for seed in (1, 2))
    measured, changes = measure_checkpoint(now, Plan(threads=threads, quantiles=PROBABILITIES), [earlier])
    deployed = measure_deployment(now, measured)
    return _digest([_bits(one) for one in measured.tensors], [dict(one) for one in changes], deployed)


def _contents(shapes: list[tuple[int, ...]], seed: int) -> Contents:
    rng = np.random.default_rng(seed)
    sources = []
    for i, shape in enumerate(shapes):
        for dtype in ("f2", "f4", "f8"):
            values = (rng.standard_normal(shape) * 0.05).astype(dtype)
            if i % 2:
                values.reshape(-1)[rng.random(values.size) < 0.6] = 0
            if i == 0 and dtype != "f2":
                values = (1 + 0.01 * values).astype(dtype)  # many values in few cells
            sources.append(ArraySource(values, f"layer{i}-{dtype}/kernel", f"layer{i}-{dtype}"))
    return Contents("test", (), tuple(sources))


def _bits(numbers: Any) -> tuple[Any, ...]:
    """All that was measured of a tensor, with arrays as bytes."""
    cells = numbers.summary.cells
    found = [repr(replace(numbers.summary, read_cells=Cells.empty)), cells.index.tobytes(), cells.counts.tobytes()]
    found.append(repr(numbers.quantiles))
    if numbers.units is not None:
        found += [numbers.units.norms.tobytes(), numbers.units.maxima.tobytes()]
    if numbers.sketch is not None:
        found.append(numbers.sketch.values.tobytes())
    return tuple(found)


def _digest(*results: Any) -> str:
    return hashlib.sha256(repr(results).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main(sys.argv[1])
