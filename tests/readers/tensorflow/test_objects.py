"""What object graphs mean: layers, roles and steps, against the live model wherever the file tells enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.readers.live import live_contents
from tests.readers.tensorflow.live import Live, agree, build_optimizer

WIDTH = 5


def sequential(keras: ModuleType) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((WIDTH,)),
            layers.Dense(4, name="first"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(1),
        ]
    )


def functional(keras: ModuleType) -> Any:
    """Names in no alphabetical order, a frozen layer, a nested Sequential."""
    layers = keras.layers
    inputs = keras.Input((WIDTH,))
    inner = keras.Sequential([keras.Input((WIDTH,)), layers.Dense(4), layers.Dense(3, name="b")], name="encoder")
    x = layers.Dense(3, name="zeta", trainable=False)(inner(inputs))
    return keras.Model(inputs, layers.Dense(1, name="alpha")(x), name="fmodel")


def composite(keras: ModuleType) -> Any:
    """Layers made of layers; each owns all of its tensors."""
    layers = keras.layers
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4)(inputs)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.MultiHeadAttention(2, 2)(x, x)
    x = layers.TimeDistributed(layers.Dense(4))(x)
    x = layers.GRU(3)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def convolutional(keras: ModuleType) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.SeparableConv2D(4, 3)(inputs)
    x = layers.DepthwiseConv2D(3)(x)
    x = layers.Conv2DTranspose(2, 3)(x)
    x = layers.LayerNormalization()(x)
    return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))


KINDS = (sequential, functional, composite, convolutional)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_keras_3(kind: Callable[..., Any], keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    """Saved alone, with the optimizer, and as the root: the keys differ each time, the names never do."""
    keras.backend.clear_session()
    model = kind(keras)
    prefix = str(workplace / f"k3-{kind.__name__}")
    tf.train.Checkpoint(model=model).write(prefix + "-plain")
    plain = read(Path(prefix + "-plain"))
    agree(plain, Live.of(model))
    assert plain.contents.step is None
    assert {i.trainable for i, _ in plain.tensors.values() if i.role != "moving_mean"} <= {None, False}

    build_optimizer(model, keras.optimizers.Adam(), 7)
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(prefix + "-both")
    tf.train.Checkpoint(model).write(prefix + "-root")
    live = Live.of(model)
    keys = set()
    for path in (f"{prefix}-both-1", f"{prefix}-root"):
        found = read(Path(path))
        agree(found, live, "optimizer")
        assert (found.contents.step, found.contents.step_source) == (7, "optimizer iterations")
        assert found.layers == list(dict.fromkeys(i.layer for i, _ in live.tensors.values() if i.collection == "model"))
        trained = {name for name, (info, _) in found.tensors.items() if info.trainable}
        assert trained == {name for name, (info, _) in live.tensors.items() if info.trainable}
        keys |= {info.key for info, _ in found.tensors.values() if info.collection == "model"}
    assert any(key.startswith("optimizer/_trainable_variables/") for key in keys)
    other = read(Path(f"{prefix}-both-1"))
    assert other.names("other") == ["save_counter"]
    assert other.info("save_counter").role == "step"


@pytest.mark.parametrize("kind", [sequential, composite, convolutional], ids=lambda k: k.__name__)
@pytest.mark.parametrize("legacy", [False, True])
def test_keras_2(
    kind: Callable[..., Any], legacy: bool, tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any
) -> None:
    inside = "/dense/" if kind is composite else ""
    tf_keras.backend.clear_session()
    model = kind(tf_keras)
    prefix = str(workplace / f"k2-{kind.__name__}-{legacy}")
    model.save_weights(prefix + "-plain")
    agree(read(Path(prefix + "-plain")), Live.of(model, inside))
    if legacy:
        optimizer = tf_keras.optimizers.legacy.Adam()
        model.compile(optimizer, "mse")
        optimizer._create_all_weights(model.trainable_variables)
        optimizer.iterations.assign(9)
    else:
        build_optimizer(model, tf_keras.optimizers.Adam(), 9)
    model.save_weights(prefix + "-weights")
    tf.train.Checkpoint(net=model, opt=model.optimizer).save(prefix + "-both")
    for path in (f"{prefix}-weights", f"{prefix}-both-1"):
        found = read(Path(path))
        live = Live.of(model, inside)
        agree(found, live)
        assert found.contents.step == 9
        trained = {name for name, (info, _) in found.tensors.items() if info.trainable}
        assert trained == {name for name, (info, _) in live.tensors.items() if info.trainable}
        slots = [n for n in found.names("optimizer") if n.count("/") > 1]
        assert sorted(slots) == sorted(f"optimizer/{name}/{slot}" for name in trained for slot in "mv")
        assert all(found.info(f"optimizer/{name}/m").layer == found.info(name).layer for name in trained)
        assert {found.info(n).role for n in slots} == {"momentum", "velocity"}


def test_axes_of_output_units(keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    keras.backend.clear_session()
    tf.train.Checkpoint(model=composite(keras)).write(str(workplace / "axes1"))
    tf.train.Checkpoint(model=convolutional(keras)).write(str(workplace / "axes2"))
    embedding = read(workplace / "axes1").info("embedding/embeddings")
    assert (embedding.role, embedding.output_axis) == ("embedding", 0)
    found = read(workplace / "axes2")
    assert found.info("separable_conv2d/depthwise_kernel").output_axis == -2
    assert found.info("separable_conv2d/pointwise_kernel").output_axis == -1


def nested(keras: ModuleType) -> Any:
    """A functional model in a functional model: its name is in none of the variables' names."""
    layers = keras.layers
    inner_inputs, inputs = keras.Input((3,)), keras.Input((WIDTH,))
    inner = keras.Model(inner_inputs, layers.Dense(2, name="zz")(layers.Dense(2, name="aa")(inner_inputs)), name="mid")
    return keras.Model(inputs, layers.Dense(1, name="out")(inner(layers.Dense(3, name="in_")(inputs))))


