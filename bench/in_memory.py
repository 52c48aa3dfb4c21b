"""Measure arrays that are in memory already: the kernels, and the code around them."""

from __future__ import annotations

from collections.abc import Iterator

import ml_dtypes
import numpy as np

from bench.row import Context, Measurement, side_by_side
from reporter.measuring.accumulate import summarise
from reporter.measuring.pairs import compare_tensors
from reporter.measuring.pieces import piece_size
from reporter.measuring.tensors import measure_tensor
from tests.sources import ArraySource

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def naive(values: np.ndarray) -> None:
    """The numbers of a tensor as one would compute them with numpy, each with a pass of its own."""
    values.mean(), values.std(), values.min(), values.max()
    np.quantile(values, QUANTILES)
    np.histogram(values, bins=50)
    np.linalg.norm(values), (values == 0).sum(), np.isnan(values).sum()


def rows(context: Context) -> Iterator[Measurement]:
    """The summary of a tensor, everything that is measured of it, and its change against another one."""
    values = (np.random.default_rng(0).standard_normal(1 << (26 if context.full else 24)) * 0.05).astype(np.float32)
    values = values.reshape(-1, 1024)
    source = ArraySource(values, block=1 << 20)
    nbytes, repeats = values.nbytes, context.repeats
    blocks = list(source.blocks())
    yield side_by_side(
        "float32: summary", lambda: summarise(blocks, values.dtype), "numpy.sum", values.sum,
        repeats=repeats, most=5, goal="≤ 5 × numpy.sum", nbytes=nbytes,
    )  # fmt: skip
    yield side_by_side(
        "float32: summary", lambda: summarise(blocks, values.dtype), "naive numpy recipe", lambda: naive(values),
        repeats=2, least=40, goal="≥ 40 × faster", nbytes=nbytes,
    )  # fmt: skip
    everything = "float32: with channels, sketch and exact quantiles"
    yield side_by_side(
        everything, lambda: measure_tensor(source, QUANTILES), "numpy.sum", values.sum, repeats=repeats, nbytes=nbytes
    )
    yield side_by_side(
        everything, lambda: measure_tensor(source, QUANTILES), "naive numpy recipe", lambda: naive(values),
        repeats=2, least=40, goal="≥ 40 × faster", nbytes=nbytes,
    )  # fmt: skip
    moved = ArraySource(values + np.float32(1e-3), block=1 << 20)
    yield side_by_side(
        "float32: paired change of two tensors", lambda: compare_tensors(source, moved),
        "numpy.dot of the two", lambda: values.ravel() @ moved.values.ravel(), repeats=repeats, nbytes=nbytes,
    )  # fmt: skip
    for dtype in (np.float64, np.float16, ml_dtypes.bfloat16, np.int8):
        other = ArraySource((values[:4096] * 100).astype(dtype), block=piece_size(np.dtype(dtype)))
        limit = other.values if dtype is np.float64 else other.values.view(f"u{other.values.itemsize}")
        yield side_by_side(
            f"{np.dtype(dtype).name}: everything", lambda o=other: measure_tensor(o, QUANTILES),
            "numpy.sum of as many bytes", limit.sum, repeats=repeats, nbytes=other.values.nbytes,
        )  # fmt: skip
