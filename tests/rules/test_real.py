"""The rules over other people's healthy training runs: no failure, and no warning but those a reviewer would want."""

from __future__ import annotations

from pathlib import Path

import pytest

from reporter.model.report import Report
from reporter.pipeline import run
from reporter.progress import Progress
from reporter.sections.narrative import headline, paragraphs
from reporter.settings import Settings

WARNINGS = {
    # Two of the eight units of conv2d_1 decay to nothing around epoch 29: dead, in an otherwise healthy run. Their
    # inputs to conv2d_2 fade after them.
    "emotion-xception-h5": {("dead-units", "conv2d_1"), ("sparsity-jump", "conv2d_2")},
    "crypto-gan-tf2": set(),
    "taxi-estimator-tf1": set(),
    "mlx-lora-safetensors": set(),
}


def judged(folder: Path, tmp_path: Path) -> Report:
    settings = Settings(roots=(folder,), out=tmp_path / "out", pdf=False)
    return run(settings, Progress(quiet=True)).report


@pytest.mark.parametrize("name", WARNINGS)
def test_healthy_series(shared_data: Path, tmp_path: Path, name: str) -> None:
    report = judged(shared_data / "series" / name, tmp_path)
    found = [f for f in report.judgement.findings if f.severity.name != "INFO"]
    assert {f.severity.name for f in found} <= {"WARN"}
    assert {(f.rule, layer) for f in found for layer in f.layers} == WARNINGS[name]
    assert "No rule raised a warning" in paragraphs(report)[0] or found
    assert headline(report).startswith("2 warnings" if found else "None of")
