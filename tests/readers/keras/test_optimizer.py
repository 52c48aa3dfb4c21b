"""Slots are given to weights only where one way alone fits."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reporter.readers.keras.inventory import Weight
from reporter.readers.keras.old_optimizer import named_slots
from reporter.readers.keras.optimizer import all_trained, match_by_shape, match_in_order, numbered_slots
from reporter.readers.keras.tree import Dataset

SHAPES = st.sampled_from([(), (2,), (3,), (2, 3)])


def dataset(shape: tuple[int, ...], dtype: str = "float32") -> Dataset:
    return Dataset("x", shape, np.dtype(dtype), 0, "", None)


def weight(name: str, shape: tuple[int, ...], trainable: bool | None = None, path: str = "") -> Weight:
    return Weight(name, name.split("/")[0], "", dataset(shape), trainable, path or name)


@given(st.lists(SHAPES, max_size=7), st.lists(SHAPES, max_size=4))
def test_in_order_a_target_is_named_only_if_every_way_agrees(
    there: list[tuple[int, ...]], wanted: list[tuple[int, ...]]
) -> None:
    weights = [weight(f"w{i}", shape) for i, shape in enumerate(there)]
    ways = [way for way in combinations(weights, len(wanted)) if [w.dataset.shape for w in way] == wanted]
    found = match_in_order(wanted, weights)
    if not ways:
        assert found is None
    else:
        assert found is not None
        for i, target in enumerate(found):
            possible = {id(way[i]) for way in ways}
            assert (target is None) == (len(possible) > 1)
            assert target is None or {id(target)} == possible


@given(st.lists(SHAPES, max_size=7), st.lists(SHAPES, max_size=7))
def test_without_order_only_unique_shapes_tell(there: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> None:
    weights = [weight(f"w{i}", shape) for i, shape in enumerate(there)]
    for shape, target in zip(wanted, match_by_shape(wanted, weights), strict=True):
        if target is not None:
            assert wanted.count(shape) == there.count(shape) == 1
            assert target.dataset.shape == shape


def test_frozen_weights_get_no_slots() -> None:
    weights = [weight("a", (3,)), weight("b", (3,), False), weight("c", (2,))]
    step = dataset((), "int64")
    stored = [step, dataset(()), *(dataset(shape) for shape in ((3,), (3,), (2,), (2,)))]
    slots, trained, in_order = numbered_slots(stored, weights, "Adam", {}, ordered=True)
    assert [slot.full_name for slot in slots[2:]] == [
        f"optimizer/{name}/{slot}" for name in "ac" for slot in ("momentum", "velocity")
    ]
    assert (trained, in_order) == ([(3,), (2,)], True)
    assert [slot.full_name for slot in slots[:2]] == ["optimizer/iterations", "optimizer/learning_rate"]


def test_a_schedule_leaves_no_learning_rate() -> None:
    weights = [weight("a", ())]
    stored = [dataset((), "int64"), dataset(()), dataset(())]
    slots, _, _ = numbered_slots(stored, weights, "Adam", {"learning_rate": {"class_name": "X"}}, ordered=True)
    assert [slot.full_name for slot in slots] == [
        "optimizer/iterations", "optimizer/a/momentum", "optimizer/a/velocity",
    ]  # fmt: skip


def test_what_fits_nothing_stays_numbered() -> None:
    stored = [dataset((), "int64"), dataset(()), dataset((7,)), dataset((8,)), dataset((9,))]
    slots, trained, _ = numbered_slots(stored, [weight("a", (7,))], "Adam", {}, ordered=True)
    assert [slot.full_name for slot in slots[2:]] == ["optimizer/var_2", "optimizer/var_3", "optimizer/var_4"]
    assert trained == []


@given(st.lists(SHAPES, max_size=6), st.data())
def test_who_must_be_trained(there: list[tuple[int, ...]], data: st.DataObject) -> None:
    weights = [weight(f"w{i}", shape) for i, shape in enumerate(there)]
    chosen = data.draw(st.lists(st.sampled_from(range(len(weights))), unique=True)) if weights else []
    wanted = [there[i] for i in chosen]
    ways = [way for way in combinations(weights, len(wanted)) if sorted(w.dataset.shape for w in way) == sorted(wanted)]
    always = [one for one in weights if all(one in way for way in ways)]
    assert all_trained(wanted, weights) == always
    assert all_trained([*wanted, (9,)], weights) == []


def old(kind: str, names: list[str], shapes: list[tuple[int, ...]], weights: list[Weight]) -> list[str]:
    slots = named_slots(names, [dataset(shape) for shape in shapes], weights, kind)
    return [slot.full_name.removeprefix("optimizer/") for slot in slots]


def test_every_way_of_naming() -> None:
    weights = [weight("d/kernel", (2, 3), path="d/kernel"), weight("d/bias", (3,), path="d/bias")]
    for names in (
        ["Adam/iter", "Adam/d/kernel/m", "Adam/d/bias/m", "Adam/d/kernel/v", "Adam/d/bias/v", "Adam/decay"],
        ["training/Adam/iter", "training/Adam/d/kernel/m", "training/Adam/d/bias/m", "training/Adam/d/kernel/v",
         "training/Adam/d/bias/v", "Adam/decay"],
        ["iteration", "Adam/m/d/kernel", "Adam/m/d/bias", "Adam/v/d/kernel", "Adam/v/d/bias", "decay"],
    ):  # fmt: skip
        shapes: list[tuple[int, ...]] = [(), (2, 3), (3,), (2, 3), (3,), ()]
        assert old("Adam", names, shapes, weights) == [
            "iterations", "d/kernel/m", "d/bias/m", "d/kernel/v", "d/bias/v", "decay",
        ]  # fmt: skip
    names = ["adam/iteration", "adam/learning_rate", "adam/d_kernel_momentum", "adam/d_bias_velocity_hat"]
    assert old("Adam", names, [(), (), (2, 3), (3,)], weights) == [
        "iterations", "learning_rate", "d/kernel/momentum", "d/bias/velocity_hat",
    ]  # fmt: skip
    # A shape that contradicts the name is not believed.
    assert old("Adam", ["adam/iteration", "adam/d_kernel_momentum"], [(), (9, 9)], weights)[1] == "d_kernel_momentum"


def test_anonymous_variables_of_keras_2_0() -> None:
    weights = [weight("b/kernel", (2, 3)), weight("a/kernel", (4, 5)), weight("a/bias", (5,))]
    by_name = [(5,), (4, 5), (2, 3)]
    names = ["iterations_1", *(f"Variable_{i}" for i in range(6))]
    assert old("Adam", names, [(), *by_name, *by_name], weights)[1:] == [
        "a/bias/m", "a/kernel/m", "b/kernel/m", "a/bias/v", "a/kernel/v", "b/kernel/v",
    ]  # fmt: skip
    in_order = [(2, 3), (4, 5), (5,)]
    amsgrad = [f"training/Adam/Variable_{i}" for i in range(9)]
    assert (
        old("Adam", ["Adam/iterations", *amsgrad], [(), *in_order * 2, (1,), (1,), (1,)], weights)[-1] == "a/bias/vhat"
    )
    same = [weight("b/kernel", (2, 3)), weight("a/kernel", (2, 3))]  # both orders fit: nothing is guessed
    assert old("Adam", names[:5], [(), *[(2, 3)] * 4], same)[1:] == [f"Variable_{i}" for i in range(4)]
