"""The PDF, opened with poppler: what it says, what it carries, what it refuses to fetch."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporter.errors import RenderError
from reporter.model.blocks import Figure, Paragraph
from reporter.model.finding_list import FindingList
from reporter.model.page import Page, Section
from reporter.model.table import Cell, Column, Row, Table
from reporter.plots import small_multiples
from reporter.render import Attachment, Printer, render_pdf, worker
from reporter.render.columns import PARTS, SIZES, column_shares, density
from reporter.render.pdf import _CHILD, Job
from tests.plots.cases import bell
from tests.render.pages import HOSTILE, figure, findings, hostile, review

CREATED = datetime(2026, 11, 23, 21, 4, 5, tzinfo=UTC)
FILES = (Attachment("report.json", b'{"a": 1}', "every number"), Attachment("tensors.csv", b"a,b\r\n\xff"))


@pytest.fixture(scope="session", autouse=True)
def pango() -> None:
    try:
        import weasyprint
    except OSError as exc:
        pytest.skip(f"Pango is not on this machine: {exc}")
    assert weasyprint.__version__


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    pdf, warnings = worker.painter()(Job(review(), FILES, CREATED))
    assert warnings == []
    path.write_bytes(pdf)
    return path


@pytest.fixture(scope="module")
def poppler() -> Callable[..., str]:
    if not shutil.which("pdftotext"):
        pytest.skip("poppler-utils is not on this machine")

    def run(tool: str, *arguments: str | Path) -> str:
        return subprocess.run([tool, *arguments], check=True, capture_output=True, text=True).stdout

    return run


def printed(page: Page) -> bytes:
    """The PDF of a page, made in this process: to start one of its own takes longer than to make the PDF."""
    pdf, warnings = worker.painter()(Job(page, (), CREATED))
    assert warnings == []
    return pdf


def page_of(*blocks: Table | Figure | Paragraph, title: str = "t") -> Page:
    return Page(title, "", (Section("a", "A", blocks),))


def test_properties(document: Path, poppler: Callable[..., str]) -> None:
    facts = dict(re.findall(r"(.+?): +(.*)", poppler("pdfinfo", "-isodates", document)))
    assert facts["Title"] == "Weights of bert-small, nightly run"
    assert facts["Creator"] == "ckpt-report"
    assert facts["CreationDate"] == facts["ModDate"] == "2026-11-23T21:04:05Z"
    assert facts["Tagged"] == "yes"
    assert facts["Page size"].endswith("(A4)")
    assert 4 <= int(facts["Pages"]) <= 10
    metadata = poppler("pdfinfo", "-meta", document)
    assert 'pdfuaid:part="1"' in metadata


def test_first_page_gives_the_verdict(document: Path, poppler: Callable[..., str]) -> None:
    first = poppler("pdftotext", "-l", "1", "-layout", document, "-")
    for words in ("✕ Fail", "3 of 40 layers hold weights", "66 478 080", "Not-a-number values", "Page 1 of"):
        assert words in first
    assert "Layers" in first.split("Verdict 1")[1].splitlines()[0], "no contents"


def test_symbols_are_drawn(document: Path, poppler: Callable[..., str]) -> None:
    text = poppler("pdftotext", document, "-")
    for sign in "−×σ√≤▲✕●·‖₀²":
        assert sign in text, sign
    fonts = [line.split()[0].split("+")[1] for line in poppler("pdffonts", document).splitlines()[2:]]
    assert all(name.startswith("DejaVu") for name in fonts), "a sign came from a font that is not everywhere"


def test_signs_beyond_the_sample_are_drawn(tmp_path: Path, poppler: Callable[..., str]) -> None:
    path = tmp_path / "signs.pdf"
    path.write_bytes(printed(page_of(Paragraph("✓⚠≥Σεμ±→∞…“”"))))
    assert "✓⚠≥Σεμ±→∞…“”" in poppler("pdftotext", path, "-")
    assert all("DejaVu" in line for line in poppler("pdffonts", path).splitlines()[2:])


def test_attachments_come_out_unchanged(document: Path, tmp_path: Path, poppler: Callable[..., str]) -> None:
    poppler("pdfdetach", "-saveall", "-o", tmp_path, document)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {item.name: item.data for item in FILES}
    assert "Attached to this PDF: report.json, every number" in poppler("pdftotext", document, "-")


def test_headings_are_bookmarks_and_links_arrive(document: Path, poppler: Callable[..., str]) -> None:
    names = poppler("pdfinfo", "-dests", document)
    assert '"layers"' in names
    assert '"layer-head-logits"' in names
    structure = poppler("pdfinfo", "-struct", document)
    for tag in ("H1", "H2", "H3", "Table", "TH <", "/Headers", "Figure", "Caption", "Link"):
        assert tag in structure, tag


def test_table_header_repeats_on_every_page(tmp_path: Path, poppler: Callable[..., str]) -> None:
    rows = tuple(Row((Cell(f"layer {i}"), Cell(str(i)))) for i in range(150))
    path = tmp_path / "long.pdf"
    path.write_bytes(printed(page_of(Table("c", (Column("Lagenname"), Column("Wert")), rows))))
    pages = [text for text in poppler("pdftotext", path, "-").split("\f") if "layer " in text]
    assert len(pages) >= 3
    assert all("Lagenname" in text for text in pages)


def test_a_finding_that_does_not_fit_begins_on_the_page_and_goes_on_overleaf(
    tmp_path: Path, poppler: Callable[..., str]
) -> None:
    """Kept together with its picture, it would leave half of the page empty."""
    told = replace(findings().items[0], title="What was found", next_step="What to do next")
    told = replace(told, evidence=figure("evidence", 700, 330, 0, "What it looks like"))
    rows = tuple(Row((Cell(f"layer {i}"), Cell(str(i)))) for i in range(28))
    before, after = Section("a", "A", (Table("c", (Column("L"), Column("V")), rows),)), FindingList((told,))
    path = tmp_path / "overleaf.pdf"
    path.write_bytes(printed(Page("t", "", (before, Section("b", "B", (after,))))))
    first, second, *_ = poppler("pdftotext", path, "-").split("\f")
    assert "What was found" in first and told.message[:30] in first
    assert "What it looks like" in second and "What to do next" in second


def test_no_page_begins_with_the_note_below_a_table(tmp_path: Path, poppler: Callable[..., str]) -> None:
    columns = Column("Layer", numeric=False), Column("Value")
    tables = tuple(
        Table(f"Table {i}", columns, tuple(Row((Cell(f"row {i}.{j}"), Cell("1"))) for j in range(5)), f"Note {i}.", 3)
        for i in range(30)
    )
    path = tmp_path / "notes.pdf"
    path.write_bytes(printed(page_of(*tables)))
    for text in poppler("pdftotext", path, "-").split("\f"):
        for i in re.findall(r"Note (\d+)\.", text):
            assert f"row {i}.3" in text and f"row {i}.4" in text


def test_a_table_of_a_few_rows_is_on_one_page(tmp_path: Path, poppler: Callable[..., str]) -> None:
    columns = Column("Role", numeric=False), Column("Value")
    rows = [tuple(Row((Cell(f"row {i}.{j};"), Cell("1"))) for j in range(6)) for i in range(30)]
    path = tmp_path / "short.pdf"
    tables = (Table(f"Table {i}.", columns, rows[i]) for i in range(30))
    path.write_bytes(printed(page_of(*tables)))
    for text in poppler("pdftotext", path, "-").split("\f"):
        for i in re.findall(r"Table (\d+)\.", text):
            assert all(f"row {i}.{j};" in text for j in range(6))


def test_the_name_of_a_row_gets_the_room_of_two_columns_of_words_and_dates_stay_on_a_line() -> None:
    columns = tuple(Column(title, numeric=False) for title in ("Series", "Worst", "Why", "What to do", "Newest"))
    long = "experiments/of_this_year/encoder_with_positions/seed_03/model"
    rows = (Row((*[Cell(long)] * 4, Cell("2026-11-28 14:58"))),)
    name, *others, newest = column_shares(Table("", columns, rows))
    assert all(abs(name - 2 * other) <= 2 for other in others)
    assert newest / PARTS * SIZES["dense"] >= len("2026-11-28 14:58")


def test_names_end_lines_between_their_parts_in_links_too(tmp_path: Path, poppler: Callable[..., str]) -> None:
    name = "block_019/mlp_narrow_projection_of_everything_that_is_known/kernel"
    columns = Column("Layer", numeric=False), *(Column(f"Value {i}") for i in range(8))
    numbers = [Cell("0.123456")] * 8
    rows = Row((Cell(name), *numbers), anchor="a-1"), Row((Cell(name, href="#a-1"), *numbers))
    path = tmp_path / "names.pdf"
    path.write_bytes(printed(page_of(Table("Layers", columns, rows))))
    words = poppler("pdftotext", "-layout", path, "-").split()
    lines = [word for word in words if word in name and len(word) > 3]
    assert "".join(lines) == 2 * name
    assert len(lines) > 2
    assert all(line[-1] in "_/" for line in lines if not line.endswith("kernel"))


def test_three_sheets_of_small_histograms_fill_a_page(tmp_path: Path, poppler: Callable[..., str]) -> None:
    """Taller ones, of which one and not two fit, would leave nearly half of each page empty."""
    names = [f"layer_{i}" for i in range(120)]
    drawn = [replace(f, caption=f"{f.name} ends") for f in small_multiples("s", names, [bell()] * len(names))]
    path = tmp_path / "sheets.pdf"
    path.write_bytes(printed(page_of(*drawn)))
    pages = poppler("pdftotext", path, "-").split("\f")
    assert [text.count(" ends") for text in pages[:3]] == [2, 3, 3]  # the first page also tells what it is


def test_same_input_same_bytes() -> None:
    page = page_of(Paragraph("✓ same"), *review().sections[2].blocks[1:2])  # type: ignore[arg-type]
    first, second = render_pdf(page, FILES, CREATED), worker.painter()(Job(page, FILES, CREATED))[0]
    assert first == second, "in two processes, each with hashes of its own"
    assert first != worker.painter()(Job(page, FILES, CREATED.replace(second=6)))[0]


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_strings(word: str) -> None:
    pdf, warnings = worker.painter()(Job(hostile(word), (), CREATED))
    assert pdf.startswith(b"%PDF-1.7")
    assert all("U+8A9E" in warning or "U+1F9E8" in warning for warning in warnings), "beyond glyphs of 語 and 🧨"


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://127.0.0.1/x.png", "data:image/png,x", "asset:other"])
def test_only_own_images_are_fetched(address: str) -> None:
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError

    from reporter.render.paint import AssetFetcher

    fetcher = AssetFetcher({"asset:own": review().sections[2].blocks[1].png})  # type: ignore[union-attr]
    for html in (f"<img src='{address}' alt=x>", f"<style>@import '{address}'</style>"):
        with pytest.raises(FatalURLFetchingError, match="Error fetching"):
            HTML(string=html, url_fetcher=fetcher).write_pdf()
    assert HTML(string="<img src='asset:own' alt=x>", url_fetcher=fetcher).write_pdf().startswith(b"%PDF")


def test_broken_image_is_an_error() -> None:
    with pytest.raises(RenderError, match=r"PDF of 't': Failed to load image"):
        render_pdf(page_of(Figure("f", b"no image", 10, 10, "alt", "")), (), CREATED)


def test_time_limit() -> None:
    with pytest.raises(RenderError, match=r"'slow': not finished after 0.05 s"):
        render_pdf(page_of(title="slow"), (), CREATED, limit=0.05)


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(RenderError, match="time zone"):
        render_pdf(page_of(), (), CREATED.replace(tzinfo=None))


def test_missing_pango_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0': not found")

    monkeypatch.delitem(sys.modules, "reporter.render.paint", raising=False)
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing, *sys.meta_path])
    with pytest.raises(RenderError, match=r"apt-get install libpango-1.0-0 .*fonts-dejavu-core"):
        worker.painter()


def test_crash_of_the_child_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.render.pdf._CHILD", "import os; os.abort()")
    with pytest.raises(RenderError, match="ended with code -6"):
        render_pdf(page_of(), (), CREATED)


def test_what_the_child_says_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    child = "import sys; print('%PDF-', end=''); print('odd font', file=sys.stderr)"
    monkeypatch.setattr("reporter.render.pdf._CHILD", child)
    with caplog.at_level(logging.WARNING):
        assert render_pdf(page_of(), (), CREATED) == b"%PDF-"
    assert "odd font" in caplog.text


@pytest.mark.parametrize("count", [1, 4, 8, 14, 40])
def test_columns_fill_the_page_exactly(count: int) -> None:
    columns = (Column("Layer", numeric=False), *(Column(f"Value {i}") for i in range(count)))
    table = Table("", columns, (Row((Cell("encoder/block/dense" * 3), *(Cell("−0.0001234") for _ in range(count)))),))
    shares = column_shares(table)
    assert sum(shares) == PARTS
    assert min(shares) >= 1
    assert density(table) == ("normal" if count < 5 else "dense")


def test_child_waits_for_its_page() -> None:
    with Printer(CREATED) as printer:
        printer.start()
        printer.send(page_of(), ())
        assert printer.receive() == printed(page_of())


@pytest.mark.parametrize("send", [False, True])
def test_child_is_gone_whatever_happens(send: bool) -> None:
    def failing(printer: Printer) -> None:
        with printer:
            printer.start()
            if send:
                printer.send(page_of(), ())
            raise ValueError("elsewhere")

    printer = Printer(CREATED)
    with pytest.raises(ValueError, match="elsewhere"):
        failing(printer)
    assert printer._child is not None
    assert printer._child.returncode == -signal.SIGKILL


def test_child_at_its_time_limit_is_gone() -> None:
    with Printer(CREATED, limit=0.01) as printer:
        printer.send(page_of(), ())
        with pytest.raises(RenderError, match="not finished"):
            printer.receive()
    assert printer._child is not None
    assert printer._child.returncode == -signal.SIGKILL


def test_child_without_work_ends_by_itself() -> None:
    lifeline, kept = os.pipe()
    command = [sys.executable, "-c", _CHILD, str(lifeline), *sys.path]
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=100, check=False, pass_fds=(lifeline,)
    )
    os.close(lifeline)
    os.close(kept)
    assert (answer.returncode, answer.stdout) == (0, b"")


def test_no_child_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RenderError, match=r"PDF of 't': cannot start /nowhere/python: No such file"):
        render_pdf(page_of(), (), CREATED)
