"""Training runs with one defect each, which must be the first finding of the report.

Each function trains one of them. :data:`CASES` says what the defect is, and what the finding must name.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench.calibration.case import Case
from bench.calibration.training import EPOCHS, cnn, data, layer_scaled, mlp, recurrent, train

optimizers = keras.optimizers


def nan_batch(folder: Path) -> None:
    def poison(model: Any, epoch: int) -> None:
        if epoch == 6:
            x, y = data("vectors")
            model.train_on_batch(x[:64] * np.nan, y[:64])

    train(mlp(), folder, task="vectors", before=poison)


def nan_in_one_kernel(folder: Path) -> None:
    def poison(model: Any, epoch: int) -> None:
        if epoch == 7:
            kernel = model.get_layer("c1").kernel
            values = np.asarray(kernel).copy()
            values[0, 0, 0, 3] = np.nan
            kernel.assign(values)

    train(cnn(), folder, task="images", after=poison, epochs=7)


def learning_rate_too_high(folder: Path) -> None:
    def raise_rate(model: Any, epoch: int) -> None:
        if epoch == 5:
            model.optimizer.learning_rate.assign(20.0)

    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(0.01), before=raise_rate)


def dead_relu_layer(folder: Path) -> None:
    model = mlp()
    model.get_layer("d1").bias.assign(np.full(32, -100.0))
    train(model, folder, task="vectors")


def dead_first_layers(folder: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(32, activation="relu", name="d1"),
            keras.layers.Dense(32, activation="relu", bias_initializer=keras.initializers.Constant(-50), name="d2"),
            keras.layers.Dense(32, activation="relu", name="d3"),
            keras.layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    train(model, folder, task="vectors", save="weights")


def wrong_model_saved(folder: Path) -> None:
    """One model is trained and another one saved, while the step counter of the optimizer advances."""
    trained, saved = mlp(), mlp()
    optimizer = optimizers.Adam()
    x, y = data("vectors")
    trained.compile(optimizer, "sparse_categorical_crossentropy")
    for epoch in range(1, EPOCHS + 1):
        trained.fit(x, y, batch_size=64, verbose=0)
        tf.train.Checkpoint(model=saved, step=optimizer.iterations).write(str(folder / f"epoch_{epoch:02d}"))


def optimizer_never_stepped(folder: Path) -> None:
    model = mlp()
    model.compile("adam", "sparse_categorical_crossentropy")
    for epoch in range(1, EPOCHS + 1):
        model.save(folder / f"epoch_{epoch:02d}.keras")


def vanishing_init(folder: Path) -> None:
    model = mlp(kernel_initializer=keras.initializers.RandomNormal(stddev=1e-15))
    train(model, folder, task="vectors", optimizer=optimizers.SGD(0.01))


def not_in_the_optimizer(folder: Path) -> None:
    """A custom training loop gives the optimizer all variables except those of one layer."""
    model = mlp()
    optimizer = optimizers.Adam(1e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    chosen = [v for v in model.trainable_variables if "d2" not in v.path]
    x, y = data("vectors")
    loss = keras.losses.SparseCategoricalCrossentropy()
    for epoch in range(1, EPOCHS + 1):
        for at in range(0, len(x), 64):
            with tf.GradientTape() as tape:
                value = loss(y[at : at + 64], model(x[at : at + 64], training=True))
            optimizer.apply(tape.gradient(value, [v.value for v in chosen]), chosen)
        model.save(folder / f"epoch_{epoch:02d}.keras")


def overwritten(folder: Path) -> None:
    """From epoch 6 on, the checkpoints are those of another run with another seed, saved into the same folder."""
    other = folder / "other"
    other.mkdir()
    keras.utils.set_random_seed(1)
    train(mlp(), folder, task="vectors")
    keras.utils.set_random_seed(2)
    train(mlp(), other, task="vectors")
    for epoch in range(6, EPOCHS + 1):
        shutil.move(other / f"epoch_{epoch:02d}.keras", folder / f"epoch_{epoch:02d}.keras")
    shutil.rmtree(other)


def outlier_channel(folder: Path) -> None:
    def scale(model: Any, epoch: int) -> None:
        kernel = model.get_layer("d2").kernel
        values = np.asarray(kernel).copy()
        if epoch == 1:
            values[:, 5] *= 400
            kernel.assign(values)

    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(1e-4), after=scale)


def negative_variance(folder: Path) -> None:
    def break_it(model: Any, epoch: int) -> None:
        if epoch >= 4:
            variance = model.get_layer("bn2").moving_variance
            values = np.asarray(variance).copy()
            values[2] = -0.01
            variance.assign(values)

    train(cnn(), folder, task="images", after=break_it)


def truncated_save(folder: Path) -> None:
    train(mlp(), folder, task="vectors")
    last = folder / f"epoch_{EPOCHS:02d}.keras"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])


def flipped_bit(folder: Path) -> None:
    train(mlp(), folder, task="vectors", save="bundle")
    shard = folder / "epoch_04.data-00000-of-00001"
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 0x40
    shard.write_bytes(bytes(content))


def layers_stop(folder: Path) -> None:
    """The layers of a recurrent model stop changing one after another, while its head goes on."""
    stops = {"rnn1": 3, "rnn2": 5, "rnn3": 7}
    kept: dict[str, list[np.ndarray]] = {}

    def restore(model: Any, epoch: int) -> None:
        for name, stop in stops.items():
            layer = model.get_layer(name)
            if epoch < stop:
                kept[name] = layer.get_weights()
            else:
                layer.set_weights(kept[name])

    train(recurrent("LSTM", 3), folder, task="sequences", after=restore, save="weights")


def underflow(folder: Path) -> None:
    """The kernels of the hidden layers decay to 1e-34; every value stays finite."""

    def decay(model: Any, epoch: int) -> None:
        for name in ("rnn1", "rnn2"):
            layer = model.get_layer(name)
            layer.set_weights([w * 10.0 ** (-3.4 * epoch) for w in first[name]])

    model = recurrent("LSTM", 2)
    first = {name: model.get_layer(name).get_weights() for name in ("rnn1", "rnn2")}
    train(model, folder, task="sequences", after=decay)


def dense_underflow(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(1e-6), after=layer_scaled("d2", 1e-9, 6))


def zeroed(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(0.0), after=layer_scaled("d2", 0.0, 5))


def dead_units(folder: Path) -> None:
    def kill(model: Any, epoch: int) -> None:
        if epoch >= 6:
            layer = model.get_layer("c1")
            values = np.asarray(layer.kernel).copy()
            values[..., :3] = 0
            layer.kernel.assign(values)

    train(cnn(), folder, task="images", after=kill)


def negative_velocity(folder: Path) -> None:
    def break_it(model: Any, epoch: int) -> None:
        if epoch == EPOCHS:
            variable = model.optimizer.variables[3]
            variable.assign(-np.abs(np.asarray(variable)) - 1e-3)

    train(mlp(), folder, task="vectors", after=break_it)


def collapse(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(1e-4), after=layer_scaled("d1", 0.2, 5))


def layer_lost(folder: Path) -> None:
    """From epoch 8 on, checkpoints lack a layer, as happens when code is changed so that Keras does not track it."""

    def save(model: Any, epoch: int) -> None:
        d1, d2, head = (model.get_layer(name) for name in ("d1", "d2", "head"))
        parts = {"d1": d1, "head": head} if epoch >= 8 else {"d1": d1, "d2": d2, "head": head}
        tf.train.Checkpoint(step=model.optimizer.iterations, **parts).write(str(folder / f"c-{epoch}"))

    model = mlp()
    train(model, folder, task="vectors", after=save)
    for path in folder.glob("*.keras"):
        path.unlink()


CASES: tuple[Case, ...] = (
    Case("nan-batch", "a NaN in a batch before epoch 6", nan_batch, ("non-finite",), 6),
    Case("nan-kernel", "one NaN in one kernel at epoch 7", nan_in_one_kernel, ("non-finite",), 7, ("c1",)),
    Case("rate-too-high", "learning rate × 2000 at epoch 5", learning_rate_too_high,
         ("norm-jump", "exploding", "violent-update", "non-finite"), 5),
    Case("dead-relu", "a ReLU layer dead from the start (bias −100)", dead_relu_layer,
         ("dead-layers", "dead-units"), None, ("d1", "d2")),
    Case("dead-first-layers", "layers 1–3 dead from the first epoch, .weights.h5", dead_first_layers,
         ("dead-layers", "dead-units"), None, ("d1", "d2", "d3")),
    Case("wrong-model", "the saved model is not the trained one", wrong_model_saved, ("nothing-moves",), None),
    Case("never-stepped", "the optimizer is never stepped", optimizer_never_stepped, ("nothing-moves",), None),
    Case("vanishing-init", "kernels initialised at 1e-15", vanishing_init, ("vanished",), None, ("d1", "d2")),
    Case("left-out", "a layer that the optimizer is not given", not_in_the_optimizer, ("frozen",), None, ("d2",)),
    Case("overwritten", "another run's weights from epoch 6 on", overwritten,
         ("violent-update", "overwritten"), 6),
    Case("outlier-channel", "one channel × 400: hostile to int8", outlier_channel,
         ("heavy-tails", "int8", "int8-ready"), None, ("d2",), remark=True),
    Case("negative-variance", "BatchNorm variance below 0 from epoch 4 on", negative_variance,
         ("batch-norm",), 4, ("bn2",)),
    Case("truncated", "the last save was cut off", truncated_save, state="partial", epoch=EPOCHS),
    Case("bit-flip", "one bit of epoch 4's data flipped", flipped_bit, state="corrupt", epoch=4),
    Case("layers-stop", "LSTM layers stop for good after epochs 2, 4, 6", layers_stop, ("stopped",), 3, ("rnn1",)),
    Case("underflow", "LSTM kernels decay to 1e-34", underflow, ("vanished",), None, ("rnn1", "rnn2")),
    Case("dense-underflow", "a Dense kernel × 1e-9 an epoch from 6 on", dense_underflow, ("vanished",), 6, ("d2",)),
    Case("zeroed", "a kernel all zero from epoch 5 on", zeroed, ("all-zero",), 5, ("d2",)),
    Case("dead-units", "3 of 8 filters zero from epoch 6 on", dead_units, ("dead-units",), 6, ("c1",)),
    Case("negative-velocity", "Adam's second moment below 0 at the end", negative_velocity,
         ("adam-state", "adam"), EPOCHS),
    Case("collapse", "a kernel × 0.2 an epoch from 5 on", collapse, ("norm-jump", "collapsing"), 5, ("d1",)),
    Case("layer-lost", "a layer missing from epoch 8 on", layer_lost, ("structure", "shrunken"), 8, ("d2",)),
)  # fmt: skip
