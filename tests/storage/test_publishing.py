"""Reports that are written to a store: all of a run or nothing of it, whatever fails, and the news of the next one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reporter.cli import main
from reporter.errors import OutputError
from reporter.model.output import MARKER, POINTER
from reporter.render.runs import MADE_BY, render_runs
from reporter.storage import StoredFolder, stores
from reporter.writers.destination import destination
from reporter.writers.stored_runs import PROBE, StoredRuns
from tests.storage.conftest import BUCKET, Traffic
from tests.storage.test_s3 import weights, without_times

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILES = {"index.html": b"<p>", "report.json": b"{}", "plots/a.png": b"png"}
QUICK = ["--no-pdf", "--no-plots-folder", "--settle", "0"]
OUT = "memory://out/reports"


@pytest.fixture
def memory() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    yield store
    for folder in ("/out", "/in"):
        if store.exists(folder):
            store.rm(folder, recursive=True)


def written(days_ago: float = 0.0, *, latest: bool = True) -> StoredRuns:
    runs = StoredRuns(OUT)
    runs.publish(NOW - timedelta(days=days_ago), "abc", FILES, latest=latest)
    return runs


def pointed(store: Any) -> str:
    return str(json.loads(store.cat_file(f"/out/reports/{POINTER}"))["run"])


def names(store: Any) -> list[str]:
    return sorted(name.removeprefix("/out/reports/") for name in store.find("/out/reports"))


def test_a_report_from_s3_to_s3_is_the_local_one(
    s3: Any, traffic: Traffic, blank_pictures: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checkpoints, baseline, metrics and report in one bucket; twice, so that the second run has news."""
    (tmp_path / "run").mkdir()
    log = b"epoch,loss\n0,3.0\n1,2.5\n"
    for name, data in (("model-0", weights(0)), ("model-1", weights(1)), ("base", weights(9))):
        file = f"{name}.safetensors"
        (tmp_path / (file if name == "base" else f"run/{file}")).write_bytes(data)
        s3.pipe_file(f"{BUCKET}/whole/{file if name == 'base' else f'run/{file}'}", data)
    (tmp_path / "log.csv").write_bytes(log)
    s3.pipe_file(f"{BUCKET}/whole/log.csv", log)
    records = {}
    for root, out in ((f"s3://{BUCKET}/whole", f"s3://{BUCKET}/whole/reports"), (str(tmp_path), str(tmp_path / "out"))):
        command = ["report", f"{root}/run", "--out", out, *QUICK, "--baseline", f"{root}/base.safetensors"]
        for _ in range(2):
            assert main([*command, "--metrics", f"{root}/log.csv"]) in (0, 3)
            said = capsys.readouterr()
            assert "hidden-word" not in said.out + said.err
        page = said.out.strip().splitlines()[-1]
        assert page.startswith(out)
        if out.startswith("s3://"):
            run = json.loads(s3.cat_file(f"{BUCKET}/whole/reports/{POINTER}"))
            assert page == f"{out}/{run['page']}"
            folder = f"{BUCKET}/whole/reports/runs/{run['run']}"
            files = {Path(name).name: s3.cat_file(name) for name in s3.find(folder)}
            assert s3.info(page)["ContentType"] == "text/html"
            index = s3.cat_file(f"{BUCKET}/whole/reports/index.html").decode()
            assert index.count('href="runs/') >= 2
        else:
            files = {path.name: path.read_bytes() for path in (tmp_path / "out" / "latest").glob("*.*")}
        records[root] = json.loads(files["report.json"]), files["tensors.csv"], json.loads(files["summary.json"])
    there, here = records.values()
    assert there[1] == here[1]
    for one in (there[2], here[2]):  # which run that was, and when, differs
        one["since_last"].pop("run"), one["since_last"].pop("created")
    assert there[2]["since_last"] == here[2]["since_last"]
    assert there[2]["since_last"]["compared"]
    for record in (there[0], here[0]):
        for key in ("created", "timings", "news", "settings"):
            record.pop(key, None)
    text = json.dumps(without_times(there[0])).replace(f"s3://{BUCKET}/whole", "ROOT")
    assert json.loads(text) == json.loads(json.dumps(without_times(here[0])).replace(str(tmp_path), "ROOT"))


def test_a_run_is_marked_last_and_pointed_to_after_that(memory: Any) -> None:
    order: list[str] = []
    real = StoredFolder._write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredFolder, "_write", lambda self, name, data: (order.append(name), real(self, name, data))[1])
        written()
    run = pointed(memory)
    assert order[-2:] == [f"runs/{run}/{MARKER}", POINTER]
    assert set(order[:-2]) == {f"runs/{run}/{name}" for name in FILES}


