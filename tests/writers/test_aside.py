"""Files that wait on the disk until their run is published: whole or not there, and gone when they are not needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporter.errors import OutputError
from reporter.writers.aside import IN_MEMORY, aside_in, read, size_of
from reporter.writers.plots import Plots, pictures_of
from reporter.writers.publish import publish
from reporter.writers.report_json import report_record, to_bytes, with_timings, write_json
from tests.make.rich import Rich
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
            plots.add(pictures_of(page, place))
            found = {name: read(content) for name, content in plots.files.items()}
            assert found == {"plots/a.png": b"1", "plots/b.png": b"1", "plots/a-2.png": b"2"}
            assert len(set(plots.files.values())) == (3 if place is aside else 2)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file: cannot be written \("), aside_in(tmp_path / "file"):
        pass
    with aside_in(tmp_path / "runs") as aside, pytest.raises(OutputError, match=r"runs: cannot be written \("):
        aside.keep("no/folder", (b"x",))


def test_report_json_is_the_same_in_pieces_and_at_once(rich: Rich, tmp_path: Path) -> None:
    whole = to_bytes(report_record(rich.report))
    assert json.loads(whole)["series"]
    assert b"".join(write_json(rich.report)) == whole
    timings = {"draw": 1.0}
    with aside_in(tmp_path) as aside:
        assert read(with_timings(aside.keep("report.json", write_json(rich.report)), timings)) == with_timings(
            whole, timings
        )
