"""Which variable a slot belongs to: by shape and order, several optimizers apart, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.readers.tensorflow.slots import Slot, Target, match_slots

KERNEL, OTHER = (2, 3), (4, 5)


def match(
    names: Sequence[tuple[str, tuple[int, ...]]], targets: Sequence[Target]
) -> tuple[list[int | None], list[str], set[int]]:
    """Targets and kinds of an optimizer's variables, and what is trained."""
    slots, trained = match_slots(dict(enumerate(names, start=100)), targets)
    return [slot.target for slot in slots.values()], [slot.name for slot in slots.values()], trained


def model(*rows: tuple[str, tuple[int, ...]], at: int = 0, path: str = "layers") -> list[Target]:
    """One model's variables in order, with numbered paths."""
    return [Target(at + i, name, shape, at, (path, str(i), name)) for i, (name, shape) in enumerate(rows)]


def test_by_shape_and_by_what_is_left() -> None:
    networks = model(("fc/k", KERNEL)) + model(("fc/k", OTHER), at=10)
    assert match([("Adam/m/fc/k", OTHER)], networks) == ([10], ["m"], {10})
    assert match([("Adam/m/fc/k", (9, 9))], networks) == ([None], ["m"], set())
    assert match([("Adam/m/fc/k", KERNEL), ("Adam/m/fc/k", OTHER)], networks)[0] == [0, 10]
    assert match_slots({7: ("Adam/m/gone/k", KERNEL)}, networks) == ({7: Slot(None, "m", "gone/k")}, set())
    assert match_slots({7: ("Adam/learning_rate", ())}, networks) == ({}, set())
    assert match_slots({7: ("adam/fc_k_momentum", KERNEL)}, networks[:1])[0] == {7: Slot(0, "momentum")}


def test_two_networks_of_one_name_and_shape() -> None:
    """With a slot for each, both are trained, but not even order tells which was given to the optimizer first."""
    networks = model(("fc/k", KERNEL)) + model(("fc/k", KERNEL), at=10)
    assert match([("m/fc/k", KERNEL)], networks) == ([None], ["m"], set())
    assert match([("m/fc/k", KERNEL)] * 2, networks) == ([None, None], ["m", "m"], {0, 10})


def test_all_slots_of_an_optimizer_fit_one_model() -> None:
    """What a generator and a discriminator share in name and shape is of the one that has a place for all slots."""
    networks = model(("a/k", KERNEL), ("b/k", (3, 3))) + model(("a/k", OTHER), ("b/k", (3, 3)), at=10)
    assert match([("m/a/k", KERNEL), ("m/b/k", (3, 3))], networks) == ([0, 1], ["m", "m"], {0, 1})
    assert match([("m/a/k", OTHER), ("m/b/k", (3, 3))], networks) == ([10, 11], ["m", "m"], {10, 11})
    both = [("m/a/k", KERNEL), ("m/b/k", (3, 3)), ("m/a/k", OTHER), ("m/b/k", (3, 3))]
    assert match(both, networks) == ([0, None, 10, None], ["m"] * 4, {0, 1, 10, 11}), "one optimizer for the two"
    assert match([("m/b/k", (3, 3))], networks)[0] == [None], "either has a place"


def test_by_order_within_a_model() -> None:
    twins = model(("d/k", KERNEL), ("mid/k", KERNEL), ("d/k", KERNEL))
    assert match([("m/d/k", KERNEL), ("m/mid/k", KERNEL), ("m/d/k", KERNEL)], twins)[0] == [0, 1, 2]
    assert match([("m/mid/k", KERNEL), ("m/d/k", KERNEL)], twins)[0] == [1, 2]  # the one behind `mid`
    assert match([("m/d/k", KERNEL), ("m/mid/k", KERNEL)], twins)[0] == [0, 1]
    assert match([("m/d/k", KERNEL)], twins) == ([None], ["m"], set())
    # The graph has the order in which attributes were set; a tf.Module gives its variables sorted by attribute.
    sorted_last = [Target(0, "d/k", KERNEL, 0, ("z", "k")), Target(1, "d/k", KERNEL, 0, ("a", "k"))]
    assert match([("m/d/k", KERNEL)] * 2, sorted_last) == ([None, None], ["m", "m"], {0, 1})
    told = [*sorted_last, Target(2, "mid/k", KERNEL, 0, ("m", "k"))]
    names = ["d/k", "mid/k", "d/k"]
    assert match([(f"m/{name}", KERNEL) for name in names], told)[0] == [1, 2, 0]


