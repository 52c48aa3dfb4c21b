"""Which checkpoints of long series are shown one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reporter import sections
from reporter.pipeline import Outcome, run
from reporter.sections import shown
from reporter.sections.base import where_detailed
from reporter.sections.shown import evenly
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from reporter.writers import report_json
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
    monkeypatch.setattr(shown, "FEW_SERIES", 5)
    monkeypatch.setattr(shown, "MOST_PAGES", 3)
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False)
    report = run(settings, Progress(quiet=True), now=NOW).report
    pages = {s.name: d.pages for s, d in zip(report.series, report.details, strict=True)}
    assert sum(map(len, pages.values())) == 3
    assert next(shown for name, shown in pages.items() if "run5" in name)[:1] == (1,)


SERIES, BAD = 7, "run5"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """A report over seven series of three checkpoints, of two tensors each, where so many are already too many."""
    folder = tmp_path_factory.mktemp("crowded")
    for i in range(SERIES):
        for step in (1, 2, 3):
            arrays = weights(step, 1 + i)
            if f"run{i}" == BAD and step == 2:
                arrays["dense.bias"][3] = np.nan
            safetensors(folder / "ckpts" / f"run{i}" / f"m-{step}.safetensors", arrays)
    with pytest.MonkeyPatch.context() as patch:
        for module in (shown, report_json, sections):
            patch.setattr(module, "FEW_SERIES", SERIES - 1)
        patch.setattr(shown, "PAGE_TENSORS", 6)
        patch.setattr(shown, "RECORD_TENSORS", 8)
        patch.setattr(shown, "CSV_TENSORS", 12)
        settings = Settings(roots=(folder / "ckpts",), out=folder / "out", pdf=False)
        yield run(settings, Progress(quiet=True), now=NOW)


def test_of_many_series_no_file_grows_beyond_its_limit(crowded: Outcome) -> None:
    """Three checkpoints of each, however many there are, made a report.json of 116 MB of 560 series."""
    details = {one.name: of for one, of in zip(crowded.report.series, crowded.report.details, strict=True)}
    assert sum(len(of.records) for of in details.values()) == 6 // 2
    assert all(set(of.pages) <= set(of.records) for of in details.values())
    bad = next(of for name, of in details.items() if BAD in name)
    assert 1 in bad.records, "the worst comes first"
    rows = (crowded.folder / "tensors.csv").read_text().splitlines()
    assert len(rows) == 1 + 12


def test_what_a_report_over_many_series_lacks_is_said_in_it(crowded: Outcome) -> None:
    record = command.record(crowded.folder)
    lacks, formulas = record["left_out"]
    assert "18 of 21 checkpoints" in lacks and "tensors of 6 checkpoints are in tensors.csv" in lacks
    assert "Formula" in formulas
    for series in record["series"]:
        detailed = [c["detailed"] for c in series["checkpoints"]]
        assert [bool(c["tensors"]) for c in series["checkpoints"]] == detailed
        assert bool(series["trends"]) == any(detailed)
        assert bool(series["deployment"]["tensors"]) == detailed[-1]
        for pair in (*series["pairs"], *series["from_first"]):
            at = [c["name"] for c in series["checkpoints"]].index(pair["after"])
            assert bool(pair["layers"]) == detailed[at]
            assert detailed[at] or not (pair["layer_shifts"] or pair["tensor_shifts"])
            assert pair["global"] and pair["trained"]
    checks = record["checks"]
    first = {check["rule"]: at for at, check in reversed(list(enumerate(checks)))}
    assert all(bool(c["formula"] and c["source"]) == (at == first[c["rule"]]) for at, c in enumerate(checks))


def test_pages_of_many_series_do_not_send_to_a_file_that_lacks_it(crowded: Outcome) -> None:
    report = crowded.report
    places = {where_detailed(report, at) for at in range(SERIES)}
    assert places == {"report.json", "a report over this series alone"}
    for at, details in enumerate(report.details):
        assert (where_detailed(report, at) == "report.json") == (2 in details.records)


def test_a_report_over_few_series_lacks_nothing(tmp_path: Path) -> None:
    safetensors(tmp_path / "ckpts" / "m-1.safetensors", weights(1))
    outcome = run(Settings(roots=(tmp_path / "ckpts",), out=tmp_path / "out", pdf=False), Progress(quiet=True), now=NOW)
    record = command.record(outcome.folder)
    assert record["left_out"] == []
    assert all(check["formula"] for check in record["checks"])
