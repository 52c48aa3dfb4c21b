"""What kernels promise beyond single values: sketches as good as their stated error, results that no thread changes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from reporter.errors import CorruptCheckpoint
from reporter.measuring import kernels
from reporter.measuring.accumulate import Accumulator
from reporter.measuring.batch import measure_batch
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.codes import codes_of
from reporter.measuring.kernels.compiled import _address
from reporter.measuring.kernels.sizes import RAW, SCRATCH, TABLE
from reporter.measuring.pairs import compare_tensors
from reporter.measuring.tensors import measure_paired, measure_tensor
from reporter.model.cells import Cells
from reporter.model.measured import Measured
from reporter.model.sketch import BUCKETS, DISTANCE_ERROR
from reporter.model.tensor import Contents
from tests.sources import ArraySource

Array = npt.NDArray[Any]
Make = Callable[[np.random.Generator, int], Array]


def periodic(period: int) -> Make:
    return lambda rng, n: np.resize(rng.standard_normal(period), n)


def sparse(rng: np.random.Generator, n: int) -> Array:
    return rng.standard_normal(n) * (rng.random(n) < 0.01)


# Differences of two tensors, and how often each is drawn: 1,000 in all.
DIFFERENCES: dict[str, tuple[int, Make]] = {
    "normal": (200, lambda rng, n: rng.standard_normal(n)),
    "constant": (1, lambda rng, n: np.ones(n)),
    "ramp": (1, lambda rng, n: np.arange(n, dtype=float)),
    "signs in turn": (1, lambda rng, n: np.resize([1.0, -1.0], n)),
    "sparse": (195, sparse),
    "period 512": (150, periodic(512)),
    "period 1024": (150, periodic(1024)),
    "period 4096": (150, periodic(4096)),
    "period 32768": (50, periodic(32768)),
    "period 3": (100, periodic(3)),
    "one block": (2, lambda rng, n: np.where(np.arange(n) < n // 2, rng.standard_normal(n), 0.0)),
}


def sketched(values: Array, place: int = 0) -> Array:
    """Of values that stand behind ``place`` zeros."""
    x = values.astype(np.float32)
    x.setflags(write=False)
    return Accumulator(x.dtype, place + x.size).measure(x, place).sums


def test_estimated_distances_have_the_stated_error() -> None:
    """Over 1,000 pairs that differ at a random place: s(b) − s(a) = s(b − a) depends on the difference alone."""
    assert sum(times for times, _ in DIFFERENCES.values()) == 1000
    errors: list[float] = []
    for seed, (times, make) in enumerate(DIFFERENCES.values()):
        rng = np.random.default_rng(seed)
        for _ in range(times):
            difference = make(rng, int(rng.integers(40_000, 60_000))).astype(np.float32)
            estimate = np.linalg.norm(sketched(difference, 32_768 * int(rng.integers(100_000))))
            errors.append(float(estimate / np.linalg.norm(difference.astype(np.float64)) - 1))
    assert len(errors) == 1000
    assert abs(np.mean(errors)) < 5 * DISTANCE_ERROR / np.sqrt(1000)
    assert 0.9 * DISTANCE_ERROR < np.std(errors) < 1.1 * DISTANCE_ERROR
    assert max(np.abs(errors)) < 5 * DISTANCE_ERROR


@pytest.mark.parametrize("make", [make for _, make in DIFFERENCES.values()], ids=list(DIFFERENCES))
def test_no_structure_is_estimated_worse(make: Make) -> None:
    """The same structure at 60 places of a long tensor, each with signs of its own."""
    errors = []
    difference = make(np.random.default_rng(5), 70_000).astype(np.float32)
    for place in range(60):
        sums = sketched(difference, 98_304 * place)
        errors.append(float(np.linalg.norm(sums) / np.linalg.norm(difference.astype(np.float64)) - 1))
    assert np.sqrt(np.mean(np.square(errors))) < 1.4 * DISTANCE_ERROR


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ml_dtypes.bfloat16], ids=str)
def test_a_tensors_sketch_is_a_fixed_function_of_its_values(dtype: Any) -> None:
    """Of every dtype the same; values that are not finite are left out; of a small tensor the values themselves."""
    values = np.random.default_rng(2).integers(-100, 100, 1_200_000).astype(dtype)
    values[[5, 700_000]] = np.nan
    whole = measure_tensor(ArraySource(values), (0.5,)).sketch
    assert whole is not None
    assert np.array_equal(whole.values, sketched(np.nan_to_num(values.astype(np.float64), nan=0.0)))
    small = measure_tensor(ArraySource(values[:900]), (0.5,)).sketch
    assert small is not None
    assert np.array_equal(small.values, values[:900].astype(np.float64), equal_nan=True)


def tensors(seed: int) -> tuple[ArraySource, ...]:
    rng = np.random.default_rng(seed)
    big = rng.standard_normal((3_100, 1_001)).astype(np.float32)
    return (
        ArraySource(big, "a/kernel", "a"),
        ArraySource(big.astype(np.float64)[:1500], "b/kernel", "b", output_axis=0),
        ArraySource(big.astype(ml_dtypes.bfloat16), "c/kernel", "c"),
        ArraySource(big.reshape(31, 100, 1001), "d/kernel", "d", output_axis=1),
        *(ArraySource(rng.standard_normal((30, 7)).astype("f4"), f"small{i}/kernel", f"s{i}") for i in range(40)),
        ArraySource(np.empty((0, 3), np.float32), "empty/kernel", "empty"),
    )


def fingerprint(measured: Measured, changes: Any) -> list[Any]:
    """Everything that was measured, floats to the bit."""
    found: list[Any] = [
        repr([dict(since) for since in changes]),
        repr(measured.whole.summary.m4),
        repr(measured.whole.quantiles),
    ]
    for t in measured.tensors:
        cells = t.summary.cells
        found += [repr(replace(t.summary, read_cells=Cells.empty)), cells.index.tobytes(), cells.counts.tobytes()]
        found.append(repr(t.quantiles))
        found += [t.units.norms.tobytes(), t.units.maxima.tobytes()] if t.units else [None]
        found += [t.sketch.values.tobytes()] if t.sketch else [None]
    return found


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little memory that large tensors are read twice, and their pieces shared by all threads."""
    monkeypatch.setattr("reporter.measuring.checkpoint.KEPT_BYTES", 8 << 20)