def test_a_student_and_its_frozen_teacher(reported: Path, read: Any) -> None:
    """A SavedModel says what is trainable; a checkpoint does not, and so neither network is said to have the slots."""
    saved = read(reported / "same-names-frozen" / "distill_savedmodel" / "model.04")
    trained = {name for name in saved.names() if saved.info(name).trainable}
    assert trained == {f"student/{layer}/{v}" for layer in ("fc1", "fc2") for v in ("kernel", "bias")}
    assert {n for n in saved.names("optimizer") if n.endswith("/m")} == {f"optimizer/{name}/m" for name in trained}
    for path in ("distill_bundle/ck-4", "dqn/ck-4"):
        found = read(reported / "same-names-frozen" / path)
        assert not any(found.info(name).trainable for name in found.names())
        slots = [name for name in found.names("optimizer") if name.endswith(("/m", "/v"))]
        assert len(slots) == 8
        assert {found.info(name).layer for name in slots} == {""}
        assert {found.info(name).role for name in slots} == {"momentum", "velocity"}


def test_attributes_that_are_called_like_optimizers(tf: ModuleType, workplace: Path, read: Any, reported: Path) -> None:
    found = read(reported / "attribute-called-opt" / "ck")
    assert found.layers == ["dense", "dense_1", "dense_2"]
    assert len([name for name in found.names("optimizer") if name.endswith(("/m", "/v"))]) == 12

    class Linear(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, size: int) -> None:
            super().__init__()
            self.w = tf.Variable(tf.ones((size, size)), name="w")

    class Trainer(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, net: Any) -> None:
            super().__init__()
            self.net = net
            self.base_optimizer = Momentum([net.w])

    class Momentum(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self, variables: Any) -> None:
            super().__init__()
            self.accumulated_momentum = [
                tf.Variable(tf.zeros_like(v), name=f"momentum/{v.name.removesuffix(':0')}") for v in variables
            ]

    tf.train.Checkpoint(opt=Linear(3), optimizer=[Linear(2), Linear(4)]).write(str(workplace / "called-opt"))
    assert read(workplace / "called-opt").names() == ["opt/w", "optimizer/0/w", "optimizer/1/w"]
    tf.train.Checkpoint(trainer=Trainer(Linear(2))).write(str(workplace / "called-trainer"))
    found = read(workplace / "called-trainer")
    assert len(found.names()) == 1
    (slot,) = found.names("optimizer")
    assert (slot, found.info(slot).role) == (f"optimizer/{found.names()[0]}/momentum", "momentum")


def test_accumulated_gradients_are_no_second_moments(
    keras: ModuleType, tf: ModuleType, workplace: Path, read: Any
) -> None:
    """They may be negative; so may averages of weights."""
    keras.backend.clear_session()
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="d")])
    optimizer = keras.optimizers.Adam(gradient_accumulation_steps=2, use_ema=True)
    optimizer.build(network.trainable_variables)
    tf.train.Checkpoint(model=network, optimizer=optimizer).write(str(workplace / "accumulating"))
    found = read(workplace / "accumulating")
    roles = {name.rsplit("/", 1)[1]: found.info(name).role for name in found.names("optimizer") if "kernel" in name}
    assert roles == {
        "gradient_accumulator": "gradient_accumulator",
        "average": "ema",
        "momentum": "momentum",
        "velocity": "velocity",
    }


@pytest.mark.parametrize("root", [True, False])
def test_variables_that_are_no_numbers(root: bool, tf: ModuleType, workplace: Path, read: Any, oracle: Any) -> None:
    """Strings are passed over with a reason; quantised integers are the integers they are stored as."""

    class Index(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.candidates = tf.Variable(tf.ones((3, 4)), name="candidates")
            self.names = tf.Variable(["a", "b"], name="names")
            self.codes = tf.Variable(tf.bitcast(tf.constant([1, -2], tf.int8), tf.qint8), name="codes")
            self.on = tf.Variable([True], name="on")

    index = Index()
    prefix = workplace / f"kinds-{root}"
    (tf.train.Checkpoint(index) if root else tf.train.Checkpoint(index=index, note=tf.Variable("x"))).write(str(prefix))
    tf.saved_model.save(index, str(workplace / f"kinds-saved-{root}"))
    for path in (prefix, workplace / f"kinds-saved-{root}"):
        found = read(path)
        assert {info.dtype for info, _ in found.tensors.values()} == {"float32", "int8", "bool"}
        (codes,) = [values for info, values in found.tensors.values() if info.dtype == "int8"]
        assert np.array_equal(codes, [1, -2])
        skipped = {one.name.rpartition("/")[2]: one for one in found.contents.skipped}
        assert set(skipped) == ({"names"} if root or path != prefix else {"names", "note"})
        assert (skipped["names"].dtype, skipped["names"].shape) == ("string", (2,))
        assert "not numbers" in skipped["names"].reason


def test_a_reported_index_of_strings(reported: Path, read: Any) -> None:
    for path in ("ck/index", "index_savedmodel"):
        found = read(reported / "string-variable" / path)
        assert [name.rpartition("/")[2] for name in found.names()] == ["candidates"]
        assert [one.name.rpartition("/")[2] for one in found.contents.skipped] == ["identifiers"]
