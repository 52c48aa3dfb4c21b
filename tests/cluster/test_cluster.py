"""Workers of dask measure: the same bytes as here with any number of them, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reporter import pipeline
from reporter.cache import Cache
from reporter.cluster import parts
from reporter.cluster import run as cluster
from reporter.cluster.divided import Parts
from reporter.cluster.task import only_measuring
from reporter.errors import ClusterError, SettingError
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.faults.running import series

distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STATES = 24
OLD = 1_700_000_000


class Dask:
    """A scheduler and workers, each a process of its own on the loopback address, as users start them."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--no-dashboard", "--no-show")
        while not self._file.exists() or not self._file.read_text().strip():
            assert self.scheduler.poll() is None
            time.sleep(0.05)
        self.address = str(json.loads(self._file.read_text())["address"])
        self.workers = [self.worker() for _ in range(workers)]
        with distributed.Client(self.address) as client:
            client.wait_for_workers(workers, timeout=300)

    def worker(self) -> subprocess.Popen[bytes]:
        return self._start("dask_worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "120")

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        code = f"from distributed.cli.{what} import main; main()"
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, "--scheduler-file", str(self._file), *arguments]
            + (["--host", "127.0.0.1"] if what == "dask_scheduler" else ["--local-directory", str(self._folder)]),
            cwd=ROOT,
            env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    started = Dask(tmp_path, 2)
    yield started
    started.end()


@pytest.fixture(scope="module")
def ckpts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster") / "ckpts"
    folder.mkdir()
    series(folder, STATES)
    for path in folder.iterdir():
        os.utime(path, (OLD, OLD))
    return folder


def report(ckpts: Path, folder: Path, scheduler: str = "") -> tuple[dict[str, Any], list[str]]:
    """The record without its timings, and what was told of the cluster."""
    told: list[str] = []
    progress = Progress(quiet=True)
    progress.say = lambda text, **_: told.append(text)  # type: ignore[method-assign]
    settings = Settings(
        roots=(ckpts,), out=folder / "out", cache=folder / "cache", pdf=False, settle=0.0, scheduler=scheduler
    )
    outcome = pipeline.run(settings, progress, now=NOW)
    record = json.loads((outcome.folder / "report.json").read_text())
    return record | {"timings": {}}, told


@pytest.fixture(scope="module")
def here(ckpts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return report(ckpts, tmp_path_factory.mktemp("here"))[0]


def test_two_workers_give_the_same_bytes_and_one_may_die(
    dask: Dask, ckpts: Path, here: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, told = report(ckpts, tmp_path / "two", dask.address)
    assert record == here
    assert told == ["cluster: 8 stretches of series for 2 workers"]

    once = cluster._kept_or_why

    def kill(*arguments: Any) -> dict[str, str]:
        if dask.workers[0].poll() is None:
            dask.workers[0].send_signal(signal.SIGKILL)
            dask.workers[0].wait()
        return once(*arguments)

    monkeypatch.setattr(cluster, "_kept_or_why", kill)
    record, told = report(ckpts, tmp_path / "one", dask.address)
    assert record == here
    assert len(told) == 1, "nothing was left to be measured here"


def test_large_checkpoints_are_measured_in_parts_and_a_worker_may_die(
    dask: Dask, ckpts: Path, here: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes; and nothing is read here, not even for the readiness of the last checkpoint.

    The worker dies with results that nobody has fetched: they are made again.
    """
    monkeypatch.setattr(parts, "PART_BYTES", 200)
    monkeypatch.setattr(cluster, "AT_ONCE", 24)
    once = Parts.add

    def kill(*arguments: Any) -> dict[str, str]:
        if dask.workers[0].poll() is None:
            time.sleep(2.0)  # meanwhile most others of the 48 are done
            dask.workers[0].send_signal(signal.SIGKILL)
            dask.workers[0].wait()
        return once(*arguments)

    def unexpected(*_: Any) -> Any:
        pytest.fail("weights were read here")

    monkeypatch.setattr(Parts, "add", kill)
    monkeypatch.setattr("reporter.gather.measurer.measure_checkpoint", unexpected)
    monkeypatch.setattr("reporter.gather.last_checkpoint.measure_deployment", unexpected)
    record, told = report(ckpts, tmp_path / "parts", dask.address)
    assert record == here
    assert told == ["cluster: 48 parts of 24 large checkpoints for 2 workers"]


def test_a_scheduler_that_is_lost(dask: Dask, ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear message, and everything measured so far is in the cache."""
    from dask import config

    once, kept = cluster._kept_or_why, [0]

    def kill(*arguments: Any) -> dict[str, str]:
        kept[0] += 1
        if kept[0] == 2:
            dask.scheduler.kill()
        return once(*arguments)

    monkeypatch.setattr(cluster, "_kept_or_why", kill)
    with (
        config.set({"distributed.comm.timeouts.connect": "2s", "distributed.client.scheduler-info-interval": "1s"}),
        pytest.raises(ClusterError, match=r"was lost with .* to go; what was measured is in the cache"),
    ):
        report(ckpts, tmp_path / "lost", dask.address)
    files = list((tmp_path / "lost" / "cache").rglob("*.checkpoint"))
    assert 2 <= len(files) < STATES
    assert not (tmp_path / "lost" / "out" / "latest").exists()


def test_versions_that_differ_are_an_error_before_any_work(
    ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "installation", lambda: {"ckpt-report": "another"})

    class Client:
        def wait_for_workers(self, count: int, timeout: float) -> None:
            pass

        def run(self, function: Any) -> dict[str, dict[str, str]]:
            return {"tcp://w:1": {"ckpt-report": "this one"}}

    with pytest.raises(SettingError, match=r"ckpt-report is 'this one' on worker tcp://w:1, and 'another' here"):
        cluster._workers(Client(), "tcp://s:1")


def test_nobody_answers(ckpts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    with pytest.raises(SettingError, match=r"tcp://127\.0\.0\.1:9 does not answer"):
        report(ckpts, tmp_path, "tcp://127.0.0.1:9")


@pytest.mark.parametrize("address", ["local:0", "local:x", "tcp://", "http://h:1", "tcp://user:secret@h:1", "h:8786"])
def test_addresses_that_cannot_be_used(address: str) -> None:
    with pytest.raises(SettingError, match="scheduler"):
        Settings(scheduler=address)


def test_results_need_the_cache() -> None:
    settings = Settings(scheduler="local:1")
    with pytest.raises(SettingError, match="leave out --no-cache"):
        cluster.measure_on_cluster(None, settings, Cache(None), Progress(quiet=True))  # type: ignore[arg-type]


def test_no_secret_leaves_this_machine() -> None:
    sent = repr(only_measuring(Settings(notify="https://user:secret@example.org", note="secret", bins=7)))
    assert "secret" not in sent
