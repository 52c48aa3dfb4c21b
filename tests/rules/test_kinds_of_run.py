"""What the rules say of kinds of run that the calibration showed them to be wrong about; numpy trains small nets."""

from __future__ import annotations

import dataclasses

import numpy as np

from bench.calibration.descent import momentum, sgd
from bench.calibration.healthy.numpy_nets import cosine, pretrained
from bench.calibration.nets.common import Adversaries, Experts, Mlp, Net, Transformer, sigmoid
from bench.calibration.run import Run
from reporter.model.finding import Finding, Severity
from reporter.rules.experts import WHY
from tests.rules.build import Arrays, findings, series


def saved(run: Run, checkpoints: int = 8, steps: int = 12) -> list[Arrays]:
    """The weights, and slots where they are kept, after each stretch of steps."""
    found = []
    for _ in range(checkpoints):
        run.advance(steps)
        found.append({_flat(name): values for name, values in run.arrays().items() if name != "step"})
    return found


def _flat(name: str) -> str:
    """A name of a layer and a role, as series in memory have it."""
    layer, _, role = name.rpartition("/")
    return name if name.startswith("optimizer/") else f"{layer.replace('/', '_')}/{role}"


def loud(found: list[Finding]) -> list[tuple[str, str]]:
    return [(f.rule.name, f.first_bad) for f in found if f.severity > Severity.INFO]


def judged(checkpoints: list[Arrays]) -> list[Finding]:
    """Of a format that does not tell what is trained."""
    return findings(series(checkpoints, trainable=None, ordered=False))


def test_a_rate_that_falls_to_zero_is_a_remark_though_no_file_stores_it() -> None:
    found = judged(saved(Run(Mlp(10, 16, 4, seed=1), momentum, cosine(72, 0.05))))
    assert loud(found) == []
    assert any("as at the end of a schedule" in f.message for f in found)


def test_biases_that_are_trained_alone_are_no_dead_layers() -> None:
    net = Transformer(seed=2)
    run = pretrained(net, "head", 20)
    run.frozen = tuple(n for n in net.weights if not n.endswith(("bias", "beta")) and not n.startswith("head"))
    assert "dead-layers" not in [rule for rule, _ in loud(judged(saved(run, 5)))]


def test_experts_that_no_input_reaches_are_remarks_while_others_learn() -> None:
    for net, stores in ((Experts(seed=3), True), (Experts(seed=4, experts=8, unused=4), False)):
        run = Run(net, sgd if not stores else momentum, 0.05, stores=stores)
        found = judged(saved(run, 6))
        assert loud(found) == []
        assert any(WHY in f.message or WHY in f.worst for f in found)
    dead = saved(Run(Experts(seed=5), sgd, 0.05, frozen=("expert",)), 6)
    assert "untrained" in [rule for rule, _ in loud(judged(dead))], "none of them moves"


def test_units_that_stand_at_a_clip_are_not_dead() -> None:
    def clip(run: Run) -> None:
        for name in ("f1/kernel", "f2/kernel", "f1/bias", "f2/bias"):
            run.weights[name] = np.clip(run.weights[name], -0.02, 0.02)

    run = Run(Adversaries(seed=114), rate=1e-3, after_step=clip)
    assert loud(judged(saved(run, 10, 20))) == []


def test_nan_in_a_tensor_that_has_grown_before_is_seen() -> None:
    checkpoints = saved(Run(Transformer(seed=6)), 7, 3)
    for arrays in checkpoints[3:]:
        arrays["words/embeddings"] = np.concatenate([arrays["words/embeddings"], np.full((4, 16), 0.01, "f4")])
    for arrays in checkpoints[5:]:
        arrays["words/embeddings"][5, 3] = np.nan
    first, *_ = judged(checkpoints)
    assert (first.rule.name, first.first_bad, first.last_good) == ("non-finite", "c-5", "c-4")
    assert first.layers == ("words",)


def test_two_exchanged_checkpoints_are_found_where_training_wanders() -> None:
    rng = np.random.default_rng(7)
    way = np.cumsum(rng.standard_normal((12, 40, 30)), axis=0)
    checkpoints: list[Arrays] = [{"a/kernel": (30 + place).astype("f4")} for place in way]
    assert loud(judged(checkpoints)) == []
    checkpoints[3], checkpoints[8] = checkpoints[8], checkpoints[3]
    (finding,) = (f for f in judged(checkpoints) if f.severity > Severity.INFO)
    assert (finding.rule.name, finding.checkpoints) == ("stray-checkpoint", ("c-3", "c-8"))


def deep(**kept: float) -> Net:
    return Mlp(10, *[14] * 9, 4, seed=8, act=sigmoid, gain=0.15, **kept)  # type: ignore[arg-type]


def test_gradients_that_vanish_on_their_way_back_are_named_with_the_first_layers() -> None:
    first, *others = judged(saved(Run(deep(), sgd, 0.05), 6))
    assert (first.rule.name, first.severity, first.first_bad) == ("vanishing-gradient", Severity.WARN, "c-0")
    assert {"d1", "d2", "d3"} <= set(first.layers) and "head" not in first.layers
    assert loud(others) == []


def test_lower_rates_for_early_layers_are_no_vanishing_gradients() -> None:
    run = Run(Mlp(10, 14, 14, 14, 4, seed=9), sgd, 0.05)
    run.rates = {"d1": 0.008, "d2": 0.04, "d3": 0.2}
    assert loud(judged(saved(run, 6))) == []


def test_what_exploded_is_named_before_what_follows_from_it() -> None:
    """A bias, or the second moments: the weights stop because of it."""
    run = Run(Mlp(10, 16, 16, 4, seed=10), stores=True)
    checkpoints = saved(run, 4)
    for slots in run.slots.values():
        slots["velocity"] = slots["velocity"] + 1e15
    first, *others = judged(checkpoints + saved(run, 4))
    assert (first.rule.name, first.severity, first.first_bad) == ("moment-jump", Severity.FAIL, "c-4")
    assert loud(others) == []

    run = Run(Mlp(10, 16, 16, 4, seed=11), sgd, 0.05)
    checkpoints = saved(run, 4)
    run.weights["d1/bias"] = run.weights["d1/bias"] - 500.0
    first, *others = judged(checkpoints + saved(run, 4))
    assert first.first_bad == "c-4" and first.rule.name in ("bias-jump", "dead-layers")


def test_a_kernel_that_was_loaded_with_one_value_is_not_called_a_collapsing_norm() -> None:
    checkpoints = saved(Run(Mlp(10, 16, 16, 4, seed=12)), 6)
    for arrays in checkpoints[4:]:
        arrays["d2/kernel"] = np.full_like(arrays["d2/kernel"], 0.02)
    assert loud(judged(checkpoints)) == [("constant", "c-4")]


def test_a_record_of_a_finding_says_how_often_its_rule_fired() -> None:
    (finding,) = (f for f in judged(saved(Run(deep(), sgd, 0.05), 4)) if f.rule.name == "vanishing-gradient")
    assert finding.rule.calibration.startswith("Calibration: fired on ")
    assert dataclasses.replace(finding.rule, name="my-own").calibration == ""  # type: ignore[type-var]