@pytest.mark.parametrize("failing", ["report.json", MARKER])
def test_an_upload_that_fails_leaves_the_old_pointer_and_nothing_of_the_run(
    memory: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    written()
    before = names(memory), pointed(memory)
    real = type(memory).pipe_file

    def fail(self: Any, path: str, value: bytes, **named: Any) -> None:
        if path.endswith(failing):
            raise ConnectionResetError("Authorization: hidden-word")
        real(self, path, value, **named)

    monkeypatch.setattr(type(memory), "pipe_file", fail)
    with pytest.raises(OutputError, match=r"could not be uploaded \(.*ConnectionResetError\).* is as it was") as caught:
        written()
    assert "hidden-word" not in str(caught.value)
    assert (names(memory), pointed(memory)) == before


def test_a_file_that_did_not_arrive_is_noticed(memory: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    real = type(memory).pipe_file
    monkeypatch.setattr(
        type(memory), "pipe_file", lambda self, path, value, **named: real(self, path, value[:1], **named)
    )
    with pytest.raises(OutputError, match="is not there as it was written"):
        written()
    assert not memory.exists(f"/out/reports/{POINTER}")


def test_a_pointer_that_cannot_be_written_leaves_the_whole_run(
    memory: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    written()
    before, real = pointed(memory), type(memory).pipe_file

    def fail(self: Any, path: str, value: bytes, **named: Any) -> None:
        if path.endswith(POINTER):
            raise ConnectionResetError
        real(self, path, value, **named)

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "pipe_file", fail)
        with pytest.raises(OutputError, match=r"is complete in runs/.*, but latest.json could not be written"):
            written()
    assert pointed(memory) == before
    assert len(StoredRuns(OUT).pruned(NOW, 0, 0)) == 2


def test_a_store_that_cannot_be_written_is_told_before_anything_is_measured(
    memory: Any, traffic: Traffic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def forbidden(self: Any, path: str, value: bytes, **named: Any) -> None:
        raise PermissionError("hidden-word")

    monkeypatch.setattr(type(memory), "pipe_file", forbidden)
    monkeypatch.setattr("reporter.judged.scan", lambda *_: pytest.fail("measured first"))
    assert main(["report", str(tmp_path), "--out", OUT]) == 1
    said = capsys.readouterr().err
    assert f"{OUT}: cannot be written (the store does not permit it)" in said
    assert "hidden-word" not in said


def test_the_probe_is_gone(memory: Any) -> None:
    with destination(Path(OUT)).held():
        assert not memory.exists(f"/out/reports/{PROBE}")


@pytest.mark.parametrize("name", [POINTER, "index.html"])
def test_what_others_wrote_is_left_as_it_is(memory: Any, name: str) -> None:
    memory.pipe_file(f"/out/reports/{name}", b'{"run": "theirs"}')
    runs = StoredRuns(OUT)
    with pytest.raises(OutputError, match="left as it is"), runs.held():
        runs.write_index(b"page", MADE_BY)
    assert memory.cat_file(f"/out/reports/{name}") == b'{"run": "theirs"}'


def test_old_runs_go_but_never_the_one_that_is_pointed_to(memory: Any) -> None:
    written(3)
    kept = pointed(memory)
    for days in (2, 1):
        written(days, latest=False)
    left = StoredRuns(OUT).pruned(NOW, 1, 0)
    assert [run.name for run in left][-1] == kept
    assert [run.created for run in left] == [NOW - timedelta(days=1), NOW - timedelta(days=3)]
    assert {name.split("/")[1] for name in names(memory) if name.startswith("runs/")} == {run.name for run in left}


def test_what_an_upload_left_that_was_killed_goes_after_a_day(memory: Any) -> None:
    for number in (1, 2):
        memory.pipe_file(f"/out/reports/runs/2026010{number}T000000Z-abc-123456/index.html", b"<p>")
    memory.pipe_file("/out/reports/runs/notes/mine.txt", b"no run")
    memory.store["/out/reports/runs/20260101T000000Z-abc-123456/index.html"].created -= timedelta(days=2)
    memory.store["/out/reports/runs/notes/mine.txt"].created -= timedelta(days=2)
    written()
    runs = StoredRuns(OUT).pruned(NOW, 0, 0)
    assert [run.name for run in runs] == [pointed(memory)]
    assert [name for name in names(memory) if pointed(memory) not in name] == [
        POINTER, "runs/20260102T000000Z-abc-123456/index.html", "runs/notes/mine.txt",
    ]  # fmt: skip
    render_runs(runs)


def test_what_is_larger_than_a_marker_marks_no_run(memory: Any) -> None:
    theirs = "runs/20260101T000000Z-abc-123456"
    memory.pipe_file(f"/out/reports/{theirs}/{MARKER}", b"x" * 20_000)
    written()
    assert [run.name for run in StoredRuns(OUT).pruned(NOW, 1, 0)] == [pointed(memory)]
    assert f"{theirs}/{MARKER}" in names(memory)


def test_reports_beside_the_checkpoints_are_not_looked_through(
    memory: Any, blank_pictures: None, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.pipe_file("/in/run/m-1.safetensors", weights(1, rows=10))
    command = ["report", "memory://in/run", "--out", "memory://in/run/reports", *QUICK]
    for _ in range(2):
        assert main(command) in (0, 3)
    capsys.readouterr()
    assert main(["scan", "memory://in/run"]) == 0
    assert "report.json" not in capsys.readouterr().out


def test_a_page_in_a_store_is_not_opened(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["report", str(tmp_path), "--out", OUT, "--open"]) == 2
    assert "cannot be opened from here" in capsys.readouterr().err


def test_a_file_address_is_a_local_folder(tmp_path: Path) -> None:
    out = destination(Path(f"file://{tmp_path}/out"))
    with out.held():
        folder = out.publish(NOW, "abc", FILES, latest=True)
    assert folder.parent == tmp_path / "out" / "runs"
    assert (tmp_path / "out" / "latest" / "index.html").is_file()


def test_a_damaged_memory_is_said(memory: Any) -> None:
    runs = written()
    memory.pipe_file(f"/out/reports/runs/{pointed(memory)}/findings.json", b"{")
    memory_, problem = runs.memory()
    assert memory_ is None
    assert problem.startswith(f"{OUT}/runs/")
    assert "is damaged" in problem


def test_a_missing_library_is_told_before(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setattr(stores, "_known", {})
    assert main(["report", "x", "--out", "s3://bucket/reports"]) == 2
    assert "pip install 'ckpt-report[s3]'" in capsys.readouterr().err
