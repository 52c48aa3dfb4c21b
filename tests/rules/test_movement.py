"""What stays the same although the training goes on: models and tensors that do not learn."""

from __future__ import annotations

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from reporter.model.changes import Changes
from reporter.model.finding import Severity
from tests.rules.build import (
    BIAS,
    GAMMA,
    KERNEL,
    MEAN,
    SLOT,
    VARIANCE,
    WEIGHTS,
    Arrays,
    findings,
    fired,
    healthy,
    held,
    series,
    verdict,
    without,
)


def test_a_model_that_never_changes_is_one_failure() -> None:
    same = healthy(1) * 5
    (finding,) = findings(series(same, steps=[100, 200, 300, 400, 900]))
    assert (finding.rule.name, finding.severity) == ("nothing-moves", Severity.FAIL)
    assert "never change" in finding.message
    assert "all 5 checkpoints while the step went from 100 to 900" in finding.message
    assert "not the one being trained" in finding.meaning
    assert set(finding.tensors) == set(WEIGHTS)
    assert finding.weight > 0.9


def test_names_that_tell_nothing_do_not_hide_it() -> None:
    renamed = {KERNEL: "dense/w1", BIAS: "dense/offsets", "head/kernel": "head/w2", "head/bias": "head/c"}
    checkpoints = [{renamed[k]: v for k, v in a.items() if k in renamed} for a in healthy()]
    (finding,) = findings(series([checkpoints[0]] * 4, trainable=None))
    assert (finding.rule.name, finding.severity) == ("nothing-moves", Severity.FAIL)
    assert fired(series(checkpoints, trainable=None)) == []
    (finding,) = findings(series(held(checkpoints, ("dense/w1",), 2), trainable=None))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("stopped", Severity.FAIL, "c-3")


def test_a_model_that_the_format_calls_fixed_is_named_as_well() -> None:
    (finding,) = findings(series(healthy(1) * 4, trainable=False))
    assert (finding.rule.name, finding.severity) == ("nothing-moves", Severity.FAIL)


def test_what_does_change_beside_it_tells_where_to_look() -> None:
    (finding,) = findings(series(held(healthy(4), WEIGHTS)))
    assert (finding.rule.name, finding.severity) == ("nothing-moves", Severity.FAIL)
    assert "moving statistics do change" in finding.message
    assert "something else is being trained" in finding.message


@pytest.mark.parametrize(
    ("checkpoints", "steps"),
    [(2, [1, 2]), (4, None)],
    ids=["two checkpoints may be copies", "without steps nobody knows that training went on"],
)
def test_less_evidence_is_a_warning(checkpoints: int, steps: list[int] | None) -> None:
    found = fired(series(healthy(1) * checkpoints, first_step=None, steps=steps))
    assert found == [("nothing-moves", "WARN", "c-0", "")]


def test_the_same_step_saved_twice_is_nothing() -> None:
    checkpoints = healthy(3)
    assert fired(series([*checkpoints, checkpoints[2]], steps=[1, 2, 3, 3])) == []


def test_a_stretch_in_which_nothing_moves() -> None:
    checkpoints = healthy(5)
    assert fired(series([*checkpoints[:3], checkpoints[2], *checkpoints[3:]])) == [("nothing-moves", "WARN", "c-3", "")]


def test_layers_that_stop_one_after_another() -> None:
    checkpoints = held(held(healthy(8), ("head/bias",), 5), (GAMMA,), 3)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity) == ("stopped", Severity.WARN)
    assert (finding.first_bad, finding.last_good) == ("c-4", "c-3")
    assert "bn/gamma (step 5), head/bias (step 7)" in finding.message


def test_most_parameters_stopped_is_a_failure() -> None:
    (finding,) = findings(series(held(healthy(8), (KERNEL, BIAS), 3)))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("stopped", Severity.FAIL, "c-4")
    assert set(finding.layers) == {"dense"}
    (finding,) = findings(series(held(healthy(5), WEIGHTS, 3)))
    assert (finding.rule.name, finding.severity) == ("stopped", Severity.WARN), "one pair alone may be a coincidence"


def test_all_stopped_by_a_schedule_that_ends_at_zero_is_a_remark() -> None:
    for last, severity in ((0.0, Severity.INFO), (0.1, Severity.FAIL)):
        checkpoints = held(healthy(6), WEIGHTS, 3)
        for i, arrays in enumerate(checkpoints):
            arrays["optimizer/learning_rate"] = np.array(0.1 if i < 3 else last, "f4")
        (finding,) = findings(series(checkpoints))
        assert (finding.rule.name, finding.severity) == ("stopped", severity)
        assert ("learning rate that the checkpoints store is 0" in finding.message) is (last == 0.0)


