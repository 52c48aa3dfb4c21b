"""What a file does not say is no warning: who is meant to be trained, what a new tensor is for, who will cast it."""

from __future__ import annotations

import numpy as np
import pytest

from reporter.model.finding import Severity
from tests.rules.build import BIAS, GAMMA, KERNEL, SLOT, Arrays, findings, healthy, series

RNG = np.random.default_rng(3)
MATRIX, MOMENTS = "head/kernel", "optimizer/bn/gamma/velocity"


def held(checkpoints: list[Arrays], *names: str) -> list[Arrays]:
    """Some tensors stay as they are in the first checkpoint."""
    return [a | {name: checkpoints[0][name] for name in names} for a in checkpoints]


def without_optimizer(checkpoints: list[Arrays]) -> list[Arrays]:
    return [{name: v for name, v in a.items() if name != SLOT} for a in checkpoints]


def told(checkpoints: list[Arrays], *, trainable: bool | None = None) -> list[tuple[str, Severity]]:
    return [(f.rule.name, f.severity) for f in findings(series(checkpoints, trainable=trainable))]


def test_a_layer_that_never_moves_is_a_remark_where_nothing_says_that_it_is_trained() -> None:
    checkpoints = held(healthy(), GAMMA)
    assert told(checkpoints) == [("frozen", Severity.INFO)]
    (finding,) = findings(series(checkpoints, trainable=None))
    assert "nothing in the file says whether it is meant to be trained" in finding.message


def test_a_part_of_a_layer_that_never_moves_is_a_warning() -> None:
    """Who freezes on purpose freezes layers."""
    (finding,) = findings(series(held(healthy(), "head/bias"), trainable=None))
    assert (finding.rule.name, finding.severity) == ("frozen", Severity.WARN)
    assert "but its layer is" in finding.message


def test_moments_show_that_a_weight_is_meant_to_be_trained() -> None:
    others = {
        "optimizer/head/kernel/velocity": np.ones((32, 16), "f4"),
        "optimizer/head/bias/velocity": np.ones(16, "f4"),
    }
    checkpoints = [a | others | {MOMENTS: np.zeros(32, "f4")} for a in held(healthy(), GAMMA)]
    (finding,) = findings(series(checkpoints, trainable=None), "frozen")
    assert finding.severity is Severity.WARN
    assert "although the optimizer keeps moments of it" in finding.message


def test_what_l1_holds_at_zero_has_gradients_that_are_too_small() -> None:
    name = "fixed/bias"
    checkpoints = [a | {name: np.zeros(32, "f4"), f"optimizer/{name}/velocity": a[GAMMA]} for a in healthy()]
    (finding,) = findings(series(checkpoints, trainable=None), "frozen")
    assert (finding.tensor, finding.severity) == (name, Severity.INFO)


@pytest.mark.parametrize(("optimizer", "severity"), [(True, Severity.FAIL), (False, Severity.INFO)])
def test_flags_that_are_all_the_same_are_a_default_without_an_optimizer(optimizer: bool, severity: Severity) -> None:
    checkpoints = held(healthy(), KERNEL, BIAS)
    checkpoints = checkpoints if optimizer else without_optimizer(checkpoints)
    assert told(checkpoints, trainable=True) == [("frozen", severity)]


def test_a_flag_that_differs_makes_the_others_count() -> None:
    checkpoints = without_optimizer(held(healthy(), KERNEL, BIAS))
    (finding,) = findings(series(checkpoints, fixed=dict.fromkeys(range(6), ("bn",))))
    assert (finding.rule.name, finding.severity) == ("frozen", Severity.FAIL)


def since(name: str, values: np.ndarray, checkpoints: list[Arrays]) -> list[Arrays]:
    """A tensor that is there from the fourth checkpoint on."""
    return [a | ({name: values} if place >= 3 else {}) for place, a in enumerate(checkpoints)]


@pytest.mark.parametrize(
    ("name", "values", "severity"),
    [
        ("dense/mask", (RNG.random((64, 32)) < 0.5).astype("f4"), Severity.INFO),
        ("dense/range", RNG.random(3).astype("f4"), Severity.INFO),
        ("ema/dense/kernel", RNG.random((64, 32)).astype("f4"), Severity.INFO),
        ("added/kernel", RNG.random((8, 8)).astype("f4"), Severity.WARN),
    ],
)
def test_new_tensors_are_a_warning_if_they_are_weights(name: str, values: np.ndarray, severity: Severity) -> None:
    found = findings(series(since(name, values, healthy()), trainable=None), "structure")
    assert [(f.severity, f.first_bad) for f in found] == [(severity, "c-3")]


def test_a_weight_that_is_gone_is_a_warning_whatever_its_name() -> None:
    checkpoints = [a | ({"dense/shift": np.full(3, i, "f4")} if i < 3 else {}) for i, a in enumerate(healthy())]
    found = findings(series(checkpoints, trainable=None), "shrunken")
    assert [f.severity for f in found] == [Severity.WARN]


def test_an_average_may_turn_into_what_its_original_was() -> None:
    """It begins at zero with its original, and follows it."""
    first = RNG.standard_normal((32, 16)).astype("f4")
    checkpoints = healthy()
    for place, arrays in enumerate(checkpoints):
        arrays[MATRIX] = first if place == 2 else (first + 0.2 * place * RNG.standard_normal(first.shape)).astype("f4")
        arrays["other/kernel"] = first if place > 2 else RNG.standard_normal(first.shape).astype("f4")
    assert [f.tensor for f in findings(series(checkpoints), "rearranged")] == ["other/kernel"]
    renamed = [{name.replace("other", "ema/head"): v for name, v in a.items()} for a in checkpoints]
    assert findings(series(renamed), "rearranged") == []
