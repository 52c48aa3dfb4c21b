"""What a file holds twice is counted once, under one name."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from reporter.readers.files.window import Window, open_file
from reporter.readers.keras.copies import drop_copies
from reporter.readers.keras.hdf5 import open_hdf5
from reporter.readers.keras.inventory import Inventory, Weight


def wrapped(keras: ModuleType) -> Any:
    """A layer that keeps the variables of the layer inside it, as weight normalisation does, and one of its own."""

    @keras.utils.register_keras_serializable("tests")
    class Keeping(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, layer: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.layer = layer

        def build(self, shape: Any) -> None:
            self.layer.build(shape)
            self.kernel, self.offset = self.layer.kernel, self.layer.bias
            self.factor = self.add_weight(shape=(3,), name="factor", initializer="ones")
            self.built = True

        def call(self, x: Any) -> Any:
            return self.layer(x) * self.factor

        def get_config(self) -> Any:
            return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), Keeping(layers.Dense(3, name="d"), name="k"), layers.Dense(3)])
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(np.random.default_rng(0).random((2, 4)), np.ones((2, 3)))
    return model


@pytest.mark.parametrize("generation", ["keras", "tf_keras"])
def test_a_wrapper_that_keeps_variables_of_the_layer_inside(
    generation: str, request: pytest.FixtureRequest, read: Any, tmp_path: Path, quiet: None
) -> None:
    model = wrapped(request.getfixturevalue(generation))
    model.save(tmp_path / "m.keras")
    found = read(tmp_path / "m.keras")
    tensors = found.collection("model")
    assert list(tensors)[:3] == ["k/d/kernel", "k/d/bias", "k/var_2"]  # in the order of its optimizer
    assert sum(values.size for _, values in tensors.values()) == model.count_params()
    assert {one.name: one.reason for one in found.contents.skipped} == {
        "k/var_0": "the same variable as layers/keeping/layer/vars/0",
        "k/var_1": "the same variable as layers/keeping/layer/vars/1",
    }
    slots = [name for name in found.collection("optimizer") if name.startswith("optimizer/k/")]
    assert [name.rsplit("/", 1)[0] for name in slots[::2]] == [f"optimizer/{name}" for name in list(tensors)[:3]]


def test_equal_values_alone_make_no_copy(keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    """A new bias is zero everywhere; that of a layer is not that of the layer inside it."""

    class Own(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.inner = keras.layers.Dense(3)
            self.inner.build(shape)
            self.bias = self.add_weight(shape=(3,), name="bias", initializer="zeros")
            self.built = True

        def call(self, x: Any) -> Any:
            return self.inner(x) + self.bias

    model = keras.Sequential([keras.Input((4,)), Own(name="own")])
    model.save(tmp_path / "m.keras")
    found = read(tmp_path / "m.keras")
    assert sum(values.size for _, values in found.collection("model").values()) == model.count_params() == 18
    assert found.contents.skipped == ()


@pytest.mark.parametrize(("fill", "copies"), [(0.0, 0), (np.nan, 0), (None, 1)])
def test_only_values_that_differ_among_each_other_prove_a_copy(fill: float | None, copies: int, tmp_path: Path) -> None:
    """Biases that are all zero, and weights that have become NaN, are equal without being the same."""
    values = np.arange(6, dtype="f4") if fill is None else np.full(6, fill, "f4")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["own/0"], file["inner/0"] = values, values
    with open_file(tmp_path / "m.h5") as file, open_hdf5(Window(tmp_path / "m.h5", file)) as root:
        mine, below = (Weight(name, "own", "", root.groups[name].datasets["0"], None) for name in ("own", "inner"))
        found = Inventory(weights=[mine, below])
        drop_copies(found, 0, 1)
        assert (len(found.weights), len(found.skipped)) == (2 - copies, copies)


@pytest.mark.parametrize("generation", ["keras", "tf_keras"])
def test_names_given_by_a_layer_that_stores_itself(
    generation: str, request: pytest.FixtureRequest, read: Any, tmp_path: Path, quiet: None
) -> None:
    keras = request.getfixturevalue(generation)

    class Own(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.w = self.add_weight(shape=(4, 3), name="w")
            self.c = self.add_weight(shape=(3,), name="c")
            self.built = True

        def call(self, x: Any) -> Any:
            return x @ self.w + self.c

        def save_own_variables(self, store: Any) -> None:
            store["my_kernel"], store["a_bias"] = self.w.numpy(), self.c.numpy()

    model = keras.Sequential([keras.Input((4,)), Own(name="own")])
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    model.save(tmp_path / "m.keras")
    found = read(tmp_path / "m.keras")
    model_tensors = found.collection("model")
    assert [(name, info.role) for name, (info, _) in model_tensors.items()] == [
        ("own/my_kernel", "kernel"),
        ("own/a_bias", "bias"),
    ]
    assert model_tensors["own/my_kernel"][1].tobytes() == model.layers[-1].w.numpy().tobytes()
    assert "optimizer/own/a_bias/" in "".join(found.collection("optimizer"))


def test_a_dataset_behind_two_links(keras3: Any, keras: ModuleType, read: Any, tmp_path: Path) -> None:
    """Tied weights that somebody has stored as one dataset: Keras loads such a file."""
    path = tmp_path / "m.weights.h5"
    shutil.copy(keras3["sequential"].files[".weights.h5"], path)
    before = read(path)
    with h5py.File(path, "r+") as file:
        variables = file["layers/dense_1/vars"]
        shape = variables["1"].shape
        del variables["1"]
        file["stock"] = np.full(shape, 2.0, "f4")
        variables["1"] = file["stock"]
        variables["2"] = file["stock"]
    after = read(path)
    assert len(after.tensors) == len(before.tensors)
    (skipped,) = after.contents.skipped
    assert skipped.reason == "the same dataset as layers/dense_1/vars/1, by a second link"


def test_what_text_layers_were_adapted_to_is_no_weight(reported: Path, read: Any) -> None:
    """Keras counts 7 parameters in these models; the frequencies of 6 words are stored twice beside them.

    Both generations of Keras give the weights the same names.
    """
    for name in ("tfidf_keras2.keras", "tfidf_keras3.keras"):
        found = read(reported / "lookup-layers" / name)
        assert {name: v.size for name, (_, v) in found.collection("model").items()} == {"out/kernel": 6, "out/bias": 1}
        others = {name: info for name, (info, _) in found.tensors.items() if name.endswith("idf_weights")}
        assert {name: (info.collection, info.shape) for name, info in others.items()} == {
            "tv/idf_weights": ("other", (6,))
        }
        copies = [one.reason for one in found.contents.skipped if one.name.endswith("idf_weights")]
        assert copies == ["the same variable as layers/text_vectorization/vars/idf_weights"]
        texts = [one for one in found.contents.skipped if one.name.endswith("vocabulary.txt")]
        assert texts
        assert all((one.dtype, one.reason) == ("string", "text that layers look up, without numbers") for one in texts)
        assert "4" not in {layer.name for layer in found.contents.layers}
