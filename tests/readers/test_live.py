"""Live models with what real ones have beside plain layers: look-ups, wrappers, containers, odd data types."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.api import measure
from reporter.model.tensor import Contents
from reporter.readers.live import live_contents

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, while it saves


@pytest.fixture(params=["keras", "tf_keras"])
def k(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 3, then Keras 2."""
    module: ModuleType = request.getfixturevalue(request.param)
    return module


def names(contents: Contents, collection: str = "model") -> dict[str, str]:
    """Layers by the names of their variables."""
    return {t.info.name: t.info.layer for t in contents.tensors if t.info.collection == collection}


def test_text_is_skipped_and_its_weights_are_counted_once(tf: ModuleType, k: ModuleType) -> None:
    vectors = k.layers.TextVectorization(max_tokens=9, output_mode="tf_idf", name="tv")
    vectors.adapt(tf.constant(["a b c d", "a a e", "b"]))
    text = k.Input((1,), dtype="string")
    model = k.Model(text, k.layers.Dense(1, name="out")(k.layers.Flatten()(vectors(text))))
    contents = live_contents(model)
    assert names(contents) == {"out/kernel": "out", "out/bias": "out"}
    others = names(contents, "other")
    assert "tv/idf_weights" in others
    assert set(others) <= {"tv/idf_weights", "tv/num_documents"}
    assert [(s.name, s.dtype) for s in contents.skipped] == [("tv/lookup_table", "string")]
    assert contents.skipped[0].reason
    (weights,) = [t for t in contents.tensors if t.info.name == "tv/idf_weights"]
    (values,) = weights.blocks()
    assert values.shape == weights.info.shape == (6,)
    assert measure(model).whole.statistics["count"] == 7


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup"])
def test_a_vocabulary_is_skipped_with_a_reason(tf: ModuleType, k: ModuleType, kind: str) -> None:
    lookup = getattr(k.layers, kind)(name="words")
    lookup.adapt(tf.constant(["x", "y"] if kind == "StringLookup" else [7, 8]))
    given = k.Input((1,), dtype="string" if kind == "StringLookup" else "int64")
    x = k.layers.Flatten()(k.layers.Embedding(5, 2, name="emb")(lookup(given)))
    contents = live_contents(k.Model(given, k.layers.Dense(1, name="out")(x)))
    assert list(names(contents)) == ["emb/embeddings", "out/kernel", "out/bias"]
    assert [s.name for s in contents.skipped] == ["words/lookup_table"]


def wrapped(k: ModuleType) -> Any:
    layers = k.layers
    inner = k.Sequential([k.Input((3,)), layers.Dense(4, name="x"), layers.Dense(2, name="y")], name="inner")
    given = k.Input((5, 3))
    x = layers.TimeDistributed(inner, name="each")(given)
    x = layers.TimeDistributed(layers.Dense(4, name="dense_of_each"), name="again")(x)
    x = layers.Bidirectional(layers.LSTM(2, name="lstm"), name="both")(x)
    return k.Model(given, layers.Dense(1, name="out")(x))


def test_wrappers_name_what_they_wrap_as_the_saved_file_does(k: ModuleType, tmp_path: Path) -> None:
    model = wrapped(k)
    contents = live_contents(model)
    assert set(names(contents).values()) == {"each", "again", "both", "out"}
    assert {name for name in names(contents) if name.startswith("each/")} == {
        "each/inner/x/kernel", "each/inner/x/bias", "each/inner/y/kernel", "each/inner/y/bias",
    }  # fmt: skip
    path = tmp_path / "m.keras"
    model.save(path)
    assert {v.name: v.layer for v in measure(path).variables} == names(contents)


