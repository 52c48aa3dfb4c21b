"""Layers under other automatic numbers: Keras's own sessions, and what must never be matched."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.api import measure
from reporter.cli import main
from reporter.gather.layer_names import SAME, match, notes, renamed
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.model.measured import Measured
from reporter.model.tensor import Contents, LayerInfo
from tests.sources import ArraySource

Spec = Sequence[tuple[str, tuple[int, ...]]]


def measured(layers: Spec, *, kinds: bool = True, ordered: bool = True, slots: bool = False) -> Measured:
    """One kernel per layer; its class is told by its name."""
    rng = np.random.default_rng(len(layers))
    sources: list[Any] = [ArraySource(rng.normal(size=s).astype("f4"), f"{n}/kernel", n) for n, s in layers]
    if slots:
        sources += [
            ArraySource(np.ones(s, "f4"), f"optimizer/{n}/kernel/momentum", n, "momentum", None, "optimizer")
            for n, s in layers
        ]
    classes = {"conv1d": "Conv1D", "dense": "Dense", "batch_normalization": "BatchNormalization"}
    infos = tuple(
        LayerInfo(n, next((c for k, c in classes.items() if n.split("/")[-1].startswith(k)), "") if kinds else "")
        for n, _ in layers
    )
    return measure_checkpoint(Contents("toy", infos, tuple(sources), layers_ordered=ordered), Plan())[0]


A, B = (3, 4), (5, 6)
FIRST: Spec = [("conv1d", A), ("conv1d_1", A), ("dense", B)]


@pytest.mark.parametrize("ordered", [True, False])
def test_other_numbers_same_structure(ordered: bool) -> None:
    """In the order of creation: 9 comes before 10 whatever order the file is in."""
    later = [("conv1d_9", A), ("conv1d_10", A), ("dense_3", B)]
    if not ordered:
        later = sorted(later)
    found = match(measured(FIRST, slots=True), measured(later, ordered=ordered, slots=True))
    assert found.layers == {"conv1d_9": "conv1d", "conv1d_10": "conv1d_1", "dense_3": "dense"}
    assert found.tensors["conv1d_10/kernel"] == "conv1d_1/kernel"
    assert found.tensors["optimizer/conv1d_9/kernel/momentum"] == "optimizer/conv1d/kernel/momentum"
    assert not found.ambiguous


def test_numbers_that_moved_by_one_are_not_taken_for_names() -> None:
    """conv1d_1 is in both, and is another layer in each: Keras's numbers mean nothing across sessions."""
    found = match(measured(FIRST), measured([("conv1d_1", A), ("conv1d_2", A), ("dense", B)]))
    assert found.layers == {"conv1d_1": "conv1d", "conv1d_2": "conv1d_1"}


def test_nested_models_are_numbered_too() -> None:
    found = match(measured([("encoder/dense", A)]), measured([("encoder_3/dense_7", A)]))
    assert found.layers == {"encoder_3/dense_7": "encoder/dense"}


