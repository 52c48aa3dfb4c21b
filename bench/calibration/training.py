"""Train small models on synthetic tasks that they can learn, and save a checkpoint after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

EPOCHS = 10
"""Number of epochs, and of checkpoints."""
STEPS = 8
"""Number of steps in an epoch."""
BATCH = 64
"""Number of examples in a step."""

Hook = Callable[[Any, int], None]
"""Called with the model and the number of an epoch, 1 for the first, to interfere with the training."""


def data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and classes of a task: ``vectors``, ``images``, ``sequences`` or ``tokens``; always the same."""
    rng = np.random.default_rng(7)
    n = BATCH * STEPS
    if kind == "tokens":
        x = rng.integers(0, 200, (n, 12)).astype("int32")
        return x, (x[:, 0] % 4).astype("int32")
    shape = {"vectors": (16,), "images": (12, 12, 1), "sequences": (10, 8)}[kind]
    y = rng.integers(0, 4, n).astype("int32")
    centres = rng.normal(size=(4, *shape))
    return (centres[y] + 0.5 * rng.normal(size=(n, *shape))).astype("float32"), y


def pretrain(model: Any, task: str) -> None:
    """Train a model without saving it, as whoever freezes a part of it has done before."""
    x, y = data(task)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(x, y, batch_size=BATCH, epochs=5, verbose=0, shuffle=False)


def train(
    model: Any,
    folder: Path,
    *,
    task: str,
    save: str = "keras",
    optimizer: Any = "adam",
    epochs: int = EPOCHS,
    after: Hook | None = None,
    before: Hook | None = None,
) -> None:
    """Train a model, and save a checkpoint ``epoch_NN`` after each epoch.

    Args:
        model: the model.
        folder: for the checkpoints.
        task: see :func:`data`.
        save: the format, a key of :data:`SAVERS`.
        optimizer: a Keras optimizer or its name.
        epochs: number of epochs.
        after: called after the training of each epoch, before its checkpoint is saved.
        before: called before the training of each epoch.
    """
    x, y = data(task)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    for epoch in range(1, epochs + 1):
        if before:
            before(model, epoch)
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, shuffle=False)
        if after:
            after(model, epoch)
        SAVERS[save](model, folder, epoch)


def _keras(model: Any, folder: Path, epoch: int) -> None:
    model.save(folder / f"epoch_{epoch:02d}.keras")


def _legacy(model: Any, folder: Path, epoch: int) -> None:
    model.save(folder / f"epoch_{epoch:02d}.h5")


def _weights(model: Any, folder: Path, epoch: int) -> None:
    model.save_weights(folder / f"epoch_{epoch:02d}.weights.h5")


def _bundle(model: Any, folder: Path, epoch: int) -> None:
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(folder / f"epoch_{epoch:02d}"))


SAVERS: dict[str, Callable[[Any, Path, int], None]] = {
    "keras": _keras,
    "h5": _legacy,
    "weights": _weights,
    "bundle": _bundle,
}
"""The functions that save a model into a folder at the end of an epoch, by format."""


def mlp(width: int = 32, **dense: Any) -> Any:
    """A model for vectors with three dense layers: ``d1``, ``d2`` and ``head``."""
    return keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(width, activation="relu", name="d1", **dense),
            keras.layers.Dense(width, activation="relu", name="d2", **dense),
            keras.layers.Dense(4, activation="softmax", name="head", dtype="float32"),
        ]
    )


def cnn() -> Any:
    """A model for images, convolutions with batch normalisation: ``c1``, ``bn1``, ``c2``, ``bn2`` and ``head``."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, use_bias=False, name="c1"),
            layers.BatchNormalization(momentum=0.8, name="bn1"),
            layers.ReLU(),
            layers.SeparableConv2D(16, 3, name="c2"),
            layers.BatchNormalization(momentum=0.8, name="bn2"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax", name="head", dtype="float32"),
        ]
    )


def recurrent(cell: str = "LSTM", depth: int = 1) -> Any:
    """A model for sequences: recurrent layers ``rnn1``, ``rnn2`` and so on, and a ``head``."""
    make = getattr(keras.layers, cell)
    stack = [make(16, return_sequences=i < depth, name=f"rnn{i}") for i in range(1, depth + 1)]
    return keras.Sequential([keras.Input((10, 8)), *stack, keras.layers.Dense(4, activation="softmax", name="head")])


def transformer() -> Any:
    """A model for tokens: one transformer block over an embedding of 200 tokens."""
    layers = keras.layers
    tokens = keras.Input((12,), dtype="int32")
    x = layers.Embedding(200, 16, name="embed")(tokens)
    x = layers.LayerNormalization(name="ln1")(x + layers.MultiHeadAttention(2, 8, name="attention")(x, x))
    y = layers.Dense(16, name="mlp2")(layers.Dense(32, activation="gelu", name="mlp1")(x))
    x = layers.LayerNormalization(name="ln2")(x + y)
    out = layers.Dense(4, activation="softmax", name="head")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(tokens, out)


def layer_scaled(name: str, factor: float, epoch: int) -> Hook:
    """A hook that multiplies the kernel of a layer once per epoch.

    Args:
        name: of the layer.
        factor: by which its kernel is multiplied.
        epoch: the first epoch in which it is.
    """

    def hook(model: Any, now: int) -> None:
        if now >= epoch:
            variable = model.get_layer(name).kernel
            variable.assign(variable * factor)

    return hook
