"""Kinds of change: each made with numpy and read from two real files, beside a near miss that is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from reporter import api
from reporter.cli import main
from reporter.model.difference import Difference
from reporter.model.kind import ChangeKind, Extent, KindOfChange
from reporter.settings.model import Settings
from tests.make.safetensors import safetensors

RNG = np.random.default_rng(11)
Arrays = dict[str, np.ndarray]
W = (RNG.standard_normal((96, 40)) * 0.1).astype("f4")
SQUARE = (RNG.standard_normal((48, 48)) * 0.1).astype("f4")
FILTERS = (RNG.standard_normal((3, 3, 8, 16)) * 0.1).astype("f4")
BIAS = RNG.standard_normal(40).astype("f4")
WORDS = (RNG.standard_normal((2000, 12)) * 0.1).astype("f4")


def diffed(folder: Path, before: Arrays, after: Arrays, **settings: Any) -> Difference:
    a, b = folder / "a.safetensors", folder / "b.safetensors"
    safetensors(a, {name: np.ascontiguousarray(values) for name, values in before.items()})
    safetensors(b, {name: np.ascontiguousarray(values) for name, values in after.items()})
    return api.diff(a, b, Settings(**settings))


def kind(folder: Path, before: np.ndarray, after: np.ndarray, name: str = "a.kernel", **settings: Any) -> KindOfChange:
    (tensor,) = diffed(folder, {name: before}, {name: after}, **settings).tensors
    assert tensor.kind is not None
    return tensor.kind


def noise(values: np.ndarray, by: float) -> np.ndarray:
    scale = by * np.sqrt(np.mean(np.square(values, dtype="f8")))
    return (values + RNG.standard_normal(values.shape) * scale).astype(values.dtype)


def shuffled(values: np.ndarray, axis: int) -> np.ndarray:
    return np.take(values, RNG.permutation(values.shape[axis]), axis)


@pytest.mark.parametrize("values", [W, FILTERS, WORDS, BIAS], ids=["dense", "conv", "long", "bias"])
@pytest.mark.parametrize("by", [1e-6, 1e-3, 0.3])
def test_noise_is_an_update(tmp_path: Path, values: np.ndarray, by: float) -> None:
    found = kind(tmp_path, values, noise(values, by), spectral=True)
    assert found.kind == ChangeKind.UPDATED
    assert found.update == pytest.approx(by, rel=0.2)
    assert found.rank in (0, None)


@pytest.mark.parametrize("factor", [1.1, 0.99, 0.5, -2.0, 1.001])
def test_scaled(tmp_path: Path, factor: float) -> None:
    found = kind(tmp_path, W, W * np.float32(factor))
    assert found.kind == ChangeKind.SCALED
    assert found.factor == pytest.approx(factor, rel=1e-6)
    assert found.residual is not None
    assert found.residual < 1e-6


@pytest.mark.parametrize("after", [noise(W * np.float32(1.1), 1e-3), W * np.float32(1.00001)], ids=["noisy", "tiny"])
def test_not_scaled(tmp_path: Path, after: np.ndarray) -> None:
    assert kind(tmp_path, W, after).kind == ChangeKind.UPDATED


@pytest.mark.parametrize(("factor", "scaled"), [(1.1, True), (0.9, True), (1.004, False)])
def test_scaled_in_16_bits(tmp_path: Path, factor: float, scaled: bool) -> None:
    """bfloat16 rounds by 0.4 %: only a look at each value tells a factor from training."""
    before = W.astype(ml_dtypes.bfloat16)
    after = (before.astype("f4") * factor).astype(ml_dtypes.bfloat16)
    found = kind(tmp_path, before, after)
    assert (found.kind == ChangeKind.SCALED) == scaled
    assert found.factor is None or found.factor == pytest.approx(factor, rel=1e-3)
    assert kind(tmp_path, before, noise(after.astype("f4"), 0.02).astype(before.dtype)).kind == ChangeKind.UPDATED


@pytest.mark.parametrize("signs", [False, True])
@pytest.mark.parametrize(
    ("values", "axes"),
    [(W, (0,)), (W, (1,)), (W, (0, 1)), (FILTERS, (3,)), (FILTERS, (2,)), (BIAS, (0,)), (WORDS, (0,))],
    ids=["rows", "columns", "both", "outputs", "inputs", "bias", "vocabulary"],
)
def test_reordered(tmp_path: Path, values: np.ndarray, axes: tuple[int, ...], signs: bool) -> None:
    after = values
    for axis in axes:
        after = shuffled(after, axis)
    name = "a.embeddings" if values is WORDS else "a.kernel"
    found = kind(tmp_path, values, -after if signs else after, name)
    assert (found.kind, found.axes, found.signs, found.proven) == (ChangeKind.REORDERED, axes, signs, True)


def test_values_that_keep_no_axis(tmp_path: Path) -> None:
    found = kind(tmp_path, W, RNG.permutation(W.ravel()).reshape(W.shape))
    assert (found.kind, found.axes, found.proven) == (ChangeKind.REORDERED, (), True)


def test_filters_that_were_turned_round(tmp_path: Path) -> None:
    """True convolutions and correlations: the same kernels, mirrored in both directions of the picture."""
    found = kind(tmp_path, FILTERS, FILTERS[::-1, ::-1])
    assert (found.kind, found.axes, found.reversed) == (ChangeKind.REORDERED, (0, 1), True)


@pytest.mark.parametrize(
    ("values", "order"),
    [(SQUARE, (1, 0)), (W, (1, 0)), (FILTERS, (3, 2, 0, 1)), (FILTERS[:, :, :, :8], (0, 1, 3, 2))],
    ids=["square", "dense", "to the order of PyTorch", "square filters"],
)
def test_transposed(tmp_path: Path, values: np.ndarray, order: tuple[int, ...]) -> None:
    found = kind(tmp_path, values, np.transpose(values, order))
    assert (found.kind, found.axes, found.proven) == (ChangeKind.TRANSPOSED, order, True)


def test_another_shape(tmp_path: Path) -> None:
    assert kind(tmp_path, W, W.reshape(8, 12, 40)).kind == ChangeKind.RESHAPED
    (tensor,) = diffed(tmp_path, {"a.kernel": W}, {"a.kernel": noise(W, 1e-3).T}).tensors
    assert tensor.kind is None, "other values in another shape: nothing is known of them"
    almost = W.T.copy()
    almost[3, 5] = np.nextafter(almost[3, 5], np.float32(1))
    (tensor,) = diffed(tmp_path, {"a.kernel": W}, {"a.kernel": almost}).tensors
    assert tensor.kind is None, "nor of almost the same ones"


def test_negated(tmp_path: Path) -> None:
    assert kind(tmp_path, W, -W).kind == ChangeKind.NEGATED
    assert kind(tmp_path, W, noise(-W, 1e-3)).kind == ChangeKind.REPLACED


@pytest.mark.parametrize(
    "change", [lambda x: shuffled(x, 1), np.transpose, lambda x: -x], ids=["order", "axes", "signs"]
)
def test_almost_the_same_values(tmp_path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """One value in another place of its cell is enough: these are not the same values."""
    after = np.array(change(SQUARE))
    after[3, 5] = np.nextafter(after[3, 5], np.float32(1))
    assert kind(tmp_path, SQUARE, after).kind in (ChangeKind.REPLACED, ChangeKind.SCALED, ChangeKind.NEGATED)


def test_zeros_of_another_sign(tmp_path: Path) -> None:
    before = np.where(np.abs(W) < 0.05, np.float32(0), W)
    assert kind(tmp_path, before, np.where(before == 0, np.float32(-0.0), before)).kind == ChangeKind.UPDATED


def test_few_different_values_are_no_evidence(tmp_path: Path) -> None:
    """Binary weights of which as many rise as fall, and a scale that is one throughout."""
    before = np.sign(W)
    after = before.copy()
    after[0, 0], after[np.nonzero(before == -before[0, 0])[0][0]] = -before[0, 0], before[0, 0]
    flat = after.ravel()
    flat[: flat.size // 4] = shuffled(flat[: flat.size // 4], 0)
    assert kind(tmp_path, before, after).kind not in (ChangeKind.REORDERED, ChangeKind.TAKEN)
    ones = {"a.gamma": np.ones(40, "f4"), "b.gamma": BIAS}
    tensors = diffed(tmp_path, ones, {"a.gamma": BIAS + 1, "b.gamma": np.ones(40, "f4")}).tensors
    assert {t.kind.kind for t in tensors if t.kind} == {ChangeKind.UPDATED}


def test_taken_from_another_layer(tmp_path: Path) -> None:
    other = noise(W, 0.5)
    found = diffed(
        tmp_path, {"a.kernel": W, "b.kernel": other, "c.bias": BIAS}, {"a.kernel": other, "b.kernel": W, "c.bias": BIAS}
    )
    assert {t.name: t.kind.origin for t in found.tensors if t.kind} == {"a.kernel": "b.kernel", "b.kernel": "a.kernel"}


@pytest.mark.parametrize("narrow", ["bfloat16", "float16", "float8_e4m3fn"])
def test_cast_and_back(tmp_path: Path, narrow: str) -> None:
    rounded = W.astype(narrow).astype("f4")
    found = kind(tmp_path, W, rounded)
    assert (found.kind, found.dtype, found.proven) == (ChangeKind.CAST, narrow, True)
    assert kind(tmp_path, W, noise(W, 0.2).astype(narrow).astype("f4")).kind == ChangeKind.UPDATED, "and trained"
    again = noise(rounded, 1e-3).astype(narrow).astype("f4")
    if not np.array_equal(again, rounded):
        assert kind(tmp_path, rounded, again).kind != ChangeKind.CAST, "it had been rounded before"


@pytest.mark.parametrize("levels", [127, 7])
@pytest.mark.parametrize("by_unit", [False, True])
def test_quantised(tmp_path: Path, levels: int, by_unit: bool) -> None:
    before = W * np.linspace(0.5, 2, 40, dtype="f4")
    step = (np.abs(before).max(axis=0 if by_unit else None) / levels).astype("f4")
    after = (np.rint(before / step) * step).astype("f4")
    found = kind(tmp_path, before, after)
    assert (found.kind, found.levels, found.by_unit) == (ChangeKind.QUANTISED, 2 * levels + 1, by_unit)
    assert kind(tmp_path, before, noise(after, 1e-3)).kind == ChangeKind.UPDATED


def test_sparse(tmp_path: Path) -> None:
    """Rows of rare words; a patch of filters; and single values."""
    words, rows, values = WORDS.copy(), W.copy(), W.copy()
    words[[3, 800, 1500]] += 0.01
    rows[5] += 0.02
    values[tuple(RNG.integers(0, 40, (2, 20)))] += 0.3
    found = kind(tmp_path, WORDS, words, "a.embeddings")
    assert (found.kind, found.slices, found.axes, found.changed) == (ChangeKind.SPARSE, (3, 2000), (0,), 36)
    found = kind(tmp_path, W, rows)
    assert (found.kind, found.slices, found.axes, found.changed) == (ChangeKind.SPARSE, (1, 96), (0,), 40)
    found = kind(tmp_path, W, values)
    assert (found.kind, found.slices, found.changed) == (ChangeKind.SPARSE, None, int((values != W).sum()))


def test_steps_below_rounding_are_not_sparse(tmp_path: Path) -> None:
    """A bfloat16 tensor keeps most of its bits where updates are small, although every value is trained."""
    before = W.astype(ml_dtypes.bfloat16)
    after = noise(before.astype("f4"), 1e-4).astype(before.dtype)
    assert 0 < (after != before).mean() < 0.1
    assert kind(tmp_path, before, after).kind == ChangeKind.UPDATED


def test_new_nan(tmp_path: Path) -> None:
    after = W * np.float32(1.1)
    after[0, :3] = np.nan
    found = kind(tmp_path, W, after)
    assert (found.kind, found.bad) == (ChangeKind.NON_FINITE, (0, 3))
    assert kind(tmp_path, after, W).kind != ChangeKind.NON_FINITE


@pytest.mark.parametrize(("shape", "rank"), [((256, 192), 8), ((700, 300), 4), ((256, 192), 1), ((3, 3, 40, 64), 6)])
@pytest.mark.parametrize("dtype", ["f4", "bfloat16"])
def test_a_merged_adapter(tmp_path: Path, shape: tuple[int, ...], rank: int, dtype: str) -> None:
    before = (RNG.standard_normal(shape) / 16).astype("f4")
    a, b = (RNG.standard_normal(size) for size in ((before.size // shape[-1], rank), (rank, shape[-1])))
    after = (before + 0.02 * (a @ b).reshape(shape)).astype("f4")
    found = kind(tmp_path, before.astype(dtype), after.astype(dtype), spectral=True)
    assert (found.kind, found.rank) == (ChangeKind.LOW_RANK, rank)
    assert found.captured is not None
    assert found.captured > 0.99
    assert found.stable_rank is not None
    assert 1 <= found.stable_rank <= 1.001 * rank
    assert kind(tmp_path, before, after).rank is None, "only on request"


@pytest.mark.parametrize("size", [(256, 192), (600, 400)])
def test_no_directions_in_what_is_no_merge(tmp_path: Path, size: tuple[int, int]) -> None:
    before = (RNG.standard_normal(size) / 16).astype("f4")
    merged = before + 0.02 * np.outer(RNG.standard_normal(size[0]), RNG.standard_normal(size[1])).astype("f4")
    for after in (noise(before, 1e-2), shuffled(before, 0), before * np.float32(1.1)):
        found = kind(tmp_path, before, after, spectral=True)
        assert found.kind != ChangeKind.LOW_RANK
        assert not found.rank
    found = kind(tmp_path, before, noise(merged, 0.5), spectral=True)
    assert found.kind == ChangeKind.UPDATED, "most of it is noise"


def adam(weights: list[np.ndarray], steps: int) -> list[np.ndarray]:
    """A network of two layers after some steps towards another one's answers, all weights trained, as Keras's Adam."""
    inputs, outputs = weights[0].shape[0], weights[1].shape[1]
    goal = RNG.standard_normal((inputs, outputs)) / 8
    now = [w.astype("f8") for w in weights]
    first, second = [np.zeros_like(w) for w in now], [np.zeros_like(w) for w in now]
    for step in range(1, steps + 1):
        x = RNG.standard_normal((64, inputs))
        hidden = np.maximum(x @ now[0], 0)
        error = (hidden @ now[1] - np.tanh(x @ goal)) / 64
        gradients = [x.T @ (error @ now[1].T * (hidden > 0)), hidden.T @ error]
        for w, m, v, g in zip(now, first, second, gradients, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= 1e-3 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-7)
    return [w.astype("f4") for w in now]


@pytest.mark.parametrize("size", [(128, 96, 64), (400, 256, 128)])
def test_full_training_is_of_no_low_rank(tmp_path: Path, size: tuple[int, int, int]) -> None:
    before = [(RNG.standard_normal(shape) / 10).astype("f4") for shape in pairwise(size)]
    after = adam(before, 60)
    names = ("a.kernel", "b.kernel")
    found = diffed(tmp_path, dict(zip(names, before, strict=True)), dict(zip(names, after, strict=True)), spectral=True)
    assert {t.kind.kind for t in found.tensors if t.kind} == {ChangeKind.UPDATED}
    assert all(t.kind.rank is not None for t in found.tensors if t.kind), "the directions were counted"


def test_class_order(tmp_path: Path) -> None:
    """The head's columns and its bias are exchanged alike; everything else is as before."""
    order = RNG.permutation(40)
    before = {"body.kernel": SQUARE, "head.kernel": W, "head.bias": BIAS}
    found = diffed(tmp_path, before, before | {"head.kernel": W[:, order], "head.bias": BIAS[order]})
    kinds = {t.name: (t.kind.kind, t.kind.axes) for t in found.tensors if t.kind}
    assert kinds == {"head.kernel": (ChangeKind.REORDERED, (1,)), "head.bias": (ChangeKind.REORDERED, (0,))}
    assert found.kinds is not None
    assert (found.kinds.extent, found.kinds.layer) == (Extent.LAYER, "head")


