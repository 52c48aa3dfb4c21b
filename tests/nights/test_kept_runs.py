"""Which runs are kept: never the one that ``latest`` points to is deleted, nor what this program has not made."""

from __future__ import annotations

import errno
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reporter.errors import OutputError
from reporter.model.finding import Verdict
from reporter.model.kept import Kept
from reporter.render.runs import MADE_BY, WEEKS, render_runs
from reporter.writers.kept_runs import kept_runs, prune
from reporter.writers.publish import output_lock, publish, write_index

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)


def summary(verdict: str = "PASS") -> bytes:
    counts = dict.fromkeys(("new", "worse", "still", "resolved", "unseen", "accepted"), 1)
    record = {
        "title": "T<script>",
        "verdict": verdict,
        "counts": {"FAIL": 1, "WARN": 2},
        "since_last": {"compared": True, "counts": counts},
        "checkpoints": {"measured": 3, "newest": {"name": "m<b>", "age_seconds": 60}},
    }
    return json.dumps(record).encode()


def runs(out: Path, days: int) -> list[str]:
    """A run each day until now, the last one first."""
    return [
        publish(out, NOW - timedelta(days=ago), "abc", {"index.html": b"", "summary.json": summary()}).name
        for ago in reversed(range(days))
    ][::-1]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def pruned(out: Path, last: int = 0, days: float = 0.0) -> list[str]:
    left = prune(out, kept_runs(out), NOW, last, days)
    assert left == kept_runs(out)
    return [run.name for run in left]


def test_nothing_is_deleted_unless_asked(tmp_path: Path) -> None:
    names = runs(tmp_path, 5)
    assert pruned(tmp_path) == names


def test_the_last_ones_and_the_young_ones_are_kept(tmp_path: Path) -> None:
    names = runs(tmp_path, 8)
    assert pruned(tmp_path, days=5) == names[:6]
    assert pruned(tmp_path, last=1, days=3) == names[:4], "what either keeps is kept"
    assert pruned(tmp_path, last=2) == names[:2]
    assert names_in(tmp_path / "runs") == sorted(names[:2])


def test_latest_is_kept_however_old(tmp_path: Path) -> None:
    """Nothing was measured since."""
    names = runs(tmp_path, 3)
    later = publish(tmp_path, NOW + timedelta(days=90), "abc", {"index.html": b""}, latest=False).name
    assert pruned(tmp_path, last=1, days=1) == [later, names[0], names[1]]
    assert pruned(tmp_path, last=1) == [later, names[0]]
    assert (tmp_path / "latest" / "index.html").is_file()


def test_what_others_made_is_never_deleted(tmp_path: Path) -> None:
    names = runs(tmp_path, 3)
    folder = tmp_path / "runs"
    (folder / "20200101T000000Z-mine").mkdir()  # without a marker
    shutil.copytree(folder / names[0], folder / "20200101T000000Z-copy")  # with another's
    shutil.copytree(folder / names[0], tmp_path / "elsewhere" / names[0])
    (folder / "20190101T000000Z-link").symlink_to(tmp_path / "elsewhere" / names[0])
    (folder / "notes.txt").write_text("mine")
    assert pruned(tmp_path, last=1) == names[:1]
    left = {"20200101T000000Z-mine", "20200101T000000Z-copy", "20190101T000000Z-link", "notes.txt", names[0]}
    assert names_in(folder) == sorted(left)
    assert (tmp_path / "elsewhere" / names[0] / "index.html").is_file()


def test_a_deletion_that_was_interrupted_is_finished_by_the_next_run(tmp_path: Path) -> None:
    (name, *_) = runs(tmp_path, 1)
    (tmp_path / "runs" / name).rename(tmp_path / "runs" / f".new-old-{name}")
    assert kept_runs(tmp_path) == ()
    with output_lock(tmp_path):
        assert names_in(tmp_path / "runs") == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"verdict": "GREEN"}', b"[" * 100_000, b"\xff"], ids=repr)
def test_a_run_whose_summary_cannot_be_read_is_listed(tmp_path: Path, content: bytes) -> None:
    publish(tmp_path, NOW, "abc", {"index.html": b"", "summary.json": content})
    (run,) = kept_runs(tmp_path)
    assert (run.verdict, run.created) == (None, NOW)
    assert b"unknown" in render_runs([run])


def test_the_page_escapes_and_says_what_there_is(tmp_path: Path) -> None:
    runs(tmp_path, 2)
    page = render_runs(kept_runs(tmp_path)).decode()
    assert "<script" not in page and "T&lt;script&gt;" in page and "m&lt;b&gt;" in page
    assert "1 failure, 2 warnings" in page and "1 new, 1 worse, 1 resolved" in page
    assert render_runs([]).decode().count("<tr>") == 1, "the head of the table"


def test_the_strip_has_the_worst_verdict_of_each_day_and_is_bounded() -> None:
    verdicts = [Verdict.PASS, Verdict.FAIL, Verdict.WARN]
    day = [Kept(f"r{i}", NOW - timedelta(hours=i / 10), verdict=v) for i, v in enumerate(verdicts)]
    years = [Kept(f"d{i}", NOW - timedelta(days=i), verdict=Verdict.PASS) for i in range(1, 500)]
    page = render_runs([*day, *years]).decode()
    assert page.count('title="2026-06-01: FAIL"') == 1
    assert 'href="runs/r1/index.html"' in page
    assert page.count('<th scope="col"><span>') == WEEKS


def test_another_page_is_never_written_over(tmp_path: Path) -> None:
    write_index(tmp_path, render_runs([]), MADE_BY)
    write_index(tmp_path, render_runs([]), MADE_BY)
    (tmp_path / "index.html").write_text("<h1>My site</h1>")
    with pytest.raises(OutputError, match="is no page of ckpt-report, and left as it is"):
        write_index(tmp_path, render_runs([]), MADE_BY)
    assert (tmp_path / "index.html").read_text() == "<h1>My site</h1>"


def test_a_run_that_the_disk_does_not_tell_about_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = runs(tmp_path, 3)
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        if os.fspath(path) == str(tmp_path / "runs" / names[1] / "report.pdf"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    assert sorted(run.name for run in kept_runs(tmp_path)) == sorted(names)
