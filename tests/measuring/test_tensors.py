"""Units, pairs and whole checkpoints against numpy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reporter.measuring import pairs
from reporter.measuring.accumulate import Accumulator, summarise
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_tensors
from reporter.measuring.tensors import measure_tensor
from reporter.model.tensor import Contents, LayerInfo
from tests.sources import ArraySource

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, -1e-42, 3.4028234e38, -3.4028234e38)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((3, 5), -1), ((3, 3, 4, 7), -1), ((3, 3, 4, 7), -2), ((50, 8), 0), ((1500, 1000), -1), ((9, 1), -1)],
)
def test_norms_of_output_units(shape: tuple[int, ...], axis: int) -> None:
    values = RNG.standard_normal(shape).astype(np.float32)
    units = measure_tensor(ArraySource(values, output_axis=axis), (0.5,)).units
    assert units is not None
    others = tuple(i for i in range(len(shape)) if i != axis % len(shape))
    assert units.norms == pytest.approx(np.sqrt((values.astype(np.float64) ** 2).sum(axis=others)), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@given(hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-3e38, 3e38) | st.sampled_from(SPECIAL)))
def test_small_tensors_have_the_cells_of_a_full_table(dtype: str, values: npt.NDArray[np.float64]) -> None:
    """They are found by sorting; twice, as tables are used again and must be left clean."""
    with np.errstate(invalid="ignore"):
        tensor = values.astype(dtype)
    expected = summarise([tensor], tensor.dtype)
    for _ in range(2):
        found = measure_tensor(ArraySource(tensor), (0.5,)).summary
        assert found.cells.index.tolist() == expected.cells.index.tolist()
        assert found.cells.counts.tolist() == expected.cells.counts.tolist()
        assert (found.count, found.zeros, found.m3) == (expected.count, expected.zeros, expected.m3)


def test_values_that_change_while_they_are_measured_do_not_count_for_the_next_tensor() -> None:
    """As those of a model that is being trained; the tables of counters are used again."""
    values = np.arange(1.0, 600.0)
    accumulator = Accumulator(values.dtype)
    accumulator.merge(accumulator.measure(values, 0))
    accumulator.close_small(values[::-1] * 1e9)
    after = summarise([np.zeros(3)], values.dtype)
    assert (after.cells.index.tolist(), after.cells.counts.tolist()) == ([0], [3])


def test_biases_have_no_units() -> None:
    assert measure_tensor(ArraySource(np.zeros(4, np.float32), role="bias"), (0.5,)).units is None
    assert measure_tensor(ArraySource(np.zeros((0, 4), np.float32)), (0.5,)).units is None


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
def test_paired_change(dtype: str) -> None:
    a = (RNG.standard_normal((300, 200)) * 9).astype(dtype)
    b = a.copy()
    b[:100] += np.asarray(1, dtype)
    change = compare_tensors(ArraySource(a, block=777), ArraySource(b))
    assert change is not None
    x, y = a.astype(np.float64), b.astype(np.float64)
    assert change.equal == (a == b).sum()
    assert change.relative_update == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-12)
    assert change.cosine == pytest.approx((x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y), rel=1e-12)
    assert change.largest == np.abs(y - x).max()


@pytest.mark.parametrize("size", [1, 500, 3000, 40_000])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_signalling_nans_are_nans_without_a_warning(dtype: str, size: int) -> None:
    """Widening one raises the processor's flag, of which numpy would warn; all warnings are errors here."""
    bits = np.dtype("float64" if dtype == "float64" else "float32")
    quiet, signalling = (0x7FF8 << 48, (0x7FF0 << 48) + 1) if bits.itemsize == 8 else (0x7FC00000, 0x7F800001)
    halves = np.dtype(dtype).itemsize // bits.itemsize
    before = np.full(size * halves, signalling, f"u{bits.itemsize}")
    after = before.copy()
    after[size // 2 * halves :] = quiet
    one, other = (Contents("test", (), (ArraySource(stored.view(dtype)),)) for stored in (before, after))
    measured, (changes,) = measure_checkpoint(one, Plan(), [other])
    assert measured.tensors[0].summary.nan == size
    (found,) = changes.values()
    assert (found.equal, found.left_out) == (size // 2, size)


def test_arrays_that_are_compared_stay_writable() -> None:
    """float64 values are used as they are, and may be those of the caller."""
    before, after = np.zeros(5), np.ones(5)
    pairs.change(before, after)
    assert before.flags.writeable and after.flags.writeable


def test_values_that_are_not_finite_do_not_hide_the_others() -> None:
    a = RNG.standard_normal(40_000).astype("f4")
    b = a * np.float32(1.5)
    b[5], b[20_000], a[7] = np.nan, np.inf, -np.inf
    change = compare_tensors(ArraySource(a), ArraySource(b))
    assert change is not None
    assert change.count == 40_000
    assert change.relative_update == pytest.approx(0.5, rel=1e-6)
    assert change.cosine == pytest.approx(1.0)


def test_tensors_of_other_shapes_are_not_paired() -> None:
    assert compare_tensors(ArraySource(np.zeros((2, 3), "f4")), ArraySource(np.zeros((3, 2), "f4"))) is None
    assert compare_tensors(ArraySource(np.zeros(3, "f4")), ArraySource(np.zeros(3, "f8"))) is None


def test_groups_are_the_sample_of_all_their_values() -> None:
    kernel, bias = RNG.standard_normal((40, 30)).astype("f4"), RNG.standard_normal(30).astype("f4")
    contents = Contents(
        format="test",
        layers=(LayerInfo("dense", "Dense"), LayerInfo("dropout", "Dropout")),
        tensors=(
            ArraySource(kernel),
            ArraySource(bias, "dense/bias", role="bias"),
            ArraySource(np.zeros(7, "f4"), "optimizer/x", "", "slot", False, "optimizer"),
        ),
    )
    measured, _ = measure_checkpoint(contents, Plan())
    both = np.concatenate([kernel.ravel(), bias]).astype(np.float64)
    (layer,) = measured.layers
    assert layer.name == "dense"
    assert layer.kind == "Dense"
    assert layer.parameters == both.size
    assert layer.statistics["mean"] == pytest.approx(both.mean(), rel=1e-12)
    assert layer.statistics["std"] == pytest.approx(both.std(), rel=1e-12)
    assert measured.whole.parameters == both.size
    assert measured.optimizer is not None
    assert measured.optimizer.parameters == 7
    assert measure_checkpoint(contents, Plan("all"))[0].whole.parameters == both.size + 7


def test_trainable_only() -> None:
    contents = Contents(
        format="test",
        layers=(),
        tensors=(
            ArraySource(np.ones(3, "f4")),
            ArraySource(np.ones(4, "f4"), "bn/moving_mean", "bn", "moving_mean", False),
            ArraySource(np.ones(5, "f4"), "x/kernel", "x", trainable=None),
        ),
    )
    measured, _ = measure_checkpoint(contents, Plan("trainable"))
    assert measured.whole.parameters == 8
    assert any("trainable" in note for note in measured.notes)


def many() -> Contents:
    """Float32 tensors that are measured in one batch, others that are not, and one without a finite value."""
    values = [(RNG.standard_normal((40, 50)) * scale).astype("f4") for scale in 10.0 ** np.arange(-5, 6)]
    values += [np.full((30, 30), np.nan, "f4"), np.zeros((3, 4), "f4"), np.ones((9, 9)), np.ones((300, 100), "f4")]
    return Contents("test", (), tuple(ArraySource(v, f"l{i // 2}/w{i}", f"l{i // 2}") for i, v in enumerate(values)))


def test_one_by_one_and_all_together_are_the_same_statistics() -> None:
    measured, _ = measure_checkpoint(many(), Plan())
    for samples in (measured.tensors, measured.layers, measured.roles):
        for one, statistics, quantiles in samples.each():
            assert (statistics, quantiles) == (one.statistics, one.quantiles)
            assert [type(value) for value in statistics.values()] == [type(v) for v in one.statistics.values()]


def test_a_group_of_one_tensor_is_that_tensor() -> None:
    measured, _ = measure_checkpoint(many(), Plan())
    last, tensor = measured.layers[-1], measured.tensors[-1]
    assert last.tensors == (tensor.info.name,)
    assert (last.statistics, last.quantiles, last.summary.moments) == (
        tensor.statistics, tensor.quantiles, tensor.summary.moments,
    )  # fmt: skip
    assert last.quantiles.exact
    assert not measured.layers[0].quantiles.exact


def test_numbers_alone_are_the_same_without_units_and_sketches() -> None:
    contents = many()
    whole, _ = measure_checkpoint(contents, Plan())
    alone, _ = measure_checkpoint(contents, Plan(comparable=False))
    assert whole.whole.statistics == alone.whole.statistics
    for a, b in zip(whole.tensors, alone.tensors, strict=True):
        assert (a.statistics, a.quantiles, a.summary.moments) == (b.statistics, b.quantiles, b.summary.moments)
        assert np.array_equal(a.summary.cells.index, b.summary.cells.index)
        assert np.array_equal(a.summary.cells.counts, b.summary.cells.counts)
        assert a.sketch is not None
        assert (b.units, b.sketch) == (None, None)


def test_numbers_of_small_tensors_take_little_memory() -> None:
    """A tensor of 8 kB has some 900 cells, which take 11 kB as they are computed with."""
    sources = tuple(ArraySource(RNG.standard_normal((40, 50)).astype("f4"), f"l{i}/w", f"l{i}") for i in range(500))
    contents, plan = Contents("test", (), sources), Plan(threads=1, comparable=False)
    measure_checkpoint(contents, plan)  # loads and compiles what it needs
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        measured, _ = measure_checkpoint(contents, plan)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(measured.tensors) == len(sources)
    assert held < 8_000 * len(sources)