@pytest.mark.usefixtures("kept")
def test_any_number_of_threads_gives_the_same_bits() -> None:
    now, before = Contents("test", (), tensors(1)), Contents("test", (), tensors(2))
    alone = fingerprint(*measure_checkpoint(now, Plan(threads=1), [before, now]))
    for threads in (2, 8):
        assert fingerprint(*measure_checkpoint(now, Plan(threads=threads), [before, now])) == alone


def small(rng: np.random.Generator, shape: tuple[int, ...], spoilt: int) -> Array:
    """Values of very different magnitudes, with what kernels treat apart: NaN, infinities, zeros, subnormals."""
    values = (rng.standard_normal(shape) * 10.0 ** rng.integers(-30, 8)).astype(np.float32)
    some = rng.integers(0, values.size, 3)
    bad = {1: [np.nan, np.inf, -np.inf], 2: [-0.0, 0.0, 1e-42]}.get(spoilt)
    if bad:
        values.reshape(-1)[some] = bad
    return np.full_like(values, np.nan) if spoilt == 3 else values


def test_small_tensors_together_give_the_bits_that_each_gives_alone() -> None:
    rng, probabilities = np.random.default_rng(0), (0.05, 0.5, 0.95)
    shapes = [(1,), (7,), (1024,), (1025,), (40, 50), (3, 3, 16, 8), (128, 128), (2, 8192), (3, 5000)]
    sources, earlier = [], []
    dtypes = [np.dtype(one) for one in (np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e5m2)]
    for number, (shape, spoilt, dtype) in enumerate(product(shapes, range(4), dtypes)):
        values, axis = small(rng, shape, spoilt), -(number % 2)
        name = f"layer{number}/kernel"
        with np.errstate(over="ignore"):
            sources.append(ArraySource(values.astype(dtype), name, f"layer{number}", output_axis=axis))
        with np.errstate(over="ignore", invalid="ignore"):
            before = ArraySource((values + small(rng, shape, spoilt % 2)).astype(dtype), name)
        earlier.append((before if number % 3 else None, sources[-1]))
    together = list(measure_batch(sources, earlier, probabilities))
    for source, partners, (numbers, changes) in zip(sources, earlier, together, strict=True):
        alone, since = measure_paired(source, partners, probabilities)
        assert repr(changes) == repr(since)  # NaN included
        assert repr(numbers.quantiles) == repr(alone.quantiles)
        a, b = (replace(one.summary, read_cells=Cells.empty) for one in (numbers, alone))
        assert a == b
        for x, y in (
            (numbers.summary.cells.index, alone.summary.cells.index),
            (numbers.summary.cells.counts, alone.summary.cells.counts),
            (numbers.sketch.values, alone.sketch.values),  # type: ignore[union-attr]
            *((getattr(numbers.units, what, None), getattr(alone.units, what, None)) for what in ("norms", "maxima")),
        ):
            assert (x is y is None) or (x.dtype, x.tobytes()) == (y.dtype, y.tobytes())


