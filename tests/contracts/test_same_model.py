"""The same model in every format: the same layers, names and, to the bit, statistics; other kinds than the first."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.api import Measurement, inspect, measure
from reporter.readers.live import live_contents
from reporter.settings import Settings
from tests.contracts.test_readers import MAKERS, NAMES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, while it saves

KERAS = {"keras", "keras-weights", "keras-sharded", "keras-h5"}
FLAT = {"safetensors", "safetensors-index", "numpy", "tf-v1"}
"""They know names only: every part of a name but the last is a layer, in an order of their own."""

CLONED = {"orbax"}
"""Keras writes it from a compiled model, so its maker clones, which loses quantisation and custom classes;
tests/readers/orbax compares what it holds."""

CANNOT = {("bfloat16", "tf-v1"): "TensorFlow's Save has no bfloat16"}
UNNAMED = {("bfloat16", "numpy"): "as NumPy writes bfloat16"}
"""What a format stores without its type: listed, with the reason, and not measured."""

LOST = {("subclassed", "savedmodel"), ("int8", "savedmodel")}
"""An exported model keeps a plain list of variables, with paths that no longer tell every layer."""

NUMBERED = {("subclassed", name) for name in KERAS - {"keras-h5"}}
"""Keras stores no names of variables, and of a user's own class no layers' classes that would tell them."""


def nested(keras: ModuleType) -> Any:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(16, name="z"), layers.Dense(8, name="a")], name="inner")
    middle_in = keras.Input((6,))
    middle = keras.Model(middle_in, layers.LayerNormalization(name="ln")(inner(middle_in)), name="middle")
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 6, name="emb")(tokens)
    x = layers.GRU(6, name="gru")(x)
    return keras.Model(tokens, layers.Dense(3, name="head")(middle(x)))


def typed(dtype: str) -> Any:
    def make(keras: ModuleType) -> Any:
        layers = keras.layers
        return keras.Sequential([
            keras.Input((12,)), layers.Dense(24, dtype=dtype, name="one"), layers.Dense(16, dtype=dtype, name="two"),
            layers.LayerNormalization(dtype=dtype, name="norm"), layers.Dense(20, dtype=dtype, name="head"),
        ])  # fmt: skip

    return make


def int8(keras: ModuleType) -> Any:
    model = typed("float32")(keras)
    model.quantize("int8")
    return model


def subclassed(keras: ModuleType) -> Any:
    class Net(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.body = keras.layers.Dense(24, name="body")
            self.head = keras.layers.Dense(12, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.body(x))

    model = Net()
    model(np.zeros((1, 3), "f4"))
    return model


KINDS = {
    "nested": nested,
    "float64": typed("float64"),
    "float16": typed("float16"),
    "bfloat16": typed("bfloat16"),
    "int8": int8,
    "subclassed": subclassed,
}


@pytest.fixture(scope="module", params=KINDS)
def saved(
    request: pytest.FixtureRequest, keras: ModuleType, tf: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Any, dict[str, Path]]:
    """The kind of a model, the model, and its path in each format that can hold it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.utils.set_random_seed(1)
        model = KINDS[request.param](keras)
        paths = {
            name: make(model, tmp_path_factory.mktemp(f"{request.param}-{name}"), tf)
            for name, make in MAKERS.items()
            if name not in CLONED and (request.param, name) not in CANNOT
        }
    return request.param, model, paths


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CLONED])
def test_layers_names_and_numbers_are_the_live_models(name: str, saved: tuple[str, Any, dict[str, Path]]) -> None:
    kind, model, paths = saved
    if (kind, name) in CANNOT:
        pytest.skip(CANNOT[kind, name])
    if (kind, name) in UNNAMED:
        contents, _ = inspect(paths[name], Settings())
        left_out = {one.name: one.reason for one in contents.skipped}
        ours = [t for t in live_contents(model).tensors if t.info.dtype == kind]
        assert left_out.keys() == {t.info.name for t in ours}
        assert all(UNNAMED[kind, name] in reason for reason in left_out.values())
        return
    live, back = measure(model), measure(paths[name])
    told = (kind, name) not in NUMBERED
    assert numbers(back, roles=told) == numbers(live, roles=told)
    assert back.whole.statistics["count"] == live.whole.statistics["count"]
    theirs, ours = [[slashes(layer.name) for layer in one.layers] for one in (back, live)]
    names, wanted = [sorted(slashes(v.name) for v in one.variables) for one in (back, live)]
    if name in FLAT:
        assert names == wanted
        assert {layer for v in back.variables for layer in [slashes(v.layer or "")]} == set(theirs)
    elif name in KERAS:
        assert theirs == ours
        assert not told or names == wanted
    elif (kind, name) not in LOST:
        # A bundle keeps a variable's own path, in which models around a functional one do not occur.
        assert all(mine.endswith(layer) for layer, mine in zip(theirs, ours, strict=True))


def numbers(result: Measurement, *, roles: bool) -> list[Any]:
    """All that was measured; variables of a layer are stored in various orders."""
    rows = [(v.role if roles else "", v.dtype, v.shape, v.statistics, v.quantiles) for v in result.variables]
    return sorted(rows, key=repr)


def slashes(name: str) -> str:
    return name.replace(".", "/")
