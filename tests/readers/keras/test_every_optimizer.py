"""Every optimizer that Keras 3 and Keras 2 export, with every option that adds variables: Keras names the slots."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.model.role import slot_role

OPTIONS: dict[str, Any] = {
    "amsgrad": True,
    "centered": True,
    "momentum": 0.9,
    "use_ema": True,
    "gradient_accumulation_steps": 2,
    "exclude_layers": ["b"],
    "exclude_embeddings": False,
}
"""Those that change which variables there are; each is tried alone, and all together."""

EVERYWHERE = {"use_ema", "gradient_accumulation_steps"}
"""Options of the base class: alone, they are tried with two classes only."""

AROUND = {"LossScaleOptimizer", "MultiOptimizer"}
"""They take optimizers; tested below."""


def classes(keras: ModuleType) -> Iterator[type]:
    for name, one in vars(keras.optimizers).items():
        abstract = name in {"Optimizer", "OptimizerMap"} or name in AROUND
        if inspect.isclass(one) and not abstract:
            yield one


def cases(kind: type) -> Iterator[dict[str, Any]]:
    known = inspect.signature(kind).parameters
    options = {name: value for name, value in OPTIONS.items() if name in known}
    yield {}
    for name, value in options.items():
        if name not in EVERYWHERE or kind.__name__ in {"Adam", "Muon"}:
            yield {name: value}
    if len(options) > 1:
        yield options


def small_model(keras: ModuleType) -> Any:
    """Matrices of one shape beside each other, an embedding, vectors, a frozen layer."""
    layers = keras.layers
    tokens = keras.Input((4,), dtype="int32")
    x = layers.Flatten()(layers.Embedding(4, 2, name="words")(tokens))
    x = layers.Dense(8, use_bias=False, name="frozen", trainable=False)(x)
    x = layers.Dense(8, use_bias=False, name="a")(x)
    x = layers.Dense(8, use_bias=False, name="b")(x)
    return keras.Model(tokens, layers.Dense(2, name="head")(x))


@pytest.fixture(scope="module")
def model3(keras: ModuleType) -> Any:
    return small_model(keras)


@pytest.fixture(scope="module")
def model2(tf_keras: ModuleType) -> Any:
    return small_model(tf_keras)


def slots_of(variables: Any, weights: Any) -> list[str]:
    """The names that an optimizer's variables tell: "head_kernel_momentum" of Keras 3, "m/head/kernel" of Keras 2."""
    targets = {path(w).replace("/", "_"): "/".join(path(w).split("/")[-2:]) for w in weights}
    factors = iter("rc" * len(variables))  # Keras 3 gives those of Adafactor the names of their weights alone
    found = []
    following = None
    for variable in reversed(list(variables)):
        own = path(variable)
        slot, _, rest = own.partition("/")
        target = targets.get(rest.replace("/", "_"))
        if target is None:
            below = own.split("/", 1)[-1]
            known = max((t for t in targets if below.startswith(f"{t}_")), key=len, default="")
            target, slot = targets.get(known), below[len(known) + 1 :]
        if target is None and own.rsplit("/", 1)[-1] in {"kernel", "bias", "embeddings", "gamma", "beta"}:
            assert following is not None
            target, slot = following, "cr"["rc".index(next(factors))]  # seen backwards
        if target is not None:
            following = target
            found.append(f"optimizer/{target}/{slot}")
    return found[::-1]


def path(variable: Any) -> str:
    return str(getattr(variable, "path", None) or variable.name).removesuffix(":0")


def check(model: Any, optimizer: Any, suffix: str, read: Any, folder: Path) -> None:
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    file = folder / f"m{suffix}"
    (model.save_weights if suffix == ".weights.h5" else model.save)(file)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    found = read(file)
    expected = slots_of(inner.variables, model.trainable_variables)
    stored = [name for name in found.collection("optimizer") if name.count("/") > 2]
    assert stored == expected, (type(optimizer), optimizer.get_config())
    assert found.contents.notes == ()
    assert found.contents.missing_weights == 0
    for name, (info, values) in found.collection("optimizer").items():
        variable = name.rsplit("/", 1)[-1]
        assert info.role == slot_role(variable), name
        if variable == "gradient_accumulator":
            assert info.role == "gradient_accumulator"
        if variable == "average":
            assert info.role == "ema"
        if name in expected:
            assert info.layer == name.split("/")[1]
        assert np.isfinite(values.astype(float)).all()


