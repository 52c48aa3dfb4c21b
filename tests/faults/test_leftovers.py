"""Nothing is left behind: unfinished folders, children, and what stands in the way of the link."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reporter.cache import container
from reporter.cache.folder import Folder
from reporter.errors import OutputBusy, OutputError
from reporter.model.output import MARKER
from reporter.writers import publish
from reporter.writers.publish import output_lock
from tests.faults.running import ROOT
from tests.readers.isolation.test_isolation import alive

CREATED = "20260101T000000Z"


def test_folders_of_runs_that_were_killed(tmp_path: Path) -> None:
    """They go when the next run holds the lock, and only then."""
    runs = tmp_path / "runs"
    (runs / ".new-abc" / "plots").mkdir(parents=True)
    (runs / ".new-abc" / "index.html").write_text("half")
    (runs / "20250101T000000Z-1" / "plots").mkdir(parents=True)
    (tmp_path / ".latest-123").symlink_to("runs/x")
    (runs / ".new-link").symlink_to(tmp_path.parent)
    with output_lock(tmp_path):
        assert sorted(p.name for p in runs.iterdir()) == ["20250101T000000Z-1"]
        assert not (tmp_path / ".latest-123").is_symlink()
        (runs / ".new-of-the-run").mkdir()
        with pytest.raises(OutputBusy), output_lock(tmp_path):
            pass
        assert (runs / ".new-of-the-run").is_dir()
    assert tmp_path.parent.is_dir()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_something_else_stands_where_the_link_belongs(tmp_path: Path, kind: str) -> None:
    latest = tmp_path / "latest"
    latest.mkdir() if kind == "folder" else latest.write_text("mine")
    with (
        pytest.raises(OutputError, match=rf"latest: a {kind} stands where .* move it away \(mv "),
        output_lock(tmp_path),
    ):
        pass
    assert latest.is_dir() if kind == "folder" else latest.read_text() == "mine"
    latest.rename(tmp_path / "latest-old")
    with output_lock(tmp_path):
        pass


def test_cache_files_that_were_not_finished(tmp_path: Path) -> None:
    """Another run may be writing just now: what is younger than an hour stays."""
    content = container.build({"kind": "record", "record": 1}, {})
    first = Folder(tmp_path)
    assert first.write(first.path("ab" * 20, "x.record"), content)
    aside = tmp_path / "v1" / "unfinished"
    for name, age in ((".new-old", 7200), (".new-young", 60)):
        (aside / name).write_bytes(b"half")
        os.utime(aside / name, (time.time() - age,) * 2)
    second = Folder(tmp_path)
    assert second.write(second.path("cd" * 20, "x.record"), content)
    assert [p.name for p in aside.iterdir()] == [".new-young"]
    assert second.prune()[0] == 2


def test_everything_published_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and the folders that list them: a report that a power failure cannot empty."""
    from datetime import UTC, datetime

    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    folder = publish.publish(tmp_path / "out", datetime(2026, 1, 1, tzinfo=UTC), "1", {"a.html": b"a", "plots/b": b"b"})
    assert sorted(synced[:3]) == [MARKER, "a.html", "b"], "several at a time, all of them before the folders"
    assert synced[3] == "plots" and synced[4].startswith(".new-") and synced[5:] == ["runs", "out"]
    assert (tmp_path / "out" / "latest").resolve() == folder


def test_files_are_made_durable_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    synced: list[str] = []
    monkeypatch.setattr("threading.Thread.start", refused)
    monkeypatch.setattr(os, "fsync", lambda at: synced.append(Path(f"/proc/self/fd/{at}").readlink().name))
    publish._to_disk([tmp_path / name for name in ("a", "b") if (tmp_path / name).write_bytes(b"x")])
    assert synced == ["a", "b"]


def test_a_file_that_cannot_be_made_durable_is_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    def failing(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "b":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing)
    files = dict.fromkeys("abcdefghijklmn", b"x")
    with pytest.raises(OutputError, match="Input/output error"):
        publish.publish(tmp_path / "out", datetime(2026, 1, 1, tzinfo=UTC), "1", files)
    assert list((tmp_path / "out" / "runs").iterdir()) == []


