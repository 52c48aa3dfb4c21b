"""Every rule on series that are healthy, and on series with the one defect it is for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reporter.compare import compare
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_contents
from reporter.model.checkpoint import CheckpointRef, Series, Step
from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.model.gathered import Gathered
from reporter.model.tensor import Contents, LayerInfo
from reporter.rules import RULES, judge
from tests.sources import ArraySource

KERNEL, BIAS, MEAN = "dense/kernel", "dense/bias", "bn/moving_mean"
Arrays = dict[str, np.ndarray]


def healthy(n: int = 4) -> list[Arrays]:
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((20, 10)).astype("f4")
    return [
        {
            KERNEL: kernel * (1 + 0.1 * i) + 0.01 * rng.standard_normal((20, 10)).astype("f4"),
            BIAS: np.full(10, 0.1 * i, "f4"),
            MEAN: np.zeros(10, "f4"),
        }
        for i in range(n)
    ]


def contents(arrays: Arrays, missing: tuple[str, ...] = ()) -> Contents:
    sources = []
    for name, values in arrays.items():
        layer, role = name.split("/")
        trainable = role != "moving_mean"
        sources.append(ArraySource(values, name, layer, role, trainable))
    return Contents("test", (LayerInfo("dense"), LayerInfo("bn")), tuple(sources), missing_layers=missing)


def series(checkpoints: Sequence[Arrays], *, missing: tuple[str, ...] = (), first_step: int = 1) -> Comparison:
    opened = [contents(arrays, missing) for arrays in checkpoints]
    refs = [
        CheckpointRef(f"c-{i}", f"c-{i}", Path(f"c-{i}"), "test", (), Step(first_step + i, "in-file"), 0, 0)
        for i in range(len(opened))
    ]
    gathered = Gathered(
        refs=tuple(refs),
        measured=tuple(measure_checkpoint(c, Plan()) for c in opened),
        previous=tuple(compare_contents(a, b) for a, b in pairwise(opened)),
        first=tuple(compare_contents(opened[0], c) for c in opened[1:]),
    )
    return compare(Series("c-*", "c", "test", tuple(refs), "in-file"), gathered)


def fired(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    return [(f.rule, f.severity.name, f.checkpoint, f.tensor) for f in judge([comparison]).findings]


def test_a_healthy_series_passes_and_every_rule_says_what_it_saw() -> None:
    judgement = judge([series(healthy())])
    assert judgement.findings == ()
    assert judgement.verdict == "PASS"
    assert [o.rule for o in judgement.outcomes] == [r.name for r in RULES]
    assert all(o.checked > 0 for o in judgement.outcomes)


def test_a_single_healthy_checkpoint_passes() -> None:
    assert judge([series(healthy(1))]).verdict == "PASS"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [KERNEL, BIAS, MEAN])
def test_non_finite(value: float, name: str) -> None:
    checkpoints = healthy()
    for arrays in checkpoints[2:]:
        arrays[name].flat[3] = value
    comparison = series(checkpoints)
    (finding,) = judge([comparison]).findings
    assert (finding.rule, finding.severity, finding.checkpoint, finding.tensor) == (
        "non-finite",
        Severity.FAIL,
        "c-2",
        name,
    )
    assert finding.value == 1.0
    assert "step 2 was the last good one" in finding.message
    assert "1 later checkpoint" in finding.message


def test_all_zero_kernel_fails_and_bias_does_not() -> None:
    checkpoints = healthy()
    checkpoints[3][KERNEL] = np.zeros((20, 10), "f4")
    checkpoints[3][BIAS] = np.zeros(10, "f4")
    assert ("all-zero", "FAIL", "c-3", KERNEL) in fired(series(checkpoints))


def test_zero_at_initialisation_is_a_remark() -> None:
    checkpoints = healthy()
    checkpoints[0][KERNEL] = np.zeros((20, 10), "f4")
    assert fired(series(checkpoints)) == [("all-zero", "INFO", "c-0", KERNEL)]
    assert fired(series(checkpoints[:1], first_step=0)) == [("all-zero", "INFO", "c-0", KERNEL)]
    assert fired(series(checkpoints[:1], first_step=5)) == [("all-zero", "FAIL", "c-0", KERNEL)]


def test_frozen_names_only_trainable_tensors() -> None:
    checkpoints = healthy()
    checkpoints[3][KERNEL] = checkpoints[2][KERNEL]
    assert fired(series(checkpoints)) == [("frozen", "WARN", "c-3", KERNEL)]


def test_nothing_moved_is_one_finding() -> None:
    checkpoints = healthy(2)
    assert fired(series([*checkpoints, checkpoints[1]])) == [("frozen", "WARN", "c-2", "")]


def test_units_that_die() -> None:
    checkpoints = healthy()
    for arrays in checkpoints[2:]:
        arrays[KERNEL][:, 4] = 0
    assert fired(series(checkpoints)) == [("dead-units", "WARN", "c-2", KERNEL)]
    for arrays in checkpoints:
        arrays[KERNEL][:, 4] = 0
    assert fired(series(checkpoints)) == [("dead-units", "INFO", "c-0", KERNEL)]


@pytest.mark.parametrize(("factor", "word"), [(3.0, "grew"), (0.1, "shrank")])
def test_norms_that_jump(factor: float, word: str) -> None:
    checkpoints = healthy()
    checkpoints[3][KERNEL] = checkpoints[2][KERNEL] * np.float32(factor)
    (finding,) = judge([series(checkpoints)]).findings
    assert finding.rule == "norm-jump"
    assert finding.value == pytest.approx(factor, rel=1e-6)
    assert word in finding.message


def test_a_norm_may_leave_its_initialisation() -> None:
    checkpoints = healthy()
    checkpoints[0][KERNEL] = checkpoints[0][KERNEL] * np.float32(10)
    assert [rule for rule, *_ in fired(series(checkpoints))] == ["norm-jump"]
    assert fired(series(checkpoints, first_step=0)) == []


def test_structure() -> None:
    checkpoints = healthy()
    del checkpoints[2][BIAS]
    checkpoints[3][KERNEL] = np.ones((20, 11), "f4")
    found = [f for f in judge([series(checkpoints)]).findings if f.rule == "structure"]
    assert sorted((f.checkpoint, f.message.split(" at step")[0]) for f in found) == [
        ("c-2", "1 tensor is gone"),
        ("c-3", "1 tensor is new"),
        ("c-3", "1 tensor is of another shape or dtype"),
    ]


def test_layers_without_weights() -> None:
    assert fired(series(healthy(1), missing=("conv1",))) == [("incomplete", "WARN", "c-0", "")]


def test_optimizer_state_without_weights() -> None:
    slot = ArraySource(np.ones((20, 10), "f4"), "optimizer/dense/kernel/m", "dense", "momentum", False, "optimizer")
    measured = measure_checkpoint(Contents("test", (), (slot,)), Plan())
    ref = CheckpointRef("c-0", "c-0", Path("c-0"), "test", (), Step(1, "in-file"), 0, 0)
    comparison = compare(Series("c-*", "c", "test", (ref,), "in-file"), Gathered((ref,), (measured,), (), ()))
    (finding,) = judge([comparison]).findings
    assert (finding.rule, finding.severity) == ("incomplete", Severity.FAIL)
    assert "only the state of its optimizer (1 tensors)" in finding.message


def test_findings_come_worst_first_and_the_verdict_is_the_worst() -> None:
    checkpoints = healthy()
    checkpoints[3][KERNEL] = checkpoints[2][KERNEL]
    checkpoints[3][BIAS] = np.full(10, np.nan, "f4")
    judgement = judge([series(checkpoints)])
    assert [f.rule for f in judgement.findings] == ["non-finite", "frozen"]
    assert judgement.verdict == "FAIL"
