"""float64's whole range: what is derived from squares agrees with long doubles where squares leave float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reporter.compare.pairs import completed
from reporter.compare.similarity import similarity
from reporter.measuring.accumulate import summarise
from reporter.measuring.channels import Channels
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents, compare_tensors
from reporter.measuring.tensors import measure_tensor
from reporter.model.change import Change
from reporter.model.changes import NO_CHANGES, Changes, MergedChanges, merge
from reporter.model.tensor import Contents
from tests.make.statistics import statistics
from tests.sources import ArraySource

Array = npt.NDArray[Any]

pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).maxexp < 16000, reason="the long doubles of this machine have no wider range"
)

scales = st.sampled_from([5e-324, 1e-310, 1e-200, 1e-170, 1e-100, 1e-40, 1.0, 1e60, 1e78, 1e155, 1e200, 1e305])
values = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60)


def wide(x: Array) -> Any:
    return np.asarray(x, np.longdouble)


def norm(x: Array) -> Any:
    return np.sqrt(np.square(wide(x)).sum())


def near(reference: Any, rel: float = 1e-9) -> Any:
    """As float64 holds it; where it holds few digits, to those."""
    return pytest.approx(float(reference), rel=rel, abs=1e-323)


@given(values, scales, scales)
@example([1.0, 1.0, 1.0], 1e200, 1.0)
@example([1.0, 0.5], 1e-170, 5e-324)
def test_statistics_are_those_of_long_doubles(numbers: list[float], scale: float, other: float) -> None:
    one, two = np.array(numbers) * scale, np.array(numbers[::-1]) * other
    both = summarise([one], one.dtype) + summarise([two], two.dtype)
    for summary, x in ((summarise([one], one.dtype), one), (both, np.concatenate([one, two]))):
        found, exact = statistics(summary), wide(x)
        assert found["l2_norm"] == near(norm(x))
        assert found["rms"] == near(norm(x) / np.sqrt(wide(x.size)))
        d = exact - exact.mean()
        spread = float(np.sqrt(np.square(d).mean()))
        assert found["std"] == pytest.approx(spread, rel=1e-9, abs=1e-15 * float(np.abs(exact).max()) + 1e-323)
        if spread > 1e-6 * np.abs(x).max() and spread > 1e-300:
            assert found["skewness"] == pytest.approx(float((d**3).mean() / wide(spread) ** 3), rel=1e-6, abs=1e-6)
            assert found["kurtosis"] == pytest.approx(float((d**4).mean() / wide(spread) ** 4 - 3), rel=1e-6, abs=1e-6)


@given(values, values, scales, scales)
@example([1.0, 0.5], [0.5, 1.0], 1e200, 1e200)
@example([1.0, 0.5], [0.5, 1.0], 1.0, 1e300)
@example([1.0, 0.5], [0.5, 1.0], 1.0, 1e-170)
@example([1.0], [-1.0], 0.8e308, 0.8e308)
def test_changes_are_those_of_long_doubles(a: list[float], b: list[float], one: float, other: float) -> None:
    n = min(len(a), len(b))
    x, y = np.array(a[:n]) * one, np.array(b[:n]) * other
    before, after = ArraySource(x), ArraySource(y)
    exact = compare_tensors(before, after)
    first, second = measure_tensor(before, ()).sketch, measure_tensor(after, ()).sketch
    assert exact is not None and first is not None and second is not None
    fingerprints = first.change(second, 0.0, 0.0)
    assert exact.equal == sum(a.tobytes() == b.tobytes() for a, b in zip(x, y, strict=True))
    assert fingerprints.equal == (x == y).sum()  # they do not keep the sign of zero
    for change in (exact, fingerprints):
        check(change, x, y)


def check(change: Change, x: Array, y: Array) -> None:
    if not norm(x) > 0:
        assert (change.relative_update, change.cosine) == (None, None)
        return
    if norm(x) > 1e-300:  # else float64 holds too few digits of it
        assert change.relative_update == near(norm(wide(y) - wide(x)) / norm(x))
    if not norm(y) > 0:
        assert change.cosine is None
    elif norm(x) > 1e-300 and norm(y) > 1e-300:
        cosine = (wide(x) * wide(y)).sum() / norm(x) / norm(y)
        assert change.cosine == pytest.approx(float(cosine), abs=1e-9)


@given(st.lists(st.tuples(values, scales, scales), min_size=1, max_size=5))
def test_changes_of_any_magnitude_merge(parts: list[tuple[list[float], float, float]]) -> None:
    pairs = [(np.array(v) * one, np.array(v[::-1]) * other) for v, one, other in parts]
    changes = [c for x, y in pairs if (c := compare_tensors(ArraySource(x), ArraySource(y))) is not None]
    x, y = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
    check(merge(changes), x, y)
    named = Changes.of({str(i): change for i, change in enumerate(changes)})
    (update,) = MergedChanges(named, {"all": list(named)}).relative_updates().values()
    assert update == merge(changes).relative_update


@settings(max_examples=30)
@given(st.lists(scales, min_size=3, max_size=3), st.sampled_from([(50, 3), (3, 50), (700, 3), (2, 3, 9000)]), st.data())
def test_norms_of_units_are_those_of_long_doubles(
    magnitudes: list[float], shape: tuple[int, ...], data: st.DataObject
) -> None:
    axis = data.draw(st.sampled_from([i for i, n in enumerate(shape) if n == 3]))
    by_unit = np.array(magnitudes).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    x = np.random.default_rng(0).uniform(-1, 1, shape) * by_unit
    x.flat[1] = np.nan
    source = ArraySource(x, output_axis=axis)
    assert Channels.of(source.info) is not None
    units = measure_tensor(source, ()).units
    assert units is not None
    rest = tuple(i for i in range(len(shape)) if i != axis)
    expected = np.sqrt(np.square(wide(np.nan_to_num(x))).sum(rest))
    np.testing.assert_allclose(units.norms, expected.astype(np.float64), rtol=1e-9, atol=1e-322)


@pytest.mark.parametrize("shape", [(1, 700), (1000, 2), (300_000, 2), (2, 600_000)])
def test_norms_of_units_beyond_float64_are_infinite(shape: tuple[int, int]) -> None:
    """They are so without a warning, whether in one entry, in several or in several pieces."""
    units = measure_tensor(ArraySource(np.full(shape, 1.7e308), output_axis=shape.index(min(shape))), ()).units
    assert units is not None
    assert np.isposinf(units.norms).all() and (units.maxima == 1.7e308).all()


@pytest.mark.parametrize("scale", [1e-170, 1.0, 1e200])
def test_checkpoints_are_as_alike_whatever_their_magnitude(scale: float) -> None:
    rng = np.random.default_rng(0)
    start = rng.standard_normal((60, 50))
    opened = [
        Contents("test", (), (ArraySource((start + 0.1 * i * rng.standard_normal(start.shape)) * scale),))
        for i in range(3)
    ]
    measured = [measure_checkpoint(one, Plan())[0] for one in opened]
    alike = similarity(measured)
    assert alike is not None
    for i, j in ((0, 1), (0, 2), (1, 2)):
        (exact,) = compare_contents(opened[i], opened[j]).values()
        (estimate,) = completed(measured[i], measured[j], NO_CHANGES).values()
        assert alike.distance[i, j] == pytest.approx(exact.relative_update, rel=0.1)
        assert estimate.relative_update == pytest.approx(alike.distance[i, j], rel=1e-12)
        assert estimate.cosine == pytest.approx(alike.cosine[i, j], rel=1e-12)
