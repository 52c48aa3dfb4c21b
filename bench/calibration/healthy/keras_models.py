"""Training runs in which nothing is wrong: the report must not say FAIL, and may have three findings at most.

Each function trains one of them. :data:`CASES` says what it is about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from bench.calibration.case import Case
from bench.calibration.training import EPOCHS, STEPS, cnn, mlp, pretrain, recurrent, train, transformer

optimizers = keras.optimizers


def mlp_adam(folder: Path) -> None:
    train(mlp(), folder, task="vectors")


def mlp_sgd(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(0.05), save="weights")


def mlp_weight_decay(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.AdamW(1e-3, weight_decay=0.05), save="h5")


def cnn_momentum(folder: Path) -> None:
    train(cnn(), folder, task="images", optimizer=optimizers.SGD(0.05, momentum=0.9), save="bundle")


def cnn_adam(folder: Path) -> None:
    train(cnn(), folder, task="images")


def cnn_mixed_precision(folder: Path) -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        train(cnn(), folder, task="images")
    finally:
        keras.mixed_precision.set_global_policy("float32")


def mlp_bfloat16(folder: Path) -> None:
    keras.config.set_dtype_policy("bfloat16")
    try:
        train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(1e-3))
    finally:
        keras.config.set_dtype_policy("float32")


def lstm(folder: Path) -> None:
    train(recurrent("LSTM", 2), folder, task="sequences", save="weights")


def gru(folder: Path) -> None:
    train(recurrent("GRU"), folder, task="sequences", optimizer=optimizers.RMSprop(1e-3))


def small_transformer(folder: Path) -> None:
    train(transformer(), folder, task="tokens", optimizer=optimizers.AdamW(1e-3))


def fine_tuning(folder: Path) -> None:
    model = mlp(64)
    pretrain(model, "vectors")
    for name in ("d1", "d2"):
        model.get_layer(name).trainable = False
    train(model, folder, task="vectors")


def fine_tuning_bundle(folder: Path) -> None:
    model = cnn()
    pretrain(model, "images")
    for layer in model.layers[:-1]:
        layer.trainable = False
    train(model, folder, task="images", save="bundle")


def pruning(folder: Path) -> None:
    def prune(model: Any, epoch: int) -> None:
        share = 0.8 * (1 - (1 - epoch / EPOCHS) ** 3)
        for name in ("d1", "d2"):
            kernel = model.get_layer(name).kernel
            values = np.asarray(kernel)
            kernel.assign(np.where(np.abs(values) < np.quantile(np.abs(values), share), 0, values))

    train(mlp(64), folder, task="vectors", after=prune)


def moving_average(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.Adam(1e-3, use_ema=True, ema_overwrite_frequency=None))


def cosine_to_zero(folder: Path) -> None:
    schedule = optimizers.schedules.CosineDecay(0.01, STEPS * (EPOCHS - 2))
    train(mlp(), folder, task="vectors", optimizer=optimizers.SGD(schedule, momentum=0.9))


def lora(folder: Path) -> None:
    model = mlp(64)
    for name in ("d1", "d2"):
        model.get_layer(name).enable_lora(4)
    train(model, folder, task="vectors")


def from_initialisation(folder: Path) -> None:
    def save_untrained(model: Any, epoch: int) -> None:
        if epoch == 1:
            model.save(folder / "epoch_00.keras")

    train(cnn(), folder, task="images", before=save_untrained)


def fast_learning(folder: Path) -> None:
    train(mlp(), folder, task="vectors", optimizer=optimizers.Adam(3e-3))


CASES: tuple[Case, ...] = (
    Case("mlp-adam", "MLP, Adam, .keras", mlp_adam),
    Case("mlp-sgd", "MLP, SGD, .weights.h5", mlp_sgd),
    Case("mlp-weight-decay", "MLP, AdamW with decay 0.05, .h5", mlp_weight_decay),
    Case("mlp-fast", "MLP, Adam at 3e-3", fast_learning),
    Case("mlp-bfloat16", "MLP stored in bfloat16, SGD at 1e-3: most updates round away", mlp_bfloat16),
    Case("cnn-momentum", "CNN with BatchNorm, SGD with momentum, TF bundle", cnn_momentum),
    Case("cnn-adam", "CNN with BatchNorm, Adam", cnn_adam),
    Case("cnn-from-init", "the same, with the untrained model as the first checkpoint", from_initialisation),
    Case("cnn-mixed", "CNN, mixed_float16 with loss scaling", cnn_mixed_precision),
    Case("lstm", "two LSTM layers, Adam, .weights.h5", lstm),
    Case("gru", "GRU, RMSprop", gru),
    Case("transformer", "embedding and one attention block, AdamW", small_transformer),
    Case("fine-tuning", "frozen backbone, trained head, .keras", fine_tuning),
    Case("fine-tuning-bundle", "frozen backbone, trained head, TF bundle", fine_tuning_bundle),
    Case("pruning", "magnitude pruning from 0 to 80 %", pruning),
    Case("ema", "Adam with a moving average of the weights", moving_average),
    Case("cosine", "learning rate ends at 0 two epochs before the end", cosine_to_zero),
    Case("lora", "LoRA adapters on a frozen MLP", lora),
)