def test_a_step_of_weight_decay_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """AdamW with a gradient of zero: kernels shrink by learning rate × decay, biases are left alone."""
    before = {"a.kernel": W, "a.bias": BIAS, "b.kernel": noise(W, 1)}
    diffed(tmp_path, before, {k: v * np.float32(1 - 0.01 * 0.1) if v.ndim > 1 else v for k, v in before.items()})
    assert main(["diff", *(str(tmp_path / f"{name}.safetensors") for name in "ab")]) == 0
    out = capsys.readouterr().out
    assert "2 of 3 changed: 2 × 0.999; only tensors of two or more axes; 1 equal" in out
    assert "a.kernel: × 0.999 (residual below 1e-07): only weight decay acted, no gradient" in out


@pytest.mark.parametrize(
    ("changed", "extent"),
    [
        (["b.kernel", "b.bias"], Extent.LAYER),
        (["a.bias", "b.bias"], Extent.VECTORS),
        (["a.kernel", "b.kernel"], Extent.MATRICES),
        (["a.kernel", "b.bias"], None),
        (["a.kernel", "a.bias", "b.kernel", "b.bias"], None),
    ],
)
def test_where_they_are(tmp_path: Path, changed: list[str], extent: Extent | None) -> None:
    before = {"a.kernel": W, "a.bias": BIAS, "b.kernel": noise(W, 1), "b.bias": noise(BIAS, 1)}
    found = diffed(tmp_path, before, {k: noise(v, 1e-2) if k in changed else v for k, v in before.items()}).kinds
    assert found is not None
    assert found.extent == extent
    assert (len(found.kinds), found.equal, found.shared) == (len(changed), 4 - len(changed), 4)


