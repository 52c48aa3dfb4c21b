"""Layers and units that are dead, from the first checkpoint on or on the way, and those that only look it."""

from __future__ import annotations

import numpy as np
import pytest

from reporter.model.finding import Severity
from tests.rules.build import (
    BIAS,
    KERNEL,
    WEIGHTS,
    Arrays,
    findings,
    fired,
    healthy,
    held,
    series,
    set_off,
)


def stack(checkpoints: list[Arrays]) -> list[Arrays]:
    """Three layers, one after the other."""
    return [
        {f"one/{k.split('/')[1]}": v for k, v in a.items() if k in (KERNEL, BIAS)}
        | {"two/kernel": a["head/kernel"], "two/bias": a["head/bias"]}
        | {"three/kernel": a["head/kernel"][:, ::-1].copy(), "three/bias": a["head/bias"]}
        for a in checkpoints
    ]


@pytest.mark.parametrize("trainable", [True, None])
def test_a_kernel_that_stays_while_its_bias_learns_has_a_dead_layer_before_it(trainable: bool | None) -> None:
    """Layer one is dead from the first checkpoint on: nothing of it moves, and of layer two only the bias."""
    dead = held(stack(healthy()), ("one/kernel", "one/bias", "two/kernel"))
    (finding,) = findings(series(dead, trainable=trainable))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("dead-layers", Severity.FAIL, "c-0")
    assert finding.message.startswith("one is dead from the first checkpoint on: only zeros reach two")
    assert "none of its weights changes" in finding.message
    assert set(finding.tensors) == {"one/kernel", "one/bias", "two/kernel"}
    assert set_off(finding) == {"Frozen weights": 3}


def test_layers_that_die_on_the_way() -> None:
    dead = held(stack(healthy(8)), ("one/kernel", "one/bias", "two/kernel"), 4)
    (finding,) = findings(series(dead))
    assert (finding.rule.name, finding.severity) == ("dead-layers", Severity.FAIL)
    assert (finding.first_bad, finding.last_good) == ("c-5", "c-4")
    assert set_off(finding) == {"Stopped layers": 3}
    assert "one is dead from step 6 on" in finding.message


def test_a_head_on_a_frozen_backbone_is_no_dead_layer() -> None:
    frozen = held(stack(healthy()), ("one/kernel", "one/bias", "two/kernel", "two/bias"))
    assert {(f.rule.name, f.severity) for f in findings(series(frozen, trainable=None))} == {("frozen", Severity.INFO)}


def test_units_that_die() -> None:
    checkpoints = healthy()
    for arrays in checkpoints[2:]:
        arrays[KERNEL][:, 4] = 0
    assert fired(series(checkpoints)) == [("dead-units", "WARN", "c-2", KERNEL)]
    for arrays in checkpoints:
        arrays[KERNEL][:, 4] = 0
    assert fired(series(checkpoints)) == [("dead-units", "INFO", "c-0", KERNEL)]


def test_a_layer_most_of_whose_units_are_next_to_zero_from_the_start_is_loud() -> None:
    checkpoints = healthy()
    for arrays in checkpoints:
        arrays[KERNEL][:, :24] *= np.float32(1e-8)
    (finding,) = findings(series(checkpoints), "dead-units")
    assert (finding.severity, finding.first_bad, finding.value) == (Severity.FAIL, "c-0", 0.75)


def test_units_without_any_update_are_dead() -> None:
    """A ReLU that its bias keeps off: the incoming weights look healthy and never change."""
    checkpoints = healthy()
    for arrays in checkpoints:
        arrays[KERNEL][:, :20] = checkpoints[0][KERNEL][:, :20]
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.value) == ("dead-units", Severity.FAIL, 20 / 32)
    assert "from the first checkpoint on" in finding.message
    checkpoints = healthy()
    for arrays in checkpoints[3:]:
        arrays[KERNEL][:, :10] = checkpoints[3][KERNEL][:, :10]
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity) == ("dead-units", Severity.WARN)
    assert (finding.first_bad, finding.last_good) == ("c-4", "c-3"), "the first that did not move"


def test_units_that_only_decay_are_dead() -> None:
    checkpoints = healthy()
    for i, arrays in enumerate(checkpoints):
        arrays[KERNEL][:, :20] = checkpoints[0][KERNEL][:, :20] * np.float32(0.97**i)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity) == ("dead-units", Severity.FAIL)
    assert "weight decay" in finding.message


def test_rows_of_an_embedding_that_nobody_uses_are_no_dead_units() -> None:
    rng = np.random.default_rng(3)
    table = rng.standard_normal((100, 16)).astype("f4")
    table[0] = 0  # the padding row
    checkpoints = []
    for arrays in healthy():
        table = table.copy()
        table[:30] += np.float32(0.01) * (table[:30] != 0) * rng.standard_normal((30, 16)).astype("f4")
        checkpoints.append(arrays | {"words/embedding": table})
    assert fired(series(checkpoints)) == [("dead-units", "INFO", "c-0", "words/embedding")]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("levels", [(-1.0, 1.0), (-0.3, 0.0, 0.3)])
def test_units_of_few_levels_keep_their_norms_and_are_alive(levels: tuple[float, ...], exact: bool) -> None:
    """Binary and ternary kernels: weights flip, or swap places, and the norm of every unit stays what it was."""
    rng = np.random.default_rng(1)
    checkpoints = healthy()
    kernel = rng.choice(np.float32(levels), (64, 32))
    for arrays in checkpoints:
        arrays[KERNEL] = kernel
        kernel = kernel.copy()
        for unit in range(32):
            flipped = rng.choice(64, 6, replace=False)
            kernel[flipped, unit] = -kernel[flipped, unit]
    assert fired(series(checkpoints, exact=exact)) == []


def test_a_binary_kernel_in_which_nothing_flips_for_a_while_is_not_frozen() -> None:
    checkpoints = healthy()
    for i, arrays in enumerate(checkpoints):
        arrays["head/kernel"] = np.sign(checkpoints[(0, 1, 2, 2, 2, 5)[i]]["head/kernel"] - np.float32(0.02 * i))
    assert [f.severity for f in findings(series(checkpoints))] in ([], [Severity.INFO])


def test_binary_units_beside_others_may_be_dead_all_the_same() -> None:
    checkpoints = healthy()
    signs = [np.sign(arrays[KERNEL]) for arrays in checkpoints]
    rng = np.random.default_rng(1)
    for arrays in checkpoints:
        arrays[KERNEL] = signs[0].copy()
        arrays[KERNEL][:, 20:] *= rng.uniform(0.5, 1.5, (64, 12)).astype("f4")
    (finding,) = findings(series(checkpoints), "dead-units")
    assert (finding.severity, finding.value) == (Severity.FAIL, 20 / 32)


def test_magnitude_alone_is_no_reason_for_dead_units() -> None:
    """Squares of such float64 values overflow; their norms do not, and differ."""
    checkpoints = healthy()
    for arrays in checkpoints:
        for name in WEIGHTS:
            arrays[name] = arrays[name].astype("f8") * 1e200
    assert not findings(series(checkpoints), "dead-units")
    for arrays in checkpoints:
        arrays[KERNEL][:, :20] = checkpoints[0][KERNEL][:, :20]
    (finding,) = findings(series(checkpoints), "dead-units")
    assert finding.value == 20 / 32
