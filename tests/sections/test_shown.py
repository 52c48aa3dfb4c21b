"""Which checkpoints of long series are shown one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reporter.pipeline import run
from reporter.sections import shown
from reporter.sections.shown import evenly
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make import command
from tests.make.safetensors import safetensors
from tests.make.small import weights

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("most", [1, 2, 3, 60])
def test_evenly_keeps_the_ends(n: int, most: int) -> None:
    places = evenly(n, most)
    assert len(places) == len(set(places)) == min(n, most)
    assert places == sorted(places)
    assert places[-1] == n - 1
    assert places[0] == 0 or most == 1


def test_a_long_series_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in range(1, 13):
        arrays = weights(step)
        if step == 7:
            arrays["dense.bias"][3] = np.nan
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", arrays)
    monkeypatch.setattr(shown, "PAGES", 5)
    monkeypatch.setattr(shown, "RECORD_TENSORS", 12)
    monkeypatch.setattr(shown, "CSV_TENSORS", 16)
    monkeypatch.setattr(shown, "DRAWN", 4)
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False)
    outcome = run(settings, Progress(quiet=True), now=NOW)
    (found,) = outcome.report.details
    assert len(found.pages) == 5
    assert {0, 5, 6, 11} <= set(found.pages)  # the ends, the bad one, and the one before it
    assert found.drawn == (0, 4, 7, 11)
    pages = {p.name for p in (outcome.folder / "checkpoints").glob("*.html")}
    assert pages == {f"{outcome.report.series[0].refs[i].slug}.html" for i in found.pages}
    record = command.record(outcome.folder)
    checkpoints = record["series"][0]["checkpoints"]
    assert len(checkpoints) == 12
    assert [c["detailed"] for c in checkpoints].count(True) == 6
    for c in checkpoints:
        assert len(c["tensors"]) == (2 if c["detailed"] else 0)
        assert c["global"]["statistics"]["count"] == 620
    rows = (outcome.folder / "tensors.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 8
    page = (outcome.folder / "index.html").read_text()
    assert "What is left out" in page
    links = {part.split('"')[0].split("#")[0] for part in page.split('href="checkpoints/')[1:]}
    assert links == pages


def test_a_short_series_is_shown_in_full(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(step))
    outcome = run(Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False), Progress(quiet=True), now=NOW)
    (found,) = outcome.report.details
    assert found.pages == found.records == found.rows == found.drawn == (0, 1, 2)
    assert "What is left out" not in (outcome.folder / "index.html").read_text()


def test_of_very_many_series_those_with_findings_have_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pages for every series would be more than anyone makes or opens; each series has a page of its own."""
    for i in range(7):
        for step in (1, 2, 3):
            arrays = weights(step, 1 + i)
            if i == 5 and step == 2:
                arrays["dense.bias"][3] = np.nan
            safetensors(tmp_path / "ckpts" / f"run{i}" / f"m-{step}.safetensors", arrays)
    monkeypatch.setattr(shown, "MOST_PAGES", 3)
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False)
    report = run(settings, Progress(quiet=True), now=NOW).report
    pages = {s.name: d.pages for s, d in zip(report.series, report.details, strict=True)}
    assert sum(map(len, pages.values())) == 3
    assert next(shown for name, shown in pages.items() if "run5" in name)[:1] == (1,)
