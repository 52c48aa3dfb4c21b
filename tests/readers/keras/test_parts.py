"""The parts of a user's own layer, of which Keras 2 stores no names: never called as another tensor is elsewhere."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.readers.live import live_contents


def model(k: ModuleType) -> Any:
    """A list of layers without names, and attributes that are numbered otherwise than Keras numbers the layers."""

    class Block(k.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.parts = [k.layers.Dense(units) for units in (4, 5, 6)]
            self.dense_5 = k.layers.Dense(6)
            self.dense_6 = k.layers.Dense(6)

        def call(self, x: Any) -> Any:
            for layer in (*self.parts, self.dense_5, self.dense_6):
                x = layer(x)
            return x

    given = k.Input((6,))
    x = Block(name="block")(k.layers.Dense(6)(given))
    return k.Model(given, k.layers.Dense(2, name="head")(x))


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_one_name_is_one_tensor(name: str, tf_keras: ModuleType, tmp_path: Path, read: Any) -> None:
    tf_keras.backend.clear_session()
    tf_keras.layers.Dense(1)  # the session has made others before
    own = model(tf_keras)
    live = {t.info.name: next(iter(t.blocks())) for t in live_contents(own).tensors}
    path = tmp_path / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that .h5 is old
        own.save_weights(path) if name == "m.weights.h5" else own.save(path)
    inside = {n: found for n, found in read(path).tensors.items() if n.startswith("block/")}
    assert len(inside) == 10
    for tensor, (info, value) in inside.items():
        assert info.layer == "block"
        assert tensor not in live or np.array_equal(value.reshape(-1), live[tensor]), tensor
    if name == "m.h5":
        assert inside.keys() <= live.keys()
    else:
        assert {"block/parts/dense/kernel", "block/parts/dense_1/kernel", "block/parts/dense_2/bias"} <= inside.keys()
        assert {"block/dense_5/var_0", "block/dense_6/var_1"} <= inside.keys()
