"""The rules about deployment: one finding each, and quiet on ordinary weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reporter.model.deployment import Readiness
from reporter.model.finding import Finding
from reporter.rules.duplicate_outputs import DUPLICATE_OUTPUTS
from reporter.rules.float16_overflow import FLOAT16_OVERFLOW
from reporter.rules.float16_underflow import FLOAT16_UNDERFLOW
from reporter.rules.int8_ready import INT8_READY
from tests.rules.build import BIAS, KERNEL, MEAN, Arrays, series, verdict

RULES = {r.name: r for r in (INT8_READY, FLOAT16_OVERFLOW, FLOAT16_UNDERFLOW, DUPLICATE_OUTPUTS)}
OTHER = "head/kernel"


def findings(arrays: Arrays) -> list[Finding]:
    return [f for f in verdict(series([arrays])).findings if f.rule.name in RULES]


def weights() -> Arrays:
    arrays = {
        KERNEL: np.random.default_rng(0).standard_normal((20, 10)).astype("f4"),
        BIAS: np.zeros(10, "f4"),
        MEAN: np.zeros(10, "f4"),
    }
    return arrays | {OTHER: np.random.default_rng(1).standard_normal((30, 12)).astype("f4")}


def test_ordinary_weights_are_quiet_and_looked_at() -> None:
    judgement = verdict(series([weights()]))
    assert judgement.findings == ()
    outcomes = {o.rule.name: o for o in judgement.outcomes}
    assert {name: outcomes[name].checked for name in RULES} == {
        "int8-ready": 2,
        "float16-overflow": 4,
        "float16-underflow": 2,
        "duplicate-outputs": 2,
    }
    assert 30 < (outcomes["int8-ready"].worst or 0) < 60


def one_outlier(arrays: Arrays) -> None:
    arrays[OTHER] = np.random.default_rng(2).standard_normal((4000, 12)).astype("f4")
    arrays[OTHER][0, 3] = 30


def one_wide_channel(arrays: Arrays) -> None:
    arrays[OTHER][:, 3] *= np.float32(50)


def one_outlier_a_channel(arrays: Arrays) -> None:
    arrays[OTHER] = np.random.default_rng(2).standard_normal((4000, 12)).astype("f4")
    arrays[OTHER][0] = 60


def outliers(arrays: Arrays) -> None:
    arrays[OTHER] = np.random.default_rng(2).standard_normal((40000, 12)).astype("f4")
    arrays[OTHER][0] = 200


def overflow(arrays: Arrays) -> None:
    arrays[BIAS][2] = 1e5
    arrays[KERNEL] *= np.float32(1e5)


def large_statistic(arrays: Arrays) -> None:
    arrays[MEAN][1] = -1e6


def tiny(arrays: Arrays) -> None:
    arrays[KERNEL] *= np.float32(1e-7)


def copies(arrays: Arrays) -> None:
    arrays[KERNEL][:, 5:7] = -2 * arrays[KERNEL][:, :1]


@pytest.mark.parametrize(
    ("defect", "rule", "severity", "tensor", "words"),
    [
        (one_outlier, "int8-ready", "INFO", OTHER, "with a scale per output channel all weights are good"),
        (one_wide_channel, "int8-ready", "INFO", OTHER, "in head/kernel 11 of 12 output channels"),
        (one_outlier_a_channel, "int8-ready", "INFO", OTHER, "even with a scale per output channel"),
        (outliers, "int8-ready", "INFO", OTHER, "keep what is unfit in float"),
        (overflow, "float16-overflow", "INFO", KERNEL, "2 of 4 tensors"),
        (large_statistic, "float16-overflow", "INFO", MEAN, "1 of 4 tensors"),
        (tiny, "float16-underflow", "INFO", KERNEL, "dense/kernel keeps"),
        (copies, "duplicate-outputs", "INFO", KERNEL, "2 of 10 channels"),
    ],
)
def test_one_finding_a_series(
    defect: Callable[[Arrays], None], rule: str, severity: str, tensor: str, words: str
) -> None:
    arrays = weights()
    defect(arrays)
    (finding,) = findings(arrays)
    assert (finding.rule.name, finding.severity.name, finding.tensor, finding.checkpoint) == (
        rule,
        severity,
        tensor,
        "c-0",
    )
    assert words in finding.message
    assert finding.value is not None
    assert 0 < finding.weight <= 1


def test_only_the_last_checkpoint_counts() -> None:
    checkpoints = [weights(), weights()]
    checkpoints[0][BIAS][0] = 1e5
    assert [f.rule.name for f in verdict(series(checkpoints)).findings if f.rule.name in RULES] == []


def test_what_is_not_finite_fits_no_format() -> None:
    ready = Readiness(int8_tensor=40.0, int8_channel=42.0, coarse=0)
    assert ready.advice == "int8 per tensor"
    assert replace(ready, non_finite=1).advice == "repair first"