def test_nested_functional_models(
    keras: ModuleType, tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any
) -> None:
    for library in (keras, tf_keras):
        library.backend.clear_session()
        tf.train.Checkpoint(model=nested(library)).write(str(workplace / "nested"))
        assert read(workplace / "nested").layers == ["in_", "aa", "zz", "out"]


def test_twins(tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    """Two layers of one name, which Keras allows in different models, stay two."""
    tf_keras.backend.clear_session()
    inputs = tf_keras.Input((2,))
    halves = [
        tf_keras.Sequential([tf_keras.Input((2,)), tf_keras.layers.Dense(2, name="d")], name=name) for name in "lr"
    ]
    model = tf_keras.Model(inputs, halves[1](halves[0](inputs)))
    model.save_weights(str(workplace / "twins"))
    found = read(workplace / "twins")
    assert found.layers == ["layer_with_weights-0/d", "layer_with_weights-1/d"]
    assert np.array_equal(found.tensors[found.names()[2]][1], model.get_weights()[2])


def subclassed(keras: ModuleType) -> Any:
    """A nested Sequential, layers in a Python list, a head; a variable of the model's own."""

    class Sub(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="sub")
            self.enc = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(WIDTH)])
            self.blocks = [keras.layers.Dense(WIDTH, name=f"b{i}") for i in range(2)]
            self.head = keras.layers.Dense(1, name="head_layer")

        def call(self, x: Any) -> Any:
            x = self.enc(x)
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    model = Sub()
    model(np.zeros((2, WIDTH), "float32"))
    return model


