"""Layers that several models share, as Keras 2 and 3 store and number them: the values tell which is which."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.readers.keras.members import members_of, within
from reporter.readers.keras.tree import Dataset, Group
from reporter.readers.keras_model.config import parse_model


def sharing(keras: ModuleType, again: int = 4, *, same_names: bool = False) -> Any:
    """Two models with a layer in common, which the outer one has once more; the value of every layer is its own."""
    layers = keras.layers

    def inner(name: str, parts: list[Any]) -> Any:
        inputs = x = keras.Input((4,))
        for part in parts:
            x = part(x)
        return keras.Model(inputs, x, name=name)

    common = layers.Dense(4, name="common")
    a = inner("a", [common, layers.Dense(4, name="own")])
    if same_names:
        b = inner("b", [layers.Dense(again, name="own"), layers.Dense(4), common])
    else:
        b = inner("b", [common, layers.Dense(4, name="other"), layers.BatchNormalization(name="norm")])
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(4, name="top")(common(layers.Add()([a(inputs), b(inputs)]))))
    model.compile("adam", "mse", run_eagerly=True)
    rng = np.random.default_rng(3)
    model.train_on_batch(rng.random((2, 4)), np.ones((2, 4)))
    model.set_weights([rng.random(w.shape) for w in model.get_weights()])
    return model


def values(model: Any, keras: ModuleType, prefix: str = "") -> dict[str, np.ndarray]:
    """The first weight of each layer under the names of all models that hold it."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= values(layer, keras, f"{prefix}{layer.name}/")
        elif layer.weights:
            found[prefix + layer.name] = layer.get_weights()[0]
    return found


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("generation", ["keras", "tf_keras"])
def test_a_shared_layer_is_stored_once_and_moves_no_name(
    generation: str, suffix: str, request: pytest.FixtureRequest, read: Any, tmp_path: Path, quiet: None
) -> None:
    keras = request.getfixturevalue(generation)
    model = sharing(keras)
    model.save(tmp_path / f"m{suffix}")
    found = read(tmp_path / f"m{suffix}")
    firsts = {info.layer: one for info, one in reversed(list(found.collection("model").values()))}
    expected = values(model, keras)
    assert list(found.contents.layers)
    assert sorted(firsts) == ["a/common", "a/own", "b/norm", "b/other", "top"]
    for layer, first in firsts.items():
        assert first.tobytes() == expected[layer].tobytes(), layer
    assert sum(one.size for _, one in found.collection("model").values()) == model.count_params()
    assert found.contents.missing_layers == ()
    assert found.contents.notes == ()
    targets = {name.rsplit("/", 1)[0] for name in found.collection("optimizer") if name.count("/") > 2}
    assert targets == {f"optimizer/{name}" for name, (info, _) in found.collection("model").items() if info.trainable}


def test_shapes_decide_between_layers_of_one_name(tf_keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    """In ``b`` both ``own`` and ``common`` have names of layers of ``a``; one of the two is the same layer."""
    model = sharing(tf_keras, again=5, same_names=True)
    model.save(tmp_path / "m.keras")
    found = read(tmp_path / "m.keras")
    firsts = {info.layer: one for info, one in reversed(list(found.collection("model").values()))}
    expected = values(model, tf_keras)
    assert "b/own" in firsts
    for layer, first in firsts.items():
        assert first.tobytes() == expected[layer].tobytes(), layer
    assert found.contents.notes == ()


def test_where_shapes_cannot_decide_it_is_said(tf_keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    model = sharing(tf_keras, again=4, same_names=True)
    model.save(tmp_path / "m.keras")
    found = read(tmp_path / "m.keras")
    owners = {info.layer for info, _ in found.collection("model").values()}
    assert {"a/common", "a/own", "b/dense", "b/dense_1", "top"} == owners  # under the file's own names
    assert found.contents.missing_layers == ()
    (note,) = found.contents.notes
    assert note.startswith("which of the layers own, dense")
    assert "cannot be told" in note


def group(shape: tuple[int, ...]) -> Group:
    dataset = Dataset("vars/0", shape, np.dtype("f4"), 1, "", None)
    return Group("", 0, groups={"vars": Group("vars", 0, datasets={"0": dataset})})


def layers(*given: tuple[str, int]) -> Any:
    configs = [
        {"class_name": "Dense", "config": {"name": name, "units": units, "use_bias": False}} for name, units in given
    ]
    return parse_model(json.dumps({"class_name": "Sequential", "config": {"layers": configs}})).model.layers


def test_gaps_tell_that_every_layer_was_counted() -> None:
    """Keras 3 counts a layer that it has stored already: then the numbers are places."""
    known = {("Dense", "common")}
    three = layers(("common", 4), ("x", 4), ("y", 4))
    groups = {"dense_1": group((4, 4)), "dense_2": group((4, 4))}
    for keras2 in (False, True):
        found = members_of(three, groups, known, keras2=keras2)
        assert (found.places["dense_1"], found.places["dense_2"]) == (1, 2)
    without = members_of(three, {"dense": group((4, 4)), "dense_1": group((4, 4))}, known, keras2=True)
    assert without.places == {"dense": 1, "dense_1": 2}
    unknown = members_of(three, {"dense": group((4, 4)), "dense_1": group((4, 4))}, set(), keras2=True)
    assert (unknown.places, unknown.undecided) == ({}, {0, 1, 2})


def test_layers_nested_without_end_cost_no_stack() -> None:
    config: dict[str, Any] = {"class_name": "Dense", "config": {"name": "d"}}
    for _ in range(300):
        config = {"class_name": "TimeDistributed", "config": {"name": "t", "layer": config}}
    outer = parse_model(json.dumps({"class_name": "Sequential", "config": {"layers": [config]}})).model
    assert len(list(within(outer))) < 100
