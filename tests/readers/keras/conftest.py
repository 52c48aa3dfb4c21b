"""Models that Keras 3 and Keras 2 have just trained for a step and saved in every format, and ways to read them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, TensorInfo
from reporter.readers.keras import KerasArchiveReader, KerasLegacyReader, KerasShardedReader, KerasWeightsReader

READERS = (KerasArchiveReader(), KerasWeightsReader(), KerasShardedReader(), KerasLegacyReader())


@dataclass(frozen=True)
class Read:
    """Everything a reader delivers, streamed into memory."""

    contents: Contents
    tensors: dict[str, tuple[TensorInfo, np.ndarray]]

    def collection(self, name: str) -> dict[str, tuple[TensorInfo, np.ndarray]]:
        return {key: one for key, one in self.tensors.items() if one[0].collection == name}


@dataclass(frozen=True)
class Saved:
    """A live model and the files it was saved to, by suffix."""

    model: Any
    files: dict[str, Path]


def _claim(path: Path) -> Claim | None:
    if path.is_dir():
        names = {child.name: child for child in path.iterdir()}
        claims = [reader.claim_folder(path, names) for reader in READERS]
    else:
        data = path.read_bytes()
        probe = Probe(path, len(data), path.stat().st_mtime_ns, data[:64], data[-64:])
        siblings = {child.name: child for child in path.parent.iterdir()}
        claims = [reader.claim_file(probe, siblings) for reader in READERS]
    found = [one for one in claims if one is not None]
    assert len(found) <= 1, found
    return found[0] if found else None


def _read(path: Path) -> Read:
    claim = _claim(path)
    assert claim is not None, path
    assert claim.problem == "", claim
    reader = next(one for one in READERS if one.name == claim.format)
    with reader.open(path) as contents:
        tensors = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            assert all(block.ndim == 1 and block.dtype.name == tensor.info.dtype for block in blocks), tensor.info
            values = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            tensors[tensor.info.name] = (tensor.info, values.reshape(tensor.info.shape))
        contents.verify()
        assert len(tensors) == len(contents.tensors)
        return Read(contents, tensors)


@pytest.fixture(scope="session")
def reported(shared_data: Path) -> Path:
    """Small inputs rebuilt from public reports, beside the real checkpoints."""
    folder = shared_data.parent / "reported"
    if not folder.is_dir():
        pytest.skip("the inputs of public reports (../shared/reported) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def claim() -> Callable[[Path], Claim | None]:
    return _claim


@pytest.fixture(scope="session")
def read() -> Callable[[Path], Read]:
    return _read


def _train(model: Any, inputs: Any, outputs: int, optimizer: Any) -> Any:
    """One step, without tracing a graph."""
    model.compile(optimizer, "mse", run_eagerly=True)
    model.train_on_batch(inputs, np.random.default_rng(0).random((len(inputs), outputs)))
    return model


def _image_model(keras: ModuleType) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, use_bias=False, name="c1")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(6, 3, name="sep")(x)
    x = layers.DepthwiseConv2D(2, depth_multiplier=2)(x)
    x = layers.Conv2DTranspose(5, 3)(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    inner = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, name="a"), layers.Dense(3, trainable=False), layers.BatchNormalization()],
        name="enc",
    )
    return keras.Model(inputs, layers.Dense(2, name="head")(inner(x)))


def _text_model(keras: ModuleType) -> Any:
    layers = keras.layers
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 8)(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.GRU(8, return_sequences=True)(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.TimeDistributed(layers.Dense(7))(x)
    x = layers.RNN([layers.LSTMCell(3), layers.GRUCell(5)])(x)
    return keras.Model(inputs, layers.Dense(2)(x), name="text")


def _subclassed(keras: ModuleType) -> Any:
    layers = keras.layers

    class Block(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.first = layers.Dense(units)
            self.norm = layers.LayerNormalization()
            self.tail = [layers.Dense(units), layers.Dense(units, use_bias=False)]
            self.factor = self.add_weight(shape=(1,), name="factor")

        def build(self, shape: Any) -> None:
            self.first.build(shape)
            wide = (None, self.first.units)
            for layer in (self.norm, *self.tail):
                layer.build(wide)
            self.built = True

        def call(self, x: Any) -> Any:
            x = self.norm(self.first(x))
            for layer in self.tail:
                x = layer(x)
            return x * self.factor

    class Model(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.stem = layers.Dense(4)
            self.blocks = [Block(4, name="one"), Block(5)]
            self.enc = keras.Sequential([layers.Dense(4), layers.Dense(3)])
            self.head = layers.Dense(1)

        def call(self, x: Any) -> Any:
            x = self.stem(x)
            for block in self.blocks:
                x = block(x)
            return self.head(self.enc(x))

    return Model(name="sub")


def _sequential(keras: ModuleType) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, dtype="bfloat16"), layers.LayerNormalization(scale=False), layers.Dense(2)]
    )


def _mixed(keras: ModuleType) -> Any:
    layers = keras.layers
    policy = "mixed_float16"
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype=policy), layers.Dense(2, dtype=policy)])


def _nested_functional(keras: ModuleType) -> Any:
    """A functional model inside another, its layers made before the outer model."""
    layers = keras.layers
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4)(layers.Dense(5, name="deep")(inner_in)), name="inner")
    middle_in = keras.Input((4,))
    middle = keras.Model(middle_in, layers.Dense(4, name="wide")(inner(middle_in)), name="middle")
    outer_in = keras.Input((4,))
    return keras.Model(outer_in, layers.Dense(2)(middle(outer_in)))


@pytest.fixture(scope="session")
def keras3(keras: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Saved]:
    """Keras 3 models after one step of Adam (or another optimizer), saved as .keras, .weights.h5 and .h5."""
    folder = tmp_path_factory.mktemp("keras3")
    rng = np.random.default_rng(1)
    adam, optimizers = keras.optimizers.Adam, keras.optimizers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.utils.set_random_seed(1)
        flat = rng.random((4, 4))
        models = {
            "image": _train(_image_model(keras), rng.random((4, 8, 8, 3)), 2, adam()),
            "text": _train(_text_model(keras), rng.integers(0, 11, (4, 6)), 2, adam(use_ema=True)),
            "subclassed": _train(_subclassed(keras), flat, 1, adam(amsgrad=True)),
            "sequential": _train(_sequential(keras), flat, 2, optimizers.SGD(momentum=0.9)),
            "mixed": _train(_mixed(keras), flat, 2, optimizers.LossScaleOptimizer(adam())),
            "nested": _train(_nested_functional(keras), flat, 2, optimizers.RMSprop(momentum=0.1, centered=True)),
        }
        return {name: _save(model, folder, name) for name, model in models.items()}


@pytest.fixture(scope="session")
def keras2(tf_keras: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Saved]:
    """The same kinds of models by Keras 2, also weights only ("_w.h5")."""
    folder = tmp_path_factory.mktemp("keras2")
    rng = np.random.default_rng(1)
    optimizers = tf_keras.optimizers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flat = rng.random((4, 4))
        models = {
            "image": _train(_image_model(tf_keras), rng.random((4, 8, 8, 3)), 2, optimizers.Adam()),
            "text": _train(_text_model(tf_keras), rng.integers(0, 11, (4, 6)), 2, optimizers.legacy.Adam()),
            "nested": _train(_nested_functional(tf_keras), flat, 2, optimizers.SGD(momentum=0.9)),
        }
        return {name: _save(model, folder, name, only=True) for name, model in models.items()}


def _save(model: Any, folder: Path, name: str, *, only: bool = False) -> Saved:
    files = {suffix: folder / f"{name}{suffix}" for suffix in (".keras", ".weights.h5", ".h5")}
    model.save(files[".keras"])
    model.save_weights(files[".weights.h5"])
    model.save(files[".h5"])
    if only:
        files["_w.h5"] = folder / f"{name}_w.h5"
        model.save_weights(files["_w.h5"])
    return Saved(model, files)


@pytest.fixture
def quiet() -> Iterator[None]:
    """For what Keras warns about while it saves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
