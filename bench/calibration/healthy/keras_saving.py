"""Healthy runs of Keras models that Keras itself trains and saves: its averages, constraints, restarts, callbacks.

The second look at runs that no rule has seen, see :mod:`bench.calibration.healthy.held_out`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench.calibration.case import Case
from bench.calibration.seen import SEEN_SINCE
from bench.calibration.training import BATCH, EPOCHS, STEPS, cnn, data, mlp, pretrain, recurrent, train, transformer

layers, optimizers = keras.layers, keras.optimizers


def squeezed() -> Any:
    """Separable convolutions with gates for channels, as in MobileNet."""
    image = keras.Input((12, 12, 1))
    x = layers.Conv2D(8, 3, use_bias=False, name="stem")(image)
    x = layers.Activation("swish")(layers.BatchNormalization(name="stem_bn")(x))
    for i in (1, 2):
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"block{i}_dw")(x)
        y = layers.Activation("swish")(layers.BatchNormalization(name=f"block{i}_bn")(y))
        gate = layers.Dense(4, activation="relu", name=f"block{i}_squeeze")(layers.GlobalAveragePooling2D()(y))
        gate = layers.Dense(8, activation="sigmoid", name=f"block{i}_excite")(gate)
        y = layers.Conv2D(8, 1, name=f"block{i}_project")(y * layers.Reshape((1, 1, 8))(gate))
        x = layers.Add()([x, y])
    x = layers.Dense(4, activation="softmax", name="top")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


def gates_for_channels(folder: Path) -> None:
    optimizer = optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    train(squeezed(), folder, task="images", optimizer=optimizer)


def both_directions(folder: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((10, 8)),
            layers.Bidirectional(layers.GRU(12, dropout=0.2, name="gru"), name="both"),
            layers.LayerNormalization(name="norm"),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    train(model, folder, task="sequences", save="weights", optimizer=optimizers.Nadam(3e-3))


def averaged_by_optimizer(folder: Path) -> None:
    """A text CNN whose optimizer keeps an average of the weights."""
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(200, 16, name="words"),
            layers.Conv1D(24, 3, activation="relu", name="ngrams"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    optimizer = optimizers.Adam(2e-3, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=None)
    train(model, folder, task="tokens", save="bundle", optimizer=optimizer)


def keras_lora(folder: Path) -> None:
    model = mlp(48)
    pretrain(model, "vectors")
    for name in ("d1", "d2"):
        model.get_layer(name).enable_lora(4)
    train(model, folder, task="vectors", optimizer=optimizers.AdamW(2e-3))


def thawed_with_frozen_statistics(folder: Path) -> None:
    """A pretrained CNN: its head alone, from epoch 5 on all but the normalisations, at a tenth of the rate."""
    model = cnn()
    pretrain(model, "images")
    for layer in model.layers[:-1]:
        layer.trainable = False

    def thaw(model: Any, epoch: int) -> None:
        if epoch == 5:
            for name in ("c1", "c2"):
                model.get_layer(name).trainable = True
            model.compile(optimizers.Adam(1e-4), "sparse_categorical_crossentropy", jit_compile=False)

    train(model, folder, task="images", before=thaw)


def only_the_best(folder: Path) -> None:
    """``ModelCheckpoint`` with ``save_best_only``: some epochs have no file."""
    x, y = data("vectors")
    model = mlp(24)
    model.compile(optimizers.Adam(4e-3), "sparse_categorical_crossentropy", jit_compile=False)
    best = keras.callbacks.ModelCheckpoint(folder / "best_{epoch:02d}.keras", monitor="val_loss", save_best_only=True)
    noisy = (x + 0.5 * np.random.default_rng(3).normal(size=x.shape)).astype("float32")
    model.fit(x, y, batch_size=BATCH, epochs=25, verbose=0, shuffle=True, validation_data=(noisy, y), callbacks=[best])


def loaded_and_continued(folder: Path) -> None:
    """The model is loaded from its file at epoch 6 and trained on at a fifth of the rate."""
    x, y = data("sequences")
    model = recurrent("LSTM", 2)
    model.compile(optimizers.Adam(5e-3), "sparse_categorical_crossentropy", jit_compile=False)
    for epoch in range(1, EPOCHS + 1):
        if epoch == 6:
            model = keras.models.load_model(folder / "epoch_05.keras")
            model.optimizer.learning_rate.assign(1e-3)
        model.fit(x, y, batch_size=BATCH, verbose=0)
        model.save(folder / f"epoch_{epoch:02d}.keras")


def generator_and_critic(folder: Path) -> None:
    """A GAN with an optimizer for each side, in one TensorFlow checkpoint."""
    generator = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(24, use_bias=False, name="g1"),
            layers.BatchNormalization(name="g_bn"),
            layers.LeakyReLU(0.2),
            layers.Dense(16, activation="tanh", name="g2"),
        ]
    )
    critic = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(24, name="c1"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Dense(1, name="c2"),
        ]
    )
    slow, fast = optimizers.Adam(2e-4, beta_1=0.5), optimizers.Adam(8e-4, beta_1=0.5)
    judge = keras.losses.BinaryCrossentropy(from_logits=True)
    x, rng = np.tanh(data("vectors")[0]), np.random.default_rng(2)
    step = tf.Variable(0, dtype="int64")
    for epoch in range(1, EPOCHS + 1):
        for at in range(0, len(x), BATCH):
            noise = rng.normal(size=(BATCH, 6)).astype("float32")
            with tf.GradientTape(persistent=True) as tape:
                made = generator(noise, training=True)
                real, fake = critic(x[at : at + BATCH], training=True), critic(made, training=True)
                loss = judge(tf.ones_like(real), real) + judge(tf.zeros_like(fake), fake)
                fooled = judge(tf.ones_like(fake), fake)
            own, others = generator.trainable_variables, critic.trainable_variables
            slow.apply(tape.gradient(fooled, [v.value for v in own]), own)
            fast.apply(tape.gradient(loss, [v.value for v in others]), others)
            step.assign_add(1)
        parts = {"generator": generator, "critic": critic, "generator_optimizer": slow, "critic_optimizer": fast}
        tf.train.Checkpoint(step=step, **parts).write(str(folder / f"ckpt-{epoch}"))


class FakeQuantised(layers.Dense):
    """A dense layer that computes with its kernel rounded to 8 bits."""

    def call(self, inputs: Any) -> Any:
        largest = tf.reduce_max(tf.abs(self.kernel))
        kernel = tf.quantization.fake_quant_with_min_max_vars(self.kernel, -largest, largest)
        return self.activation(inputs @ kernel + self.bias)


def aware_of_int8(folder: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((16,)),
            FakeQuantised(40, activation="relu", name="q1"),
            FakeQuantised(4, activation="softmax", name="q2"),
        ]
    )
    train(model, folder, task="vectors", save="weights", optimizer=optimizers.Adamax(5e-3))


def constrained(folder: Path) -> None:
    """Norms of units and of words are bounded, and activations learn their slope."""
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(200, 12, embeddings_constraint=keras.constraints.UnitNorm(axis=1), name="words"),
            layers.Flatten(),
            layers.Dense(24, kernel_constraint=keras.constraints.MaxNorm(1.5), kernel_regularizer="l2", name="hidden"),
            layers.PReLU(name="slope"),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    train(model, folder, task="tokens", save="h5", optimizer=optimizers.RMSprop(1e-3))


def spectral_normalised(folder: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.SpectralNormalization(layers.Conv2D(8, 3, strides=2, name="c1"), name="sn1"),
            layers.LeakyReLU(0.2),
            layers.SpectralNormalization(layers.Conv2D(12, 3, strides=2, name="c2"), name="sn2"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    train(model, folder, task="images", optimizer=optimizers.Adam(1e-3))


def with_skips(folder: Path) -> None:
    """A small U-net with group normalisation, trained to give images back."""
    image = keras.Input((12, 12, 1))
    a = layers.GroupNormalization(4, name="gn1")(
        layers.Conv2D(8, 3, padding="same", activation="relu", name="down1")(image)
    )
    b = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu", name="down2")(a)
    c = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="up1")(b)
    out = layers.Conv2D(1, 3, padding="same", name="out")(layers.Concatenate()([a, c]))
    model = keras.Model(image, out)
    x, _ = data("images")
    model.compile(optimizers.Lion(3e-4), "mse", jit_compile=False)
    for epoch in range(1, EPOCHS + 1):
        model.fit(x, x, batch_size=BATCH, verbose=0, shuffle=False)
        model.save(folder / f"epoch_{epoch:02d}.h5")


def restarted_rate(folder: Path) -> None:
    schedule = optimizers.schedules.CosineDecayRestarts(4e-3, 2 * STEPS, t_mul=1.5, m_mul=0.8)
    train(transformer(), folder, task="tokens", optimizer=optimizers.AdamW(schedule), save="bundle")


def mixed_recurrent(folder: Path) -> None:
    """Mixed precision with a dynamic loss scale."""
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        train(mlp(40), folder, task="vectors", optimizer=optimizers.SGD(0.05, momentum=0.9), save="weights")
    finally:
        keras.mixed_precision.set_dtype_policy(policy)


_RUNS: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
    ("gates-for-channels", "depthwise CNN with gates, Nesterov, .keras", gates_for_channels),
    ("both-directions", "bidirectional GRU, Nadam, .weights.h5", both_directions),
    ("averaged-by-optimizer", "text CNN, Adam with its own average, TF bundle", averaged_by_optimizer),
    ("keras-lora", "Keras's LoRA on two dense layers, .keras", keras_lora),
    ("thawed-statistics", "CNN thawed at epoch 5 but for its normalisations", thawed_with_frozen_statistics),
    ("only-the-best", "save_best_only over 25 epochs", only_the_best),
    ("loaded-continued", "loaded at epoch 6 and trained on at a fifth", loaded_and_continued),
    ("generator-critic", "GAN of two optimizers, TF bundle", generator_and_critic),
    ("fake-quantised", "kernels rounded in the forward pass, Adamax", aware_of_int8),
    ("constrained", "bounded norms, PReLU, RMSprop, .h5", constrained),
    ("spectral-normalised", "spectral normalisation of convolutions", spectral_normalised),
    ("with-skips", "U-net with group normalisation, Lion, .h5", with_skips),
    ("restarted-rate", "transformer, cosine restarts, AdamW, bundle", restarted_rate),
    ("mixed-mlp", "mixed_float16, SGD with momentum", mixed_recurrent),
)

CASES: tuple[Case, ...] = tuple(Case(name, story, make, unseen=name not in SEEN_SINCE) for name, story, make in _RUNS)
