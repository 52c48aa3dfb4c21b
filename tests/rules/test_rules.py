"""Every rule on series that are healthy, and on series with the one defect it is for."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from reporter.compare import compare
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.model.checkpoint import CheckpointRef, Series, Step
from reporter.model.finding import Severity
from reporter.model.gathered import Gathered
from reporter.model.tensor import Contents
from reporter.rules import RULES
from reporter.rules.base import Rule
from tests.rules.build import (
    BIAS,
    GAMMA,
    KERNEL,
    MEAN,
    SLOT,
    VARIANCE,
    Arrays,
    Path,
    findings,
    fired,
    healthy,
    series,
    set_off,
    verdict,
    without,
)
from tests.sources import ArraySource


def complete() -> list[Arrays]:
    """A healthy series in which every rule finds something to look at."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((40, 8))
    checkpoints = healthy()
    for i, arrays in enumerate(checkpoints):
        rows = rows + 0.01 * rng.standard_normal(rows.shape)
        arrays["words/embedding"] = rows.astype("f4")
        arrays["target/dense/kernel"] = arrays[KERNEL] * np.float32(0.9)
        arrays["optimizer/dynamic_scale"] = np.array(2.0 ** (15 + i), "f4")
    return checkpoints


def test_a_healthy_series_passes_and_every_rule_says_what_it_saw() -> None:
    judgement = verdict(series(complete()))
    assert judgement.findings == ()
    assert judgement.verdict == "PASS"
    assert [o.rule.name for o in judgement.outcomes] == [r.name for r in RULES]
    assert [o.rule.name for o in judgement.outcomes if not o.checked] == ["metric-non-finite"]  # nothing was logged
    assert [o.rule.name for o in judgement.outcomes if o.worst is None] == ["metric-non-finite"]


@pytest.mark.parametrize("first_step", [0, 1, None])
def test_a_single_healthy_checkpoint_passes(first_step: int | None) -> None:
    assert fired(series(healthy(1), first_step=first_step)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_every_rule_says_what_it_is_about(rule: object) -> None:
    assert isinstance(rule, type(RULES[0]))
    assert rule.name == rule.name.lower() and " " not in rule.name
    for text in (rule.title, rule.formula, rule.source, rule.many, rule.noun, rule.evidence):
        assert text and not text.endswith(".")
    for sentence in (rule.meaning, rule.next_step):
        assert sentence.endswith(".") and sentence[0].isupper()
    assert set(rule.covers) <= {r.name for r in RULES} - {rule.name}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_every_limit_that_can_be_set_is_read(rule: Rule) -> None:
    source = inspect.getsource(inspect.getmodule(rule.check))  # type: ignore[arg-type]
    assert [name for name in rule.defaults if f'limits["{name}"]' not in source] == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [KERNEL, BIAS, MEAN, SLOT])
def test_non_finite(value: float, name: str) -> None:
    checkpoints = healthy()
    for arrays in checkpoints[2:]:
        arrays[name].flat[3] = value
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.tensor) == ("non-finite", Severity.FAIL, name)
    assert (finding.first_bad, finding.last_good) == ("c-2", "c-1")
    assert finding.value == 1.0
    assert "step 2 was the last good one" in finding.message
    assert "3 later checkpoints" in finding.message


def test_a_tensor_that_only_the_first_and_the_last_checkpoint_hold_breaks_no_rule() -> None:
    """It has no neighbours to be compared with, though the last is compared with the first."""
    first, _, last = checkpoints = healthy(3)
    last[KERNEL] = first[KERNEL] + np.float32(0.01)
    checkpoints[1] = without([checkpoints[1]], KERNEL)[0]
    assert not [f for f in findings(series(checkpoints)) if "could not be applied" in f.message]


def test_all_zero_kernel_fails_and_bias_does_not() -> None:
    checkpoints = healthy()
    checkpoints[5][KERNEL] = np.zeros_like(checkpoints[5][KERNEL])
    checkpoints[5][BIAS] = np.zeros(32, "f4")
    checkpoints[5][SLOT] = np.zeros_like(checkpoints[5][SLOT])
    assert fired(series(checkpoints)) == [
        ("all-zero", "FAIL", "c-5", KERNEL),
        ("adam-state", "INFO", "c-5", SLOT),
    ]


