"""Checkpoints that rotation deleted stay in the trend; those of another training never come back."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter.pipeline import Outcome
from tests.cache.test_runs import read, report, run, safetensors, weights

pytestmark = pytest.mark.usefixtures("only_records")


def save(folder: Path, step: int, arrays: dict[str, np.ndarray] | None = None) -> Path:
    path = folder / f"m-{step}.safetensors"
    safetensors(path, weights(step) if arrays is None else arrays)
    return path


def steps(outcome: Outcome) -> list[tuple[int | None, bool]]:
    (series,) = outcome.report.series
    return [(ref.step.value, bool(ref.rotated)) for ref in series.refs]


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    for step in (1, 2, 3):
        save(tmp_path / "ckpts", step)
    run(tmp_path / "ckpts", "before", tmp_path / "cache")
    return tmp_path / "ckpts"


def rotate(folder: Path, *gone: int) -> None:
    for step in gone:
        (folder / f"m-{step}.safetensors").unlink()


@pytest.mark.usefixtures("drawn")
def test_what_was_rotated_away_stays_in_the_trend(ckpts: Path, tmp_path: Path) -> None:
    rotate(ckpts, 1, 2)
    save(ckpts, 4)
    outcome = run(ckpts, "after", tmp_path / "cache")
    assert steps(outcome) == [(1, True), (2, True), (3, False), (4, False)]
    (series,) = outcome.report.series
    kernels = [m.by_name["dense.kernel"].statistics["l2_norm"] for m in series.measured]
    assert kernels == pytest.approx([np.linalg.norm(weights(s)["dense.kernel"].astype("f8")) for s in (1, 2, 3, 4)])
    assert series.pairs[0].whole.exact  # both were there when they were paired
    assert series.pairs[0].whole.count == 620
    states = {entry.path: (entry.state, entry.reason) for entry in outcome.report.files}
    assert states["m-3.safetensors"] == ("measured", "")
    state, reason = states["m-1.safetensors"]
    assert state == "rotated away"
    assert f"measured on {series.refs[0].rotated}" in reason
    page = (outcome.folder / "index.html").read_text()
    assert "rotated away" in page
    record = json.loads((outcome.folder / "report.json").read_text())
    first, *_, last = record["series"][0]["checkpoints"]
    assert first["rotated_away"] == series.refs[0].rotated
    assert last["rotated_away"] is None


def test_a_pair_that_was_never_read_together_is_left_to_the_sketches(ckpts: Path, tmp_path: Path) -> None:
    rotate(ckpts, 3)
    save(ckpts, 4)
    outcome = run(ckpts, "after", tmp_path / "cache")
    assert steps(outcome) == [(1, False), (2, False), (3, True), (4, False)]


def test_many_rotations_keep_everything(tmp_path: Path) -> None:
    folder = tmp_path / "ckpts"
    for step in range(1, 9):
        save(folder, step)
        if step > 3:
            rotate(folder, step - 3)
        outcome = run(folder, f"out-{step}", tmp_path / "cache")
    assert steps(outcome) == [(s, s <= 5) for s in range(1, 9)]


def test_it_can_be_switched_off(ckpts: Path, tmp_path: Path) -> None:
    rotate(ckpts, 1)
    assert steps(run(ckpts, "after", tmp_path / "cache", history=False)) == [(2, False), (3, False)]
    assert report(ckpts, "-o", tmp_path / "out", "--cache", tmp_path / "cache", "--no-history") == 0
    assert len(read(tmp_path / "out")["series"][0]["checkpoints"]) == 2
    assert report(ckpts, "-o", tmp_path / "out", "--cache", tmp_path / "cache") == 0
    assert len(read(tmp_path / "out")["series"][0]["checkpoints"]) == 3


def test_nothing_beyond_the_newest_comes_back(ckpts: Path, tmp_path: Path) -> None:
    rotate(ckpts, 3)
    assert steps(run(ckpts, "after", tmp_path / "cache")) == [(1, False), (2, False)]


def test_an_overwritten_checkpoint_does_not_come_back(ckpts: Path, tmp_path: Path) -> None:
    save(ckpts, 2, weights(77))
    assert steps(run(ckpts, "after", tmp_path / "cache")) == [(1, False), (2, False), (3, False)]


def test_a_training_that_began_anew_brings_nothing_back(ckpts: Path, tmp_path: Path) -> None:
    """It wrote another checkpoint under a name that was known: what came before is of an earlier training."""
    rotate(ckpts, 1, 2, 3)
    for step in (2, 4):
        save(ckpts, step, weights(50 + step))
    for name in ("after", "later"):
        assert steps(run(ckpts, name, tmp_path / "cache")) == [(2, False), (4, False)]


def test_a_younger_file_under_a_lower_step_is_of_a_later_training(ckpts: Path, tmp_path: Path) -> None:
    rotate(ckpts, 2)
    later = time.time_ns() + 10**9
    os.utime(ckpts / "m-1.safetensors", ns=(later, later))
    os.utime(ckpts / "m-3.safetensors", ns=(later + 1, later + 1))
    assert steps(run(ckpts, "after", tmp_path / "cache")) == [(1, False), (3, False)]


@pytest.mark.parametrize(
    "arrays",
    [
        weights(9) | {"more": np.ones(3, "f4")},
        {"dense.kernel": np.ones((20, 30), "f4"), "dense.bias": np.ones(20, "f4")},
    ],
    ids=["names", "shapes"],
)
def test_another_model_brings_nothing_back(ckpts: Path, tmp_path: Path, arrays: dict[str, Any]) -> None:
    rotate(ckpts, 1, 2, 3)
    save(ckpts, 4, arrays)
    assert steps(run(ckpts, "after", tmp_path / "cache")) == [(4, False)]


def test_a_file_that_is_there_but_damaged_is_not_history(ckpts: Path, tmp_path: Path) -> None:
    path = ckpts / "m-1.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    outcome = run(ckpts, "after", tmp_path / "cache")
    assert steps(outcome) == [(2, False), (3, False)]
    assert {e.path: e.state for e in outcome.report.files}["m-1.safetensors"] != "rotated away"


def test_an_empty_folder_brings_nothing_back(ckpts: Path, tmp_path: Path) -> None:
    rotate(ckpts, 1, 2, 3)
    assert run(ckpts, "after", tmp_path / "cache").report.series == ()
