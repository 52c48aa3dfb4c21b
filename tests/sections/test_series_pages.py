"""The pages of single series of a report over many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reporter import sections
from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.safetensors import safetensors


def test_a_second_report_with_findings_has_pages_of_its_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is new is counted over all series: a page of one of them has fewer findings than there are news of."""
    monkeypatch.setattr(sections, "FEW_SERIES", 1)
    for name in ("a", "b"):
        for step in (1, 2):
            kernel = np.random.default_rng(step).standard_normal((12, 8)).astype("f4")
            kernel[0, 0] = np.nan if step == 2 else 0.5
            safetensors(tmp_path / "ckpts" / name / f"m-{step}.safetensors", {"d.kernel": kernel})
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False, settle=0.0)
    for _ in range(2):
        made = run(settings, Progress(quiet=True))
    assert made.report.news is not None
    assert made.report.news.before is not None
    pages = sorted((made.folder / "series").glob("*.html"))
    assert len(pages) == 2
    assert all("Since the last report" not in page.read_text() for page in pages)
    assert "Since the last report" in (made.folder / "index.html").read_text()
