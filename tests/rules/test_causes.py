"""Rules that name a single cause: of each a sick series and a healthy one that comes near, as files of two formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reporter.model.finding import Severity
from tests.make.flat_series import Arrays, write
from tests.rules import build, causes
from tests.rules.build import set_off, verdict
from tests.rules.on_disk import judgement, of_rule

FORMATS = ("npz", "safetensors")

FALLING = (32768.0, 32768.0, 512.0, 8.0, 1.0, 1.0, 1.0)
EMPTY = tuple(f"{layer}" for layer in ("words", "one", "bn", "two"))

SICK: dict[str, tuple[str, causes.Change, Severity, int, int | None]] = {
    "units reordered": ("rearranged", causes.units_reordered, Severity.WARN, 50, 40),
    "exchanged": ("rearranged", causes.exchanged, Severity.WARN, 50, 40),
    "transposed": ("rearranged", causes.transposed, Severity.WARN, 50, 40),
    "negated": ("rearranged", causes.scaled("two/kernel", -1), Severity.WARN, 50, 40),
    "swapped": ("stray-checkpoint", causes.swapped, Severity.WARN, 20, 10),
    "of another run": ("stray-checkpoint", causes.of_another_run, Severity.WARN, 40, 30),
    "scale vanishes": ("gamma-jump", causes.scaled("bn/gamma", 0.1), Severity.WARN, 50, 40),
    "scale explodes": ("gamma-jump", causes.scaled("bn/gamma", 5), Severity.WARN, 50, 40),
    "variance explodes": ("variance-jump", causes.scaled("bn/moving_variance", 95), Severity.WARN, 50, 40),
    "moments explode": ("moment-jump", causes.scaled("optimizer/one/kernel/v", 1e18), Severity.WARN, 50, 40),
    "bias explodes": ("bias-jump", causes.scaled("one/bias", 562), Severity.WARN, 50, 40),
    "moments lost": ("lost-moments", causes.moments_lost, Severity.WARN, 50, 40),
    "another optimizer": ("lost-moments", causes.another_optimizer, Severity.WARN, 20, None),
    "no gradient": ("no-gradient", causes.no_gradient(*EMPTY), Severity.WARN, 10, None),
    "one bit": ("one-value", causes.one_bit, Severity.FAIL, 50, 40),
    "rounded": ("dequantised", causes.with_a_big_kernel(causes.rounded_to_8_bits), Severity.WARN, 60, 50),
    "statistics": ("idle-statistics", causes.never_updated_statistics, Severity.WARN, 10, None),
    "fresh": ("untrained", causes.fresh, Severity.WARN, 10, None),
    "target": ("idle-copy", causes.average(0), Severity.WARN, 10, None),
    "embedding": ("embedding-collapse", causes.collapsed_embedding(0.995), Severity.WARN, 70, None),
    "rank": ("rank-collapse", causes.with_a_big_kernel(causes.of_few_directions(2)), Severity.WARN, 70, None),
    "inputs": ("idle-inputs", causes.inputs_missing(13), Severity.INFO, 10, None),
    "symmetry": ("symmetry", causes.alike, Severity.FAIL, 10, None),
    "loss scale": ("loss-scale", causes.loss_scale(FALLING, 4), Severity.FAIL, 60, 50),
}
"""What happens → the rule that names it, how bad it is, the step of the first bad and of the last good checkpoint."""

NEAR: dict[str, tuple[str, causes.Change]] = {
    "drawn anew": ("rearranged", causes.drawn_anew),
    "wandering": ("stray-checkpoint", causes.wandering),
    "restored": ("stray-checkpoint", causes.restored),
    "on its way": ("stray-checkpoint", causes.nothing),
    "scale grows from zero": (
        "gamma-jump",
        causes.two(causes.scaled("bn/gamma", 0.02, 0), causes.scaled("bn/gamma", 6)),
    ),
    "scale doubles": ("gamma-jump", causes.scaled("bn/gamma", 2)),
    "variance of first steps": ("variance-jump", causes.scaled("bn/moving_variance", 8)),
    "moments of a late layer": (
        "moment-jump",
        causes.two(causes.scaled("optimizer/one/kernel/v", 1e-18, 0), causes.scaled("optimizer/one/kernel/v", 1e18)),
    ),
    "bias of a small net": ("bias-jump", causes.scaled("one/bias", 8)),
    "first moments fade": (
        "lost-moments",
        causes.two(causes.first_moments_fade, causes.held("one/kernel", "one/bias")),
    ),
    "an expert unused": ("no-gradient", causes.no_gradient("two")),
    "an outlier": ("one-value", causes.an_outlier),
    "binary": ("dequantised", causes.with_a_big_kernel(causes.binary)),
    "a big kernel": ("dequantised", causes.with_a_big_kernel(causes.nothing)),
    "frozen normalisation": ("idle-statistics", causes.normalisation_that_rests),
    "pretrained": ("untrained", causes.pretrained),
    "target now and then": ("idle-copy", causes.average(3)),
    "embedding with a mean": ("embedding-collapse", causes.collapsed_embedding(0.5)),
    "rank of a third": ("rank-collapse", causes.with_a_big_kernel(causes.of_few_directions(32))),
    "a few inputs": ("idle-inputs", causes.inputs_missing(3)),
    "orthogonal": ("symmetry", causes.orthogonal),
    "scale that falls": ("loss-scale", causes.loss_scale((32768.0, 4096.0, 512.0, 64.0, 8.0, 2.0, 1.0), 6)),
    "scale that stays": ("loss-scale", causes.loss_scale((1.0,) * 7, 3)),
}
"""What happens that comes near → the rule that has to be quiet about it."""


@pytest.mark.parametrize("case", SICK)
def test_a_cause_is_named_first_with_its_place(case: str, tmp_path: Path) -> None:
    rule, change, severity, bad, good = SICK[case]
    series = causes.trained()
    change(series)
    suffix = FORMATS[len(case) % 2]
    found = judgement(write(tmp_path / "ckpts", series, suffix)).findings
    (finding,) = [one for one in found if one.rule.name == rule]
    assert finding.severity is severity
    assert finding.first_bad == f"model-{bad}.{suffix}"
    assert finding.last_good == ("" if good is None else f"model-{good}.{suffix}")
    louder = [one.rule.name for one in found if one.severity > Severity.INFO]
    assert severity is Severity.INFO or louder[0] == rule, louder
    assert louder in ([], [rule]), "it explains what follows from it"


@pytest.mark.parametrize("case", NEAR)
def test_what_comes_near_is_healthy(case: str, tmp_path: Path) -> None:
    rule, change = NEAR[case]
    series = causes.trained()
    change(series)
    folder = write(tmp_path / "ckpts", series, FORMATS[len(case) % 2])
    assert of_rule(folder, rule) == []


def test_what_is_frozen_though_it_is_trainable_is_said_once(tmp_path: Path) -> None:
    """A layer that the optimizer was not given: fresh, without a gradient, and most of the parameters."""
    checkpoints = causes.trained()
    kernel = np.random.default_rng(8).uniform(-0.1, 0.1, (64, 80)).astype("f4")
    for arrays in checkpoints:
        arrays["dense/kernel"], arrays["dense/bias"] = kernel, np.zeros(80, "f4")
        for name in ("m", "v"):
            arrays[f"optimizer/dense/kernel/{name}"] = np.zeros((64, 80), "f4")
    kept = [arrays | {"optimizer/learning_rate": np.float32(1e-3).reshape(())} for arrays in _built(checkpoints)]
    (known,) = [f for f in verdict(build.series(kept, trainable=True)).findings if f.severity > Severity.INFO]
    assert (known.rule.name, known.severity) == ("frozen", Severity.FAIL)
    assert set_off(known)["Frozen before it was trained"] == 2
    for arrays in checkpoints:
        for name in ("m", "v"):
            del arrays[f"optimizer/dense/kernel/{name}"]
    unknown = [f for f in judgement(write(tmp_path / "ckpts", checkpoints)).findings if f.severity > Severity.INFO]
    assert [f.rule.name for f in unknown] == ["untrained"], "where nothing says what is trainable"


def _built(checkpoints: list[Arrays]) -> list[Arrays]:
    """Without the slots, which the in-memory series names otherwise."""
    return [{k: v for k, v in arrays.items() if not k.startswith("optimizer")} for arrays in checkpoints]


def test_two_checkpoints_that_changed_places_are_told_as_that(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kernel, step = rng.standard_normal((30, 20)), 0.05 * rng.standard_normal((30, 20))
    series = [{"a/kernel": (kernel + i * step).astype("f4")} for i in range(14)]
    series[2], series[10] = series[10], series[2]
    (finding,) = of_rule(write(tmp_path / "ckpts", series), "stray-checkpoint")
    assert finding.checkpoints == ("model-30.npz", "model-110.npz")
    assert "exchanged with those of step" in finding.message


def test_a_checkpoint_that_strays_does_not_hide_what_comes_later(tmp_path: Path) -> None:
    series = causes.trained(9)
    causes.of_another_run(series)
    causes.scaled("two/kernel", 4, since=7)(series)
    found = {finding.rule.name: finding.first_bad for finding in judgement(write(tmp_path / "ckpts", series)).findings}
    assert found["stray-checkpoint"] == "model-40.npz"
    assert found["norm-jump"] == "model-80.npz"


def test_a_healthy_series_passes(tmp_path: Path) -> None:
    assert judgement(write(tmp_path / "ckpts", causes.trained())).findings == ()
