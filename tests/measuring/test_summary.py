"""The summary against numpy in float64: any values, any split, any merge order."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reporter.derive.statistics import STATISTICS
from reporter.measuring.accumulate import summarise
from reporter.measuring.pieces import PIECE_BYTES, as_real, pieces
from reporter.model.cells import FIRST_CELL, LAST_CELL, Cells, cell_of, cells_of, edge
from reporter.model.summary import NOTHING, Summary, merge
from tests.make.statistics import statistics

DTYPES = [
    np.dtype(name)
    for name in (
        [
            "float64",
            "float32",
            "float16",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "bool",
            "complex64",
            "complex128",
        ]
    )
] + [np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4")]

Array = npt.NDArray[Any]


def sample(dtype: np.dtype[Any], n: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(n) * 3
    if dtype.kind == "u" or dtype.name == "uint4":
        return np.abs(values).astype(dtype)
    if dtype.kind == "c":
        return (values + 1j * rng.standard_normal(n)).astype(dtype)
    return values.astype(dtype)


def check_against_numpy(summary: Summary, values: Array) -> None:
    x = as_real(values)
    finite = x[np.isfinite(x)]
    assert summary.count == x.size
    assert (summary.nan, summary.posinf, summary.neginf) == (
        np.isnan(x).sum(),
        (x == np.inf).sum(),
        (x == -np.inf).sum(),
    )
    assert summary.zeros == (finite == 0).sum()
    assert summary.cells.total == finite.size
    if not finite.size:
        assert summary.minimum is None
        assert summary.maximum is None
        return
    assert summary.minimum == finite.min()
    assert summary.maximum == finite.max()
    scale = np.abs(finite).max() + 1e-300
    assert summary.mean == pytest.approx(finite.mean(), abs=1e-14 * scale)
    # In the unit of the summary: fourth powers of values near 1e-81 are beyond float64, and numpy's off by a bit.
    with np.errstate(over="ignore", invalid="ignore"):
        d = np.ldexp(finite - finite.mean(), -summary.exponent)
        scale = float(np.ldexp(scale, -summary.exponent))
        expected = [(d**p).sum() for p in (2, 3, 4)]
    for p, stored, reference in zip((2, 3, 4), (summary.m2, summary.m3, summary.m4), expected, strict=True):
        if np.isfinite(reference):
            assert stored == pytest.approx(reference, rel=1e-9, abs=1e-12 * finite.size * scale**p)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("n", [0, 1, 2, 1000, 40_000])
def test_every_dtype_agrees_with_numpy(dtype: np.dtype[Any], n: int) -> None:
    values = sample(dtype, n)
    check_against_numpy(summarise([values], dtype), values)


floats32 = hnp.arrays(
    np.float32, st.integers(0, 300), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
)
floats64 = hnp.arrays(
    np.float64, st.integers(0, 300), elements=st.floats(-1e70, 1e70) | st.sampled_from([np.nan, np.inf, -np.inf, -0.0])
)


@given(floats32)
def test_any_float32_agrees_with_numpy(values: Array) -> None:
    check_against_numpy(summarise([values], values.dtype), values)


@given(floats64)
def test_any_float64_agrees_with_numpy(values: Array) -> None:
    check_against_numpy(summarise([values], values.dtype), values)


@given(floats32, st.lists(st.integers(0, 300), max_size=5), st.randoms())
def test_any_split_and_any_merge_order_agree(values: Array, cuts: list[int], random: Any) -> None:
    parts = np.split(values, sorted(min(c, len(values)) for c in cuts))
    random.shuffle(parts)
    check_against_numpy(merge(summarise([part], values.dtype) for part in parts), values)


@given(floats32)
def test_merging_with_nothing_changes_nothing(values: Array) -> None:
    summary = summarise([values], values.dtype)
    for merged in (summary + NOTHING, NOTHING + summary):
        assert statistics(merged) == statistics(summary) or values.size == 0 or np.isnan(summary.m4)
        assert merged.count == summary.count


@given(floats32, floats32)
def test_counts_are_exactly_associative(a: Array, b: Array) -> None:
    one, two = summarise([a], a.dtype), summarise([b], b.dtype)
    left, right = one + two, two + one
    assert np.array_equal(left.cells.index, right.cells.index)
    assert np.array_equal(left.cells.counts, right.cells.counts)
    assert (left.zeros, left.nan, left.minimum, left.maximum) == (right.zeros, right.nan, right.minimum, right.maximum)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, PIECE_BYTES // 8), min_size=1, max_size=6))
def test_sums_do_not_depend_on_how_values_are_handed_over(sizes: list[int]) -> None:
    values = sample(np.dtype("float32"), sum(sizes))
    whole = summarise([values], values.dtype)
    handed = summarise(np.split(values, np.cumsum(sizes)[:-1]), values.dtype)
    assert (whole.mean, whole.m2, whole.m3, whole.m4) == (handed.mean, handed.m2, handed.m3, handed.m4)


def test_pieces_keep_every_value_in_order() -> None:
    blocks = [np.arange(0, 7), np.arange(7, 8), np.arange(8, 30)]
    cut = list(pieces(iter(blocks), size=10))
    assert [len(c) for c in cut] == [10, 10, 10]
    assert np.array_equal(np.concatenate(cut), np.arange(30))


@given(st.floats(-(2.0**127), 2.0**127, width=32))
def test_a_value_lies_in_its_cell(value: float) -> None:
    cell = cell_of(value)
    assert float(edge(cell)) <= value < float(edge(cell + 1))
    assert summarise([np.array([value], np.float32)], np.dtype("float32")).cells.index.tolist() == [cell]


@given(st.floats(-1e39, 1e39))
def test_a_float64_lies_in_its_cell(value: float) -> None:
    assert summarise([np.array([value])], np.dtype("float64")).cells.index.tolist() == [cell_of(value)]


def test_one_value_falls_where_many_do_at_every_edge() -> None:
    edges = edge(np.arange(FIRST_CELL, LAST_CELL + 2))
    values = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), [1e300, -1e300, -0.0]])
    assert [cell_of(value) for value in values.tolist()] == cells_of(values).tolist()


def test_negative_zero_is_zero() -> None:
    summary = summarise([np.array([-0.0, 0.0, 1.0], np.float32)], np.dtype("float32"))
    assert summary.zeros == 2
    assert summary.cells.between(0, 1) == 2
    assert str(summarise([np.array([-0.0], np.float32)], np.dtype("float32")).minimum) == "0.0"


@pytest.mark.parametrize("value", [0.1, 1e38, -1e38, 1e-45, 3.0, 0.0])
def test_a_constant_has_no_spread(value: float) -> None:
    values = np.full(50_000, value, np.float32)
    summary = summarise([values], values.dtype)
    assert (summary.m2, summary.m3, summary.m4) == (0.0, 0.0, 0.0)
    assert summary.mean == float(values[0])


def test_one_far_value_does_not_cancel_the_others() -> None:
    values = np.concatenate([[1e30], sample(np.dtype("float64"), 40_000)]).astype(np.float32)
    summary = summarise([values], values.dtype)
    assert summary.mean == pytest.approx(values.astype(np.float64).mean(), rel=1e-9)


def test_every_statistic_says_when_there_is_no_data() -> None:
    empty = statistics(NOTHING)
    bad = statistics(summarise([np.full(3, np.nan, np.float32)], np.dtype("float32")))
    for statistic in STATISTICS:
        counted = statistic.unit == "values"
        assert isinstance(empty[statistic.name], int) == counted, statistic.name
        assert isinstance(bad[statistic.name], int) == counted, statistic.name


def test_statistics_are_numpys() -> None:
    x = sample(np.dtype("float32"), 30_000).astype(np.float64) + 1
    x[:100] = 0
    s = statistics(summarise([x], x.dtype))
    z = (x - x.mean()) / x.std()
    expected = {
        "count": x.size,
        "mean": x.mean(),
        "std": x.std(),
        "min": x.min(),
        "max": x.max(),
        "l2_norm": np.linalg.norm(x),
        "rms": np.sqrt(np.mean(x * x)),
        "skewness": np.mean(z**3),
        "kurtosis": np.mean(z**4) - 3,
        "zero_count": 100,
        "zero_share": 100 / x.size,
        "nan_count": 0,
        "posinf_count": 0,
        "neginf_count": 0,
    }
    for name, value in expected.items():
        assert s[name] == pytest.approx(value, rel=1e-10), name
    assert set(s) == set(expected) | {"near_zero_share"}
    threshold = 1e-3 * np.sqrt(np.mean(x * x))
    low, high = (np.mean(np.abs(x) < t * threshold) for t in (1 - 2**-8, 1 + 2**-8))
    assert low <= s["near_zero_share"] <= high


def test_any_number_of_tables_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    tables = [summarise([rng.standard_normal(n).astype("f4")], np.dtype("f4")).cells for n in (5, 0, 100, 1, 30, 2)]
    whole = Cells.merged(tables)
    assert whole.total == 138
    monkeypatch.setattr("reporter.model.cells.AT_ONCE", 2)
    by_two = Cells.merged(iter(tables))
    assert np.array_equal(whole.index, by_two.index)
    assert np.array_equal(whole.counts, by_two.counts)
