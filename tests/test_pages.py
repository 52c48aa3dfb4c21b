"""Reports over many series: an index, a page for each series, and links that land where they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from reporter import sections
from reporter.model.finding import Severity
from reporter.model.finding_list import FindingList
from reporter.model.report import Report
from reporter.model.table import Table
from reporter.pipeline import run
from reporter.sections import FEW_SERIES, html_pages, report_page
from reporter.sections.series import PDF_SERIES, PDF_SERIES_OF_MANY
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.blank import unpainted
from tests.make.drawing import completed
from tests.make.safetensors import safetensors

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Links(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {values["id"] or ""} if "id" in values else set()
        if tag == "a":
            self.hrefs.append(values["href"] or "")


def made(folder: Path, count: int) -> tuple[Report, Path]:
    """So many series of two checkpoints; in one a NaN, one does not move, and the last is of another model."""
    for i in range(count):
        rng = np.random.default_rng(i)
        for step in (1, 2):
            width = 3 if i == count - 1 else 4
            arrays = {
                f"{layer}.{role}": rng.standard_normal((width, width) if role == "kernel" else width).astype("f4")
                for layer in ("one", "two")
                for role in ("kernel", "bias")
            }
            if i == 3 and step == 2:
                arrays["two.kernel"][0, 0] = np.nan
            if i == 1:
                arrays = {name: np.ones_like(values) for name, values in arrays.items()}
            safetensors(folder / "ckpts" / f"run{i:02d}" / f"m-{step}.safetensors", arrays)
    settings = Settings(roots=(folder / "ckpts",), out=folder / "out", pdf=False, settle=0.0)
    outcome = run(settings, Progress(quiet=True), now=NOW)
    return completed(outcome.report), outcome.folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Report, Path]]:
    with pytest.MonkeyPatch.context() as patch:
        unpainted(patch)
        yield made(tmp_path_factory.mktemp("many"), FEW_SERIES + 2)


def files(folder: Path) -> dict[str, Links]:
    return {str(path.relative_to(folder)): Links(path.read_text()) for path in folder.rglob("*.html")}


def test_every_link_lands_where_it_says_and_leads_back(many: tuple[Report, Path]) -> None:
    report, folder = many
    pages = files(folder)
    assert {f"series/{s.slug}.html" for s in report.series} <= set(pages)
    reached: dict[str, set[str]] = {}
    for path, page in pages.items():
        for href in page.hrefs:
            where, _, anchor = href.partition("#")
            target = str((folder / path).parent.joinpath(where).resolve().relative_to(folder)) if where else path
            assert target in pages, (path, href)
            assert not anchor or anchor in pages[target].ids, (path, href)
            reached.setdefault(path, set()).add(target)
    for path in set(pages) - {"index.html"}:
        back = "index.html" if not path.startswith("checkpoints/") else None
        assert any(path in targets for source, targets in reached.items() if source != path), f"no way to {path}"
        assert back is None or back in reached[path], f"no way back from {path}"
    for series in report.series:
        own = f"series/{series.slug}.html"
        assert own in reached["index.html"]
        for path in reached[own]:
            assert not path.startswith("checkpoints/") or own in reached[path]
        assert any(path.startswith("runs/") for path in reached[own]) is (series is not report.series[-1])


def test_the_index_holds_the_verdict_and_findings_of_all_series_the_worst_first(many: tuple[Report, Path]) -> None:
    report, _ = many
    pages = dict(html_pages(report))
    (table,) = (
        block
        for section in pages["index.html"].sections
        if section.anchor == "overview"
        for block in section.blocks
        if isinstance(block, Table)
    )
    rows = {row.cells[0].text: [cell.text for cell in row.cells] for row in table.rows}
    names = list(rows)
    assert len(names) == len(report.series)
    assert "run03" in names[0]
    loud = [f for f in report.judgement.findings if "run03" in f.series and f.severity > Severity.INFO]
    assert rows[names[0]][1:4] == ["FAIL", "Non-finite values", str(len(loud))]
    assert [row[1] for row in rows.values()] == sorted(
        (row[1] for row in rows.values()), key=["FAIL", "WARN", "PASS"].index
    )
    own = next(page for path, page in pages.items() if path.startswith("series/") and "run03" in path)
    assert own.sections[0].anchor == "verdict"
    assert [s.anchor.split("-")[0] for s in own.sections[:5]] == ["verdict", "findings", "moved", "trend", "changes"]


def test_findings_that_are_not_told_in_full_are_listed(
    many: tuple[Report, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    report, _ = many
    monkeypatch.setitem(sections.findings.SHOWN, "index", 1)
    total = len(report.judgement.findings)
    page = report_page(report, "index")
    (section,) = (s for s in page.sections if s.anchor == "findings")
    (table,) = (b for b in section.blocks if isinstance(b, Table))
    (told,) = (b for b in section.blocks if isinstance(b, FindingList))
    assert len(table.rows) == total - sum(1 + len(item.others) for item in (*told.items, *told.remarks)) > 0
    assert all(row.cells[0].href.startswith("series/") for row in table.rows)


def test_few_series_are_one_file_unless_it_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, folder = made(tmp_path, 3)
    paths = [path for path, _ in html_pages(report)]
    assert [path for path in paths if not path.startswith("checkpoints/")] == ["index.html"]
    assert all(page.hrefs for page in files(folder).values())
    monkeypatch.setattr(sections, "MOST_BYTES", 1000)
    assert sum(path.startswith("series/") for path, _ in html_pages(report)) == 3


def test_the_document_tells_the_worst_and_says_where_the_others_are(many: tuple[Report, Path]) -> None:
    report, _ = many
    assert len(report.series) > PDF_SERIES
    page = report_page(report, "pdf")
    titles = [s.title for s in page.sections if s.title.startswith("Trend: ")]
    assert len(titles) == PDF_SERIES_OF_MANY
    assert "run03" in titles[0]
    (more,) = (s for s in page.sections if s.anchor == "series-more")
    text = "".join(str(block) for block in more.blocks)
    assert f"other {len(report.series) - PDF_SERIES_OF_MANY} are not in this document" in text
    assert "the HTML pages beside it tell of them" in text
    assert re.search(r"The 4 series with the worst findings", text)
    assert [s.title for s in page.sections if "uns of" in s.title] == ["Runs of one model"], "a list, no page for each"
