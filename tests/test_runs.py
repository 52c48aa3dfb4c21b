"""Several runs of one model in a folder, and changes against files that are gone, from end to end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reporter.model.report import Report
from reporter.pipeline import run
from reporter.sections import report_page
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make import command
from tests.make.safetensors import safetensors
from tests.make.text import as_text

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def weights(seed: int, step: int, width: int = 50) -> dict[str, np.ndarray]:
    """A model that drifts from the same start in every run."""
    start, drift = np.random.default_rng(1), np.random.default_rng((seed, step))
    kernel = start.standard_normal((60, width))
    return {
        "dense.kernel": (kernel + 0.002 * step * drift.standard_normal(kernel.shape)).astype("f4"),
        "dense.bias": np.full(width, 0.01 * step * (1 + seed), "f4"),
    }


def report(folder: Path, out: Path, cache: Path | None = None) -> tuple[Report, dict]:
    settings = Settings(roots=(folder,), out=out, pdf=False, settle=0.0, cache=cache)
    outcome = run(settings, Progress(quiet=True), now=NOW)
    record = command.record(outcome.folder)
    return outcome.report, record


def test_runs_of_one_model_are_laid_over_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "ckpts"
    for seed in (0, 1):
        for step in (100, 200, 300)[: 3 - seed]:
            safetensors(folder / f"run{seed}" / f"m-{step}.safetensors", weights(seed, step))
    for step in (100, 200):
        safetensors(folder / "wider" / f"m-{step}.safetensors", weights(0, step, width=51))
    found, record = report(folder, tmp_path / "out")
    assert record["runs"] == [[s.name for s in found.series if "run" in s.name]]
    (group,) = found.runs
    norm, update = group.figures
    for figure in (norm, update):
        assert "line chart of 2 runs" in figure.alt
        assert all(name in figure.alt for name in record["runs"][0])
    assert "(100) to" in norm.alt
    text = as_text(report_page(found, "html"))
    section = text.split("## Runs of one model")[1].split("\n##")[0]
    assert "2 series have the same structure in their last checkpoints: 2 model tensors" in section
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("run")]
    assert [row[1:3] for row in rows] == [["3", "300"], ["2", "200"]]
    last = np.concatenate([v.ravel() for v in weights(0, 300).values()]).astype(np.float64)
    assert float(rows[0][3]) == pytest.approx(np.linalg.norm(last), rel=1e-3)


def test_no_section_where_every_series_is_a_model_of_its_own(tmp_path: Path) -> None:
    for width in (50, 51):
        safetensors(tmp_path / "ckpts" / f"w{width}" / "m-1.safetensors", weights(0, 1, width))
    found, record = report(tmp_path / "ckpts", tmp_path / "out")
    assert record["runs"] == []
    assert "Runs of one model" not in as_text(report_page(found, "html"))


def test_what_rotation_deleted_is_estimated_and_says_so(tmp_path: Path) -> None:
    """The first checkpoint is gone when the last one comes: their distance is known from the sketches alone."""
    folder, cache = tmp_path / "ckpts", tmp_path / "cache"
    for step in (100, 200):
        safetensors(folder / f"m-{step}.safetensors", weights(0, step))
    report(folder, tmp_path / "out", cache)
    (folder / "m-100.safetensors").unlink()
    safetensors(folder / "m-300.safetensors", weights(0, 300))
    found, record = report(folder, tmp_path / "out", cache)
    (series,) = record["series"]
    assert [p["global"]["exact"] for p in series["pairs"]] == [True, True]
    known, estimate = series["from_first"]
    assert known["global"]["exact"]
    assert known["global"]["relative_error"] == 0
    assert not estimate["global"]["exact"]
    assert estimate["tensors"]["dense.bias"]["exact"], "small tensors are kept whole"
    whole = estimate["global"]
    first, last = (np.concatenate([v.ravel() for v in weights(0, s).values()]).astype("f8") for s in (100, 300))
    true = np.linalg.norm(last - first) / np.linalg.norm(first)
    assert whole["relative_update"] == pytest.approx(true, rel=4 * whole["relative_error"])
    assert whole["equal_share"] is whole["largest"] is None
    text = as_text(report_page(found, "html"))
    assert "1 of 2 comparisons are estimated" in text
    assert "1 of 4 comparisons are estimated" in text
    assert " ± 2.2 % | " in text
    assert "could not be measured" not in text, "it was, while it was there"
