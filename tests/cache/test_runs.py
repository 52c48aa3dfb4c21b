"""Runs that share a cache: nothing is read twice, nothing differs, nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter import pipeline
from reporter.cache import Cache, container
from reporter.cli import main
from reporter.derive.statistics import STATISTICS
from reporter.gather.catalog import scan
from reporter.gather.kept_open import KeptOpen
from reporter.gather.measurer import Measurer
from reporter.measuring.checkpoint import Plan
from reporter.readers import opening
from reporter.settings.model import Settings
from reporter.settings.options import default_cache
from reporter.terminal.progress import Progress
from tests.make.command import read, report
from tests.make.safetensors import safetensors
from tests.make.small import weights

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    for step in (1, 2, 3, 4):
        safetensors(tmp_path / "ckpts" / f"m-{step}.safetensors", weights(step))
    return tmp_path / "ckpts"


def run(folder: Path, name: str, cache: Path | None, **settings: Any) -> pipeline.Outcome:
    chosen = Settings(roots=(folder,), out=folder.parent / name, cache=cache, pdf=False, settle=0.0, **settings)
    return pipeline.run(chosen, Progress(quiet=True), now=NOW)


def content(folder: Path) -> dict[str, bytes]:
    """Every output, without the timings."""
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    record = json.loads(files["report.json"])
    assert record.pop("timings")
    return files | {"report.json": json.dumps(record).encode()}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the checkpoints that a reader opens from here on."""
    names: list[str] = []
    reader = opening.reader

    class Noting:
        def __init__(self, format_: str) -> None:
            self._reader = reader(format_)

        def open(self, path: Path) -> Any:
            names.append(path.name)
            return self._reader.open(path)

    monkeypatch.setattr(opening, "reader", Noting)
    return names


def test_cold_cached_and_uncached_runs_give_the_same_bytes(ckpts: Path, tmp_path: Path) -> None:
    cold = run(ckpts, "cold", tmp_path / "cache")
    cached = run(ckpts, "cached", tmp_path / "cache")
    without = run(ckpts, "without", None)
    assert (cold.read, cached.read, without.read) == (4, 0, 4)
    assert content(cold.folder) == content(cached.folder) == content(without.folder)
    assert cold.folder.name == cached.folder.name == without.folder.name


def test_an_unchanged_folder_is_not_opened(ckpts: Path, tmp_path: Path, opened: list[str]) -> None:
    run(ckpts, "one", tmp_path / "cache")
    assert opened
    opened.clear()
    run(ckpts, "two", tmp_path / "cache")
    assert opened == []


@pytest.mark.parametrize(
    "changed",
    [{"bins": 7}, {"quantiles": (0.1, 0.9332)}, {"title": "other"}, {"variables": "all"}, {"variables": "trainable"}],
    ids=str,
)
def test_settings_of_presentation_read_no_weights(
    ckpts: Path, tmp_path: Path, opened: list[str], changed: dict[str, Any]
) -> None:
    run(ckpts, "one", tmp_path / "cache")
    opened.clear()
    cached = run(ckpts, "two", tmp_path / "cache", **changed)
    assert opened == []
    assert content(cached.folder) == content(run(ckpts, "three", None, **changed).folder)
    opened.clear()
    run(ckpts, "four", tmp_path / "cache")  # and back again
    assert opened == []


