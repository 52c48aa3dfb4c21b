"""Weights that the optimizer was not given, and what a first gradient does not tell."""

from __future__ import annotations

import numpy as np
import pytest

from reporter.model.checkpoint import Order
from tests.rules.build import Arrays, findings, series

LAYERS = ("fc1", "fc2")


def networks(slots: dict[str, int], *, still: str = "teacher", torn: bool = False) -> list[Arrays]:
    """Two networks of the same layers, of which one never moves, and so many slots of each name.

    Args:
        slots: name of a weight, or its end -> how many slots there are of it, as of several weights of that name.
        still: the network that never moves.
        torn: whether the second layer of it does all the same.
    """
    rng = np.random.default_rng(3)
    start = {
        f"{net}.{layer}/{kind}": rng.standard_normal((32, 32) if kind == "kernel" else 32).astype("f4") / 6
        for net in ("teacher", "student")
        for layer in LAYERS
        for kind in ("kernel", "bias")
    }
    found = []
    for step in range(4):
        arrays: Arrays = {}
        for name, values in start.items():
            rests = name.startswith(still) and not (torn and name == f"{still}.fc2/kernel")
            drift = np.float32(0.01 * step) * rng.standard_normal(values.shape).astype("f4")
            arrays[name] = values if rests else values + drift
        for name, count in slots.items():
            shape = (32, 32) if name.endswith("kernel") else (32,)
            for at in range(count):
                owner = f"optimizer/{name}" if not at else f"optimizer/{name}_{at}"
                for kind in ("momentum", "velocity"):
                    values = np.square(rng.standard_normal(shape)).astype("f4")
                    arrays[f"{owner}/{kind}"] = values
        found.append(arrays)
    return found


OF_ONE = {f"{layer}/{kind}": 1 for layer in LAYERS for kind in ("kernel", "bias")}
OF_STUDENT = {f"student.{name}": 1 for name in OF_ONE}


@pytest.mark.parametrize("slots", [OF_ONE, OF_STUDENT], ids=["named by an end", "named in full"])
@pytest.mark.parametrize("still", ["teacher", "student"])
def test_what_the_optimizer_was_not_given_is_no_finding(slots: dict[str, int], still: str) -> None:
    """The teacher of a distillation, and the target of a DQN, in a file that has no flags."""
    found = {f.rule.name for f in findings(series(networks(slots, still=still), trainable=None))}
    assert found == (set() if slots is OF_ONE or still == "teacher" else {"frozen"})


def test_a_weight_of_which_the_optimizer_keeps_moments_is_one() -> None:
    both = OF_STUDENT | {"teacher.fc1/kernel": 1}
    (finding,) = findings(series(networks(both), trainable=None), "frozen")
    assert finding.severity.name == "WARN"
    assert finding.tensors == ("teacher.fc1/kernel",)


def test_nothing_is_known_without_an_optimizer_or_with_a_part_of_one() -> None:
    for slots in ({}, {"student.fc1/kernel": 1}):
        (finding,) = findings(series(networks(slots), trainable=None), "frozen")
        assert finding.severity.name == "INFO" and len(finding.tensors) == 4
        assert "nothing in the file says" in finding.message


def test_flags_and_layers_that_learn_speak_against_it() -> None:
    assert {f.severity.name for f in findings(series(networks(OF_STUDENT), trainable=True), "frozen")} == {"WARN"}
    slots = OF_STUDENT | {"teacher.fc2/kernel": 1}
    told = findings(series(networks(slots, torn=True), trainable=None), "frozen")
    assert {name for f in told for name in f.tensors} == {"teacher.fc2/bias"}


def low_rank(step: int, zero: bool) -> Arrays:
    """LoRA, one of whose matrices begins at zero, so that the first gradient of the other is exactly zero."""
    rng = np.random.default_rng(step)
    arrays = {
        "d/lora_a": rng.standard_normal((32, 2)).astype("f4"),
        "d/lora_b": rng.standard_normal((2, 32)).astype("f4"),
        "head/kernel": rng.standard_normal((32, 32)).astype("f4") / 6,
    }
    slots = {f"optimizer/{name}/velocity": np.square(values) for name, values in arrays.items()}
    if zero:
        slots |= {name: np.zeros_like(slots[name]) for name in slots if "lora_a" in name or "head" in name}
    return arrays | slots


@pytest.mark.parametrize(("step", "rules"), [(0, set()), (1, set()), (2, {"adam-state"}), (None, {"adam-state"})])
def test_a_first_gradient_of_zero_is_no_sign(step: int | None, rules: set[str]) -> None:
    judged = series([low_rank(1, zero=True)], first_step=step)
    assert {f.rule.name for f in findings(judged) if f.rule.name in ("adam-state", "no-gradient")} >= rules
    assert bool(rules) or not findings(judged, "adam-state") + findings(judged, "no-gradient")


@pytest.mark.parametrize("by", [Order.FILE_NAME, Order.SAVE_COUNTER])
def test_the_first_epoch_or_save_is_not_the_first_step(by: Order) -> None:
    """``epoch_01`` and ``ckpt-1`` of files that hold no step: thousands of gradients have come by then."""
    judged = series([low_rank(1, zero=True)], first_step=1, by=by)
    assert findings(judged, "adam-state")
    begun = series([low_rank(1, zero=True)], first_step=0, by=by)
    assert not findings(begun, "adam-state")