def test_a_schedule_that_ends_without_saying_so_is_a_remark() -> None:
    """The updates shrink, then all weights stop at once; where they stop in full swing, it is a failure.

    So it is where the checkpoints store a rate that is not zero then.
    """
    rng = np.random.default_rng(4)
    for scale, rate, severity in ((0.3, None, Severity.INFO), (0.3, 0.1, Severity.FAIL), (1.0, None, Severity.FAIL)):
        values = {name: a for name, a in healthy(1)[0].items() if name in WEIGHTS}
        checkpoints = [values]
        for i in range(8):
            step = 0.05 * scale**i if i < 5 else 0.0
            values = {k: (v + step * rng.standard_normal(v.shape)).astype("f4") for k, v in values.items()}
            checkpoints.append(values)
        if rate is not None:
            checkpoints = [arrays | {"optimizer/learning_rate": np.array(rate, "f4")} for arrays in checkpoints]
        (finding,) = findings(series(checkpoints), "stopped")
        assert finding.severity is severity
        assert ("as at the end of a schedule" in finding.message) is (severity is Severity.INFO)


def test_a_recurrent_network_whose_layers_stop_one_after_another() -> None:
    rng = np.random.default_rng(2)
    shapes = {"kernel": (16, 64), "recurrent_kernel": (16, 64), "bias": (64,)}
    values = {f"lstm_{i}/{role}": 0.2 * rng.standard_normal(shapes[role]) for i in (1, 2, 3) for role in shapes}
    values |= {"head/kernel": rng.standard_normal((16, 2)), "head/bias": np.zeros(2)}
    checkpoints: list[Arrays] = []
    for i in range(12):
        for name in values:
            stopped = name.startswith("lstm_") and i > 2 * int(name[5])
            values[name] = values[name] + (0 if stopped else 0.01) * rng.standard_normal(values[name].shape)
        checkpoints.append({name: value.astype("f4") for name, value in values.items()})
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("stopped", Severity.FAIL, "c-3")
    assert "layers lstm_1 (step 4), lstm_2 (step 6), lstm_3 (step 8)" in finding.message
    assert finding.weight > 0.9


def test_updates_too_small_to_matter_are_none() -> None:
    checkpoints = healthy(6)
    for i, arrays in enumerate(checkpoints[3:]):
        arrays[KERNEL] = checkpoints[3][KERNEL].copy()
        arrays[KERNEL][0, 0] *= np.float32(1 + i * 2e-7)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.first_bad) == ("stopped", "c-4")
    assert "practically equal" in finding.message


def test_frozen_names_trainable_tensors_only() -> None:
    assert fired(series(held(healthy(), (GAMMA,)))) == [("frozen", "WARN", "c-0", GAMMA)]
    assert fired(series(held(healthy(), (MEAN, VARIANCE, SLOT)))) == []
    assert fired(series(held(healthy(), (GAMMA,)), trainable=False)) == []


def test_most_of_the_trainable_parameters_frozen_is_a_failure() -> None:
    (finding,) = findings(series(held(healthy(), (KERNEL, BIAS))))
    assert (finding.rule.name, finding.severity, set(finding.tensors)) == ("frozen", Severity.FAIL, {KERNEL, BIAS})


def test_a_backbone_frozen_throughout_is_one_remark_where_the_format_does_not_tell() -> None:
    (finding,) = findings(series(without(held(healthy(), (KERNEL, BIAS, GAMMA)), SLOT), trainable=None))
    assert (finding.rule.name, finding.severity) == ("frozen", Severity.INFO)
    assert set(finding.tensors) == {KERNEL, BIAS, GAMMA}


def test_estimated_comparisons_say_so() -> None:
    """As when rotation has deleted a checkpoint, and only its sketch is left."""
    comparison = series(held(healthy(), (KERNEL, BIAS)))
    pairs = []
    for pair in comparison.pairs:
        before, after = (comparison.measured[i].by_name for i in (pair.before, pair.after))
        changes = {}
        for name in pair.tensors:
            a, b = before[name], after[name]
            assert a.sketch is not None and b.sketch is not None
            changes[name] = a.sketch.change(b.sketch, a.summary.norm, b.summary.norm)
        pairs.append(replace(pair, tensors=Changes.of(changes)))
    (finding,) = findings(replace(comparison, pairs=tuple(pairs)))
    assert (finding.rule.name, finding.severity, set(finding.tensors)) == ("frozen", Severity.FAIL, {KERNEL, BIAS})
    assert "estimates from the fingerprints" in finding.evidence
    (exact,) = findings(comparison)
    assert "estimates" not in exact.evidence


def test_a_pause_and_a_late_start() -> None:
    checkpoints = healthy(6)
    checkpoints[3][GAMMA] = checkpoints[2][GAMMA]
    assert fired(series(checkpoints)) == [("frozen", "WARN", "c-3", GAMMA)]
    checkpoints = healthy(6)
    for arrays in checkpoints[:3]:
        arrays[GAMMA] = checkpoints[0][GAMMA]
    assert fired(series(checkpoints)) == [("frozen", "INFO", "c-1", GAMMA)]


def test_updates_that_fade_while_others_go_on() -> None:
    checkpoints = healthy(9)
    rng = np.random.default_rng(5)
    for i in range(4, 9):
        drift = rng.standard_normal((64, 32)) * 0.01 * 10.0 ** (4 - i)
        checkpoints[i][KERNEL] = (checkpoints[i - 1][KERNEL] + drift).astype("f4")
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.tensor) == ("fading", Severity.WARN, KERNEL)
    assert finding.first_bad in ("c-5", "c-6", "c-7")


