"""Histogram counts against numpy.histogram on the same edges, to the last value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reporter.derive.histograms import dyadic_edges, histogram, shared
from reporter.measuring.accumulate import summarise
from reporter.model.defaults import MAX_BINS
from reporter.model.summary import NOTHING

Array = npt.NDArray[Any]


def summary_of(values: Array) -> Any:
    return summarise([values], values.dtype)


@given(
    hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    st.integers(1, MAX_BINS),
)
def test_counts_are_numpys(values: Array, bins: int) -> None:
    result = histogram(summary_of(values), bins)
    assert result is not None
    assert (result.below, result.above) == (0, 0)
    assert result.counts == tuple(np.histogram(values.astype(np.float64), result.edges)[0])
    assert result.edges[0] <= values.min()
    assert values.max() < result.edges[-1]


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int32", "bool"])
def test_counts_of_other_dtypes(dtype: str) -> None:
    values = (np.random.default_rng(0).standard_normal(5000) * 10).astype(dtype)
    result = histogram(summary_of(values), 50)
    assert result is not None
    assert result.counts == tuple(np.histogram(values.astype(np.float64), result.edges)[0])


@pytest.mark.parametrize("bins", [1, 5, 10, 30, 50, 100, 256])
def test_the_number_of_bins_comes_near_the_wish(bins: int) -> None:
    result = histogram(summary_of(np.random.default_rng(0).standard_normal(10_000).astype(np.float32)), bins)
    assert result is not None
    assert 0.6 * bins <= len(result.counts) <= 1.7 * bins + 1


def test_values_on_negative_edges_fall_into_the_bin_at_their_right() -> None:
    values = np.array([-1.0, -0.5, 0.0, 0.5, 1.0], np.float32)
    result = histogram(summary_of(values), 4)
    assert result is not None
    assert result.counts == tuple(np.histogram(values, result.edges)[0])


def test_a_far_outlier_is_counted_not_drawn() -> None:
    values = np.append(np.random.default_rng(0).standard_normal(10_000), [1e6, -1e7]).astype(np.float32)
    result = histogram(summary_of(values), 50, robust=True)
    assert result is not None
    assert result.below >= 1
    assert result.above >= 1
    assert result.total == values.size
    assert result.edges[-1] < 10


@pytest.mark.parametrize("value", [0.0, 1.0, -3.25, 1e38, -1e38, 1e-45, 1e-300, 1e300])
def test_a_single_value_has_one_bin_that_holds_it(value: float) -> None:
    values = np.full(7, value)
    result = histogram(summary_of(values), 50)
    assert result is not None
    assert result.total == 7
    if abs(value) < 1e39:
        assert sum(result.counts) == 7
        assert len(result.counts) == 1
        assert result.edges[0] <= value < result.edges[-1]


@pytest.mark.parametrize(("low", "high"), [(0.0, 5e-324), (-1e-320, 1e-310), (1e-45, 3e-45), (1.0, 1.0 + 1e-15)])
def test_ranges_finer_than_any_cell(low: float, high: float) -> None:
    result = histogram(summary_of(np.array([low, high])), 50)
    assert result is not None
    assert sum(result.counts) == 2


def test_values_beyond_float32_are_outside_every_edge() -> None:
    result = histogram(summary_of(np.array([-1e300, 0.0, 1e300])), 50)
    assert result is not None
    assert (result.below, sum(result.counts), result.above) == (1, 1, 1)


def test_samples_share_their_edges() -> None:
    a, b = (summary_of(np.float32([x, x + 1])) for x in (0.0, 5.0))
    one, nothing, two = shared([a, NOTHING, b], 20)
    assert nothing is None
    assert one is not None
    assert two is not None
    assert one.edges == two.edges


@given(st.floats(-1e38, 1e38), st.floats(-1e38, 1e38), st.integers(1, 512))
def test_edges_have_eight_significant_bits(a: float, b: float, bins: int) -> None:
    edges = dyadic_edges(min(a, b), max(a, b), bins)
    rounded = edges[np.abs(edges) < 3e38].astype(np.float32)
    assert (rounded.view(np.uint32) & 0xFFFF == 0).all()
    assert (np.diff(edges) > 0).all()