def test_every_optimizer_of_keras_3(keras: ModuleType, model3: Any, read: Any, tmp_path: Path, quiet: None) -> None:
    tried = set()
    for kind in classes(keras):
        for options in cases(kind):
            tried.add(kind.__name__)
            check(model3, kind(**options), ".keras", read, tmp_path)
    assert {"Adam", "Adafactor", "Muon", "ScheduleFreeAdamW", "Lamb"} <= tried


def test_every_optimizer_of_keras_3_scales_the_loss(
    keras: ModuleType, model3: Any, read: Any, tmp_path: Path, quiet: None
) -> None:
    for kind in classes(keras):
        check(model3, keras.optimizers.LossScaleOptimizer(kind()), ".keras", read, tmp_path)


def test_every_optimizer_of_keras_2(tf_keras: ModuleType, model2: Any, read: Any, tmp_path: Path, quiet: None) -> None:
    """Under the names that Keras 2 gives the slots, in both formats; SGD always keeps its momentum."""
    for kind in classes(tf_keras):
        for options in cases(kind):
            for suffix in (".keras", ".h5"):
                check(model2, kind(**options), suffix, read, tmp_path)


def test_weights_alone_tell_the_class_by_its_name(
    keras: ModuleType, model3: Any, read: Any, tmp_path: Path, quiet: None
) -> None:
    for name in ("Adafactor", "Muon", "ScheduleFreeAdamW"):
        optimizer = getattr(keras.optimizers, name)()
        model3.compile(optimizer, "mse")
        optimizer.build(model3.trainable_variables)
        model3.save_weights(tmp_path / "m.weights.h5")
        slots = read(tmp_path / "m.weights.h5").collection("optimizer")
        assert len(slots) == len(optimizer.variables)


def test_an_optimizer_of_several(keras: ModuleType, model3: Any, read: Any, tmp_path: Path, quiet: None) -> None:
    """MultiOptimizer stores the variables of each optimizer twice: they are counted once, and each has its own step."""
    optimizers = keras.optimizers
    adam, sgd = optimizers.Adam(), optimizers.SGD(momentum=0.9)
    both = optimizers.MultiOptimizer(optimizers.OptimizerMap(adam, {"head/.*": sgd}))
    model3.compile(both, "mse")
    both.build(model3.trainable_variables)
    for suffix in (".keras", ".weights.h5"):
        file = tmp_path / f"m{suffix}"
        (model3.save_weights if suffix == ".weights.h5" else model3.save)(file)
        found = read(file)
        names = set(found.collection("optimizer"))
        assert len(names) == len(both.variables)
        assert {"optimizer/sgd/iterations", "optimizer/sgd/learning_rate", "optimizer/adam/iterations"} <= names
        assert {"optimizer/multi_optimizer/iteration", "optimizer/multi_optimizer/learning_rate"} <= names
        if suffix == ".keras":
            assert {"optimizer/sgd/head/kernel/momentum", "optimizer/adam/words/embeddings/velocity"} <= names


def test_patterns_of_muon_are_never_run(keras: ModuleType, model3: Any, read: Any, tmp_path: Path, quiet: None) -> None:
    """They are regular expressions from a file, which can take for ever: its slots then stay numbered."""
    optimizer = keras.optimizers.Muon(exclude_layers=[r"(h+)+$"])
    model3.compile(optimizer, "mse")
    optimizer.build(model3.trainable_variables)
    model3.save(tmp_path / "m.keras")
    slots = read(tmp_path / "m.keras").collection("optimizer")
    assert [name for name in slots if "var_" not in name] == ["optimizer/iterations", "optimizer/learning_rate"]
