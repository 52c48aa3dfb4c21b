"""Exact quantiles against numpy on sorted data; approximate ones within their stated bound."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reporter.derive.quantiles import from_cells
from reporter.measuring import exact_quantiles as module
from reporter.measuring.accumulate import summarise
from reporter.measuring.exact_quantiles import from_values
from reporter.measuring.pieces import as_real, pieces
from reporter.measuring.tensors import measure_tensor
from reporter.measuring.threads import ALONE
from reporter.model.summary import merge
from tests.sources import ArraySource

Array = npt.NDArray[Any]
P = (0.0, 0.001, 0.05, 0.25, 0.5, 0.6180339887, 0.95, 0.999, 1.0)

WAYS = {
    "collecting": lambda again, summary: module._by_refining(again, summary, ALONE),
    "refining": lambda again, summary: module._by_refining(again, summary, ALONE, collected=0),
    "collecting float64": lambda again, summary: module._by_refining(again, summary, ALONE, wide=True),
    "radix": lambda again, summary: module._by_radix(again),
}


def expected(values: Array) -> list[float]:
    x = as_real(values)
    x = x[np.isfinite(x)]
    return [float(q) for q in np.quantile(x, P)] if x.size else []


def measured(values: Array) -> list[float]:
    quantiles = measure_tensor(ArraySource(values), P).quantiles
    assert quantiles.exact
    return list(quantiles.values.values())


@pytest.mark.parametrize("n", [1, 2, 17, 100_000])
@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "float16", "int32", "int64", "uint8", "bool", ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn],
    ids=str,
)
def test_exact_on_every_dtype(dtype: Any, n: int) -> None:
    values = (np.random.default_rng(n).standard_normal(n) * 5).astype(dtype)
    assert measured(values) == expected(values)


def test_exact_over_several_pieces() -> None:
    values = np.random.default_rng(1).standard_normal(3_000_000).astype(np.float32)
    assert measured(values) == expected(values)
    assert measured(values[:2_000_000].astype(np.float64)) == expected(values[:2_000_000])


@given(
    hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(width=32, allow_nan=True)),
    st.sampled_from(sorted(WAYS)),
)
def test_radix_selection_on_any_float32(values: Array, way: str) -> None:
    """Small inputs would be sorted: take the road of large ones."""
    summary = summarise([values], values.dtype)
    order = WAYS[way](lambda: pieces([values]), summary)
    result = module.interpolate(P, summary.finite, order, exact=True)
    with np.errstate(over="ignore", invalid="ignore"):
        assert list(result.values.values()) == pytest.approx(expected(values), rel=0, abs=0, nan_ok=True)


def test_extremes_beside_infinities_and_both_zeros() -> None:
    values = np.array([-0.0, 0.0, -3.4028235e38, 3.4028235e38, np.inf, -np.inf, np.nan, 1e-45] * 5000, np.float32)
    assert measured(values) == expected(values)


def test_nothing_finite_has_no_quantiles() -> None:
    assert measured(np.full(4, np.nan, np.float32)) == []
    assert measured(np.empty(0, np.float32)) == []


@given(hnp.arrays(np.float32, st.integers(2, 200), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_cells_are_within_their_bound(values: Array) -> None:
    summary = merge(summarise([half], values.dtype) for half in np.array_split(values, 2))
    ordered = np.sort(values.astype(np.float64))
    places = [k / (len(ordered) - 1) for k in range(len(ordered))]
    approximate = from_cells(summary, places).values
    for place in places:
        rank = place * (len(ordered) - 1)
        low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
        assert low - abs(low) * 2**-8 - 1e-40 <= approximate[place] <= high + abs(high) * 2**-8 + 1e-40


def test_a_second_sweep_is_bounded_in_memory_by_the_number_of_ranks() -> None:
    values = np.zeros(200_000, np.float32)
    summary = summarise([values], values.dtype)
    assert from_values(lambda: pieces([values]), values.dtype, summary, (0.5,), ALONE).values == {0.5: 0.0}