def test_batches_end_where_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = tuple(ArraySource(np.full(i + 1, i, np.float32), f"t{i}") for i in range(9))
    whole = fingerprint(*measure_checkpoint(Contents("test", (), sources), Plan()))
    monkeypatch.setattr("reporter.measuring.batch.VALUES", 10)
    assert fingerprint(*measure_checkpoint(Contents("test", (), sources), Plan())) == whole


def test_a_small_tensor_of_another_length_than_its_file_said_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 values came, 3 were expected"):
        measure_checkpoint(Contents("test", (), (Shortened(np.ones(3, np.float32)),)), Plan())


class Shortened(ArraySource):
    """Gives fewer values than its shape says."""

    def blocks(self) -> Iterator[Array]:
        for block in super().blocks():
            yield block[:-1]


def test_changes_are_those_of_each_pair_of_tensors() -> None:
    now, before = Contents("test", (), tensors(1)), Contents("test", (), tensors(2)[:3])
    _, (none, changes) = measure_checkpoint(now, Plan(), [Contents("test", (), ()), before])
    assert none == {}
    assert list(changes) == ["a/kernel", "b/kernel", "c/kernel"]
    for old, new in zip(before.tensors, now.tensors, strict=False):
        assert changes[new.info.name] == compare_tensors(old, new)


class Counted(ArraySource):
    """Counts how often it is read, and may fail."""

    reads = 0
    error: Exception | None = None

    def blocks(self) -> Iterator[Array]:
        type(self).reads += 1
        if self.error:
            raise self.error
        yield from super().blocks()


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_is_read_twice(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "reads", 0)
    now = Contents("test", (), (Counted(np.random.default_rng(0).standard_normal(3_000_000).astype("f4")),))
    measure_checkpoint(now, Plan(threads=threads))
    assert Counted.reads == 1
    measure_checkpoint(now, Plan(threads=threads), [now, now])
    assert Counted.reads == 4


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_says_which_checkpoint_it_is_of(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.ones(3_000_000, np.float32)
    monkeypatch.setattr(Counted, "error", CorruptCheckpoint("before.ckpt", "fails its crc32c"))
    sound, faulty = Contents("test", (), (ArraySource(values),)), Contents("test", (), (Counted(values),))
    with pytest.raises(CorruptCheckpoint) as caught:
        measure_checkpoint(sound, Plan(threads=threads), [faulty])
    assert caught.value.path == Path("before.ckpt")
    assert measure_checkpoint(sound, Plan(threads=threads))[0].parameters == values.size


def test_integers_beyond_float64_are_compared_exactly_and_noted() -> None:
    a = np.array([2**53, 2**60, 7], np.int64)
    b = a + np.array([1, 0, 0])
    change = compare_tensors(ArraySource(a), ArraySource(b))
    assert change is not None
    assert change.equal == 2
    measured, _ = measure_checkpoint(Contents("test", (), (ArraySource(b, role="other"),)), Plan())
    assert any("2^53" in note for note in measured.notes)


def test_a_large_offset_keeps_its_spread() -> None:
    values = np.random.default_rng(0).standard_normal(300_000) * 1e-3 + 1e6
    summary = measure_tensor(ArraySource(values), (0.5,)).summary
    centred = values - values.mean()
    assert summary.m2 == pytest.approx((centred**2).sum(), rel=1e-6)
    assert summary.m4 == pytest.approx((centred**4).sum(), rel=1e-6)


def test_a_block_whose_start_is_unlike_its_rest() -> None:
    """Moments are taken about the mean of a block's start; the rest being far away costs no more than a few bits."""
    rng = np.random.default_rng(1)
    values = np.where(np.arange(8192) < 512, 0.0, rng.standard_normal(8192) * 1e-3 + 1e6)
    summary = measure_tensor(ArraySource(values), (0.5,)).summary
    centred = values.astype(np.longdouble) - values.astype(np.longdouble).mean()
    for p, measured in ((2, summary.m2), (3, summary.m3), (4, summary.m4)):
        assert measured == pytest.approx(float((centred**p).sum()), rel=1e-12)


@pytest.mark.parametrize("home", [True, False], ids=["own folder", "no folder"])
def test_kernels_work_wherever_their_code_can_be_kept(home: bool, tmp_path: Path) -> None:
    """Beside the source, in a folder of one's own, or nowhere."""
    code = """
import sys, pathlib
from reporter.measuring.kernels import objects
writable = sys.argv[1] == "True"
if not writable:
    objects.FOLDER = ""
import numpy as np
from reporter.measuring.kernels.ranks import refine32
tables = np.zeros((1, 65536), np.uint32)
refine32(np.zeros(7, np.uint32), np.ones(65536, np.uint8), np.zeros(0, np.uint16), tables)
assert tables[0, 0] == 7
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, str(home)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.rglob("*.o")] == ["refine32-u4x1-u1x1-u2x1-u4x2-u8x1.o"] * home


def test_the_run_that_compiles_gives_the_numbers_of_those_that_load(tmp_path: Path) -> None:
    """Both without numba. Of float64; of all dtypes: ``make faults``."""
    code = """
import sys
import numpy as np
from reporter.measuring.tensors import measure_paired, measure_tensor
from tests.sources import ArraySource
rng = np.random.default_rng(0)
for size in (7, 3700, 8192, 100_055):
    print(measure_tensor(ArraySource(rng.standard_normal(size) * 3), (0.5,)).statistics)
print("numba" in sys.modules, file=sys.stderr)
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    compiling, loading = (
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert "skewness" in compiling.stdout
    assert compiling.stdout == loading.stdout
    assert (compiling.stderr.split()[-1], loading.stderr.split()[-1]) == ("False", "False")


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", ">i2", "f2", ">f2", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int4"]
)
def test_the_value_of_every_code_is_that_of_its_table(dtype: str) -> None:
    """Computed or looked up: by output unit and in the sketch it is as if the values had been stored as float32."""
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    known = codes_of(kind)
    values = known.narrow
    codes = np.arange(values.size, dtype=f"u{kind.itemsize}")
    results = []
    for kernel, arguments in (
        (kernels.measure_codes, (codes, values, known.form)),
        (kernels.measure32, (values,)),
    ):
        energy, maxima, sums = np.zeros(values.size), np.zeros(values.size, np.int32), np.zeros(BUCKETS)
        table, extremes = np.zeros((3, RAW), np.uint32), np.array([np.inf, -np.inf])
        more = () if kernel is kernels.measure_codes else (np.zeros(5), extremes, np.zeros(4, np.int64))
        kernel(*arguments, 0, table, *more, 0, 0, energy, maxima, sums)
        results.append((energy.tobytes(), maxima.tobytes(), sums.tobytes()))
    assert results[0] == results[1]
    assert known.form == TABLE or not dtype.startswith("float8")


