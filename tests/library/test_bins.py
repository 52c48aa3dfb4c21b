"""Histograms of a result against numpy: counts, edges, and what is said where bins are not as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reporter

VALUES = arrays(np.float32, st.integers(1, 60), elements=st.floats(width=32, allow_nan=True, allow_infinity=True))
RANGES = st.none() | st.tuples(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30)).filter(lambda ends: ends[0] < ends[1])


def counted(values: npt.NDArray[Any], edges: tuple[float, ...]) -> tuple[list[int], int, int]:
    """Counts in half-open bins, and below and above them."""
    finite = values[np.isfinite(values)].astype(np.float64)
    places = np.searchsorted(edges, finite, side="right")
    counts = np.bincount(places, minlength=len(edges) + 1)
    return counts[1 : len(edges)].tolist(), int(counts[0]), int(counts[len(edges) :].sum())


@given(values=VALUES, bins=st.integers(1, 512), limits=RANGES)
def test_counts_are_numpys_on_the_same_edges(
    values: npt.NDArray[Any], bins: int, limits: tuple[float, float] | None
) -> None:
    found = reporter.measure({"w": values})["w"].rebinned(bins, limits)
    if not np.isfinite(values).any():
        assert found is None
        return
    assert found is not None
    edges = np.array(found.edges)
    assert (np.diff(edges) > 0).all()
    assert (list(found.counts), found.below, found.above) == counted(values, found.edges)
    assert found.total == np.isfinite(values).sum()
    assert len(found.counts) == bins or f"in place of {bins}" in found.note
    assert found.asked == bins
    if limits is None:
        assert found.below == found.above == 0
    if len(found.counts) == bins:
        low, high = limits or (float(np.nanmin(values[np.isfinite(values)])), float(values[np.isfinite(values)].max()))
        if low < high:
            wanted = np.linspace(low, high, bins + 1)
            slack = np.maximum(np.abs(wanted), np.abs(edges)) * 2.0**-7 + 2.0**-132
            assert (np.abs(edges - wanted) <= slack).all()


@pytest.mark.parametrize("bins", [1, 7, 50, 157, 256])
def test_the_number_of_bins_is_the_one_asked_for(bins: int) -> None:
    values = np.random.default_rng(1).normal(size=4000).astype(np.float32)
    result = reporter.measure({"w": values}, bins=bins)
    for found in (result["w"].histogram, result.histogram(bins=bins), result.histogram("w", bins=bins)):
        assert found is not None
        assert len(found.counts) == bins
        assert found.counts == tuple(np.histogram(values, found.edges)[0])


def test_fewer_bins_are_a_statement() -> None:
    found = reporter.measure({"w": np.linspace(1000, 1010, 99)}).histogram(bins=50)
    assert found is not None
    assert len(found.counts) < 50
    assert found.note.startswith(f"{len(found.counts)} bins in place of 50")


def test_edges_of_cells_are_kept_as_they_are() -> None:
    found = reporter.measure({"w": np.linspace(-1, 1, 100)}).histogram(bins=8, range=(-1, 1))
    assert found is not None
    assert (found.edges, found.note) == (tuple(np.linspace(-1, 1, 9).tolist()), "")


def test_a_constant_gets_bins_around_it_as_numpy_does() -> None:
    found = reporter.measure({"w": np.full(9, 0.25)}).histogram(bins=4)
    assert found is not None
    assert found.edges[0] == np.histogram_bin_edges([0.25], 4)[0]
    assert sum(found.counts) == 9


def test_values_beyond_float32_are_counted_outside_and_that_is_said() -> None:
    found = reporter.measure({"w": np.array([-1e300, 0.0, 1e300])}).histogram(bins=3)
    assert found is not None
    assert (found.below, found.counts, found.above) == (1, (0, 1, 0), 1)
    assert "beyond the range of float32" in found.note


@pytest.mark.parametrize("bins", [None, 0, 513, 2.5, "9", True])
def test_bins_that_cannot_be(bins: Any) -> None:
    with pytest.raises(reporter.SettingError, match=r"bins: .* is not a whole number between 1 and 512"):
        reporter.measure({"w": np.ones(2)}, bins=bins)
    with pytest.raises(reporter.SettingError, match="bins"):
        reporter.measure({"w": np.ones(2)}).histogram(bins=bins)


@pytest.mark.parametrize("limits", [3, (1, 1), (2, 1), (0, float("nan")), (0, float("inf")), "ab", (1, 2, 3)])
def test_ranges_that_cannot_be(limits: Any) -> None:
    with pytest.raises(reporter.SettingError, match=r"range: .* is not two finite numbers"):
        reporter.measure({"w": np.ones(2)}).histogram(range=limits)
