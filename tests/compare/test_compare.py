"""Series compared against numpy in float64: exact pairs, estimates, similarity, trends and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from reporter.compare import compare
from reporter.compare.trends import change_points, slope
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.measuring.tensors import measure_tensor
from reporter.model.changes import NO_CHANGES
from reporter.model.checkpoint import CheckpointRef, Series, Step
from reporter.model.comparison import BASELINE, Comparison
from reporter.model.gathered import Baseline, Gathered
from reporter.model.sketch import BUCKETS, DISTANCE_ERROR
from reporter.model.tensor import Contents, LayerInfo
from tests.sources import ArraySource

KERNEL, BIAS, HEAD, MEAN = "dense/kernel", "dense/bias", "head/kernel", "bn/moving_mean"
Arrays = dict[str, np.ndarray]


def contents(arrays: Arrays) -> Contents:
    layers = dict.fromkeys(name.split("/")[0] for name in arrays)
    sources = [ArraySource(v, n, n.split("/")[0], n.split("/")[1]) for n, v in arrays.items()]
    return Contents("test", tuple(LayerInfo(name) for name in layers), tuple(sources))


def run(n: int = 5) -> list[Arrays]:
    """A kernel that drifts, a bias from zero, a head that stops after two checkpoints, a vector that never moves."""
    rng = np.random.default_rng(3)
    kernel, head = rng.standard_normal((60, 50)), rng.standard_normal((50, 30))
    result = []
    for i in range(n):
        kernel = kernel + 0.05 * rng.standard_normal(kernel.shape)
        head = head + 0.2 * rng.standard_normal(head.shape) * (i < 2)
        result.append(
            {
                KERNEL: kernel.astype("f4"),
                BIAS: np.full(50, 0.1 * i, "f4"),
                HEAD: head.astype("f4"),
                MEAN: np.ones(8, "f4"),
            }
        )
    return result


def series(checkpoints: Sequence[Arrays], *, exact: bool = True, base: Arrays | None = None) -> Comparison:
    """Compared as the pipeline does, with all files there or (``exact=False``) none of them any more."""
    opened = [contents(arrays) for arrays in checkpoints]
    n = len(opened)
    refs = tuple(
        CheckpointRef(f"c-{i}", f"c-{i}", Path(f"c-{i}"), "test", (), Step(100 * i, "in-file"), 0, 0) for i in range(n)
    )
    fixed = contents(base) if base is not None else None
    return compare(
        Series("c-*", "c", "test", refs, "in-file"),
        Gathered(
            refs=refs,
            measured=tuple(measure_checkpoint(c, Plan())[0] for c in opened),
            previous=tuple(compare_contents(a, b) if exact else NO_CHANGES for a, b in pairwise(opened)),
            first=tuple(compare_contents(opened[0], c) if exact else NO_CHANGES for c in opened[1:]),
            baseline=Baseline("base", measure_checkpoint(fixed, Plan())[0]) if fixed else None,
            from_baseline=tuple(compare_contents(fixed, c) if exact else NO_CHANGES for c in opened) if fixed else (),
        ),
    )


def flat(arrays: Arrays, names: Sequence[str] = (KERNEL, BIAS, HEAD, MEAN)) -> np.ndarray:
    return np.concatenate([arrays[n].astype(np.float64).ravel() for n in names])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(b - a) / np.linalg.norm(a))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_pairs_are_numpys() -> None:
    checkpoints = run()
    compared = series(checkpoints, base=checkpoints[1])
    expected = [
        *((p, checkpoints[p.before], checkpoints[p.after]) for p in (*compared.pairs, *compared.from_first)),
        *((p, checkpoints[1], checkpoints[p.after]) for p in compared.from_baseline),
    ]
    assert [(p.before, p.after) for p in compared.from_first] == [(0, i) for i in range(1, 5)]
    assert [(p.before, p.after) for p in compared.from_baseline] == [(BASELINE, i) for i in range(5)]
    assert len(expected) == 4 + 4 + 5
    for pair, before, after in expected:
        for change, names in [(pair.whole, list(before)), *((pair.tensors[n], [n]) for n in before)]:
            a, b = flat(before, names), flat(after, names)
            assert change.exact
            if np.linalg.norm(a):
                assert change.relative_update == pytest.approx(distance(a, b), rel=1e-12, abs=1e-15)
            else:
                assert change.relative_update is None
            if np.linalg.norm(a) and np.linalg.norm(b):
                assert change.cosine == pytest.approx(cosine(a, b), rel=1e-12)
            assert change.equal_share == (a == b).mean()
            assert change.largest == np.abs(b - a).max()
        both = flat(before, (KERNEL, BIAS)), flat(after, (KERNEL, BIAS))
        assert pair.layers["dense"].relative_update == pytest.approx(distance(*both), rel=1e-12, abs=1e-15)


def test_steps_between() -> None:
    compared = series(run(3), base=run(1)[0])
    assert [compared.steps_between(p) for p in (*compared.pairs, *compared.from_first)] == [100, 100, 100, 200]
    assert compared.steps_between(compared.from_baseline[0]) is None


def test_without_the_files_small_tensors_stay_exact_and_large_ones_are_estimated() -> None:
    checkpoints = run()
    there, gone = series(checkpoints), series(checkpoints, exact=False)
    for exact, estimate in zip((*there.pairs, *there.from_first), (*gone.pairs, *gone.from_first), strict=True):
        assert estimate.tensors[BIAS] == exact.tensors[BIAS]
        assert estimate.tensors[MEAN].exact
        assert not estimate.tensors[KERNEL].exact
        assert not estimate.whole.exact
        assert estimate.tensors[KERNEL].equal_share is None
        assert exact.whole.relative_update is not None
        assert estimate.whole.relative_update == pytest.approx(exact.whole.relative_update, rel=4 * DISTANCE_ERROR)
        assert estimate.tensors[HEAD].unchanged == exact.tensors[HEAD].unchanged


def test_an_exact_change_is_never_replaced() -> None:
    checkpoints = run(2)
    opened = [contents(arrays) for arrays in checkpoints]
    known = compare_contents(*opened)
    known = known.only(name for name in known if name != HEAD)
    refs = tuple(CheckpointRef(n, n, Path(n), "test", (), Step(None, "x"), 0, 0) for n in "ab")
    measured = tuple(measure_checkpoint(c, Plan())[0] for c in opened)
    pair = compare(Series("s", "s", "test", refs, "x"), Gathered(refs, measured, (known,), (known,))).pairs[0]
    assert pair.tensors[KERNEL] == known[KERNEL]
    assert not pair.tensors[HEAD].exact
    assert not pair.whole.exact


def test_estimated_distances_keep_their_stated_error_in_300_trials() -> None:
    """Through measuring, as a run does it: unbiased, 2.2 % of standard deviation, normal tails."""
    rng = np.random.default_rng(5)
    ratios = []
    base = rng.standard_normal((10, 8 * BUCKETS)).astype("f4")
    measured = [measure_tensor(ArraySource(row, trainable=True), (0.5,)) for row in base]
    for trial in range(300):
        before = base[trial % 10]
        after = (before + 0.1 * rng.standard_normal(before.size)).astype("f4")
        new = measure_tensor(ArraySource(after), (0.5,))
        old = measured[trial % 10]
        assert old.sketch is not None
        assert new.sketch is not None
        change = old.sketch.change(new.sketch, old.summary.norm, new.summary.norm)
        a, b = before.astype(np.float64), after.astype(np.float64)
        assert change.relative_update is not None
        ratios.append(change.relative_update / distance(a, b) - 1)
        assert change.cosine == pytest.approx(cosine(a, b), abs=4 * 2 * DISTANCE_ERROR * distance(a, b) ** 2)
    errors = np.array(ratios)
    assert abs(errors.mean()) < 4 * DISTANCE_ERROR / np.sqrt(300) + DISTANCE_ERROR**2
    assert errors.std() == pytest.approx(DISTANCE_ERROR, rel=0.15)
    assert (np.abs(errors) < DISTANCE_ERROR).mean() == pytest.approx(0.683, abs=0.1)
    assert (np.abs(errors) < 2 * DISTANCE_ERROR).mean() == pytest.approx(0.954, abs=0.05)


def test_similarity_is_numpys_where_tensors_are_small() -> None:
    rng = np.random.default_rng(8)
    checkpoints = [{KERNEL: rng.standard_normal((30, 30)).astype("f4"), BIAS: np.full(30, i, "f4")} for i in range(4)]
    found = series(checkpoints).similarity
    assert found is not None
    assert found.exact
    assert (found.places, found.tensors, found.values) == ((0, 1, 2, 3), 2, 930)
    rows = [flat(c, (KERNEL, BIAS)) for c in checkpoints]
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            first, second = (a, b) if i < j else (b, a)
            assert found.distance[i, j] == pytest.approx(distance(first, second), rel=1e-12)
            assert found.cosine[i, j] == pytest.approx(cosine(a, b), rel=1e-12)


def test_similarity_of_large_tensors_is_estimated_and_of_many_checkpoints_sampled() -> None:
    rng = np.random.default_rng(9)
    values = rng.standard_normal(4 * BUCKETS)
    checkpoints = []
    for _ in range(60):
        values = values + 0.1 * rng.standard_normal(values.size)
        checkpoints.append({KERNEL: values.astype("f4")})
    found = series(checkpoints, exact=False).similarity
    assert found is not None
    assert not found.exact
    assert len(found.places) == 40
    assert (found.places[0], found.places[-1]) == (0, 59)
    for i, j in ((0, 39), (3, 4), (10, 30)):
        a, b = (flat(checkpoints[found.places[k]], (KERNEL,)) for k in (i, j))
        assert found.distance[i, j] == pytest.approx(distance(a, b), rel=5 * DISTANCE_ERROR)
    assert (np.diag(found.distance) == 0).all()
    assert np.diag(found.cosine) == pytest.approx(1.0)


def test_similarity_needs_something_in_common() -> None:
    assert series(run(1)).similarity is None
    shapes = [{KERNEL: np.zeros((3, 4), "f4")}, {KERNEL: np.zeros((4, 3), "f4")}]
    assert series(shapes).similarity is None
    zeros = series([{KERNEL: np.zeros((3, 4), "f4")}] * 2).similarity
    assert zeros is not None
    assert np.isnan(zeros.distance).all()
    assert np.isnan(zeros.cosine).all()


def test_what_moved_and_what_did_not() -> None:
    previous, first = series(run()).moved
    assert (previous.since, first.since) == ("previous", "first")
    assert previous.layers == ("dense",)
    assert previous.still_layers == ("head", "bn")
    assert previous.tensors == (BIAS, KERNEL)
    assert previous.still_tensors == (HEAD,)
    assert (previous.apart, previous.still_apart) == ((), (MEAN,)), "moving statistics are told apart"
    assert first.tensors == (HEAD, KERNEL, BIAS), "a bias that was zero has no relative update"
    assert (first.still_tensors, first.still_apart) == ((), (MEAN,))
    assert series(run(1)).moved == ()
    assert [m.since for m in series(run(2), base=run(1)[0]).moved] == ["previous", "baseline"]


def test_trends_are_numpys() -> None:
    checkpoints = run()
    found = {(t.layer, t.statistic): t for t in series(checkpoints).trends}
    norms = [float(np.linalg.norm(flat(c, (HEAD,)))) for c in checkpoints]
    trend = found["head", "l2_norm"]
    assert (trend.first, trend.last) == (pytest.approx(norms[0]), pytest.approx(norms[-1]))
    assert trend.slope == pytest.approx(np.polyfit([0, 100, 200, 300, 400], norms, 1)[0])
    assert ("bn", "skewness") not in found, "the skewness of a constant is no number"
    assert found["bn", "mean"].slope == 0


def test_a_slope_leaves_gaps_out() -> None:
    x = np.array([0.0, 1.0, 4.0, 9.0])
    y = np.array([[2.0, np.nan, 10.0, 20.0]])
    assert slope(x, y)[0] == pytest.approx(np.polyfit(x[[0, 2, 3]], y[0, [0, 2, 3]], 1)[0])


NOISE = np.random.default_rng(1).standard_normal(20)


@pytest.mark.parametrize(
    ("course", "place"),
    [
        (np.r_[np.zeros(8), np.ones(12)], 8),
        (0.01 * NOISE + np.r_[np.zeros(5), np.ones(15)], 5),
        (1e300 * np.r_[np.zeros(17), np.ones(3)], 17),
        (np.r_[np.zeros(4), np.nan, np.nan, np.ones(6)], 6),
        (np.arange(20.0), None),
        (np.arange(1000.0) ** 0.5, None),
        (NOISE, None),
        (np.full(20, 0.1), None),
        (np.r_[np.zeros(3), np.ones(4)], None),
        (np.full(20, np.nan), None),
    ],
)
def test_change_points(course: np.ndarray, place: int | None) -> None:
    """A jump is found where it is; a line, a curve, noise, a constant and a short course have none."""
    (found,) = change_points(np.arange(len(course), dtype=np.float64), course[None])
    assert (found and found.place) == place
    if found:
        assert found.before == pytest.approx(np.nanmean(course[:place]))
        assert found.after == pytest.approx(np.nanmean(course[place:]))


def test_steady_growth_over_uneven_gaps_is_no_sudden_change() -> None:
    x = np.r_[np.arange(10.0), 1000 + np.arange(10.0)]
    assert list(change_points(x, x[None])) == [None]
    (jump,) = change_points(np.arange(20.0), x[None])
    assert jump is not None
    assert jump.place == 10


def test_shifts_of_small_tensors_are_exact() -> None:
    checkpoints = run(3)
    for arrays in checkpoints:
        arrays[MEAN] = np.random.default_rng(int(arrays[BIAS][0] * 10)).standard_normal(8).astype("f4")
    pair = series(checkpoints).pairs[-1]
    found = pair.tensor_shifts[MEAN]
    a, b = (np.sort(c[MEAN].astype(np.float64)) for c in checkpoints[-2:])
    assert found.error == 0
    assert found.wasserstein == pytest.approx(np.abs(a - b).mean() / a.std(), rel=1e-12)
    assert pair.layer_shifts["bn"] == found
    assert pair.tensor_shifts[KERNEL].error > 0
    assert pair.tensor_shifts[HEAD].wasserstein == 0.0, "equal to the bit"
    assert series(checkpoints).pairs[0].tensor_shifts == {}, "only for the last checkpoint"


def test_values_at_the_ends_of_float64_are_no_traceback_and_no_warning() -> None:
    far = np.array([-1.7e308, 1.7e308, 1e200, 5e-324, 0.0] * 500)
    checkpoints = [
        {KERNEL: far * sign, BIAS: far[:20] * sign, HEAD: np.full(2000, np.nan), MEAN: np.full(8, np.inf)}
        for sign in (1.0, -1.0, 0.5, 1e-300, 0.0, 1.0, -1.0, 0.25, 1.0)
    ]
    for exact in (True, False):
        compared = series(checkpoints, exact=exact, base=checkpoints[0])
        assert len(compared.from_baseline) == 9
        for pair in compared.pairs:
            assert pair.shift is None or pair.shift.wasserstein is None or np.isfinite(pair.shift.wasserstein)
        assert all(np.isfinite([t.first, t.last]).all() for t in compared.trends)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "bfloat16", "c8", "i4"])
def test_what_is_not_finite_is_counted_on_either_side(dtype: str) -> None:
    """By numpy, over a length that is no multiple of any block; the sums are of the pairs in which both are finite."""
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-9, 9, 9000).astype(kind) for _ in range(2))
    if dtype != "i4":
        a[[3, 5, 4100]], b[[5, 7, 8999, 8000]] = np.nan, [np.inf, -np.inf, np.nan, np.nan]
    change = compare_contents(contents({KERNEL: a}), contents({KERNEL: b}))[KERNEL]
    x, y = (np.abs(v).astype("f8") if dtype == "c8" else v.astype("f8") for v in (a, b))
    bad, bad_now = ~np.isfinite(x), ~np.isfinite(y)
    assert (change.left_out, change.bad_before, change.bad_after) == (
        (bad | bad_now).sum(), bad.sum(), bad_now.sum(),
    )  # fmt: skip
    both = ~(bad | bad_now)
    assert change.finite == both.sum()
    assert change.distance == pytest.approx(np.sqrt(((y - x)[both] ** 2).sum()))


def test_the_same_without_the_files() -> None:
    """A sketch leaves out what is not finite, so that it cannot tell rest from a weight that became NaN."""
    checkpoints = run(2)
    checkpoints[1] = {name: values.copy() for name, values in checkpoints[0].items()}
    checkpoints[1][KERNEL][0, :2] = np.nan
    checkpoints[1][BIAS][:3] = np.inf
    for exact in (True, False):
        pair = series(checkpoints, exact=exact).pairs[0]
        for name, count in ((KERNEL, 2), (BIAS, 3), (HEAD, 0)):
            change = pair.tensors[name]
            assert (change.left_out, change.bad_before, change.bad_after) == (count, 0, count), (name, exact)
            assert change.unchanged is (count == 0), (name, exact)
        assert (pair.whole.left_out, pair.layers["dense"].left_out) == (5, 5)
        updates = pair.layers.relative_updates()
        assert np.isnan(updates["dense"] or 0) and updates["head"] == 0, "in a picture, it is no rest either"


def test_what_became_nan_moved_most() -> None:
    checkpoints = run(2)
    checkpoints[1] |= {HEAD: checkpoints[0][HEAD].copy()}
    checkpoints[1][HEAD][0, 0] = np.nan
    (movement,) = series(checkpoints).moved
    assert movement.tensors[0] == HEAD
    assert movement.layers[0] == "head"
