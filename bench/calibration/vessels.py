"""Keras models that carry what numpy has trained into Keras's own files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.calibration.files import Save
from bench.calibration.nets.common import Conv, Mlp, Net, Recurrent
from bench.calibration.tape import Array


def vessel(net: Net) -> Any:
    """A Keras model with the layers of a net, by the same names."""
    import keras

    layers = keras.layers
    if isinstance(net, Mlp):
        widths = [net.weights[f"{name}/bias"].size for name in net.names]
        stack = [layers.Dense(w, activation="relu", name=n) for n, w in zip(net.names, widths, strict=True)]
        return keras.Sequential([keras.Input((len(net.centres[0]),)), *stack])
    if isinstance(net, Conv):
        stack = []
        for i in range(1, net.depth + 1):
            width = net.weights[f"c{i}/kernel"].shape[-1]
            stack += [layers.Conv2D(width, 3, use_bias=False, name=f"c{i}")]
            stack += [layers.BatchNormalization(name=f"bn{i}"), layers.ReLU()]
        stack += [layers.GlobalAveragePooling2D(), layers.Dense(4, name="head")]
        return keras.Sequential([keras.Input(net.patterns.shape[1:]), *stack])
    assert isinstance(net, Recurrent)
    make = layers.LSTM if net.gates == 4 else layers.SimpleRNN
    last = len(net.widths)
    stack = [make(w, return_sequences=i < last, name=f"rnn{i}") for i, w in enumerate(net.widths, start=1)]
    return keras.Sequential([keras.Input(net.centres.shape[1:]), *stack, layers.Dense(4, name="head")])


def _saver(net: Net, write: Callable[[Any, Path, int], None], fixed: Callable[[str, int], bool]) -> Save:
    """A function that fills a model for the net with arrays, and writes it.

    Args:
        write: writes the model.
        fixed: whether a layer is not trained at some checkpoint, as the model's configuration says.
    """
    import keras

    model = vessel(net)

    def save(folder: Path, k: int, arrays: Mapping[str, Array]) -> None:
        for layer in model.layers:
            layer.trainable = not fixed(layer.name, k)
            if layer.weights:
                layer.set_weights([arrays[f"{layer.name}/{v.name}"] for v in layer.weights])
        slots = {name.split("/")[-1] for name in arrays if name.startswith("optimizer/")}
        optimizer = {
            frozenset({"momentum", "velocity"}): keras.optimizers.Adam,
            frozenset({"momentum"}): lambda: keras.optimizers.SGD(momentum=0.9),
            frozenset({"velocity"}): keras.optimizers.RMSprop,
        }.get(frozenset(slots), keras.optimizers.SGD)()
        model.compile(optimizer, "mse")
        optimizer.build(model.trainable_variables)
        optimizer.iterations.assign(int(arrays["step"]))
        _fill(optimizer, model, arrays)
        write(model, folder, k)

    return save


def _fill(optimizer: Any, model: Any, arrays: Mapping[str, Array]) -> None:
    """Give the slots of an optimizer their values; a weight that it has not met yet has zeros."""
    owners = {id(v): f"{layer.name}/{v.name}" for layer in model.layers for v in layer.weights}
    lists = {"momentum": ("_momentums", "momentums"), "velocity": ("_velocities", "velocities")}
    for slot, names in lists.items():
        variables = next((found for name in names if (found := getattr(optimizer, name, None))), [])
        for variable, slot_variable in zip(model.trainable_variables, variables, strict=False):
            values = arrays.get(f"optimizer/{owners[id(variable)]}/{slot}", np.zeros(variable.shape, "f4"))
            slot_variable.assign(values)


def never(_: str, __: int) -> bool:
    """No layer is fixed at any time."""
    return False


def keras_archive(net: Net, fixed: Callable[[str, int], bool] = never) -> Save:
    return _saver(net, lambda model, folder, k: model.save(folder / f"epoch_{k:02d}.keras"), fixed)


def weights_h5(net: Net) -> Save:
    return _saver(net, lambda model, folder, k: model.save_weights(folder / f"epoch_{k:02d}.weights.h5"), never)


def legacy_h5(net: Net) -> Save:
    return _saver(net, lambda model, folder, k: model.save(folder / f"epoch_{k:02d}.h5"), never)


def keras_bundle(net: Net) -> Save:
    """A TensorFlow checkpoint of the Keras model and its optimizer."""

    def write(model: Any, folder: Path, k: int) -> None:
        import tensorflow as tf

        checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
        checkpoint.write(str(folder / f"epoch_{k:02d}"))

    return _saver(net, write, never)
