"""What the first screen says of a report in which nothing was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import reporter
from reporter.sections.narrative import sentence

ALONE = "With one checkpoint per series nothing can be said about change."


@pytest.mark.parametrize(("count", "alone"), [(1, True), (3, False)])
def test_that_nothing_is_said_about_change_is_told_where_there_is_one_checkpoint_only(
    tmp_path: Path, count: int, alone: bool
) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((16, 24)).astype("f4")
    (tmp_path / "in").mkdir()
    for step in range(1, count + 1):
        kernel = kernel + 0.01 * rng.standard_normal(kernel.shape).astype("f4")
        save_file({"dense.kernel": kernel}, tmp_path / "in" / f"step-{step}.safetensors")
    outcome = reporter.report(tmp_path / "in", tmp_path / "out", pdf=False, cache=None, settle=0)
    assert not outcome.report.judgement.findings
    assert (ALONE in sentence(outcome.report)) is alone
