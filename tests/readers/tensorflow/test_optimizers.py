"""The slots of every optimizer in an object graph, of one and of several."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.readers.tensorflow.live import build_optimizer

OPTIMIZERS = {  # Keras 3 optimizer and options: slots of a kernel, other variables
    "SGD": ({}, set(), set()),
    "RMSprop": ({"momentum": 0.5, "centered": True}, {"velocity", "momentum", "average_gradient"}, set()),
    "Adagrad": ({}, {"accumulator"}, set()),
    "Adadelta": ({}, {"accumulated_grad", "accumulated_delta_var"}, set()),
    "Adamax": ({}, {"momentum", "norm"}, set()),
    "Nadam": ({}, {"momentum", "velocity"}, {"variable"}),
    "Ftrl": ({}, {"accumulator", "linear"}, set()),
    "Lion": ({}, {"momentum"}, set()),
    "AdamW": ({"amsgrad": True}, {"momentum", "velocity", "velocity_hat"}, set()),
    "Adam": ({"use_ema": True}, {"momentum", "velocity", "average"}, set()),
    "Muon": ({}, {"momentum"}, set()),
    "LossScale": ({}, {"momentum", "velocity"}, {"step_counter", "dynamic_scale", "iterations_1", "learning_rate_1"}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_slots_of_keras_3(name: str, keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    options, slots, others = OPTIMIZERS[name]
    keras.backend.clear_session()
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="d2")(keras.layers.Dense(3, name="d1")(inputs)))
    if name == "LossScale":
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    else:
        optimizer = getattr(keras.optimizers, name)(**options)
    build_optimizer(model, optimizer, 11)
    tf.train.Checkpoint(model=model, optimizer=optimizer).write(str(workplace / name))
    found = read(workplace / name)
    assert found.names() == ["d1/kernel", "d1/bias", "d2/kernel", "d2/bias"]
    assert found.contents.step == 11
    for kernel in ("d1/kernel", "d2/kernel"):
        mine = {n for n in found.names("optimizer") if n.startswith(f"optimizer/{kernel}/")}
        assert mine == {f"optimizer/{kernel}/{slot}" for slot in slots}
        assert all(found.info(n).layer == kernel[:2] and found.info(n).shape for n in mine)
    rest = {n.removeprefix("optimizer/") for n in found.names("optimizer") if "/d1/" not in n and "/d2/" not in n}
    assert rest == {"iterations", "learning_rate"} | others
    assert not any(info.trainable for info, _ in found.tensors.values() if info.collection == "optimizer")
    if name == "Adam":
        assert found.info("optimizer/d1/kernel/average").role == "ema"


def test_two_optimizers(keras: ModuleType, tf: ModuleType, workplace: Path, read: Any) -> None:
    keras.backend.clear_session()
    networks, optimizers = {}, {}
    for i, name in enumerate(("generator", "discriminator")):
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(2)], name=name[:3])
        optimizer = keras.optimizers.Adam()
        optimizer.build(network.trainable_variables)
        optimizer.iterations.assign(40 + i)
        networks[name], optimizers[f"{name}_optimizer"] = network, optimizer
    tf.train.Checkpoint(**networks, **optimizers, step=tf.Variable(5), epoch=tf.Variable(2)).save(
        str(workplace / "gan")
    )
    found = read(workplace / "gan-1")
    assert found.contents.step == 41  # the most updates that any of them made
    assert found.names("other") == ["epoch", "step", "save_counter"]
    assert found.layers == ["dense_2", "dense_3", "dense", "dense_1"]
    assert "generator_optimizer/dense/kernel/velocity" in found.names("optimizer")
    assert "discriminator_optimizer/dense_2/kernel/momentum" in found.names("optimizer")
    assert {n.split("/")[0] for n in found.names("optimizer")} == set(optimizers)