def test_a_statistic_that_was_added_since_is_kept_from_then_on(
    ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version of the program kept is completed without reading weights, once."""
    for module in ("reporter.derive.columns", "reporter.cache.entry"):
        monkeypatch.setattr(f"{module}.STATISTICS", STATISTICS[:-1])
    cache = Cache(tmp_path / "cache")
    (series,) = scan(Settings(roots=(ckpts,), out=tmp_path / "out", settle=0.0), cache).series
    measurer = Measurer(Plan("model", (0.5,)), cache)
    with KeptOpen() as kept:
        for ref in series.checkpoints:
            measurer.done(ref, kept)
    files = sorted((tmp_path / "cache").rglob("*.checkpoint"))
    monkeypatch.undo()
    assert STATISTICS[-1].name not in container.opened(files[0]).header["statistics"]
    earlier = [cache.measured(cache.identity(ref.format, ref.members), measurer.plan) for ref in series.checkpoints]
    assert [list(one.whole.statistics) for one in earlier if one] == [[s.name for s in STATISTICS]] * 4
    assert {tuple(container.opened(file).header["statistics"]) for file in files} == {tuple(s.name for s in STATISTICS)}
    written = [file.stat().st_mtime_ns for file in files]
    again = run(ckpts, "one", tmp_path / "cache")
    assert again.read == 0
    assert content(again.folder) == content(run(ckpts, "two", None).folder)
    assert [file.stat().st_mtime_ns for file in files] == written


def test_quantiles_that_nobody_asked_for_before_are_measured_once(
    ckpts: Path, tmp_path: Path, opened: list[str]
) -> None:
    run(ckpts, "one", tmp_path / "cache")
    assert run(ckpts, "two", tmp_path / "cache", quantiles=(0.123,)).read == 4
    assert run(ckpts, "three", tmp_path / "cache", quantiles=(0.321,)).read == 4
    opened.clear()
    run(ckpts, "four", tmp_path / "cache", quantiles=(0.123, 0.321, 0.5))
    assert opened == []


def test_one_new_checkpoint_reads_what_it_is_compared_with(ckpts: Path, tmp_path: Path, opened: list[str]) -> None:
    run(ckpts, "one", tmp_path / "cache")
    safetensors(ckpts / "m-5.safetensors", weights(5))
    opened.clear()
    outcome = run(ckpts, "two", tmp_path / "cache")
    assert outcome.read == 1
    assert set(opened) == {"m-5.safetensors", "m-4.safetensors", "m-1.safetensors"}
    assert content(outcome.folder) == content(run(ckpts, "three", None).folder)


def test_a_file_written_anew_is_measured_anew(ckpts: Path, tmp_path: Path) -> None:
    run(ckpts, "one", tmp_path / "cache")
    safetensors(ckpts / "m-2.safetensors", weights(7))  # of the same size
    outcome = run(ckpts, "two", tmp_path / "cache")
    assert outcome.read == 1
    assert content(outcome.folder) == content(run(ckpts, "three", None).folder)


def test_a_moved_folder_is_not_measured_again(ckpts: Path, tmp_path: Path) -> None:
    run(ckpts, "one", tmp_path / "cache")
    moved = ckpts.rename(tmp_path / "elsewhere")
    assert run(moved, "two", tmp_path / "cache").read == 0


DAMAGE = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "foreign": lambda data: b"something else entirely",
    "rows": lambda data: data[:-40] + bytes(40),
    "columns": lambda data: data[:2200] + bytes(20) + data[2220:],
    "header": lambda data: data[:30] + b"}" + data[31:],
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_cache_files_are_measured_again_and_rewritten(ckpts: Path, tmp_path: Path, kind: str) -> None:
    expected = content(run(ckpts, "one", tmp_path / "cache").folder)
    files = sorted((tmp_path / "cache").rglob("*.*"))
    numbers = [file for file in files if file.suffix != ".rendering"]
    assert len(numbers) == 4 + 5 + 4 + 1  # checkpoints; pairs with the one before and the first; places; readiness
    for file in files:
        file.write_bytes(DAMAGE[kind](file.read_bytes()))
    assert content(run(ckpts, "two", tmp_path / "cache").folder) == expected
    assert run(ckpts, "three", tmp_path / "cache").read == 0


def test_a_cache_that_cannot_be_written_costs_one_line(
    ckpts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert report(ckpts, "-o", tmp_path / "out", "--cache", tmp_path / "file") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "cache" in line]
    assert "cannot be written" in line
    assert len(read(tmp_path / "out")["series"][0]["checkpoints"]) == 4


def test_without_a_cache_nothing_is_written(ckpts: Path, tmp_path: Path) -> None:
    assert report(ckpts, "-o", tmp_path / "out", "--no-cache") == 0
    assert not (tmp_path / "cache-of-this-test").exists()


def test_a_cache_inside_the_scanned_folder_is_not_scanned(ckpts: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        outcome = run(ckpts, name, ckpts / "cache")
        states = {entry.path: entry.state for entry in outcome.report.files}
        assert states.pop("cache", "left out") == "left out"  # the first run makes it
        assert list(states.values()) == ["measured"] * 4


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CKPT_REPORT_CACHE", str(tmp_path / "a"))
    assert default_cache() == tmp_path / "a"
    monkeypatch.delenv("CKPT_REPORT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert default_cache() == tmp_path / "b" / "ckpt-report"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "ckpt-report"


def test_info_and_prune(ckpts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = tmp_path / "cache"
    run(ckpts, "one", cache)
    (cache / "mine.txt").write_text("not of the program")
    assert main(["cache", "info", "--cache", str(cache)]) == 0
    printed = capsys.readouterr().out
    assert str(cache) in printed
    assert [line.split()[:2] for line in printed.splitlines()[1:3]] == [["checkpoint", "4"], ["changes", "5"]]
    old = time.time() - 40 * 86_400
    for file in sorted(cache.rglob("*.checkpoint"))[:2]:
        os.utime(file, (old, old))
    assert main(["cache", "prune", "--older-than", "30", "--cache", str(cache)]) == 0
    assert "deleted 2 files" in capsys.readouterr().out
    assert run(ckpts, "two", cache).read == 2
    assert main(["cache", "prune", "--all", "--cache", str(cache)]) == 0
    assert [p.name for p in cache.rglob("*") if p.is_file()] == ["mine.txt"]
    assert run(ckpts, "three", cache).read == 4
    assert main(["cache", "prune", "--older-than", "-1", "--cache", str(cache)]) == 2


def test_what_is_in_use_is_not_old(ckpts: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(ckpts, "one", cache)
    old = time.time() - 40 * 86_400
    for file in cache.rglob("*.*"):
        os.utime(file, (old, old))
    run(ckpts, "two", cache)
    assert main(["cache", "prune", "--cache", str(cache)]) == 0
    assert run(ckpts, "three", cache).read == 0


def test_records_of_other_kinds(ckpts: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    (series,) = scan(Settings(roots=(ckpts,), out=tmp_path / "out")).series
    first, second = series.checkpoints[:2]
    assert cache.record(first, "spectral", 1) is None
    cache.keep_record(first, "spectral", 1, {"alpha": [1.5, None]})
    assert Cache(tmp_path / "cache").record(first, "spectral", 1) == {"alpha": [1.5, None]}
    assert cache.record(first, "spectral", 2) is None
    assert cache.record(first, "other", 1) is None
    assert cache.record(second, "spectral", 1) is None
    safetensors(first.path, weights(8))
    assert cache.record(first, "spectral", 1) is None


PROGRAM = """
import os, signal, sys
from reporter.gather import measurer
measure, done = measurer.measure_checkpoint, []
def then_killed(*arguments):
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(1)
    return measure(*arguments)
measurer.measure_checkpoint = then_killed
from reporter.cli import main
main(["report", "-q", "--no-pdf", *sys.argv[1:]])
"""


def test_a_killed_run_is_resumed(ckpts: Path, tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ckpts), "-o", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")],
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "latest").exists()
    outcome = run(ckpts, "out", tmp_path / "cache")
    assert outcome.read == 2
    assert content(outcome.folder) == content(run(ckpts, "again", None).folder)


def test_two_runs_at_once_share_a_cache(ckpts: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reporter", "report", "-q", "--no-pdf", str(ckpts)]
    command += ["--cache", str(tmp_path / "cache"), "-o"]
    runs = [subprocess.Popen([*command, str(tmp_path / name)], stderr=subprocess.PIPE) for name in ("a", "b")]
    for one in runs:
        _, printed = one.communicate(timeout=300)
        assert one.returncode == 0, printed
    assert not list((tmp_path / "cache").rglob(".new-*"))
    assert run(ckpts, "c", tmp_path / "cache").read == 0


def test_a_real_series_of_tensorflow(shared_data: Path, tmp_path: Path, opened: list[str]) -> None:
    folder = tmp_path / "gan"
    folder.mkdir()
    for path in sorted((shared_data / "series" / "crypto-gan-tf2").glob("ckpt-[123].*")):
        shutil.copyfile(path, folder / path.name)
    cold = content(run(folder, "one", tmp_path / "cache").folder)
    opened.clear()
    assert content(run(folder, "two", tmp_path / "cache").folder) == cold
    assert opened == []
    assert content(run(folder, "three", None).folder) == cold


def test_cached_steps_are_those_in_the_files(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "series" / "taxi-estimator-tf1"
    cache = Cache(tmp_path / "cache")
    settings = Settings(roots=(folder,), out=tmp_path / "out", cache=tmp_path / "cache", pdf=False)
    first = scan(settings)
    pipeline.run(settings, Progress(quiet=True), now=NOW)
    assert scan(settings, cache) == first
    assert np.all([ref.step.source == "in-file" for s in first.series for ref in s.checkpoints])