def test_a_link_that_cannot_be_swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        publish.publish(tmp_path / "out", datetime(2026, 1, 1, tzinfo=UTC), "1", {"a.html": b"a"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["runs"]
    assert list((tmp_path / "out" / "runs").iterdir()) == []


def test_a_new_report_stands_though_its_link_could_not_be_made_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers see it already: that is no failure of the run."""
    from datetime import UTC, datetime

    real = publish._make_durable

    def failing(folder: Path) -> None:
        if folder == tmp_path / "out":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(folder)

    monkeypatch.setattr(publish, "_make_durable", failing)
    folder = publish.publish(tmp_path / "out", datetime(2026, 1, 1, tzinfo=UTC), "1", {"a.html": b"a"})
    assert (tmp_path / "out" / "latest").resolve() == folder


def test_a_failure_in_the_second_of_the_last_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``latest`` then has the name that the run was to get."""
    from datetime import UTC, datetime

    publishing = tmp_path / "out", datetime(2026, 1, 1, tzinfo=UTC), "1", {"a.html": b"a"}
    first = publish.publish(*publishing)

    def failing(**options: object) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(publish.tempfile, "mkdtemp", failing)
        with pytest.raises(OutputError, match="Input/output error"):
            publish.publish(*publishing)
    assert list((tmp_path / "out" / "runs").iterdir()) == [first]
    assert (tmp_path / "out" / "latest").resolve() == first


PRINTING = """
import sys, time
from datetime import UTC, datetime
from reporter.render.pdf import Printer
with Printer(datetime.now(UTC)) as printer:
    printer.start()
    print(printer._child.pid, flush=True)
    time.sleep(60)
"""

READING = """
import sys
from pathlib import Path
from reporter.readers.isolation import Kind, Limits, session
import subprocess
real = subprocess.Popen
def popen(*arguments, **options):
    child = real(*arguments, **options)
    print(child.pid, flush=True)
    return child
subprocess.Popen = popen
with session(Kind("tests.readers.isolation.misbehaving", "", Limits(1 << 28), ""), Path("m")) as parsing:
    parsing.ask("sleep")
"""

SCANNING = """
import sys
from pathlib import Path
import h5py
from reporter.readers.isolation import session, worker
from reporter.readers.keras.hdf5 import HDF5
with h5py.File(sys.argv[1], "w") as file:
    for i in range(2000):
        file.create_group(f"layers/{i}/vars")
file = open(sys.argv[1], "rb")
with session(HDF5, Path("m"), [file.fileno()], offset=0, length=file.seek(0, 2)) as parsing:
    print(worker._worker(HDF5)._child._process.pid, flush=True)
    while True:
        parsing.ask("scan")
"""

LOADED = """
import importlib, sys, time
from pathlib import Path
from reporter.readers.isolation.process import ChildProcess
module, name = sys.argv[1:]
child = ChildProcess(getattr(importlib.import_module(module), name), Path("m"))
print(child._process.pid, flush=True)
time.sleep(60)
"""
"""Its library is loaded, and waits for a question."""

LIBRARIES = {
    "HDF5": "reporter.readers.keras.hdf5",
    "TENSORFLOW": "reporter.readers.tensorflow.v1_reader",
    "TENSORSTORE": "reporter.readers.orbax.reader",
}


@pytest.mark.parametrize("script", [PRINTING, READING], ids=["PDF", "parser"])
@pytest.mark.parametrize("delay", [0.0, 0.6])
def test_children_never_outlive_their_parent(script: str, delay: float) -> None:
    """By more than a second; not even those that still load their libraries when it is killed."""
    ends_with_its_parent(script, delay)


def test_a_child_that_is_busy_ends_with_its_parent(tmp_path: Path) -> None:
    """In the midst of a structure of HDF5."""
    ends_with_its_parent(SCANNING, 0.3, tmp_path / "m.h5")


@pytest.mark.parametrize("name", LIBRARIES)
def test_no_library_keeps_its_child_alive(name: str) -> None:
    """By taking over the signal that ends it, or with threads of its own."""
    ends_with_its_parent(LOADED, 0.0, LIBRARIES[name], name)


def ends_with_its_parent(script: str, delay: float, *arguments: object) -> None:
    """Run a program that prints the number of its child, and kill it after so many seconds."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    busy = time.monotonic() - started  # 0.15 s where nothing else runs: what a second is here and now
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(delay)
        parent.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    while alive(child):
        assert time.monotonic() - killed < max(1, 4 * busy)
        time.sleep(0.02)
    print(f"the child ended {time.monotonic() - killed:.2f} s after its parent; a start of Python took {busy:.2f} s")
