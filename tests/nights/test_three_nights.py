"""Three nights in a row over a growing folder: what the terminal, the summaries and the page over all runs say."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from reporter import pipeline
from reporter.cli.reporting import exit_code
from reporter.model.report import Report
from reporter.settings.model import Settings
from reporter.terminal.colours import Paint
from reporter.terminal.progress import Progress
from reporter.terminal.results import results
from reporter.writers.github import ANNOTATIONS, MOST_BYTES, append_summary, commands
from reporter.writers.junit import write_junit
from reporter.writers.summary_md import write_summary
from tests.make.safetensors import safetensors

FIRST = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Night:
    outcome: pipeline.Outcome
    settings: Settings
    summary: dict[str, Any]
    comment: str
    said: str
    junit: ElementTree.Element
    metrics: str
    page: str

    @property
    def code(self) -> int:
        return exit_code(self.outcome, self.settings)


def save(folder: Path, step: int, at: datetime, *, bad: bool = False) -> None:
    """A checkpoint of a training that goes on, written at some time."""
    start, path = np.random.default_rng(0), folder / f"m-{step}.safetensors"
    kernel, bias = start.standard_normal((30, 20)), start.standard_normal(20)
    moved = np.random.default_rng(step).standard_normal((30, 20)) * 0.05 + kernel * (1 + step / 10_000)
    bias = bias + 0.01 * step
    safetensors(path, {"dense.kernel": moved.astype("f4"), "dense.bias": (bias * (np.nan if bad else 1)).astype("f4")})
    os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Night]]:
    folder = tmp_path_factory.mktemp("nights")
    ckpts, out = folder / "ckpts", folder / "out"
    ckpts.mkdir()
    found = []
    settings = Settings(
        roots=(ckpts,), out=out, cache=folder / "cache", pdf=False, max_age=26 * 3600.0, title="Speech | v2",
        junit=folder / "junit.xml", prom_textfile=folder / "run.prom", fail_on="new-fail",
    )  # fmt: skip
    for night in range(4):
        now = FIRST + timedelta(days=night)
        if night == 0:
            for step in (100, 200, 300):
                save(ckpts, step, now - timedelta(hours=4))
        if night == 2:  # nothing was saved for two nights; then it goes on, and breaks
            save(ckpts, 400, now - timedelta(hours=3))
            save(ckpts, 500, now - timedelta(hours=2), bad=True)
        if night == 3:
            save(ckpts, 600, now - timedelta(hours=1), bad=True)
        outcome = pipeline.run(settings, Progress(quiet=True), now=now)
        latest = out / "latest"
        assert (latest / "summary.png").read_bytes().startswith(b"\x89PNG")
        found.append(
            Night(
                outcome,
                settings,
                json.loads((latest / "summary.json").read_text()),
                (latest / "summary.md").read_text(),
                results(outcome.report, Path("out/latest/index.html"), Paint(False)),
                ElementTree.fromstring((folder / "junit.xml").read_text()),
                (folder / "run.prom").read_text(),
                (out / "index.html").read_text(),
            )
        )
    yield found
    shutil.rmtree(folder)


def test_the_terminal(nights: list[Night]) -> None:
    assert nights[0].said.splitlines() == [
        "PASS  no findings in 3 checkpoints",
        "This is the first report here.",
        "out/latest/index.html",
    ]
    assert nights[1].said.splitlines() == [
        "WARN  1 warning in 3 checkpoints",
        "Since the last report: 1 new. No new checkpoint.",
        "WARN  stale  m-300.safetensors  (new)",
        "      no new checkpoint since 2026-03-01 23:00 UTC, 28 hours before this run",
        "out/latest/index.html",
    ]
    assert nights[2].said.splitlines()[:3] == [
        "FAIL  1 failure in 5 checkpoints",
        "Since the last report: 1 new, 1 resolved. 2 new checkpoints.",
        "FAIL  non-finite  dense.bias · m-500.safetensors  (new)",
    ]
    assert nights[3].said.splitlines()[1:3] == [
        "Since the last report: 1 as before. 1 new checkpoint.",
        "FAIL  non-finite  dense.bias · m-500.safetensors  (as before, since 2026-03-04 03:00)",
    ]


def test_only_news_fails_where_only_news_is_to_fail(nights: list[Night]) -> None:
    assert [night.code for night in nights] == [0, 0, 3, 0]


def test_summary_json(nights: list[Night]) -> None:
    first, second, third, fourth = (night.summary for night in nights)
    assert [s["verdict"] for s in (first, second, third, fourth)] == ["PASS", "WARN", "FAIL", "FAIL"]
    assert first["since_last"]["compared"] is False and first["since_last"]["run"] is None
    assert third["since_last"]["run"] == nights[1].outcome.folder.name
    (gone,) = third["since_last"]["resolved"]
    (warned,) = second["findings"]
    assert gone["rule"] == "stale" and gone["severity"] == "WARN"
    assert gone["series"] == "m-*" and gone["first_bad"] == "m-300.safetensors"
    assert gone["message"] == warned["message"] and gone["message"].startswith("no new checkpoint since 2026-03-01")
    assert gone["since"] == "2026-03-03T03:00:00+00:00", "the second night"
    (new,), (still,) = third["findings"], fourth["findings"]
    assert (new["id"], new["standing"], new["since"]) == (still["id"], "new", "2026-03-04T03:00:00+00:00")
    assert (still["standing"], still["since"]) == ("still", new["since"])
    assert fourth["checkpoints"]["newest"] == {
        "name": "m-600.safetensors", "step": 600, "written": "2026-03-05T02:00:00+00:00", "age_seconds": 3600,
    }  # fmt: skip


def test_the_comment(nights: list[Night]) -> None:
    lines = nights[2].comment.splitlines()
    assert lines[0] == r"### Speech \| v2: FAIL"
    assert lines[2] == "1 failure in 5 checkpoints. Since the last report: 1 new, 1 resolved. 2 new checkpoints."
    (row,) = [line for line in lines if line.startswith("| FAIL |")]
    assert r"m-\* · dense.bias | m-500.safetensors | new |" in row
    assert any(line.startswith("Resolved: stale: no new checkpoint since") for line in lines)
    assert all(len(night.comment) < 65_536 for night in nights)


def test_the_comment_names_two_layers_at_most(failing: Report) -> None:
    (finding,) = failing.judgement.findings
    several = replace(finding, tensors=("a.w", "b.w", "c.w"), layers=("one", "two", "three"))
    report = replace(failing, judgement=replace(failing.judgement, findings=(several,)))
    assert r"| m-\* · one, two |" in write_summary(report).decode()


def test_junit(nights: list[Night]) -> None:
    suites = [night.junit.find("testsuite") for night in nights]
    assert [suite.get("failures") for suite in suites if suite is not None] == ["0", "0", "1", "1"]
    assert suites[0] is not None and list(suites[0].attrib)[-4:] == ["tests", "failures", "errors", "skipped"]
    (failed,) = nights[2].junit.iterfind(".//failure/..")
    assert (failed.get("classname"), failed.get("name")) == ("m-*", "Non-finite values")
    (warned,) = nights[1].junit.iterfind(".//system-out")
    assert warned.text is not None and warned.text.startswith("WARN: no new checkpoint since 2026-03-01 23:00 UTC")


def test_prometheus_reads_the_metrics(nights: list[Night]) -> None:
    parser = pytest.importorskip("prometheus_client.parser")

    def read(night: Night) -> dict[tuple[str, str], float]:
        families = parser.text_string_to_metric_families(night.metrics)
        return {(s.name, "".join(s.labels.values())): s.value for family in families for s in family.samples}

    numbers = read(nights[2])
    assert numbers["ckpt_report_findings", "fail"] == 1
    assert numbers["ckpt_report_findings_since_last", "resolved"] == 1
    assert numbers["ckpt_report_checkpoint_age_seconds", ""] == 7200
    assert numbers["ckpt_report_last_success_timestamp_seconds", ""] == nights[2].outcome.report.created.timestamp()
    assert [read(night)["ckpt_report_verdict", ""] for night in nights] == [0, 1, 2, 2]


def test_the_page_over_all_runs(nights: list[Night]) -> None:
    page = nights[3].page
    rows = re.findall(r"<tr>\s*<th scope=\"row\"><a href=\"(runs/[^\"]+)\">", page)
    assert [Path(row).parent.name for row in rows] == [night.outcome.folder.name for night in reversed(nights)]
    news = re.findall(r'data-label="Since the report before">([^<]*)<', page)
    assert news == ["nothing new", "1 new, 1 resolved", "1 new", "first report"]
    assert re.findall(r'data-label="Its age" class="number">([^<]*)<', page) == ["1 h", "2 h", "28 h", "4 h"]
    assert re.findall(r'aria-label="(2026-03-\d\d: [A-Z]+)"', page) == [
        "2026-03-02: PASS", "2026-03-03: WARN", "2026-03-04: FAIL", "2026-03-05: FAIL",
    ]  # fmt: skip
    assert "Speech | v2" in page


@pytest.fixture
def failing(nights: list[Night]) -> Report:
    return nights[2].outcome.report


def test_annotations_of_github(failing: Report) -> None:
    (line,) = commands(failing)
    assert line.startswith("::error title=Non-finite values::m-*: dense.bias holds")
    assert ANNOTATIONS <= 10


def test_the_page_of_a_job_stays_below_its_limit(tmp_path: Path) -> None:
    page = tmp_path / "summary"
    append_summary(page, "a line – of it\n".encode())
    append_summary(page, b"x" * 100 + b"\n" + b"y" * MOST_BYTES)
    assert page.read_text().splitlines() == ["a line – of it", "x" * 100]
    append_summary(page, "é\n".encode() * MOST_BYTES)
    assert MOST_BYTES - 4 < page.stat().st_size < MOST_BYTES
    page.read_text("utf-8")
    append_summary(page, b"no room\n")
    assert "no room" not in page.read_text()
    full = page.with_name("full")
    full.write_bytes(b"z" * (MOST_BYTES - 1))
    append_summary(full, b"\nno room\n")
    assert full.stat().st_size == MOST_BYTES - 1, "not even a line's end"


def test_junit_of_a_run_that_measured_nothing(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    settings = Settings(roots=(tmp_path / "c",), out=tmp_path / "out", pdf=False)
    report = pipeline.run(settings, Progress(quiet=True), now=FIRST).report
    root = ElementTree.fromstring(write_junit(report, None))
    assert [error.get("message") for error in root.iterfind(".//error")] == ["nothing was measured"]