def test_a_learning_rate_that_falls_for_all_is_no_fading() -> None:
    checkpoints, rng = healthy(1), np.random.default_rng(5)
    for i in range(8):
        drift = {k: rng.standard_normal(v.shape) * 0.1 * 3.0**-i for k, v in checkpoints[0].items()}
        checkpoints.append({k: (v + np.abs(drift[k])).astype("f4") for k, v in checkpoints[-1].items()})
    assert [f.rule.name for f in findings(series(checkpoints))] == []


def test_training_biases_only_is_meant() -> None:
    found = findings(series(without(held(healthy(), (KERNEL, "head/kernel")), SLOT), trainable=None))
    assert [(f.rule.name, f.severity) for f in found] == [("frozen", Severity.INFO)]


def test_bfloat16_small_tensors_may_stay_equal() -> None:
    checkpoints = healthy()
    for arrays in checkpoints:
        arrays[BIAS] = checkpoints[0][BIAS].astype(ml_dtypes.bfloat16)
        arrays[KERNEL] = arrays[KERNEL].astype(ml_dtypes.bfloat16)
    assert [(f.rule.name, f.severity) for f in findings(series(checkpoints))] == [("frozen", Severity.INFO)]


def with_nan(checkpoints: list[Arrays], name: str, since: int, many: int = 3) -> list[Arrays]:
    """Some values of a tensor are NaN from a checkpoint on."""
    for arrays in checkpoints[since:]:
        arrays[name] = arrays[name].copy()
        arrays[name].reshape(-1)[:many] = np.nan
    return checkpoints


RESTING = ("nothing-moves", "frozen", "stopped", "dead-layers", "dead-units", "fading")


def resting(checkpoints: list[Arrays]) -> int:
    """How many checks say that something does not move, explained or not."""
    return sum(o.fired for o in verdict(series(checkpoints)).outcomes if o.rule.name in RESTING)


def test_a_weight_that_becomes_nan_is_not_at_rest() -> None:
    """All other values of it are equal to the bit in that pair."""
    checkpoints = healthy(2)
    checkpoints[1][KERNEL] = checkpoints[0][KERNEL]
    assert resting(checkpoints) == 1
    assert resting(with_nan(checkpoints, KERNEL, 1)) == 0


@pytest.mark.parametrize("since", [0, 3])
def test_nan_everywhere_tells_nothing_about_rest(since: int) -> None:
    """Whatever is added to NaN, it stays NaN, to the bit."""
    checkpoints = healthy()
    for arrays in checkpoints[since:]:
        for name in WEIGHTS:
            arrays[name] = np.full_like(arrays[name], np.nan)
    assert resting(checkpoints) == 0
    assert findings(series(checkpoints))[0].rule.name == "non-finite"


def test_finite_values_at_rest_beside_the_same_nan_are() -> None:
    checkpoints = with_nan(held(healthy(), (GAMMA,)), GAMMA, 0)
    assert resting(checkpoints) == 1


def test_a_unit_of_nan_is_no_unit_of_zeros() -> None:
    checkpoints = healthy()
    for arrays in checkpoints[3:]:
        arrays[KERNEL][:, :8] = np.nan
    assert resting(checkpoints) == 0


def test_only_what_stands_still_is_named_of_a_layer() -> None:
    """Of one layer everything, of two more only the biases: not three layers that do not change."""
    names = (KERNEL, BIAS, "head/bias", *(f"b{i}/bias" for i in range(2)))
    checkpoints = [
        arrays | {f"b{i}/{role}": arrays[f"head/{role}"] for i in range(2) for role in ("kernel", "bias")}
        for arrays in healthy()
    ]
    (finding,) = findings(series(held(checkpoints, names)), "frozen")
    assert "5 tensors do not change" in finding.message
    listed = finding.message.split("layers ")[1].split(".")[0]
    assert sorted(listed.split(", ")) == ["b0 (only bias)", "b1 (only bias)", "dense", "head (only bias)"]


@pytest.mark.parametrize(("step", "severity"), [(6, Severity.WARN), (None, Severity.INFO)])
def test_a_last_checkpoint_saved_twice_is_no_layer_that_stopped(step: int | None, severity: Severity) -> None:
    checkpoints = healthy(5)
    twice = series([*checkpoints, checkpoints[-1]], first_step=None if step is None else 1)
    (finding,) = findings(twice)
    assert (finding.rule.name, finding.severity) == ("stopped", severity)
    assert (finding.first_bad, finding.last_good) == ("c-5", "c-4")
    assert "the last checkpoint holds the weights of the one before" in finding.message
    assert "second save" in finding.meaning
    assert "gradient" not in finding.meaning


def test_two_checkpoints_that_are_equal_are_not_yet_a_model_that_is_not_trained() -> None:
    (finding,) = findings(series(healthy(1) * 2))
    assert (finding.rule.name, finding.severity) == ("nothing-moves", Severity.WARN)
    assert finding.message.startswith("both checkpoints hold the same weights")
    assert "second save" in finding.meaning