def test_zero_at_initialisation_is_a_remark() -> None:
    """As the second matrix of a LoRA adapter, which then grows by any factor."""
    checkpoints = healthy()
    checkpoints[0][KERNEL] = np.zeros_like(checkpoints[0][KERNEL])
    checkpoints[1][KERNEL] = checkpoints[1][KERNEL] * np.float32(1e-3)
    checkpoints[2][KERNEL] = checkpoints[2][KERNEL] * np.float32(1e-2)
    for arrays in checkpoints[3:]:
        arrays[KERNEL] = arrays[KERNEL] * np.float32(0.05)
    assert fired(series(checkpoints)) == [("all-zero", "INFO", "c-0", KERNEL)]
    assert fired(series(checkpoints[:1], first_step=0)) == [("all-zero", "INFO", "c-0", KERNEL)]
    assert fired(series(checkpoints[:1], first_step=5)) == [("all-zero", "FAIL", "c-0", KERNEL)]


def test_kernels_that_underflow_are_named_although_every_value_is_finite() -> None:
    checkpoints = healthy(8)
    for i, arrays in enumerate(checkpoints):
        arrays[KERNEL] = arrays[KERNEL] * np.float32(10.0 ** (-5 * i))
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad, finding.last_good) == (
        "vanished",
        Severity.FAIL,
        "c-2",
        "c-1",
    )
    assert "every value is finite" in finding.message
    assert set_off(finding) == {
        "Exploding or collapsing norm": 1,
        "Norm trend": 1,
        "Dead units": 1,
        "Underflow in float16": 1,
    }


def test_a_kernel_may_shrink_and_come_back() -> None:
    checkpoints = healthy()
    checkpoints[2][KERNEL] = checkpoints[2][KERNEL] * np.float32(1e-7)
    assert "vanished" not in [f.rule.name for f in findings(series(checkpoints))]


@pytest.mark.parametrize(("factor", "word"), [(3.0, "grew"), (0.1, "shrank")])
def test_norms_that_jump(factor: float, word: str) -> None:
    checkpoints = healthy(4)
    checkpoints[3][KERNEL] = checkpoints[2][KERNEL] * np.float32(factor)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.first_bad, finding.last_good) == ("norm-jump", "c-3", "c-2")
    assert finding.value == pytest.approx(factor, rel=1e-6)
    assert word in finding.message


def test_a_norm_may_leave_its_initialisation() -> None:
    checkpoints = healthy()
    checkpoints[0][KERNEL] = checkpoints[0][KERNEL] * np.float32(10)
    assert [rule for rule, *_ in fired(series(checkpoints))] == ["norm-jump"]
    assert fired(series(checkpoints, first_step=0)) == []


@pytest.mark.parametrize("factor", [1.7, 1 / 1.7])
def test_a_norm_that_grows_or_shrinks_without_end(factor: float) -> None:
    checkpoints = healthy()
    for i, arrays in enumerate(checkpoints):
        arrays[KERNEL] = arrays[KERNEL] * np.float32(4 * factor**i)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity) == ("norm-trend", Severity.WARN)
    assert finding.value == pytest.approx(factor, rel=0.1)


def test_a_norm_that_leaves_its_past() -> None:
    checkpoints = healthy(8)
    checkpoints[7][KERNEL] = checkpoints[7][KERNEL] * np.float32(1.6)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("norm-trend", Severity.WARN, "c-7")
    assert "standard deviations" in finding.message


def test_an_update_larger_than_the_weights_with_its_bounds_per_step() -> None:
    checkpoints = healthy(3)
    noise = np.random.default_rng(2).standard_normal((64, 32)).astype("f4") / 8
    checkpoints[2][KERNEL] = np.float32(0.7) * noise - checkpoints[2][KERNEL]  # and not only its own negative
    (finding,) = findings(series(checkpoints, steps=[100, 200, 300]))
    assert (finding.rule.name, finding.severity) == ("violent-update", Severity.WARN)
    before, after = (checkpoints[i][KERNEL].astype(np.float64) for i in (1, 2))
    larger = max(np.linalg.norm(before), np.linalg.norm(after))
    assert finding.value == pytest.approx(np.linalg.norm(after - before) / larger, rel=1e-6)
    assert "per step between 0.017 and 0.17 (100 steps apart)" in finding.message


