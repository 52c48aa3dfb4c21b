"""TensorFlow 1: everything is told from names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reporter.readers.meaning import Meaning
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.names import interpret_names

FLOAT, INT64 = 1, 9


def meanings(shapes: Mapping[str, tuple[int, ...]], counts: tuple[str, ...] = ()) -> dict[str, Meaning]:
    entries = {key: Entry(INT64 if key in counts else FLOAT, shape) for key, shape in shapes.items()}
    return {m.key: m for m in interpret_names(entries).meanings}


def test_adam_and_friends() -> None:
    shapes = {"net/fc/weights": (2, 3), "net/fc/biases": (3,), "net/bn/moving_mean": (3,), "beta1_power": ()}
    slots = ("Adam", "Adam_1", "Momentum", "Ftrl", "Ftrl_1", "Adagrad", "RMSProp", "adam_m", "ExponentialMovingAverage")
    shapes |= {f"net/fc/weights/{slot}": (2, 3) for slot in slots} | {"train/beta2_power_1": (), "lost/w/Adam": (9,)}
    found = meanings(shapes | {"global_step": ()}, ("global_step",))
    kernel = found["net/fc/weights"]
    assert (kernel.name, kernel.layer, kernel.role, kernel.trainable) == ("net/fc/weights", "net/fc", "kernel", True)
    assert found["net/fc/biases"].trainable is None  # no slot: frozen, or an optimizer without any
    assert found["net/bn/moving_mean"].trainable is False
    average = found["net/fc/weights/ExponentialMovingAverage"]
    assert (average.collection, average.role, average.layer) == ("model", "ema", "net/fc")
    roles = {slot: found[f"net/fc/weights/{slot}"].role for slot in slots[:-1]}
    assert roles["Adam"] == "momentum"
    assert roles["Adam_1"] == roles["RMSProp"] == roles["Adagrad"] == "velocity"
    assert roles["Ftrl"] == "slot"
    assert found["net/fc/weights/Adam"].name == "optimizer/net/fc/weights/Adam"
    assert {found[f"net/fc/weights/{slot}"].collection for slot in slots[:-1]} == {"optimizer"}
    assert found["lost/w/Adam"].collection == "optimizer"
    assert found["lost/w/Adam"].layer == ""
    for key in ("beta1_power", "train/beta2_power_1"):
        assert (found[key].collection, found[key].role) == ("optimizer", "hyperparameter")
    assert (found["global_step"].collection, found["global_step"].role) == ("other", "step")


def test_slots_under_any_name() -> None:
    """TensorFlow calls a slot after its optimizer, and that after what the program says; some store ``:0`` as well."""
    shapes: dict[str, tuple[int, ...]] = {
        "d/kernel:0": (4, 1),
        "g/kernel:0": (8, 4),
        "g/bias:0": (4,),
        "x/table:0": (5,),
    }
    slots = {
        **{f"d/kernel/D_opt{n}:0": (4, 1) for n in ("", "_1")},
        **{f"g/{v}/G_opt{n}:0": shapes[f"g/{v}:0"] for v in ("kernel", "bias") for n in ("", "_1")},
        **{f"x/table/AdagradDA{n}:0": (5,) for n in ("", "_1")},
        "train/x/table/ada_2:0": (5,),
        "lost/kernel/D_opt:0": (3, 3),
    }
    powers: dict[str, tuple[int, ...]] = dict.fromkeys(("beta1_power:0", "beta1_power_1:0", "beta2_power:0"), ())
    found = meanings(shapes | slots | powers | {"global_step:0": ()}, ("global_step:0",))
    assert {key for key, m in found.items() if m.collection == "model"} == set(shapes)
    assert all(found[key].trainable and found[key].name == key.removesuffix(":0") for key in shapes)
    assert {m.layer for m in found.values()} == {"d", "g", "x", ""}
    assert {found[key].collection for key in (*slots, *powers)} == {"optimizer"}
    assert found["g/bias/G_opt:0"].name == "optimizer/g/bias/G_opt"
    assert found["train/x/table/ada_2:0"].name == "optimizer/x/table/ada_2"
    assert [found[f"d/kernel/D_opt{n}:0"].role for n in ("", "_1")] == ["momentum", "velocity"]  # two `beta1_power`
    assert [found[f"x/table/AdagradDA{n}:0"].role for n in ("", "_1")] == ["gradient_accumulator", "velocity"]
    assert found["train/x/table/ada_2:0"].role == "slot"
    assert found["beta1_power_1:0"].role == "hyperparameter"
    assert found["lost/kernel/D_opt:0"].layer == ""


def test_names_of_which_nothing_says_that_they_are_adam() -> None:
    shapes: dict[str, tuple[int, ...]] = {"k": (2, 2), "k/opt": (2, 2), "k/opt_1": (2, 2)}
    assert [meanings(shapes)[key].role for key in ("k/opt", "k/opt_1")] == ["slot", "slot"]
    assert meanings(shapes | {"beta1_power": ()})["k/opt_1"].role == "velocity"
    twice = shapes | {"beta1_power": (), "k/Adam": (2, 2), "k/Adam_1": (2, 2)}
    assert meanings(twice)["k/opt_1"].role == "slot"


def test_what_lies_below_a_variable_and_is_no_slot() -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "bn/moving_mean": (3,),
        "bn/moving_mean/biased": (3,),
        "bn/moving_mean/local_step": (),
        "att": (4, 4),
        "att/kernel": (4, 4),  # a scope that is called like a variable
        "att/scores": (7,),
        "w": (4, 6),
        "w/vr": (4,),
        "w/vc": (6,),
        "w/ema": (4, 6),
        "only/w/ExponentialMovingAverage": (2, 2),
    }
    found = meanings(shapes)
    optimizers = {key for key, m in found.items() if m.collection == "optimizer"}
    assert optimizers == {"w/vr", "w/vc"}  # the two factors of Adafactor
    assert found["bn/moving_mean/biased"].layer == "bn"
    assert (found["bn/moving_mean/local_step"].role, found["bn/moving_mean"].trainable) == ("step", False)
    assert (found["w/ema"].role, found["w/ema"].layer, found["w/ema"].trainable) == ("ema", "", False)
    average = found["only/w/ExponentialMovingAverage"]
    assert (average.role, average.layer, average.trainable) == ("ema", "only", None)


def test_reported_optimizers_with_names(reported: Path, read: Any) -> None:
    found = read(reported / "tf1-named-optimizers" / "model.ckpt-3")
    layers = ("discriminator/out", "extra", "generator/out")
    assert found.names() == [f"{layer}/{variable}" for layer in layers for variable in ("bias", "kernel")]
    assert all(found.info(name).trainable for name in found.names())
    assert len(found.names("optimizer")) == 16
    assert found.info("optimizer/generator/out/kernel/G_opt_1").role == "velocity"


def test_a_variable_that_is_called_like_a_slot() -> None:
    found = meanings({"rnn/m": (2,), "rnn/v": (2,), "momentum": (3,)})
    assert {m.collection for m in found.values()} == {"model"}


def test_partitions_of_an_estimator() -> None:
    shapes = {f"dnn/h_{i}/kernel/part_{p}": (2, 2) for i in (2, 10) for p in (0, 1)}
    found = meanings(shapes | {"dnn/h_2/kernel/part_0/Adagrad": (2, 2)})
    part = found["dnn/h_10/kernel/part_1"]
    assert (part.name, part.layer, part.role) == ("dnn/h_10/kernel/part_1", "dnn/h_10", "kernel")
    assert found["dnn/h_2/kernel/part_0"].trainable
    assert [m.layer for m in found.values() if m.collection == "model"] == ["dnn/h_2"] * 2 + ["dnn/h_10"] * 2


def test_scalars_beside_trained_variables_are_statistics() -> None:
    found = meanings({"w": (2, 2), "w/Adam": (2, 2), "losses/total": (), "scale": (), "scale/Adam": ()})
    assert found["losses/total"].collection == "other"
    assert (found["scale"].collection, found["scale"].trainable) == ("model", True)
    assert meanings({"a": (), "b": ()})["a"].collection == "model"


@pytest.mark.parametrize(("step", "counts"), [(1000, "model.ckpt-1000"), (999, "model.ckpt-999"), (0, "model.ckpt-0")])
def test_an_estimator(shared_data: Path, read: Any, step: int, counts: str) -> None:
    found = read(shared_data / "series/taxi-estimator-tf1" / counts)
    assert (found.contents.step, found.contents.step_source) == (step, "variable global_step")
    assert not found.contents.layers_ordered
    assert len(found.names()) == 20
    assert len(found.names("optimizer")) == 39
    assert found.names("other") == ["global_step"]
    assert all(found.info(name).trainable for name in found.names())
    slot = found.info("optimizer/linear/linear_model/company_xf/weights/linear")
    assert slot.layer == "linear/linear_model/company_xf"
    assert found.info("optimizer/training/Ftrl/l1_regularization_strength").role == "hyperparameter"


def test_a_transformer(shared_data: Path, read: Any) -> None:
    folder = shared_data / "single/transformer-tf1-2shards/tensor2tensor/test_data/transformer_test_ckpt"
    found = read(folder / "model.ckpt-1")
    assert (found.contents.step, len(found.tensors)) == (1, 250)
    slots = [name for name in found.names("optimizer") if name.endswith(("/Adam", "/Adam_1"))]
    assert len(slots) == 162
    assert len(found.names()) == 81
    assert all(found.info(name).trainable for name in found.names())
    assert set(found.names("other")) == {
        "global_step",
        "train_stats/problem_0_steps",
        *(f"losses_avg/problem_0/{what}_loss" for what in ("extra", "total", "training")),
    }


def test_a_saver(tf: ModuleType, workplace: Path, read: Any) -> None:
    """Partitioned variables of TensorFlow 1 itself, with a slot for each."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1.Session() as session:
        with v1.variable_scope("tower", partitioner=v1.fixed_size_partitioner(3)):
            weights = v1.get_variable("weights", (7, 4))
        step = v1.train.get_or_create_global_step()
        optimizer = v1.train.MomentumOptimizer(0.1, 0.9)
        train = optimizer.minimize(tf.reduce_sum(weights.as_tensor() ** 2), global_step=step)
        session.run(v1.global_variables_initializer())
        session.run(train)
        expected = session.run(weights.as_tensor())
        prefix = v1.train.Saver().save(session, str(workplace / "model.ckpt"), global_step=step)
    found = read(Path(prefix))
    assert found.contents.step == 1
    assert found.names() == ["tower/weights"]
    assert found.tensors["tower/weights"][1].tobytes() == expected.tobytes()
    assert found.info("tower/weights").trainable
    assert found.names("optimizer") == ["optimizer/tower/weights/Momentum"]
