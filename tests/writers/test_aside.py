"""Files that wait on the disk until their run is published: whole or not there, and gone when they are not needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reporter import documents, pipeline
from reporter.errors import OutputError
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from reporter.writers import destination
from reporter.writers.aside import IN_MEMORY, aside_in, read, size_of, with_end
from reporter.writers.plots import Plots, pictures_of
from reporter.writers.publish import publish
from reporter.writers.report_json import report_record, to_bytes, with_timings, write_json
from tests.make.rich import Rich
from tests.make.safetensors import safetensors
from tests.make.small import weights
from tests.writers.test_plots import figure, page_of

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_what_is_kept_is_published_and_nothing_of_it_stays(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with aside_in(runs) as aside:
        kept = {
            "report.json": aside.keep("report.json", (b"{", b"}")),
            "a/b.html": aside.keep_named("a/b.html", b"<p>"),
        }
        assert all(isinstance(content, Path) for content in kept.values())
        assert [(size_of(content), read(content)) for content in kept.values()] == [(2, b"{}"), (3, b"<p>")]
        aside.keep("unused", (b"x",))
        folder = publish(tmp_path, CREATED, "abc", {**kept, "small": b"s"})
    assert {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name[0] != "."
    } == {
        "report.json": b"{}",
        "a/b.html": b"<p>",
        "small": b"s",
    }
    assert [p.name for p in runs.iterdir()] == [folder.name]
    other = tmp_path / "other"
    other.write_bytes(b"")
    assert {p.stat().st_mode for p in folder.rglob("*.*ml")} == {other.stat().st_mode}, "others may read it"


def test_two_that_make_the_same_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    """One may be published, or be read, while the other still makes it."""
    with aside_in(tmp_path) as aside:
        first = aside.keep_named("a.html", b"1")
        assert aside.keep_named("a.html", b"1") == first
        assert isinstance(first, Path)
        assert [p.name for p in first.parent.iterdir()] == [first.name]
        assert len({aside.keep_named("a.html", b"2"), aside.keep_named("b.html", b"1"), first}) == 3


def test_pictures_that_are_equal_under_two_names_are_two_files(tmp_path: Path) -> None:
    page = page_of(figure("a", b"1"), figure("b", b"1"), figure("a", b"2"), figure("a", b"1"))
    with aside_in(tmp_path) as aside:
        for place in (aside, IN_MEMORY):
            plots = Plots()
            plots.add((name, place.keep_named(name, png)) for name, png in pictures_of(page))
            found = {name: read(content) for name, content in plots.files.items()}
            assert found == {"plots/a.png": b"1", "plots/b.png": b"1", "plots/a-2.png": b"2"}
            assert len(set(plots.files.values())) == (3 if place is aside else 2)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file: cannot be written \("), aside_in(tmp_path / "file"):
        pass
    with aside_in(tmp_path / "runs") as aside:
        with pytest.raises(OutputError, match=r"runs: cannot be written \("):
            aside.keep("no/folder", (b"x",))
        kept = aside.keep("gone", (b"x",))
        assert isinstance(kept, Path)
        kept.unlink()
        with pytest.raises(OutputError, match=r"runs: cannot be written \("):
            with_end(kept, 1, b"y")


def test_report_json_is_the_same_in_pieces_and_at_once(rich: Rich, tmp_path: Path) -> None:
    whole = to_bytes(report_record(rich.report))
    assert json.loads(whole)["series"]
    assert b"".join(write_json(rich.report)) == whole
    timings = {"draw": 1.0}
    with aside_in(tmp_path) as aside:
        assert read(with_timings(aside.keep("report.json", write_json(rich.report)), timings)) == with_timings(
            whole, timings
        )


def reported(tmp_path: Path, name: str) -> dict[str, bytes]:
    """The files of a report over five checkpoints, without times."""
    if not (tmp_path / "ckpts").exists():
        for step in range(5):
            safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(step))
    settings = Settings(roots=(tmp_path / "ckpts",), out=tmp_path / name, cache=None, pdf=False, settle=0.0)
    folder = pipeline.run(settings, Progress(quiet=True), now=CREATED).folder
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return files | {"report.json": files["report.json"].rpartition(b'"timings":')[0]}


def test_a_large_report_lies_aside_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, published = reported(tmp_path, "small"), []
    publish_all = destination.publish

    def publishing(*arguments: Any, **options: Any) -> Path:
        published.extend(arguments[3].items())
        return publish_all(*arguments, **options)

    monkeypatch.setattr(destination, "publish", publishing)
    monkeypatch.setattr(pipeline, "LARGE", 0)
    assert reported(tmp_path, "large") == small
    assert {name for name, content in published if isinstance(content, bytes)} == {"findings.json", "summary.png"}
    assert len(list((tmp_path / "large" / "runs").iterdir())) == 1


def test_a_large_report_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OutputError("no more")

    monkeypatch.setattr(pipeline, "LARGE", 0)
    monkeypatch.setattr(documents.Documents, "begin", failing)
    with pytest.raises(OutputError, match="no more"):
        reported(tmp_path, "out")
    assert list((tmp_path / "out" / "runs").iterdir()) == []
