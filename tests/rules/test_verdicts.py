"""Verdicts that were wrong about trainings that no rule had been tuned on: each kind, and what has to be said of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reporter.model.checkpoint import Order
from reporter.model.finding import Finding, Severity
from reporter.rules import RULES
from reporter.rules.frozen import FROZEN
from reporter.rules.judging import Policy
from reporter.rules.stopped import learning_rates
from reporter.rules.timeline import Timeline
from tests.rules.build import BIAS, GAMMA, KERNEL, SLOT, Arrays, findings, fired, healthy, series, set_off, verdict
from tests.rules.network import STEPS, Network, kept, scaled

LOUD = (Severity.WARN, Severity.FAIL)


def loud(found: list[Finding]) -> list[tuple[str, str, str]]:
    """Rule, severity and first bad checkpoint of what is more than a remark."""
    return [(f.rule.name, f.severity.name, f.first_bad) for f in found if f.severity in LOUD]


@pytest.fixture(scope="module")
def trained() -> list[Arrays]:
    return Network(12, 40, 48, 5, seed=31).trained()


def copied(checkpoints: list[Arrays]) -> list[Arrays]:
    return [{name: values.copy() for name, values in arrays.items()} for arrays in checkpoints]


# Learning rates


@pytest.mark.parametrize(
    "names", [("loss_scale_optimizer/learning_rate", "learning_rate"), ("learning_rate", "learning_rate_1")]
)
def test_a_wrapper_without_a_rate_of_its_own_excuses_no_network_that_stopped(
    trained: list[Arrays], names: tuple[str, str]
) -> None:
    """Loss scaling wraps an optimizer: the rate of the wrapper is 0 and means nothing."""
    checkpoints = kept(copied(trained), list(trained[0]), 4)
    for arrays in checkpoints:
        arrays |= {f"optimizer/{names[0]}": np.float32(0), f"optimizer/{names[1]}": np.float32(1e-3)}
    comparison = series(checkpoints)
    assert learning_rates(Timeline(comparison)).tolist() == pytest.approx([1e-3] * 10)
    assert loud(findings(comparison)) == [("stopped", "FAIL", "c-5")]


def test_a_rate_that_ends_at_zero_excuses_only_what_stopped_then() -> None:
    checkpoints = kept(healthy(10), (GAMMA, "head/bias"), 3)
    for place, arrays in enumerate(checkpoints):
        arrays["optimizer/learning_rate"] = np.float32(0 if place == 9 else 0.1)
    assert loud(findings(series(checkpoints))) == [("stopped", "WARN", "c-4")]


# Freezing on purpose


def test_freezing_on_purpose_in_the_middle_is_no_defect(trained: list[Arrays]) -> None:
    checkpoints = kept(copied(trained), [n for n in trained[0] if n.startswith("h")], 3)
    assert loud(findings(series(checkpoints))) == [("stopped", "FAIL", "c-4")]
    flags = dict.fromkeys(range(4, 10), ("h1", "h2"))
    assert loud(findings(series(checkpoints, fixed=flags))) == []


def test_what_is_unfrozen_and_still_does_not_move_is_named(trained: list[Arrays]) -> None:
    names = [n for n in trained[0] if n.startswith("h2")]
    checkpoints = kept(copied(trained), names, 0)
    flags = dict.fromkeys(range(4), ("h2",))
    assert [rule for rule, *_ in loud(findings(series(checkpoints, fixed=flags)))] == ["frozen"]
    assert loud(findings(series(trained, fixed=flags))) == []


# NaN


def test_one_nan_after_which_every_update_is_skipped_is_not_called_a_model_that_does_not_move(
    trained: list[Arrays],
) -> None:
    """As with loss scaling: a NaN in one kernel makes all gradients NaN, and all steps are left out."""
    for since in (1, 5):
        checkpoints = kept(copied(trained), list(trained[0]), since)
        for arrays in checkpoints[since:]:
            arrays["h2/kernel"] = arrays["h2/kernel"].copy()
            arrays["h2/kernel"][3, 4] = np.nan
        (finding,) = findings(series(checkpoints))
        assert (finding.rule.name, finding.first_bad) == ("non-finite", f"c-{since}")
        assert set_off(finding) in ({"Stopped layers": 5}, {"Stopped layers": 6})
        assert finding.weight < 0.01, "one value is no 70 % of the parameters"


def test_the_rest_of_a_model_of_nan_is_not_called_frozen_or_dead() -> None:
    checkpoints = healthy(8)
    for arrays in checkpoints[1:]:
        for name in arrays:
            arrays[name] = checkpoints[0][name] if name in (BIAS, "head/bias") else np.full_like(arrays[name], np.nan)
    (finding,) = [f for f in findings(series(checkpoints)) if f.severity in LOUD]
    assert (finding.rule.name, finding.first_bad) == ("non-finite", "c-1")


def test_growth_that_ends_in_nan_is_one_story_and_nan_comes_first(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    for name in ("h1/kernel", "h2/kernel", "out/kernel"):
        scaled(checkpoints, name, [1.0] * 3 + [1.8**i for i in range(1, 6)] + [math.nan] * 2)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.first_bad) == ("non-finite", "c-8")
    assert set_off(finding) == {"Norm trend": 3}


def test_nan_that_is_gone_again_points_to_the_file(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    checkpoints[4]["h2/kernel"].reshape(-1)[100:107] = np.nan
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("non-finite", Severity.FAIL, "c-4")
    assert "finite again at step 6" in finding.message
    assert "the file was damaged" in finding.meaning and "diverged:" not in finding.meaning


def test_a_block_of_nan_points_to_the_file_and_nan_everywhere_to_the_training(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    checkpoints[9]["h2/kernel"].reshape(-1)[256:384] = np.nan
    (finding,) = findings(series(checkpoints))
    assert "Perhaps a damaged file" in finding.meaning
    checkpoints[9] = {name: np.full_like(values, np.nan) for name, values in checkpoints[9].items()}
    (finding,) = findings(series(checkpoints))
    assert "has diverged" in finding.meaning


# Dead units


def with_dead(units: int, *widths: int, layer: int = 1) -> list[Arrays]:
    """A training in which some units of a layer are off from the start."""
    network = Network(*widths, seed=32)
    network.biases[layer][:units] = -50
    return network.trained()


def test_a_fifth_of_dead_units_is_usual_and_a_third_is_not() -> None:
    assert loud(findings(series(with_dead(9, 12, 40, 48, 5)))) == []
    (finding,) = [f for f in findings(series(with_dead(20, 12, 40, 48, 5))) if f.severity in LOUD]
    assert (finding.rule.name, finding.severity, finding.layer) == ("dead-units", Severity.WARN, "h2")
    assert "20 of 48 output units of h2/kernel" in finding.message
    parameters = 12 * 40 + 40 + 40 * 48 + 48 + 48 * 5 + 5
    assert finding.weight == pytest.approx(20 / 48 * 40 * 48 / parameters)


def test_half_of_a_tiny_layer_is_no_failure() -> None:
    checkpoints = with_dead(4, 12, 8, 200, 60, 5, layer=0)
    (finding,) = [f for f in findings(series(checkpoints)) if "h1/kernel" in f.tensors]
    assert (finding.rule.name, finding.severity) == ("dead-units", Severity.WARN)


def test_a_layer_whose_tiny_weights_grow_is_alive() -> None:
    network = Network(12, 40, 48, 5, seed=33, rate=1e-9)
    network.kernels[1] *= 1e-9
    network.biases[1][:] = 1.0
    assert not [f for f in findings(series(network.trained()), "dead-units") if f.severity in LOUD]


def test_a_relu_is_named_only_where_there_is_one() -> None:
    checkpoints = with_dead(20, 12, 40, 48, 5)
    (finding,) = findings(series(checkpoints), "dead-units")
    assert "ReLU" not in finding.meaning + finding.message
    kinds = {"h1": "Dense", "r1": "ReLU", "h2": "Dense", "r2": "ReLU", "out": "Dense"}
    (finding,) = findings(series(checkpoints, kinds=kinds), "dead-units")
    assert "The ReLU behind these units is off" in finding.meaning


# Momentum


def test_a_dead_network_that_momentum_moves_on_is_found_by_its_last_bias() -> None:
    network = Network(12, 40, 48, 5, seed=34)

    def die(place: int) -> None:
        if place == 4:
            network.biases[0][:] = network.biases[1][:] = -50

    checkpoints = network.trained(9, die)
    comparison = series(checkpoints)
    (cause,) = (f for f in findings(comparison) if f.severity in LOUD)
    assert (cause.rule.name, cause.first_bad) == ("bias-jump", "c-4"), "the cause, not what follows"
    found = verdict(comparison, Policy(RULES, severities={"bias-jump": "off"})).findings
    (finding,) = (f for f in found if f.rule.name == "fading")
    assert finding.severity is Severity.WARN
    assert set(finding.layers) == {"h1", "h2", "out"}, "all kernels have faded: only a bias tells"


def test_dead_layers_date_back_to_where_only_momentum_is_left() -> None:
    network = Network(12, 40, 48, 5, seed=35)

    def die(place: int) -> None:
        if place == 3:
            network.biases[0][:] = network.biases[1][:] = -50

    checkpoints = network.trained(30, die)
    finding, cause = (f for f in findings(series(checkpoints)) if f.severity in LOUD)
    assert (finding.rule.name, finding.severity) == ("dead-layers", Severity.FAIL)
    assert (cause.rule.name, cause.first_bad) == ("bias-jump", "c-3")
    assert finding.first_bad in ("c-4", "c-5", "c-6"), "not where the last bit stands still, twelve checkpoints later"


# Violent updates and trends, per step


def test_going_far_in_very_many_steps_is_no_violence(trained: list[Arrays]) -> None:
    rng = np.random.default_rng(3)
    checkpoints = copied(trained)
    for name in ("h1/kernel", "h2/kernel", "out/kernel"):
        far = rng.standard_normal(trained[0][name].shape) * trained[0][name].std() * 1.1
        for arrays in checkpoints[6:]:
            arrays[name] = (arrays[name] * 0.1 + far).astype("f4")
    steps = [241 * i for i in range(1, 7)]
    assert [rule for rule, *_ in fired(series(checkpoints, steps=[*steps, *(241 * i for i in range(7, 11))]))] == [
        "violent-update"
    ]
    assert fired(series(checkpoints, steps=[*steps, *(77_825 + 241 * i for i in range(7, 11))])) == []


@pytest.mark.parametrize("factor", [1.7, 1 / 1.7])
def test_a_norm_may_change_over_a_long_gap(trained: list[Arrays], factor: float) -> None:
    checkpoints = copied(trained)
    for name in ("h1/kernel", "h2/kernel", "out/kernel"):
        scaled(checkpoints[-1:], name, [factor])
    steps = [241 * i for i in range(1, 10)]
    assert [rule for rule, *_ in fired(series(checkpoints, steps=[*steps, steps[-1] + 241]))] == ["norm-trend"]
    assert fired(series(checkpoints, steps=[*steps, steps[-1] + 77_825])) == []


def test_log_spaced_saves_of_a_norm_that_grows_with_the_steps_are_no_trend(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)[:7]
    scaled(checkpoints, "h2/kernel", [1.65**i for i in range(7)])
    steps = [10 * 4**i for i in range(7)]
    assert "norm-trend" not in [rule for rule, *_ in fired(series(checkpoints, steps=steps))]
    assert "norm-trend" in [rule for rule, *_ in fired(series(checkpoints, steps=range(10, 80, 10)))]


def test_another_runs_weights_are_one_finding_and_no_learning_rate(trained: list[Arrays]) -> None:
    other = Network(12, 40, 48, 5, seed=36).trained()
    (finding,) = findings(series([*trained[:6], *other[6:]]))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("violent-update", Severity.WARN, "c-6")
    assert "not successive states of one training" in finding.meaning
    assert "learning rate" not in finding.meaning
    assert set(finding.tensors) == {"h1/kernel", "h2/kernel", "out/kernel"}


def test_one_kernel_that_is_reversed_is_named_as_that(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    scaled(checkpoints, "h2/kernel", [1.0] * 5 + [-1.0] * 5)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.first_bad, finding.tensors) == ("rearranged", "c-5", ("h2/kernel",))
    assert finding.value == pytest.approx(1.0, abs=0.05)  # the cosine with its own negative


# What rests on purpose


def test_a_target_network_is_copied_at_intervals(trained: list[Arrays]) -> None:
    checkpoints = copied(Network(12, 40, 48, 5, seed=37).trained(14))
    for place, arrays in enumerate(checkpoints):
        arrays |= {f"target_{name}": checkpoints[place // 3 * 3][name] for name in trained[0]}
    for last in (12, 13, 14):
        found = findings(series(checkpoints[:last]))
        assert loud(found) == []
    assert "moves now and then only" in found[0].message
    for place in range(7, 14):
        checkpoints[place] |= {f"target_{name}": checkpoints[6][name] for name in trained[0]}
    assert loud(findings(series(checkpoints))) == [("stopped", "WARN", "c-7")], "longer than twice its longest pause"


def test_masks_are_no_weights_and_prune_on_purpose(trained: list[Arrays]) -> None:
    rng = np.random.default_rng(5)
    some, fewer = rng.random((40, 48)) < 0.6, rng.random((40, 48)) < 0.3
    checkpoints = copied(trained)
    for place, arrays in enumerate(checkpoints):
        mask = some if place < 4 else fewer
        arrays["h2/kernel"] *= mask
        arrays["h2/mask"] = mask.astype("f4")
    found = findings(series(checkpoints, trainable=None))
    assert loud(found) == []
    assert "h2/mask" not in {name for finding in found for name in finding.tensors}


def test_what_stands_at_its_clip_is_a_remark(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    for arrays in checkpoints[5:]:
        for name in [n for n in arrays if n.startswith("h")]:
            arrays[name] = np.where(arrays[name] < 0, -0.01, 0.01).astype("f4")
    kept(checkpoints, [n for n in trained[0] if n.startswith("h")], 5)
    stopped = findings(series(checkpoints), "stopped")
    assert [f.severity for f in stopped] == [Severity.INFO]
    assert "its values are at ± 0.01" in stopped[0].message


def test_a_bias_in_front_of_a_batch_normalisation_has_no_gradient() -> None:
    (finding,) = findings(series(kept(healthy(8), (BIAS,), 2)))
    assert (finding.rule.name, finding.severity, finding.tensors) == ("stopped", Severity.INFO, (BIAS,))
    assert "zero in theory" in finding.message
    unordered = series(kept(healthy(8), (BIAS,), 2), ordered=False)
    assert loud(findings(unordered)) == [("stopped", "WARN", "c-3")], "nobody knows what is behind it"
    assert loud(findings(series(kept(healthy(8), (KERNEL, BIAS), 2)))), "its kernel has to learn"


# Begin and rank


def test_layers_that_die_are_found_without_the_order_of_the_layers() -> None:
    """Where shapes chain uniquely they tell which layer is in front."""
    checkpoints = Network(12, 40, 48, 32, 5, seed=38).trained()
    rest = [name for name in checkpoints[0] if name != "out/bias"]
    for names in (rest, [name for name in rest if not name.startswith("h1")]):
        (finding,) = findings(series(kept(copied(checkpoints), names, 5), ordered=False, trainable=None))
        assert (finding.rule.name, finding.severity) == ("dead-layers", Severity.FAIL)
        assert (finding.first_bad, finding.last_good) == ("c-6", "c-5")
    only_last = series(kept(copied(checkpoints), ["out/kernel", "h1/kernel", "h1/bias"], 5), ordered=False)
    assert "dead-layers" not in [rule for rule, *_ in loud(findings(only_last))], "the layer in front learns"


def test_the_first_jump_is_named_and_where_it_leads(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    scaled(checkpoints, "h2/kernel", [1.0] * 4 + [3.0] * 3 + [27.0] * 3)
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("norm-jump", Severity.WARN, "c-4")
    assert "later it reaches × 2" in finding.message
    scaled(checkpoints, "h2/kernel", [1.0] * 7 + [100.0] * 3)
    (finding,) = findings(series(checkpoints))
    assert (finding.severity, finding.first_bad) == (Severity.FAIL, "c-4")


def test_the_first_loss_of_values_is_named(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    for arrays in checkpoints[4:]:
        arrays["h2/kernel"].reshape(-1)[:200] = 0
    for arrays in checkpoints[7:]:
        arrays["h2/kernel"].reshape(-1)[:1400] = 0
    (finding,) = findings(series(checkpoints), "sparsity-jump")
    assert finding.first_bad == "c-4"


@pytest.mark.parametrize(("factor", "severity"), [(1.7, Severity.WARN), (1.95, Severity.FAIL)])
def test_a_trend_begins_where_its_stretch_does(trained: list[Arrays], factor: float, severity: Severity) -> None:
    checkpoints = copied(Network(12, 40, 48, 5, seed=39).trained(14))
    scaled(checkpoints, "h2/kernel", [1.0] * 3 + [factor**i for i in range(1, 12)])
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, finding.severity, finding.first_bad) == ("norm-trend", severity, "c-3")
    assert "steadily" in finding.message and "over 12 checkpoints (step 3 to 14)" in finding.message


def test_the_cause_comes_first_and_counts_its_consequences(trained: list[Arrays]) -> None:
    """A layer explodes; two checkpoints later half of its units, and of those of another layer, are off."""
    checkpoints = copied(trained)
    scaled(checkpoints, "h2/kernel", [1.0] * 4 + [5000.0] * 6)
    for arrays in checkpoints[6:]:
        arrays["h2/kernel"][:, :30] = 0
        arrays["h1/kernel"][:, :20] = 0
    found = findings(series(checkpoints))
    assert loud(found)[0] == ("norm-jump", "FAIL", "c-4")
    assert {"Dead units", "Sparsity jump"} <= set(set_off(found[0]))


def test_how_far_beyond_the_limit_counts_before_the_share_of_parameters(trained: list[Arrays]) -> None:
    checkpoints = copied(trained)
    scaled(checkpoints, "h2/kernel", [1.0] * 5 + [2.2] * 5)
    scaled(checkpoints, "out/kernel", [1.0] * 3 + [1e5] * 7)
    scaled(checkpoints, "h1/kernel", [1.0] * 9 + [-1.0])
    found = findings(series(checkpoints))
    assert [f.layer for f in found if f.severity in LOUD] == ["out", "h2", "h1"]
    assert found[0].beyond > 1e4 > found[1].beyond


# Words


def test_numbers_of_files_are_no_steps(trained: list[Arrays]) -> None:
    checkpoints = kept(copied(trained), ["h2/kernel", "h2/bias"], 4)
    (finding,) = findings(series(checkpoints, by=Order.FILE_NAME))
    assert "step" not in finding.summary
    assert "checkpoint 5 was the last good one" in finding.summary
    (finding,) = findings(series(checkpoints))
    assert "step 5 was the last good one" in finding.summary


def test_a_loss_scale_alone_is_no_other_model_that_is_trained(trained: list[Arrays]) -> None:
    same = [trained[0] | {SLOT: np.ones((12, 40), "f4")} for _ in range(5)]
    for place, arrays in enumerate(same):
        arrays["optimizer/dynamic_scale/slot"] = np.float32(2.0**place).reshape(())
    assert "something else is being trained" not in findings(series(same))[0].message
    for place, arrays in enumerate(same):
        arrays[SLOT] = np.full((12, 40), place + 1.0, "f4")
    assert "something else is being trained" in findings(series(same))[0].message


def test_frozen_speaks_of_vanishing_gradients() -> None:
    assert "vanishing gradients" in FROZEN.meaning


def test_steps_between_checkpoints() -> None:
    assert STEPS == 20 and Timeline(series(healthy(4), steps=[10, 20, 30, 90])).gaps.tolist() == [1, 1, 1, 6]


def test_pruning_by_magnitude_is_a_remark_and_a_lost_block_is_not(trained: list[Arrays]) -> None:
    pruned, lost = copied(trained), copied(trained)
    for place in range(4, 10):
        kernel = pruned[place]["h2/kernel"]
        kernel[np.abs(kernel) < np.quantile(np.abs(kernel), 0.1 * (place - 3))] = 0
        lost[place]["h2/kernel"].reshape(-1)[: 192 * (place - 3)] = 0
    (finding,) = findings(series(pruned), "sparsity-jump")
    assert (finding.severity, finding.first_bad) == (Severity.INFO, "c-4")
    (finding,) = findings(series(lost), "sparsity-jump")
    assert (finding.severity, finding.first_bad) == (Severity.WARN, "c-4")


def test_a_unit_that_fades_away_is_a_remark_and_one_that_is_zeroed_is_not(trained: list[Arrays]) -> None:
    faded, zeroed = copied(trained), copied(trained)
    for place, factor in enumerate([1.0, 0.8, 0.6, 0.4, 0.2, *[0.0] * 5]):
        faded[place]["h2/kernel"][:, :4] *= np.float32(factor)
        zeroed[place]["h2/kernel"][:, :4] *= np.float32(factor > 0)
    assert [f.severity for f in findings(series(faded), "dead-units")] == [Severity.INFO]
    (finding,) = [f for f in findings(series(zeroed)) if f.severity in LOUD]
    assert (finding.rule.name, finding.first_bad) == ("dead-units", "c-5")
    assert set_off(finding) == {"Sparsity jump": 1}
    assert "dead since step 6: 4 of 48 output units of h2/kernel" in finding.message