def test_a_kernel_refuses_arrays_that_its_machine_code_cannot_read() -> None:
    bits, found = np.zeros(8, np.uint32), np.zeros(9, np.uint32)
    wanted = np.zeros(1 << 16, np.uint8), np.empty(0, np.uint16)
    assert kernels.collect32(bits, *wanted, found) == 0
    with pytest.raises(TypeError, match="contiguous and aligned"):
        kernels.collect32(bits[::2], *wanted, found)
    with pytest.raises(TypeError, match="contiguous and aligned"):
        kernels.collect32(np.zeros(33, np.uint8)[1:].view(np.uint32), *wanted, found)
    with pytest.raises(TypeError, match="byte order"):
        kernels.collect32(bits.astype(">u4"), *wanted, found)
    with pytest.raises(ValueError, match="shorter"):
        kernels.collect32(bits, *wanted)


@pytest.mark.parametrize(("kernel", "dtype"), [("measure32", "float32"), ("measure64", "float64")])
def test_kernels_stay_within_their_memory(kernel: str, dtype: str) -> None:
    """As Python, where numpy checks every place that machine code takes for granted; with more than half a block."""
    x = np.random.default_rng(0).standard_normal(4200).astype(dtype)
    results = []
    for run in (getattr(kernels, kernel), getattr(kernels, kernel).function):
        table, totals, counts = np.zeros((2, RAW), np.uint32), np.zeros(5), np.zeros(4, np.int64)
        extremes, maxima = np.array([np.inf, -np.inf]), np.zeros(0, x.dtype.str.replace("f", "i"))
        scratch = () if run is getattr(kernels, kernel) else (np.zeros(SCRATCH, np.uint64),)
        run(x, 0, table, totals, extremes, counts, 0, 0, np.zeros(0), maxima, np.zeros(0), *scratch)
        results.append((table.tobytes(), extremes.tobytes(), counts.tobytes()))
    assert results[0] == results[1]


def test_addresses_are_those_that_numpy_tells() -> None:
    values = np.arange(10.0)
    for array in (values, values[3:], values.reshape(2, 5)[1:], np.empty(0, np.uint8)):
        assert _address(array) == array.ctypes.data
