"""Train a small model whose schedule has a slip, and save it and its metrics after each epoch.

``python -m examples.broken_run FOLDER``. The tutorial reports on that folder: from the sixth epoch on, the learning
rate is 50 where 0.05 was meant.
"""

from __future__ import annotations

import sys
from pathlib import Path

from examples.sample import digits, keras

EPOCHS = 8
SLIP = 5
"""Epochs that go well."""


def build() -> keras.Model:
    """Two convolutions, a hidden layer, and a head, for images of 16 × 16 pixels and ten classes."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(16, 3, strides=2, activation="relu", name="conv_1"),
            layers.Conv2D(32, 3, strides=2, activation="relu", name="conv_2"),
            layers.Flatten(name="flat"),
            layers.Dense(64, activation="relu", name="hidden"),
            layers.Dense(10, name="logits"),
        ],
        name="bars",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss=loss, metrics=["accuracy"])
    return model


def learning_rate(epoch: int) -> float:
    """What the schedule says for an epoch, counted from 0."""
    return 0.05 if epoch < SLIP else 50.0


def main(folder: Path) -> None:
    """Train the model, and save it after each epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits(2500, 0)
    build().fit(
        images[:2000],
        labels[:2000],
        validation_data=(images[2000:], labels[2000:]),
        batch_size=64,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            keras.callbacks.LearningRateScheduler(learning_rate),
            keras.callbacks.ModelCheckpoint(folder / "bars-{epoch:02d}.keras"),
            keras.callbacks.CSVLogger(folder / "training.log"),
        ],
    )
    print(f"{EPOCHS} checkpoints and training.log in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/bars"))