def test_one_jump_of_norm_is_not_also_a_violent_update() -> None:
    checkpoints = healthy(3)
    checkpoints[2][KERNEL] = checkpoints[2][KERNEL] * np.float32(-4)
    turned, jump = findings(series(checkpoints))
    assert (jump.rule.name, turned.rule.name) == ("norm-jump", "rearranged"), "that it is negative as well is told"
    assert {"Violent update": 1} in (set_off(jump), set_off(turned))


def test_weights_that_turn_to_zero() -> None:
    checkpoints = healthy(4)
    for arrays in checkpoints[2:]:
        arrays[KERNEL][:8] = 0.0
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("sparsity-jump", Severity.WARN, "c-2")
    assert finding.value == 0.125


def test_a_pruned_model_whose_zeros_stay_is_healthy() -> None:
    checkpoints = healthy()
    mask = np.random.default_rng(1).random((64, 32)) < 0.8
    for arrays in checkpoints:
        arrays[KERNEL][mask] = 0.0
    assert fired(series(checkpoints)) == []


def test_one_distinct_value() -> None:
    checkpoints = healthy(1)
    checkpoints[0][KERNEL] = np.full((64, 32), 0.1, "f4")
    assert fired(series(checkpoints)) == [("constant", "WARN", "c-0", KERNEL)]
    assert fired(series(checkpoints, first_step=0)) == [("constant", "INFO", "c-0", KERNEL)]
    assert fired(series(checkpoints, trainable=False)) == [("constant", "INFO", "c-0", KERNEL)]


def test_heavy_tails_of_values_and_of_channels() -> None:
    checkpoints = healthy(2)
    for arrays in checkpoints:
        arrays[KERNEL][:, 5] *= 12
    (finding,) = findings(series(checkpoints), "heavy-tails")
    assert finding.severity is Severity.INFO, "it says nothing of the training"
    assert finding.rule.deployment
    assert finding.tensors == (KERNEL,)
    assert "analogy" in next(
        o.rule.source for o in verdict(series(checkpoints)).outcomes if o.rule.name == "heavy-tails"
    )
    sparse = healthy(2)
    for arrays in sparse:
        arrays[KERNEL][np.random.default_rng(1).random((64, 32)) < 0.97] = 0.0
    assert findings(series(sparse), "heavy-tails") == []


def test_batch_norm() -> None:
    checkpoints = healthy()
    for arrays in checkpoints:
        arrays[VARIANCE], arrays[MEAN] = np.ones(32, "f4"), np.zeros(32, "f4")
    assert fired(series(checkpoints)) == [("idle-statistics", "WARN", "c-0", VARIANCE)]
    for arrays in checkpoints:
        arrays[GAMMA] = np.ones(32, "f4")
    assert ("batch-norm", "INFO", "c-5", VARIANCE) in fired(series(checkpoints)), "a layer that is frozen as a whole"
    checkpoints = healthy()
    checkpoints[4][VARIANCE][3] = -1e-3
    assert fired(series(checkpoints)) == [("batch-norm", "FAIL", "c-4", VARIANCE)]
    checkpoints = healthy()
    for arrays in checkpoints[3:]:
        arrays[GAMMA][:8] *= np.float32(1e-6)
    assert fired(series(checkpoints)) == [("batch-norm", "WARN", "c-3", GAMMA)]


def test_second_moments() -> None:
    checkpoints = healthy()
    checkpoints[2][SLOT][1, 1] = -1e-9
    assert fired(series(checkpoints)) == [("adam-state", "FAIL", "c-2", SLOT)]
    checkpoints = healthy()
    for arrays in checkpoints:
        arrays[SLOT][:40] = 0
    assert fired(series(checkpoints)) == [("adam-state", "INFO", "c-5", SLOT)]


def test_structure_and_a_checkpoint_that_shrank() -> None:
    checkpoints = healthy(4)
    del checkpoints[2][BIAS]
    checkpoints[3][KERNEL] = np.ones((64, 33), "f4")
    found = findings(series(checkpoints))
    (reshaped,) = [f for f in found if f.rule.name == "structure"]
    assert (reshaped.first_bad, reshaped.tensor) == ("c-3", KERNEL)
    assert "(64, 32) float32 → (64, 33) float32" in reshaped.message
    (shrunken,) = [f for f in found if f.rule.name == "shrunken"]
    assert (shrunken.first_bad, shrunken.last_good, shrunken.severity) == ("c-2", "c-1", Severity.WARN)
    assert set_off(shrunken) == {"Missing, new or reshaped tensors": 2}, "that it is gone, and back again"
    assert "holds 6 of the 7 weight tensors" in shrunken.message