def test_a_scope_that_all_layers_share_is_theirs(
    tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any
) -> None:
    """Keras 2 makes the layers of a functional model outside of any model's scope, so ``enc`` is no model's name."""
    given = tf_keras.Input((5,))
    x = tf_keras.layers.BatchNormalization(name="enc/bn")(tf_keras.layers.Dense(4, name="enc/a")(given))
    model = tf_keras.Model(given, tf_keras.layers.Dense(2, name="enc/out/logits")(x))
    live = {t.info.name: t.info.layer for t in live_contents(model).tensors}
    prefixes = tf.train.Checkpoint(model=model).write(str(workplace / "held")), str(workplace / "weights")
    model.save_weights(prefixes[1], save_format="tf")
    for prefix in prefixes:
        infos = [info for info, _ in read(Path(prefix)).tensors.values()]
        assert {info.name: info.layer for info in infos if info.collection == "model"} == live
    assert set(live.values()) == {"enc/a", "enc/bn", "enc/out/logits"}


def test_subclassed_keras_3(keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    """Every variable is called sub/kernel or sub/bias, and those in lists hang on the optimizer only."""
    keras.backend.clear_session()
    model = subclassed(keras)
    tf.train.Checkpoint(model=model).write(str(workplace / "sub-plain"))
    plain = read(workplace / "sub-plain")
    assert plain.layers == ["enc/layer_1", "enc/layer_2", "head"]  # attributes: nothing else tells them apart
    assert plain.contents.notes == ()
    build_optimizer(model, keras.optimizers.SGD(momentum=0.9), 3)
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(workplace / "sub-trained"))
    found = read(workplace / "sub-trained")
    assert found.layers == ["sequential_dense", "sequential_dense_1", "b0", "b1", "head_layer"]
    for name, variable in zip(found.names(), model.trainable_variables, strict=True):
        assert name.replace("/", "_") == variable.path.replace("/", "_").removeprefix("sub_")
        assert np.array_equal(found.tensors[name][1], variable.numpy())
        assert found.info(f"optimizer/{name}/momentum").layer == found.info(name).layer
    assert all(found.info(name).trainable for name in found.names())
    (note,) = found.contents.notes
    assert note.startswith("4 variables of the model are stored only as a list of the optimizer's")


def test_subclassed_keras_2(tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    tf_keras.backend.clear_session()
    model = subclassed(tf_keras)
    model.save_weights(str(workplace / "sub2"))
    assert read(workplace / "sub2").layers == ["dense", "dense_1", "b0", "b1", "head_layer"]


def test_the_gan_of_the_shared_data(shared_data: Path, read: Any) -> None:
    found = read(shared_data / "series/crypto-gan-tf2/ckpt-133")
    assert found.contents.step == 37905
    assert found.layers[-5:] == ["lstm_2", "batch_normalization_4", "lstm_3", "batch_normalization_5", "dense_5"]
    assert len(found.names()) == 24
    assert found.info("lstm_2/lstm_cell_2/recurrent_kernel").role == "recurrent_kernel"
    assert found.info("generator_optimizer/lstm_2/lstm_cell_2/kernel/m").layer == "lstm_2"
    assert sum(1 for name in found.names("optimizer") if name.endswith(("/m", "/v"))) == 40
    unknown = [name for name in found.names() if not found.info(name).trainable]
    assert unknown == [f"batch_normalization_{i}/moving_{what}" for i in (4, 5) for what in ("mean", "variance")]
    series = [read(path.with_suffix("")) for path in (shared_data / "series/crypto-gan-tf2").glob("*.index")]
    assert len({tuple(one.tensors) for one in series}) == 1  # every checkpoint names the same tensors
    assert len({one.contents.step for one in series}) == 19


def test_a_loss_scale_optimizer_of_2020(shared_data: Path, read: Any) -> None:
    found = read(shared_data / "single/keras-history/keras/mixed_precision/testdata/lso_ckpt_tf2.2/ckpt")
    assert found.names() == ["dense/kernel", "dense/bias"]
    assert set(found.names("optimizer")) == {
        "optimizer/dense/kernel/momentum",
        "optimizer/dense/bias/momentum",
        *(f"optimizer/{n}" for n in ("iterations", "decay", "learning_rate", "momentum")),
        *(f"optimizer/{n}" for n in ("current_loss_scale", "good_steps")),
    }
    assert found.info("optimizer/momentum").role == "hyperparameter"
    assert found.contents.step == 1
