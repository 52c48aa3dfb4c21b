"""Weights that an optimizer proves to be lost, and those that are not in the file because they were merged."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest


def trained(model: Any, inputs: Any) -> Any:
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(inputs, np.zeros(model(inputs).shape))
    return model


def test_a_list_that_hides_layers(keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    """Keras skips attributes that its own layers have, such as ``_layers``; here four of six weights are gone."""

    class Body(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._layers = [keras.layers.Dense(4), keras.layers.Dense(4)]

        def call(self, x: Any) -> Any:
            for layer in self._layers:
                x = layer(x)
            return x

    model = trained(
        keras.Sequential([keras.Input((4,)), Body(name="body"), keras.layers.Dense(1, name="out")]), np.ones((2, 4))
    )
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    contents = read(tmp_path / "m.keras").contents
    assert (contents.missing_weights, contents.missing_layers) == (4, ("body",))
    assert read(tmp_path / "m.weights.h5").contents.missing_weights == 4


def test_the_reported_files(reported: Path, shared_data: Path, read: Any) -> None:
    lost = read(reported / "lost-weights-and-lora" / "lost.keras").contents
    assert (lost.missing_weights, lost.missing_layers) == (4, ("body",))
    lora = read(reported / "lost-weights-and-lora" / "lora.keras").contents
    assert (lora.missing_weights, lora.missing_layers, lora.notes) == (0, (), ())
    bugged = read(shared_data / "single/keras-history/output/bugged_model.keras").contents
    assert bugged.missing_weights == 6


def adapted(keras: ModuleType) -> Any:
    """A model with every class of layer that has adapters, trained for a step."""
    layers = keras.layers
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 8, name="e")(tokens)
    x = layers.EinsumDense("abc,cd->abd", output_shape=(6, 5), bias_axes="d", name="q")(x)
    x = layers.Conv1D(7, 2, name="c")(x)
    model = keras.Model(tokens, layers.Dense(3, name="d")(layers.Flatten()(x)))
    for layer in model.layers:
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(2)
    return trained(model, np.zeros((2, 6), "i4"))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_adapters_are_merged_and_not_lost(
    suffix: str, keras: ModuleType, read: Any, tmp_path: Path, quiet: None
) -> None:
    """Their slots are named after them, and what they adapt is not trained."""
    model = adapted(keras)
    model.save(tmp_path / f"m{suffix}")
    found = read(tmp_path / f"m{suffix}")
    assert found.contents.missing_weights == 0
    assert found.contents.notes == ()
    slots = found.collection("optimizer")
    for layer, weight in (("e", "embeddings"), ("q", "kernel"), ("c", "kernel"), ("d", "kernel")):
        for factor in "ab":
            info, _ = slots[f"optimizer/{layer}/lora_{weight}_{factor}/velocity"]
            assert (info.role, info.layer) == ("velocity", layer)
    assert not [name for name in slots if "var_" in name]
    flags = {f"{layer.name}/{v.name}": v.trainable for layer in model.layers for v in layer.weights}
    stored = {name: info.trainable for name, (info, _) in found.collection("model").items()}
    assert stored == {name: flags[name] for name in stored}


def test_merged_adapters_without_a_configuration(keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    adapted(keras).save_weights(tmp_path / "m.weights.h5")
    assert read(tmp_path / "m.weights.h5").contents.missing_weights == 0


def test_adapters_do_not_hide_a_loss(keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, name="d"), keras.layers.Dense(3, name="out")])
    model.get_layer("d").enable_lora(2)
    trained(model, np.ones((2, 4))).save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "r+") as file:
        del file["layers/dense_1/vars/0"]
    assert read(tmp_path / "m.weights.h5").contents.missing_weights == 1


def test_a_frozen_or_quantised_model_has_lost_nothing(
    keras: ModuleType, read: Any, tmp_path: Path, quiet: None
) -> None:
    """Its optimizer keeps state of weights that have since been frozen, or packed into fewer bytes."""
    for change in ("frozen", "int8", "int4"):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, name="d"), keras.layers.Dense(8)])
        trained(model, np.ones((2, 4)))
        if change == "frozen":
            model.get_layer("d").trainable = False
        else:
            model.quantize(change)
        model.save(tmp_path / f"{change}.keras")
        contents = read(tmp_path / f"{change}.keras").contents
        assert (contents.missing_weights, contents.missing_layers) == (0, ()), change


def test_named_state_proves_it_in_old_files(keras2: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(keras2["image"].files[".h5"].read_bytes())
    assert read(path).contents.missing_weights == 0
    with h5py.File(path, "r+") as file:
        file["model_weights/head"].attrs["weight_names"] = np.array([], "S1")
    contents = read(path).contents
    assert (contents.missing_weights, contents.missing_layers) == (2, ("head",))
    slots = [name for name in read(path).collection("optimizer") if "head" in name]
    assert slots == [f"optimizer/head/{variable}/{slot}" for variable in ("kernel", "bias") for slot in "mv"]


def test_a_step_counter_alone(tmp_path: Path, read: Any) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
        optimizer = file.create_group("optimizer_weights")
        optimizer.attrs["weight_names"] = [b"iteration:0"]
        optimizer["iteration:0"] = np.int64(7)
    found = read(tmp_path / "m.h5")
    assert found.collection("model") == {}
    assert found.contents.step == 7
    assert found.contents.notes == ("it holds no weights of a model",)
