"""``reporter.measure``: live models of every kind, and the same models saved and read back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import reporter
from reporter import Measurement, SettingError


@pytest.fixture(params=["keras", "tf_keras"])
def any_keras(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 3, then Keras 2."""
    module: ModuleType = request.getfixturevalue(request.param)
    return module


def sequential(k: ModuleType) -> Any:
    layers = k.layers
    first = k.Input((6, 6, 3)) if k.__name__ == "keras" else layers.InputLayer((6, 6, 3))
    return k.Sequential(
        [
            first,
            layers.Conv2D(4, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, name="head"),
        ]
    )


def nested(k: ModuleType) -> Any:
    layers = k.layers
    inner = k.Sequential([layers.Dense(4, name="z_last"), layers.Dense(4, use_bias=False, name="a_first")], name="enc")
    tokens = k.Input((5,))
    x = layers.Embedding(11, 6, name="embed")(tokens)
    x = layers.Bidirectional(layers.LSTM(3, name="lstm"), name="both")(x)
    x = inner(x)
    return k.Model(tokens, layers.Dense(1, name="out")(x))


def subclassed(k: ModuleType) -> Any:
    class Net(k.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.body = k.layers.Dense(4, name="body")
            self.head = k.layers.Dense(2, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.body(x))

    model = Net()
    model(np.zeros((1, 3), "f4"))
    return model


KINDS: dict[str, Callable[[ModuleType], Any]] = {"sequential": sequential, "nested": nested, "subclassed": subclassed}

LAYERS = {
    "sequential": {"conv": 1, "norm": 4, "head": 2},
    "nested": {"embed": 1, "both": 6, "enc/z_last": 2, "enc/a_first": 1, "out": 2},
    "subclassed": {"body": 2, "head": 2},
}


def array(variable: Any) -> np.ndarray:
    return np.asarray(variable.numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_the_models_in_order_whatever_they_own(any_keras: ModuleType, kind: str) -> None:
    result = reporter.measure(KINDS[kind](any_keras), variables="model")
    assert {layer.name: len(layer.variables) for layer in result.layers} == LAYERS[kind]
    assert [layer.name for layer in result.layers] == list(LAYERS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variables", ["trainable", "model"])
def test_numbers_are_numpys(any_keras: ModuleType, kind: str, variables: str) -> None:
    model = KINDS[kind](any_keras)
    result = reporter.measure(model, variables=variables, bins=20, quantiles=(0.1, 0.5))
    owned = model.trainable_variables if variables == "trainable" else model.weights
    values = [array(v).astype(np.float64).ravel() for v in owned]
    assert len(result.variables) == len(values)
    whole = np.concatenate(values)
    assert result.whole.statistics["count"] == whole.size
    assert result.whole.statistics["mean"] == pytest.approx(whole.mean(), abs=1e-12)
    assert result.whole.statistics["std"] == pytest.approx(whole.std(), rel=1e-12)
    for sample in result.variables:
        (match,) = [
            v for v in values if v.size == sample.statistics["count"] and v.min() == sample.statistics["min"]
            and v.mean() == pytest.approx(sample.statistics["mean"], abs=1e-12)
        ][:1]  # fmt: skip
        assert list(sample.quantiles.values()) == [float(q) for q in np.quantile(match, (0.1, 0.5))]
        assert sample.quantiles_exact
        assert sample.histogram is not None
        assert sample.histogram.counts == tuple(np.histogram(match, sample.histogram.edges)[0])


def same(a: Measurement, b: Measurement) -> None:
    """Identical numbers and layers, variable by variable."""
    assert [layer.name for layer in a.layers] == [layer.name for layer in b.layers]
    for one, other in zip(a.layers, b.layers, strict=True):
        assert (one.statistics, one.quantiles, one.histogram) == (other.statistics, other.quantiles, other.histogram)
    assert [v.name for v in a.variables] == [v.name for v in b.variables]
    for one, other in zip(a.variables, b.variables, strict=True):
        assert (one.statistics, one.quantiles, one.histogram) == (other.statistics, other.quantiles, other.histogram)
        assert (one.role, one.shape, one.dtype, one.layer) == (other.role, other.shape, other.dtype, other.layer)
    assert a.whole == b.whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_a_keras_model_read_back(keras: ModuleType, tmp_path: Path, kind: str, suffix: str) -> None:
    model = KINDS[kind](keras)
    path = tmp_path / f"model{suffix}"
    if suffix == ".h5" and kind == "subclassed":
        pytest.skip("Keras does not save subclassed models as .h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_weights(path) if suffix == ".weights.h5" else model.save(path)
    live, back = reporter.measure(model), reporter.measure(path)
    if kind == "subclassed":  # the file stores no classes, so variables are numbered
        assert [(v.statistics, v.quantiles) for v in back.variables] == [
            (v.statistics, v.quantiles) for v in live.variables
        ]
        assert [layer.name for layer in back.layers] == [layer.name for layer in live.layers]
    else:
        same(live, back)


@pytest.mark.parametrize("kind", KINDS)
def test_a_keras_model_read_back_from_a_tensorflow_checkpoint(
    tf: ModuleType, keras: ModuleType, tmp_path: Path, kind: str
) -> None:
    model = KINDS[kind](keras)
    prefix = tf.train.Checkpoint(model=model).write(str(tmp_path / "ckpt"))
    same(reporter.measure(model), reporter.measure(prefix))


@pytest.mark.parametrize("kind", ["sequential", "nested"])
def test_a_keras_2_model_read_back(tf_keras: ModuleType, tmp_path: Path, kind: str) -> None:
    model = KINDS[kind](tf_keras)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "bundle")
    live = reporter.measure(model)
    same(live, reporter.measure(tmp_path / "m.h5"))
    bundle = reporter.measure(tmp_path / "bundle")
    if kind == "nested":  # such a bundle does not store the name of the inner model
        assert [(v.statistics, v.quantiles) for v in bundle.variables] == [
            (v.statistics, v.quantiles) for v in live.variables
        ]
        assert [v.name for v in bundle.variables] == [v.name.removeprefix("enc/") for v in live.variables]
    else:
        same(live, bundle)


def test_optimizer_state_is_apart(any_keras: ModuleType) -> None:
    model = sequential(any_keras)
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(np.zeros((4, 6, 6, 3), "f4"), np.zeros((4, 3), "f4"), verbose=0)
    only, everything = reporter.measure(model), reporter.measure(model, variables="all")
    assert only.whole.statistics["count"] == sum(array(v).size for v in model.weights)
    names = {v.name for v in everything.variables} - {v.name for v in only.variables}
    assert "optimizer/iterations" in names
    assert any(n.startswith("optimizer/conv/kernel/") for n in names)


def test_a_module(tf: ModuleType, tmp_path: Path) -> None:
    class Block(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(tf.random.normal((3, 4)))
            self.b = tf.Variable(tf.zeros(4), trainable=False)

    class Net(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable(2.0)
            self.blocks = [Block(), Block()]

    net = Net()
    live = reporter.measure(net)
    assert [v.name for v in live.variables] == ["scale", "blocks/0/w", "blocks/0/b", "blocks/1/w", "blocks/1/b"]
    assert [layer.name for layer in live.layers] == ["", "blocks/0", "blocks/1"]
    assert reporter.measure(net, variables="trainable").whole.statistics["count"] == 25
    prefix = tf.train.Checkpoint(net=net).write(str(tmp_path / "net"))
    back = reporter.measure(prefix)
    assert sorted(v.statistics["mean"] for v in back.variables) == sorted(v.statistics["mean"] for v in live.variables)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reporter.measure(3), "neither a path, a tf.keras.Model nor a tf.Module"),
        (lambda: reporter.measure("/nowhere/at/all"), "no such folder or checkpoint"),
        (lambda: reporter.measure("x", bins=0), "bins: 0"),
        (lambda: reporter.measure("x", quantiles=(2,)), "not a probability"),
        (lambda: reporter.measure("x", variables="some"), "'some' is not one of"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        call()


def test_an_unbuilt_model_is_an_error(keras: ModuleType) -> None:
    with pytest.raises(SettingError, match="build it"):
        reporter.measure(keras.Sequential([keras.layers.Dense(3)]))