def test_optimizer_state_may_come_and_go() -> None:
    checkpoints = healthy(3)
    del checkpoints[2][SLOT]
    assert fired(series(checkpoints)) == [("structure", "INFO", "c-2", SLOT)]


def test_layers_without_weights() -> None:
    assert fired(series(healthy(1), missing=("conv1",))) == [("incomplete", "WARN", "c-0", "")]


def test_weights_that_the_optimizer_proves_to_be_lost() -> None:
    (finding,) = findings(series(healthy(1), missing=("body",), lost=4), "incomplete")
    assert finding.severity == Severity.FAIL
    assert "keeps state of 4 weights that the file does not hold; layers without any: body" in finding.message
    assert not findings(series(healthy(1)), "incomplete")


def test_optimizer_state_without_weights() -> None:
    slot = ArraySource(np.ones((20, 10), "f4"), "optimizer/dense/kernel/m", "dense", "momentum", False, "optimizer")
    measured, _ = measure_checkpoint(Contents("test", (), (slot,)), Plan())
    ref = CheckpointRef("c-0", "c-0", Path("c-0"), "test", (), Step(1, "in-file"), 0, 0)
    comparison = compare(Series("c-*", "c", "test", (ref,), "in-file"), Gathered((ref,), (measured,), (), ()))
    (finding,) = findings(comparison)
    assert (finding.rule.name, finding.severity) == ("incomplete", Severity.FAIL)
    assert "only the state of its optimizer (1 tensor)" in finding.message


def test_a_count_of_steps_alone_is_no_model() -> None:
    count = ArraySource(np.int64([7]).reshape(()), "optimizer/iterations", "", "step", False, "optimizer")
    measured, _ = measure_checkpoint(Contents("test", (), (count,)), Plan())
    ref = CheckpointRef("c-0", "c-0", Path("c-0"), "test", (), Step(7, "in-file"), 0, 0)
    comparison = compare(Series("c-*", "c", "test", (ref,), "in-file"), Gathered((ref,), (measured,), (), ()))
    (finding,) = findings(comparison)
    assert (finding.rule.name, finding.severity) == ("incomplete", Severity.WARN)
    assert finding.message == "the file holds no weights of a model at all, only 1 other tensor"


def test_what_a_checkpoint_lacks_is_counted_without_what_is_new() -> None:
    """A renamed tensor is one that is gone and one that is new: never "7 of 7, missing: 1"."""
    checkpoints = healthy(3)
    for arrays in checkpoints[2:]:
        arrays["dense/offset"] = arrays.pop(BIAS)
    (shrunken,) = findings(series(checkpoints), "shrunken")
    assert "holds 6 of the 7 weight tensors that the series has had so far, and 1 new one; missing" in shrunken.message


@pytest.mark.parametrize("values", [np.nan, np.inf])
def test_what_is_not_finite_is_no_norm_and_no_constant(values: float) -> None:
    """Over the finite values alone a kernel shrinks, vanishes or holds one value."""
    checkpoints = healthy(8)
    for i, arrays in enumerate(checkpoints[3:], 3):
        arrays[KERNEL].reshape(-1)[: 400 * (i - 2)] = values
    checkpoints[7][KERNEL].reshape(-1)[1:] = values
    judged = verdict(series(checkpoints))
    assert judged.findings[0].rule.name == "non-finite"
    other = ("norm-jump", "norm-trend", "vanished", "constant")
    assert not sum(o.fired for o in judged.outcomes if o.rule.name in other)


def test_floats_and_the_codes_of_quantised_weights_are_not_compared() -> None:
    """The structure rule says that the dtype changed; no norm, update, zero or trend is held against the other's."""
    checkpoints = healthy(8)
    for arrays in checkpoints[4:6]:
        for name in (KERNEL, "head/kernel"):
            arrays[name] = np.clip(np.round(arrays[name] * 300), -127, 127).astype("i1")
    found = findings(series(checkpoints))
    assert {f.rule.name for f in found} == {"structure"}
    checkpoints[7][KERNEL][0, 0] = np.nan
    assert "non-finite" in {f.rule.name for f in findings(series(checkpoints))}
    codes_first = [checkpoints[4], *checkpoints[:4], checkpoints[7]]
    (bad,) = findings(series(codes_first), "non-finite")
    assert bad.first_bad == "c-5", "the form of the first checkpoint is not the only one that is looked at"
