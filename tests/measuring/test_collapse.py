"""Rank of kernels and likeness of rows, taken in part by part, against numpy on the whole array."""

from __future__ import annotations

import numpy as np
import pytest

from reporter.measuring.collapse import SIDE, Common, Rank


def fed(taker: Rank | Common, values: np.ndarray, part: int) -> float | None:
    """What is measured of an array that comes in parts."""
    flat = np.ascontiguousarray(values).ravel()
    for start in range(0, flat.size, part):
        taker.add(flat[start : start + part])
    return taker.close()


def effective_rank(matrix: np.ndarray) -> float:
    """Of the outputs, which are the columns, brought to one length; per smaller side."""
    values = np.linalg.svd(matrix / np.linalg.norm(matrix, axis=0), compute_uv=False)
    p = values[values > 1e-6 * values[0]] / values[values > 1e-6 * values[0]].sum()
    return float(np.exp(-(p * np.log(p)).sum())) / min(matrix.shape)


@pytest.mark.parametrize("part", [7, 1000, 10**6])
@pytest.mark.parametrize(
    ("shape", "axis"), [((40, 24), 1), ((3, 3, 20, 32), 3), ((32, 20, 3, 3), 0), ((3, 3, 32, 20), 2)]
)
def test_the_rank_of_a_kernel_in_any_layout(shape: tuple[int, ...], axis: int, part: int) -> None:
    values = np.random.default_rng(1).standard_normal(shape).astype("f4")
    values *= np.linspace(0.01, 100.0, shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    rank = Rank.of(shape, axis)
    assert rank is not None
    wanted = effective_rank(np.moveaxis(values, axis, -1).reshape(-1, shape[axis]).astype("f8"))
    assert fed(rank, values, part) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("directions", [1, 5, 400])
def test_a_part_of_a_large_kernel_has_as_few_directions(directions: int) -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((700, directions)) @ rng.standard_normal((directions, 900))
    rank = Rank.of(values.shape, 1)
    assert rank is not None
    found = fed(rank, values, 4096)
    assert found is not None
    assert found <= directions / (0.8 * SIDE) if directions < SIDE else found > 0.5


@pytest.mark.parametrize(("shape", "axis"), [((8, 100), 1), ((100, 1), 1), ((0, 32), 1), ((32, 0), 1)])
def test_few_directions_are_no_rank(shape: tuple[int, ...], axis: int) -> None:
    assert Rank.of(shape, axis) is None


@pytest.mark.parametrize(
    "values", [np.zeros((32, 32)), np.full((32, 32), np.nan), np.eye(32) * ([1.0] * 4 + [0.0] * 28)]
)
def test_without_outputs_there_is_no_rank(values: np.ndarray) -> None:
    rank = Rank.of(values.shape, 1)
    assert rank is not None
    assert fed(rank, values, 100) is None


@pytest.mark.parametrize("part", [5, 64, 10**6])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e300])
def test_what_rows_have_in_common(part: int, scale: float) -> None:
    rows = np.random.default_rng(3).standard_normal((50, 12)) + 0.5
    rows[7] = 0.0  # a padding row
    values = rows * scale
    common = Common.of(values.shape, 0, float(np.abs(values).max()))
    assert common is not None
    there = np.delete(rows, 7, axis=0)
    wanted = (there.mean(axis=0) ** 2).sum() / (there**2).sum(axis=1).mean()
    assert fed(common, values, part) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("shape", "axis", "largest"), [((20,), 0, 1.0), ((20, 4), 1, 1.0), ((20, 4), 0, 0.0), ((20, 0), 0, 1.0)]
)
def test_what_is_no_table_of_rows(shape: tuple[int, ...], axis: int, largest: float) -> None:
    assert Common.of(shape, axis, largest) is None