def test_the_line_of_a_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the terminal, in JSON and on the page, with its evidence."""
    before = {f"l{i:02}.kernel": noise(SQUARE, 1) for i in range(30)}
    after = {name: noise(values, 1e-3) if i < 20 else values for i, (name, values) in enumerate(before.items())}
    after["l20.kernel"] = before["l20.kernel"] * np.float32(1.1)
    after["l21.kernel"] = shuffled(before["l21.kernel"], 1)
    after["l22.kernel"] = (before["l22.kernel"] + np.outer(SQUARE[0], SQUARE[1])).astype("f4")
    after["l23.kernel"] = np.where(np.eye(48) > 0, np.nan, before["l23.kernel"]).astype("f4")
    diffed(tmp_path, before, after)
    page = tmp_path / "page.html"
    paths = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    line = "24 of 30 changed: 1 gained NaN/Inf, 1 reordered, 1 × 1.1, 1 of rank 1, 20 by about 0.001; 6 equal"
    assert main(["diff", *paths, "--spectral", "--html", str(page), "--fail-on", "none"]) == 0
    out = capsys.readouterr().out
    assert line in out.splitlines()
    assert "l21.kernel: the same values with the columns (axis 1, 48 of them) in another order" in out
    assert line in page.read_text("utf-8")
    assert "the same values with the columns (axis 1, 48 of them) in another order" in page.read_text("utf-8")
    assert main(["diff", *paths, "--json", "--fail-on", "none"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kinds"]["counts"] == {"non_finite": 1, "reordered": 1, "scaled": 1, "updated": 21}
    kinds = {t["name"]: t["kind"] for t in record["tensors"]}
    assert kinds["l29.kernel"] is None
    assert kinds["l20.kernel"]["factor"] == pytest.approx(1.1)
    assert (kinds["l21.kernel"]["axes"], kinds["l21.kernel"]["proven"]) == ([1], True)
