"""Cells, counts and wanted values, held against the same computed with the plain definition, value by value."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from reporter.measuring import kernels
from reporter.measuring.accumulate import Accumulator
from reporter.measuring.kernels.sizes import FEW, RAW
from reporter.measuring.pairs import change
from reporter.model.cells import cell_of

Array = npt.NDArray[Any]

EDGES = (0.0, -0.0, 5e-324, 1e-45, 2.0**-149, 2.0**-133, 2.0**-127, 2.0**-126, 1.0, 1.5, 255.0, 3.4e38, 2.0**128, 1e300)


def of_every_kind(rng: np.random.Generator) -> Array:
    """Normal values, and those around which cells end or are found in another way; in random order."""
    edges = np.array(
        [sign * around for x in EDGES for sign in (1, -1) for around in np.nextafter(x, [-1e308, x, 1e308])]
    )
    values = np.concatenate([rng.standard_normal(5000), rng.standard_normal(50) * 2.0**-130, np.repeat(edges, 5)])
    return rng.permutation(values)


def cells_by_definition(values: Array) -> dict[int, int]:
    index, counts = np.unique([cell_of(float(x)) for x in values], return_counts=True)
    return dict(zip(index.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("subnormal", [True, False])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_each_value_is_counted_in_its_cell(dtype: str, subnormal: bool) -> None:
    values = of_every_kind(np.random.default_rng(1))
    if not subnormal:
        values = values[(np.abs(values) > 2.0**-125) | (values == 0)]
    with np.errstate(over="ignore"):
        values = values.astype(dtype)
    not_finite = np.array([np.nan, np.inf, -np.inf], dtype)
    accumulator = Accumulator(values.dtype)
    accumulator.merge(accumulator.measure(np.concatenate([values, not_finite]), 0))
    summary = accumulator.close()
    finite = values[np.isfinite(values)]
    assert dict(zip(summary.cells.index.tolist(), summary.cells.counts.tolist(), strict=True)) == cells_by_definition(
        finite
    )
    assert (summary.zeros, summary.nan) == ((finite == 0).sum(), 1)


@pytest.mark.parametrize("cells", [1, 3, FEW, FEW + 1, 40])
@pytest.mark.parametrize("size", [1, 31, 32, 4096, 4099, 20_011])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_exactly_the_wanted_values_are_collected_in_their_order(dtype: str, size: int, cells: int) -> None:
    rng = np.random.default_rng(size + cells)
    values = np.resize(of_every_kind(rng), size).clip(-3.4e38, 3.4e38).astype(np.float32).astype(dtype)
    values[rng.integers(size, size=size // 50)] = rng.choice([np.nan, np.inf, -np.inf], size // 50)
    finite = values[np.isfinite(values)].astype(np.float32)
    raw = ((finite.view(np.uint32) - (finite.view(np.uint32) >> 31)) >> 16).astype(np.uint16)
    wanted = rng.choice(np.unique(raw[raw != 0x7FFF]), min(cells, len(np.unique(raw[raw != 0x7FFF]))), replace=False)
    slots = np.zeros(RAW, np.uint8)
    slots[wanted] = 1
    few = np.resize(wanted, FEW if len(wanted) <= FEW else 0)
    where = np.isfinite(values)
    where[where] = np.isin(raw, wanted)
    if dtype == "f4":  # −Inf shares the cell of the most negative values, and −0.0 has one of its own
        where |= (values == -np.inf) & bool(slots[0xFF7F])
        found: Array = np.empty(size + 1, np.uint32)
        n = kernels.collect32(values.view(np.uint32), slots, few, found)
        assert found[:n].tobytes() == values[where].tobytes()
    else:
        where |= (values == 0) & bool(slots[0])  # of either sign
        found = np.empty(size + 1)
        n = kernels.collect64(values, slots, few, found)
        assert found[:n].tobytes() == values[where].tobytes()


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 8191, 8193, 100_003])
@pytest.mark.parametrize("dtype", ["i1", "u1", "?", "float8_e4m3fn", "int4", "i2", "f2", "bfloat16"])
def test_counts_of_codes_are_those_of_unique_values(dtype: str, size: int) -> None:
    """8-bit values are counted in pairs, of which the last may have one value only."""
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    rng = np.random.default_rng(size)
    values = (rng.standard_normal(size) * 3).astype(kind)
    accumulator = Accumulator(kind)
    half = size // 2
    for start, piece in ((0, values[:half]), (half, values[half:])):
        if piece.size:
            accumulator.merge(accumulator.measure(piece, start))
    counted = accumulator.counted()
    index, counts = np.unique(values.astype(np.float64) + 0.0, return_counts=True)
    times: dict[float, int] = {}
    for value, n in zip(counted.values.tolist(), counted.times.tolist(), strict=True):
        times[value] = times.get(value, 0) + n
    assert times == dict(zip(index.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("dtype", ["i1", "u2", "f2", "bfloat16", "float8_e5m2", "?"])
def test_narrow_values_are_compared_as_their_exact_values(dtype: str) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    rng = np.random.default_rng(0)
    a, b = ((rng.standard_normal(150_000) * 9).astype(np.float32).astype(kind) for _ in range(2))
    b[::3] = a[::3]
    if kind.kind in "fV" and dtype != "?":
        a[5], b[7] = np.nan, np.inf
    x, y = a.astype(np.float64), b.astype(np.float64)
    pairs = np.isfinite(x) & np.isfinite(y)
    found = change(a, b)
    assert found.count == 150_000
    assert found.equal == (a.view(f"u{kind.itemsize}") == b.view(f"u{kind.itemsize}")).sum()
    assert found.left_out == (~pairs).sum()
    x, y = x[pairs], y[pairs]
    expected = [np.linalg.norm(y - x), np.linalg.norm(x), np.linalg.norm(y), np.abs(y - x).max()]
    assert [found.distance, found.norm_before, found.norm_after, found.largest] == pytest.approx(expected, rel=1e-13)