AMBIGUOUS: dict[str, tuple[Spec, Spec, dict[str, Any]]] = {
    "one layer more": (FIRST, [("conv1d_2", A), ("conv1d_3", A), ("conv1d_4", A), ("dense", B)], {}),
    "another shape": ([("dense", A), ("dense_1", B)], [("dense_4", B), ("dense_5", A)], {}),
    "another order of the model": (
        [("conv1d", A), ("conv1d_1", A)],
        [("conv1d_8", A), ("conv1d_7", A)],
        {},
    ),
    "names that a person may have given": ([("block_1", A), ("block_2", A)], [("block_2", A), ("block_3", A)], {}),
    "a format that tells no classes": (
        [("dense", A), ("dense_1", A)],
        [("dense_1", A), ("dense_2", A)],
        {"kinds": False},
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_is_ambiguous_keeps_its_names_and_is_said(case: str) -> None:
    first, later, how = AMBIGUOUS[case]
    found = match(measured(first, **how), measured(later, **how))
    assert not found.layers
    assert not found.tensors
    assert found.ambiguous
    (note,) = notes([SAME, found])
    assert "cannot be told" in note


def test_equal_names_and_mere_additions_are_matched_by_name() -> None:
    assert match(measured(FIRST), measured(FIRST)) == SAME
    assert match(measured(FIRST), measured([*FIRST, ("dense_1", B)])) == SAME
    assert match(measured(FIRST), measured(FIRST[1:])) == SAME


def test_numbers_go_by_the_names_of_the_series() -> None:
    other = measured([("conv1d_9", A), ("conv1d_10", A), ("dense_3", B)], slots=True)
    shown = renamed(other, match(measured(FIRST), other))
    assert [g.name for g in shown.layers] == ["conv1d", "conv1d_1", "dense"]
    assert shown.layers[0].tensors == ("conv1d/kernel",)
    assert shown.by_name["conv1d_1/kernel"].statistics == other.by_name["conv1d_10/kernel"].statistics
    assert {n for g in (*shown.roles, shown.whole) for n in g.tensors} <= set(shown.by_name)
    assert shown.optimizer is not None
    assert set(shown.optimizer.tensors) <= set(shown.by_name)
    assert shown.own_names == {"conv1d": "conv1d_9", "conv1d_1": "conv1d_10", "dense": "dense_3"}
    assert renamed(other, SAME) is other


SAVES = {"keras": "m-{}.keras", "weights": "m-{}.weights.h5", "h5": "m-{}.h5"}


@pytest.mark.parametrize("how", SAVES)
def test_two_sessions_of_keras_are_one_series(keras: ModuleType, tmp_path: Path, how: str) -> None:
    """The same code run twice in one process: every name has another number, and the change is that of the weights."""
    folder = tmp_path / "ckpts"
    folder.mkdir()
    keras.backend.clear_session()

    def build(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        return keras.Sequential(
            [keras.Input((8, 2)), layers.Conv1D(3, 3), layers.Conv1D(3, 3), layers.Flatten(), layers.Dense(2)]
        )

    models = [build(0), build(1), build(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step, model in enumerate(models, 1):
            path = folder / SAVES[how].format(step)
            (model.save_weights if how == "weights" else model.save)(path)
    main(["report", str(folder), "-o", str(tmp_path / "out"), "--no-pdf", "-q"])
    record = json.loads((tmp_path / "out" / "latest" / "report.json").read_bytes())
    (series,) = record["series"]
    assert series["layers"] == ["conv1d", "conv1d_1", "dense"]
    assert [f for f in record["findings"] if f["rule"] == "structure"] == []
    assert any("matched by structure" in note for note in series["notes"])
    assert series["checkpoints"][0]["own_names"] == {}
    assert series["checkpoints"][1]["own_names"]["conv1d"] == models[1].layers[0].name != "conv1d"
    for pair, (old, new) in zip(series["pairs"], pairwise(models), strict=True):
        assert not pair["added"]
        assert not pair["removed"]
        for named, a, b in zip(models[0].layers, old.layers, new.layers, strict=True):
            if not a.weights:
                continue
            x, y = (np.asarray(m.kernel.numpy(), "f8") for m in (a, b))
            (shown,) = [
                c for n, c in pair["tensors"].items() if n.startswith(named.name + "/") and c["count"] == x.size
            ]
            assert shown["relative_update"] == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-9)
    page = (tmp_path / "out" / "latest" / "index.html").read_text()
    assert "matched by structure" in page
    if how != "weights":
        assert measure(folder / SAVES[how].format(2)).layers[0].name == models[1].layers[0].name  # alone: its own name


def test_a_name_never_stands_for_two_tensors() -> None:
    """The file's own tensor of the name that another would get."""
    first = measured([("dense", A)])
    other, _ = measure_checkpoint(
        Contents(
            "toy",
            (LayerInfo("dense_1", "Dense"),),
            (
                ArraySource(np.ones(A, "f4"), "dense_1/kernel", "dense_1"),
                ArraySource(np.ones(A, "f4"), "dense/kernel", "", "other", None, "other"),
            ),
        ),
        Plan(),
    )
    found = match(first, other)
    assert not found.layers
    assert found.ambiguous == ("dense",)


def test_names_that_all_lie_in_one_scope_are_those_without_it() -> None:
    """Optimizer state has the scope after the optimizer's name; what one of the two lacks is no doubt."""
    inside: Spec = [(f"net/{name}", shape) for name, shape in FIRST]
    found = match(measured(FIRST, slots=True), measured(inside, slots=True))
    assert found.layers == {f"net/{name}": name for name, _ in FIRST}
    assert found.tensors["net/dense/kernel"] == "dense/kernel"
    assert found.tensors["optimizer/net/dense/kernel/momentum"] == "optimizer/dense/kernel/momentum"
    assert "begin with net/" in notes([found, found])[0]
    fewer = match(measured(inside), measured(FIRST[:2]))
    assert fewer.layers == {name: f"net/{name}" for name, _ in FIRST[:2]}
    assert renamed(measured(FIRST[:2]), fewer).by_name.keys() == {"net/conv1d/kernel", "net/conv1d_1/kernel"}
    other = [("net/conv1d", B), ("net/conv1d_1", A), ("net/dense", B)]
    assert match(measured(FIRST), measured(other)).prefix is None, "of another shape"
    assert match(measured([("net/conv1d", A), ("conv1d", A)]), measured(inside)).prefix is None, "one has that name"
