"""The output folder: all of a run or none of it, and what is written stays when something fails."""

from __future__ import annotations

import errno
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporter.errors import OutputBusy, OutputError
from reporter.model.output import MARKER, marker
from reporter.writers.publish import output_lock, publish, write_file

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILES = {"report.json": b"{}", "checkpoints/a.html": b"<p>"}
MARK = {MARKER: marker("20260102T030405Z-abc")}


def test_a_run_appears_whole(tmp_path: Path) -> None:
    folder = publish(tmp_path / "out", CREATED, "abc", FILES)
    assert folder == tmp_path / "out" / "runs" / "20260102T030405Z-abc"
    assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == FILES | MARK
    assert folder.stat().st_mode & 0o777 == 0o755
    latest = tmp_path / "out" / "latest"
    assert latest.readlink() == Path("runs/20260102T030405Z-abc")
    assert sorted(p.name for p in latest.parent.iterdir()) == ["latest", "runs"]


def test_runs_of_one_second_are_told_apart(tmp_path: Path) -> None:
    names = [publish(tmp_path, CREATED, "abc", FILES).name for _ in range(3)]
    assert names == ["20260102T030405Z-abc", "20260102T030405Z-abc-1", "20260102T030405Z-abc-2"]
    assert (tmp_path / "latest").readlink() == Path(f"runs/{names[-1]}")


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    first = publish(tmp_path, CREATED, "abc", FILES)
    with pytest.raises(OutputError, match="the report could not be written"):
        publish(tmp_path, CREATED, "abc", {"a": b"", "a/b": b""})
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [first.name]
    assert (tmp_path / "latest").readlink() == Path(f"runs/{first.name}")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="the report could not be written"):
        publish(tmp_path / "file", CREATED, "abc", FILES)


def test_only_one_holds_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    seen = []

    def other() -> None:
        try:
            with output_lock(out):
                seen.append("held")
        except OutputBusy as error:
            seen.append(str(error))

    with output_lock(out):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
    assert seen == [f"{out}: another run is writing here; wait for it, or give another folder with -o"]
    with output_lock(out):
        assert (out / ".lock").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match=r"cannot be written \(.+\); give another folder"),
        output_lock(tmp_path / "file"),
    ):
        pass


def test_one_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="name a file in a folder that exists"):
        write_file(tmp_path / "folder", b"new")
    with pytest.raises(OutputError, match="cannot be written"):
        write_file(tmp_path / "nowhere" / "page.html", b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "page.html"]


def test_one_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    seen: list[tuple[str, str]] = []

    def fsync(descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        seen.append(("folder" if stat.S_ISDIR(mode) else "file", path.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_file(path, b"newer")
    assert seen == [("file", "old"), ("folder", "newer")]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EIO])
def test_a_file_system_that_keeps_no_lists_of_names_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Some refuse to write a folder to the disk, which is another matter than a disk that fails."""

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    if code == errno.EIO:
        with pytest.raises(OutputError, match="Input/output error"):
            publish(tmp_path, CREATED, "abc", FILES)
    else:
        assert publish(tmp_path, CREATED, "abc", FILES).is_dir()