def test_layers_of_one_name_stay_apart(k: ModuleType) -> None:
    class Net(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.first = k.layers.Dense(4, name="fc")
            self.second = k.layers.Dense(4, name="fc")
            self.head = k.layers.Dense(2, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.second(self.first(x)))

    model = Net()
    model(np.zeros((1, 4), "f4"))
    contents = live_contents(model)
    assert set(names(contents).values()) == {"first", "second", "head"}
    assert [layer.name for layer in contents.layers] == ["first", "second", "head"]


def test_slashes_in_names_of_keras_2(tf_keras: ModuleType) -> None:
    given = tf_keras.Input((4,))
    x = tf_keras.layers.Dense(3, name="block/one")(given)
    inner_in = tf_keras.Input((3,))
    inner = tf_keras.Model(inner_in, tf_keras.layers.Dense(2, name="conv/bn")(inner_in), name="deep/net")
    contents = live_contents(tf_keras.Model(given, inner(x)))
    assert names(contents) == {
        "block/one/kernel": "block/one",
        "block/one/bias": "block/one",
        "deep/net/conv/bn/kernel": "deep/net/conv/bn",
        "deep/net/conv/bn/bias": "deep/net/conv/bn",
    }


def test_whatever_is_no_number_is_skipped_with_a_reason(tf: ModuleType) -> None:
    module = tf.Module()
    module.table = tf.Variable(["a", "b"], trainable=False)
    module.small = tf.Variable(tf.constant([1, 2], tf.int8), trainable=False)
    module.quantised = tf.Variable(tf.bitcast(tf.constant([1, 2], tf.int8), tf.qint8), trainable=False)
    module.w = tf.Variable([[1.0, 2.0]])
    contents = live_contents(module)
    assert set(names(contents)) == {"small", "w"}
    assert {s.name: s.dtype for s in contents.skipped} == {"table": "string", "quantised": "qint8"}
    assert all(s.reason for s in contents.skipped)


def test_a_variable_in_parts_is_one_tensor(tf: ModuleType, tmp_path: Path) -> None:
    from tensorflow.python.distribute.sharded_variable import ShardedVariable

    whole = np.arange(20, dtype="f4").reshape(5, 4)
    module = tf.Module()
    module.table = ShardedVariable([tf.Variable(whole[:2]), tf.Variable(whole[2:])], name="table")
    contents = live_contents(module)
    (tensor,) = contents.tensors
    assert (tensor.info.name, tensor.info.shape, tensor.info.trainable) == ("table", (5, 4), True)
    np.testing.assert_array_equal(np.concatenate(list(tensor.blocks())), whole.ravel())
    tf.train.Checkpoint(module=module).write(str(tmp_path / "ck"))
    saved, live = measure(tmp_path / "ck"), measure(module)
    assert [v.statistics for v in saved.variables] == [v.statistics for v in live.variables]


def test_what_lists_and_dictionaries_hold_is_never_one_layer(tf: ModuleType, k: ModuleType) -> None:
    class Block(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, value: float) -> None:
            super().__init__()
            self.w = tf.Variable(np.full((2, 2), value, "f4"), name="w")

    net = tf.Module()
    net.blocks = [Block(1.0), Block(2.0)]
    net.experts = {"left": Block(3.0), "right": [Block(4.0), Block(5.0)]}
    net.dense = k.Sequential([k.layers.Dense(3, name="fc")])
    net.other = k.Sequential([k.layers.Dense(3, name="fc")])
    for model in (net.dense, net.other):
        model(np.zeros((1, 2), "f4"))
    assert names(live_contents(net)) == {
        "blocks/0/w": "blocks/0",
        "blocks/1/w": "blocks/1",
        "experts/left/w": "experts/left",
        "experts/right/0/w": "experts/right/0",
        "experts/right/1/w": "experts/right/1",
        "dense/fc/kernel": "dense/fc",
        "dense/fc/bias": "dense/fc",
        "other/fc/kernel": "other/fc",
        "other/fc/bias": "other/fc",
    }


def test_a_checkpoint_of_several_models_tells_them_apart(tf: ModuleType, k: ModuleType) -> None:
    def small() -> Any:
        return k.Sequential([k.Input((4,)), k.layers.Dense(3, name="fc")])

    one = small()
    alone = names(live_contents(tf.train.Checkpoint(model=one)))
    assert alone == names(live_contents(one)) == {"fc/kernel": "fc", "fc/bias": "fc"}
    assert names(live_contents(tf.train.Checkpoint(online=one, target=small()))) == {
        "online/fc/kernel": "online/fc",
        "online/fc/bias": "online/fc",
        "target/fc/kernel": "target/fc",
        "target/fc/bias": "target/fc",
    }


def test_slots_of_variables_of_one_name_go_by_shape_and_order(tf_keras: ModuleType) -> None:
    class Net(tf_keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.first = tf_keras.layers.Dense(4, name="fc")
            self.second = tf_keras.layers.Dense(2, name="fc")

        def call(self, x: Any) -> Any:
            return self.second(self.first(x))

    model = Net()
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(np.ones((2, 3), "f4"), np.ones((2, 2), "f4"), verbose=0)
    contents = live_contents(model)
    shapes = {t.info.name: t.info.shape for t in contents.tensors}
    slots = [name for name in shapes if name.startswith("optimizer/") and name.count("/") > 1]
    assert len(slots) == 8
    for name in slots:
        target = name.removeprefix("optimizer/").rpartition("/")[0]
        assert shapes[name] == shapes[target], name
