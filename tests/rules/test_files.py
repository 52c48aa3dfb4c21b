"""Verdicts on files as Keras writes them, with the names and flags that only real files have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # Keras's own, while it saves
]


def loud(folder: Path, out: Path) -> list[tuple[str, str, str]]:
    """Rule, severity and first bad checkpoint of what is more than a remark."""
    report = run(Settings(roots=(folder,), out=out, settle=0.0, pdf=False), Progress(quiet=True)).report
    return [(f.rule.name, f.severity.name, f.first_bad) for f in report.judgement.findings if f.severity.name != "INFO"]


def network(keras: Any, dtype: str) -> Any:
    """Two hidden layers and a head, with an optimizer that has its slots."""
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Dense(n, "relu", name=name, dtype=dtype) for n, name in ((14, "a"), (12, "b"))]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(3, name="c", dtype="float32")])
    inner = keras.optimizers.Adam(1e-3)
    model.compile(keras.optimizers.LossScaleOptimizer(inner) if dtype == "mixed_float16" else inner, "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def moved(model: Any, epoch: int, layers: str) -> None:
    """A step of some layers, as a training makes it; the optimizer counts on."""
    rng = np.random.default_rng(epoch)
    for name in layers:
        for weight in model.get_layer(name).weights:
            weight.assign_add((0.02 * rng.standard_normal(weight.shape)).astype("f4"))
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    optimizer.iterations.assign(8 * epoch)
    for moment in (*optimizer._momentums, *optimizer._velocities):
        moment.assign(np.full(moment.shape, 1e-4 * epoch, "f4"))


def to_keras(model: Any, folder: Path, epoch: int) -> None:
    model.save(folder / f"epoch_{epoch}.keras")


def to_bundle(model: Any, folder: Path, epoch: int) -> None:
    import tensorflow as tf

    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(folder / f"epoch_{epoch}"))


@pytest.mark.parametrize(("save", "ending"), [(to_keras, ".keras"), (to_bundle, "")])
def test_a_network_in_mixed_precision_that_stops_fails(
    keras: ModuleType, tmp_path: Path, save: Callable[[Any, Path, int], None], ending: str
) -> None:
    """The wrapper that scales the loss stores a learning rate of 0, beside that of the optimizer inside."""
    model, folder = network(keras, "mixed_float16"), tmp_path / "run"
    folder.mkdir()
    for epoch in range(1, 8):
        moved(model, epoch, "abc" if epoch < 4 else "")
        save(model, folder, epoch)
    assert loud(folder, tmp_path / "out") == [("stopped", "FAIL", f"epoch_4{ending}")]


def test_each_checkpoints_own_flags_count(keras: ModuleType, tmp_path: Path) -> None:
    model, folder = network(keras, "float32"), tmp_path / "run"
    folder.mkdir()
    for epoch in range(1, 8):
        model.get_layer("a").trainable = model.get_layer("b").trainable = epoch < 4
        moved(model, epoch, "abc" if epoch < 4 else "c")
        to_keras(model, folder, epoch)
    assert loud(folder, tmp_path / "out") == []
