"""Train a small model for a few epochs, and save it after each in every format that Keras and TensorFlow write.

``python -m examples.sample FOLDER``; ``make sample`` does this, and reports on the folder.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

EPOCHS = 6

logging.getLogger("absl").setLevel(logging.ERROR)  # Keras warns that .h5 is a legacy format, as is intended


def digits(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of blurred, noisy bars at ten angles, which a small convolutional network learns to tell apart in seconds.

    Args:
        n: number of images.
        seed: of the random numbers.

    Returns:
        Images, float32, shape (n, 16, 16, 1), and their labels from 0 to 9, int64, shape (n,).
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    angle = labels * np.pi / 10 + rng.normal(0, 0.05, n)
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    distance = np.abs(np.sin(angle)[:, None, None] * x - np.cos(angle)[:, None, None] * y)
    images = np.exp(-((distance / 0.2) ** 2)) + rng.normal(0, 0.3, (n, 16, 16))
    return images[..., None].astype(np.float32), labels


def build() -> keras.Model:
    """A functional model with convolutions, batch normalisation, a model within the model, and a head without bias."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv_1"),
            layers.BatchNormalization(name="norm_1"),
            layers.ReLU(),
            layers.SeparableConv2D(32, 3, strides=2, padding="same", name="separable"),
            layers.BatchNormalization(name="norm_2"),
            layers.ReLU(),
        ],
        name="encoder",
    )
    image = keras.Input((16, 16, 1), name="image")
    x = encoder(image)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(64, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    logits = layers.Dense(10, use_bias=False, name="logits")(x)
    model = keras.Model(image, logits, name="bars")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    return model


def save(model: keras.Model, folder: Path, epoch: int) -> None:
    """Save the model in every format, each in a folder of its own.

    Args:
        model: the model.
        folder: where the folders of the formats are.
        epoch: the number that file names contain.
    """
    for name in ("keras", "weights", "h5", "bundle", "savedmodel", "safetensors"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    model.save(folder / "keras" / f"bars_epoch_{epoch:02d}.keras")
    model.save_weights(folder / "weights" / f"bars_epoch_{epoch:02d}.weights.h5")
    model.save(folder / "h5" / f"bars_epoch_{epoch:02d}.h5")
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(folder / "bundle" / f"bars-{epoch}"))
    model.export(folder / "savedmodel" / str(epoch), verbose=False)
    save_safetensors(model, folder / "safetensors" / f"bars-{epoch}.safetensors")


def save_safetensors(model: keras.Model, path: Path) -> None:
    """Write the weights as safetensors: the length of the header, the header in JSON, and the values."""
    header, values, start = {}, [], 0
    for variable in model.weights:
        array = np.asarray(variable)
        header[variable.path.replace("/", ".")] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [start, start + array.nbytes],
        }
        values.append(array.astype("<f4").tobytes())
        start += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(values))


def main(folder: Path) -> None:
    """Train the model, and save it after each epoch."""
    images, labels = digits(4000, 0)
    model = build()
    for epoch in range(1, EPOCHS + 1):
        history = model.fit(images, labels, batch_size=64, epochs=1, verbose=0)
        save(model, folder, epoch)
        print(f"epoch {epoch}: accuracy {history.history['accuracy'][0]:.2f}")
    print(f"checkpoints in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "sample/ckpts"))
