"""Layers and variables of one name stay apart, by what holds them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.readers.tensorflow.homonyms import Owner, names_apart, numbered


def part(keras: ModuleType, name: str) -> Any:
    """A subclassed model, of which Keras 3 names every variable ``<model>/kernel`` or alike."""

    class Part(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name=name)
            self.embedding = keras.layers.Embedding(9, 4, name="embedding")
            self.fc = keras.layers.Dense(4, name="fc")

        def call(self, x: Any) -> Any:
            return self.fc(self.embedding(x))

    model = Part()
    model(np.ones((1, 3), "int32"))
    return model


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_several_models(
    library: str, keras: ModuleType, tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any
) -> None:
    """As keywords, in a list, in a dictionary, in a module; one alone needs no attribute."""
    chosen = {"keras": keras, "tf_keras": tf_keras}[library]
    encoder, decoder = part(chosen, "enc"), part(chosen, "dec")
    for weight in decoder.weights:
        weight.assign(np.full(weight.shape, 5.0))
    prefix = workplace / f"several-{library}"

    def written(*args: Any, **kwargs: Any) -> Any:
        tf.train.Checkpoint(*args, **kwargs).write(str(prefix))
        return read(prefix)

    names = ["embedding/embeddings", "fc/kernel", "fc/bias"]
    found = written(encoder=encoder, decoder=decoder)
    assert sorted(found.names()) == sorted(f"{which}/{name}" for which in ("encoder", "decoder") for name in names)
    assert set(found.layers) == {
        f"{which}/{layer}" for which in ("encoder", "decoder") for layer in ("embedding", "fc")
    }
    assert found.info("decoder/fc/kernel").layer == "decoder/fc"
    assert np.all(found.tensors["decoder/fc/kernel"][1] == 5)
    assert written(models=[encoder, decoder]).names()[-3:] == [f"models/1/{name}" for name in names]
    # Keras 2 tells what each model calls itself; Keras 3 drops the layer's name, so that attributes must serve.
    keyed = {"keras": "y", "tf_keras": "dec"}[library]
    assert written(models={"x": encoder, "y": decoder}).names()[-3:] == [f"{keyed}/{name}" for name in names]
    module = tf.Module()
    module.encoder, module.decoder = encoder, decoder
    holders = {"keras": ("encoder", "decoder"), "tf_keras": ("enc", "dec")}[library]
    assert written(module).layers == [f"{holder}/{layer}" for holder in holders for layer in ("embedding", "fc")]
    assert written(model=encoder).names() == names == written(encoder).names()


def test_networks_of_one_name(tf_keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    """The layers that differ carry the attribute too, so that those of one model look alike."""
    layers = tf_keras.layers
    online = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3, name="fc"), layers.Dense(2, name="head")])
    target = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3, name="fc")])
    tf.train.Checkpoint(online=online, target=target).write(str(workplace / "online-target"))
    assert read(workplace / "online-target").layers == ["online/fc", "online/head", "target/fc"]


def block(tf: ModuleType) -> Any:
    """Modules in a list and a dictionary; two variables of one name; a moving average as Sonnet has it."""

    class Linear(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, name: str | None = None) -> None:
            super().__init__(name=name)
            with self.name_scope:
                self.w = tf.Variable(tf.ones((2, 2)), name="w")

    class Block(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="block")
            with self.name_scope:
                self.fc1, self.fc2, self.norm = Linear(), Linear(), Linear("norm")
                self.first, self.second = (tf.Variable([1.0], name="v") for _ in range(2))

    class Net(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.blocks = [Block(), Block()]
            self.heads = {"q": Linear(), "k": Linear()}

    return Net()


def test_modules_are_named_alike_in_every_file(tf: ModuleType, workplace: Path, read: Any) -> None:
    net = block(tf)
    tf.train.Checkpoint(net).write(str(workplace / "modules-root"))
    tf.train.Checkpoint(net=net).write(str(workplace / "modules-named"))
    tf.saved_model.save(net, str(workplace / "modules-saved"))
    names = [
        *(f"blocks/{i}/{name}" for i in (0, 1) for name in ("fc1/w", "fc2/w", "norm/w", "first", "second")),
        *("heads/q/w", "heads/k/w"),
    ]
    for path in ("modules-root", "modules-named", "modules-saved"):
        assert read(workplace / path).names() == names, path
    tf.train.Checkpoint(actor=net, critic=block(tf)).write(str(workplace / "modules-two"))
    assert read(workplace / "modules-two").names() == [
        f"{which}/{name}" for which in ("actor", "critic") for name in names
    ]


def test_twins_of_keras_3(keras: ModuleType, workplace: Path, read: Any, tf: ModuleType) -> None:
    """Two models in one with layers of one name: by number in a checkpoint, and by order in an export."""
    keras.backend.clear_session()
    layers = keras.layers
    inputs = keras.Input((2,))
    halves = []
    for name, value in (("l", 1), ("r", 5)):
        dense = layers.Dense(2, name="d")
        halves.append(keras.Model(inner := keras.Input((2,)), dense(inner), name=name))
        dense.kernel.assign(np.full((2, 2), value))
    model = keras.Model(inputs, layers.Add()([half(inputs) for half in halves]))
    tf.train.Checkpoint(model).write(str(workplace / "twins3"))
    found = read(workplace / "twins3")
    assert len(found.layers) == len(set(found.layers)) == 2
    assert sorted(float(found.tensors[n][1].mean()) for n in found.names() if n.endswith("kernel")) == [1, 5]
    assert all(name.split("/")[-2] == "d" for name in found.names())
    model.export(workplace / "twins3-export", verbose=False)
    exported = read(workplace / "twins3-export")
    assert len(set(exported.layers)) == 2
    assert [exported.info(n).layer for n in exported.names()] == [exported.layers[i // 2] for i in range(4)]


@pytest.mark.parametrize("which", ["module_savedmodel", "module_checkpoint_of_the_same"])
def test_blocks_of_a_reported_module(which: str, reported: Path, read: Any) -> None:
    found = read(reported / "several-models" / which)
    layers = [f"blocks/{i}{part}" for i in (0, 1) for part in ("/fc1", "/fc2", "")]
    assert found.layers == layers
    assert found.tensors["blocks/1/fc2/w"][1].mean() == 6


def test_reported_models(reported: Path, read: Any) -> None:
    found = read(reported / "several-models" / "keras3_subclassed")
    assert found.tensors["encoder/fc/kernel"][1].mean() == 1
    assert found.tensors["decoder/fc/kernel"][1].mean() == 5
    assert len(found.layers) == 4
    assert read(reported / "several-models" / "keras2_online_target").layers == ["online/fc", "target/fc"]


def test_names_are_made_of_what_differs() -> None:
    def owner(path: str, *own: tuple[int, str]) -> Owner:
        labels = ("", *path.split("/"))
        nodes = tuple(hash("/".join(labels[: i + 1])) for i in range(len(labels)))
        return Owner(nodes, labels, own, 0)

    deep = [owner(f"{path}/d", (3, "fc")) for path in ("a/x", "a/y", "b/x")] + [owner("b/x/e", (3, "out"))]
    assert names_apart(deep) == ["a/x/fc", "a/y/fc", "b/fc", "b/out"]
    siblings = [owner("m/0", (2, "lin")), owner("m/1", (2, "lin")), owner("q", (1, "lin_1"))]
    assert names_apart(siblings) == ["m/0", "m/1", "lin_1"]
    models = [
        one
        for name in ("encoder", "decoder")
        # A dictionary has no scope, so that counted from the end the model's falls to it.
        for one in (owner(f"{name}/fc", (1, "m"), (2, "fc")), owner(f"{name}/heads/a", (2, "m"), (3, "out")))
    ]
    assert names_apart(models) == ["encoder/fc", "encoder/out", "decoder/fc", "decoder/out"]
    bare = [Owner((0, i), ("", label), (), 1, frozenset({"scale"})) for i, label in ((1, "a"), (2, "b"))]
    assert names_apart(bare) == ["a", "b"]
    assert names_apart([*bare[:1], Owner((0, 2), ("", "b"), (), 1, frozenset({"shift"}))]) == ["", ""]


def test_a_number_that_is_free() -> None:
    """A layer that is really called ``fc_1`` keeps its name."""
    rows = [("fc", "fc/w"), ("fc_1", "fc_1/w"), ("fc", "fc/w"), ("", "scale"), ("", "scale")]
    assert numbered(rows) == [*rows[:2], ("fc_2", "fc_2/w"), ("", "scale"), ("", "scale")]
    assert numbered([("fc", "fc/w")], taken=[("fc", "fc/w")]) == [("fc_1", "fc_1/w")]
