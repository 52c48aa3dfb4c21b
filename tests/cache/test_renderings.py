"""Nothing is rendered twice, and what was rendered before is what would be rendered now."""

from __future__ import annotations

import importlib
import math
import pkgutil
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter import documents, model, pipeline, plots
from reporter.cache import Cache, Folder
from reporter.cache import renderings as memo_module
from reporter.cache.renderings import Renderings, program
from reporter.model.blocks import Figure, Paragraph
from reporter.model.page import Page, Section
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.cache.test_runs import content
from tests.make.safetensors import safetensors
from tests.make.small import weights

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class One:
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Other:
    others: tuple[Any, ...]


class Drawing:
    """Pictures that count how often they are drawn."""

    def __init__(self) -> None:
        self.drawn = 0

    def picture(self, name: str, *values: Any) -> Figure:
        self.drawn += 1
        return Figure(name, f"\n{values}".encode(), 3, 4, "alt\udc80", "caption\n{}")

    def sheets(self, count: int) -> list[Figure]:
        return [self.picture(f"s-{i}", "x" * i) for i in range(count)]


@pytest.fixture
def memo(tmp_path: Path) -> Renderings:
    return Renderings(Cache(tmp_path / "cache"))


def renderings(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.rendering"))


def test_what_was_drawn_before_is_not_drawn_again(memo: Renderings, tmp_path: Path) -> None:
    pen = Drawing()
    first = memo.draw(pen.picture, "f", 1.5, None)
    assert (memo.draw(pen.picture, "f", 1.5, None), pen.drawn) == (first, 1)
    assert Renderings(Cache(tmp_path / "cache")).draw(pen.picture, "f", 1.5, None) == first
    assert pen.drawn == 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_sheets_come_back_as_a_list(memo: Renderings, count: int) -> None:
    pen = Drawing()
    assert memo.draw(pen.sheets, count) == memo.draw(pen.sheets, count) == Drawing().sheets(count)
    assert pen.drawn == count


DIFFERENT: list[Any] = [
    None, True, "", "None", "1", 1, 1.5, math.nextafter(1.5, 2), 0.0, -0.0, math.nan, "nan", math.inf, [], [None], [[]],
    [1, 23], [12, 3], {"a": 1}, {"b": 1}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, b"", b"x", One((1,)), Other((1,)),
    One((1, 2)), np.zeros(2), np.zeros((1, 2)), np.zeros(2, "f4"), np.array([0.0, -0.0]), np.arange(5000.0),
    np.arange(5000.0) + (np.arange(5000) == 2500), "\udc80", "\\udc80", 2**64 - 1, 2**64, 2**64 + 1, [2**64],
]  # fmt: skip


def test_whatever_differs_is_drawn_anew(memo: Renderings) -> None:
    pen = Drawing()
    for _ in range(2):
        for value in DIFFERENT:
            memo.draw(pen.picture, "f", value)
        assert pen.drawn == len(DIFFERENT)
    memo.draw(pen.sheets, 1)
    assert pen.drawn == len(DIFFERENT) + 1


def test_no_two_classes_have_the_same_fields() -> None:
    """By the names of its fields a value's class is known in the key of a picture or page."""
    views = {"TensorMeasure", "GroupMeasure"}  # of a table; they hold functions, and no key is made of them
    known: dict[tuple[str, ...], type] = {}
    for package in (model, plots):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for one in vars(importlib.import_module(module.name)).values():
                if isinstance(one, type) and is_dataclass(one) and one.__name__ not in views:
                    names = tuple(field.name for field in fields(one))
                    assert known.setdefault(names, one) is one, names
    assert len(known) > 80


def test_what_cannot_be_told_apart_is_refused(memo: Renderings) -> None:
    for opaque in (object(), range, np.array([None])):
        with pytest.raises(TypeError, match="not known how to tell two apart"):
            memo.draw(Drawing().picture, "f", opaque)


@pytest.mark.parametrize("at", [3, 60, -1])
def test_a_damaged_file_counts_as_none(memo: Renderings, tmp_path: Path, at: int) -> None:
    pen = Drawing()
    first = memo.draw(pen.picture, "f", 1)
    (path,) = renderings(tmp_path)
    whole = path.read_bytes()
    for damaged in (bytes([*whole[:at], whole[at] ^ 1, *whole[at:][1:]]), whole[:-5], b""):
        path.write_bytes(damaged)
        assert memo.draw(pen.picture, "f", 1) == first
        assert path.read_bytes() == whole
    assert pen.drawn == 4


def test_other_code_or_libraries_have_renderings_of_their_own(
    memo: Renderings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compute = program.__wrapped__
    assert compute() == program()
    pen = Drawing()
    memo.draw(pen.picture, "f")
    monkeypatch.setattr(memo_module, "program", lambda: "another")
    memo.draw(pen.picture, "f")
    assert pen.drawn == 2
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "report.css").write_text("a {}")
    monkeypatch.setattr(memo_module, "templates_folder", lambda: tmp_path)
    styled = compute()
    (tmp_path / "css" / "report.css").write_text("b {}")
    assert len({program(), styled, compute()}) == 3
    assert (memo_module.SOURCES / "plots" / "ridgeline.py").exists(), "whatever draws is among the sources"
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "curves.py").write_text("1")
    monkeypatch.setattr(memo_module, "SOURCES", tmp_path)
    thin = compute()
    (tmp_path / "plots" / "curves.py").write_text("2")
    assert compute() != thin
    before = compute()
    (tmp_path / "Matplotlib-9.9.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert compute() != before


def test_the_versions_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read from the names of folders, or asked for where there are none with such names."""
    assert [name.lower() for name in memo_module.versions()] == [
        f"{library}-{version(library)}.dist-info" for library in memo_module.LIBRARIES
    ]
    monkeypatch.setattr(memo_module, "LIBRARIES", ("odd", "none"))
    (tmp_path / "odd.dist-info").mkdir()
    (tmp_path / "odd.dist-info" / "METADATA").write_text("Name: odd\nVersion: 3.2.1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(memo_module.versions()) == ["3.2.1", ""]


def test_without_a_cache_everything_is_drawn() -> None:
    pen, memo = Drawing(), Renderings(Cache(None))
    memo.draw(pen.picture, "f", object())
    memo.draw(pen.picture, "f", object())
    assert pen.drawn == 2


def test_pages(memo: Renderings) -> None:
    rendered: list[Page] = []

    def render(page: Page) -> bytes:
        rendered.append(page)
        return page.title.encode()

    figure = Figure("f", b"png", 1, 2, "", "")
    page = Page("t", "", (Section("a", "A", (Paragraph("p"), figure)),))
    other = replace(page, sections=(Section("a", "A", (Paragraph("p"), replace(figure, png=b"PNG"))),))
    keys = []
    for one in (page, other, page, other):
        data, key = memo.render(render, one)
        assert data == memo.rendered(key) == b"t"
        keys.append(key)
    assert rendered == [page, other]
    assert keys[:2] == keys[2:] and len(set(keys)) == 2
    assert Renderings(Cache(None)).render(render, page) == (b"t", "")


def test_renderings_are_counted_and_pruned(memo: Renderings, tmp_path: Path) -> None:
    memo.draw(Drawing().picture, "f")
    folder = Folder(tmp_path / "cache")
    assert folder.use().kinds["rendering"][0] == 1
    assert folder.prune()[0] == 1
    assert not renderings(tmp_path)


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    for step in (1, 2, 3):
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(step))
    return tmp_path / "ckpts"


def run(ckpts: Path, name: str, cache: Path | None, now: datetime = NOW, *, pdf: bool = False) -> dict[str, bytes]:
    # With one thread no copy of this process makes pages, which would be noted there.
    settings = Settings(roots=(ckpts,), out=ckpts.parent / name, cache=cache, pdf=pdf, settle=0.0, threads=1)
    outcome = pipeline.run(settings, Progress(quiet=True), now=now)
    assert outcome.pdf_problem == ""
    return content(outcome.folder)


@pytest.mark.usefixtures("painted")
def test_the_memo_changes_no_byte_of_a_report(ckpts: Path, tmp_path: Path) -> None:
    cold = run(ckpts, "cold", tmp_path / "cache", pdf=True)
    warm = run(ckpts, "warm", tmp_path / "cache", pdf=True)
    none = run(ckpts, "none", None, pdf=True)
    assert "report.pdf" in cold
    assert cold == warm == none


def test_a_later_run_renders_what_changed(ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    original = documents.render_html

    def noting(page: Page) -> str:
        rendered.append(page.title)
        return original(page)

    monkeypatch.setattr(documents, "render_html", noting)
    first = run(ckpts, "out", tmp_path / "cache")
    assert len(rendered) == 4
    rendered.clear()
    pictures = len(list(tmp_path.rglob("*.picture.rendering")))
    later = run(ckpts, "out", tmp_path / "cache", NOW + timedelta(days=1))
    assert len(rendered) == 1, "the report itself tells when it was made; pages of checkpoints do not"
    assert len(list(tmp_path.rglob("*.picture.rendering"))) == pictures > 10
    pages = {path for path in first if path.startswith("checkpoints/")}
    assert len(pages) == 3
    assert {path for path in first if first[path] == later[path]} >= pages
    assert first["index.html"] != later["index.html"]
    rendered.clear()
    safetensors(ckpts / "m-4.safetensors", weights(4))
    run(ckpts, "out", tmp_path / "cache")
    assert rendered == ["Checkpoints of ckpts", "m-3.safetensors", "m-4.safetensors"], (
        "the one before leads to the new one"
    )


def test_an_unchanged_report_keeps_its_document(ckpts: Path, tmp_path: Path) -> None:
    """With the day on which it was made; whatever else changes makes another one."""
    later = NOW + timedelta(days=3)
    first = run(ckpts, "one", tmp_path / "cache", pdf=True)
    again = run(ckpts, "two", tmp_path / "cache", later, pdf=True)
    assert again["report.pdf"] == first["report.pdf"]
    assert b"2026-01-05" in again["report.json"]
    safetensors(ckpts / "model-9.safetensors", weights(9))
    assert run(ckpts, "three", tmp_path / "cache", later, pdf=True)["report.pdf"] != first["report.pdf"]
