"""Hard limits as batch queues set them: healthy checkpoints are never called damaged."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reporter.cli import main
from reporter.errors import NotExamined, RotatedAway, Unreadable, from_os, translated
from reporter.gather.catalog import scan
from reporter.settings.model import Settings
from tests.faults.running import run
from tests.faults.warm import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore:os.fork\\(\\) was called:RuntimeWarning")
"""JAX, which another test may have loaded, warns of forks; here the child becomes another program at once."""

DAMAGED = ("corrupt", "partial", "in progress", "refused")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints(tmp_path_factory.mktemp("limits") / "ckpts")


def limited(which: int, limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(which, (limit, limit))


@pytest.mark.parametrize(
    ("which", "limit"),
    [(resource.RLIMIT_AS, 4_000_000 << 10), (resource.RLIMIT_CPU, 5), (resource.RLIMIT_FSIZE, 1 << 20)],
    ids=["ulimit -v 4000000", "ulimit -t 5", "ulimit -f 1024"],
)
def test_limits_that_suffice(sound: Path, which: int, limit: int) -> None:
    """Though they are lower than those that children would set for themselves."""
    done = run("verify", sound, preexec_fn=limited(which, limit))
    assert (done.returncode, done.stderr.decode()) == (0, "5 of 5 checkpoints are sound\n"), done.stdout.decode()


@pytest.mark.parametrize(
    ("which", "limit", "words"),
    [
        (resource.RLIMIT_AS, 300 << 20, b"could not be examined here"),
        (resource.RLIMIT_NOFILE, 8, b"oo many "),
        (resource.RLIMIT_CPU, 2, b""),  # of one second the kernel gives no warning: it kills
    ],
    ids=["ulimit -v 300000", "ulimit -n 8", "ulimit -t 2"],
)
def test_limits_that_do_not(sound: Path, which: int, limit: int, words: bytes) -> None:
    """Rows of checkpoints that were not examined, or one line: the machine is told to be at fault."""
    done = run("verify", sound, preexec_fn=limited(which, limit))
    said = (done.stdout + done.stderr).decode()
    assert not any(word in said for word in DAMAGED), said
    if done.returncode == 4:
        assert words in done.stdout
        assert "not examined" in said
    elif which == resource.RLIMIT_CPU:
        assert done.returncode in (0, 152), said  # a fast machine needs less
        assert done.returncode == 0 or "ulimit -t" in said


LOOP = """
import sys
from pathlib import Path
from reporter.errors import CheckpointError
from reporter.readers.isolation import Kind, Limits, session
kind = Kind("tests.readers.isolation.misbehaving", "the library", Limits(1 << 30), "")
for question, arguments in (("loop", {}), ("allocate", {"size": 900 << 20})):
    try:
        with session(kind, Path("m")) as parsing:
            parsing.ask(question, **arguments)
    except CheckpointError as error:
        print(error.state, error.reason)
"""


def test_children_that_reach_the_users_limits(tmp_path: Path) -> None:
    """Which are lower than ours: the file is not blamed for it, as it is for reaching ours."""

    def both() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
        resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))

    (tmp_path / "loop.py").write_text(LOOP)
    done = run(tmp_path / "loop.py", program=(sys.executable,), preexec_fn=both)
    time, memory = done.stdout.decode().splitlines()
    assert time.startswith("not examined could not be examined here: the library came to an end: 3 s of processor time")
    assert memory.startswith("not examined could not be examined here: there are 0.879 GiB of address space (raise `ul")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EMFILE, NotExamined, "ulimit -n"),
        (errno.ENOSPC, NotExamined, "a disk is full"),
        (errno.EIO, NotExamined, "Input/output error"),
        (errno.ENOMEM, NotExamined, "not enough memory"),
        (errno.EACCES, Unreadable, "Permission denied"),
        (errno.ELOOP, Unreadable, "symbolic links"),
        (errno.ENOENT, RotatedAway, "deleted"),
        (errno.ESTALE, RotatedAway, "deleted"),
        (errno.EPROTO, NotExamined, "Protocol error"),
    ],
)
def test_what_the_operating_system_says(number: int, kind: type[Exception], words: str) -> None:
    error = from_os(Path("runs/m"), OSError(number, os.strerror(number), "runs/m"))
    assert type(error) is kind
    assert words in str(error)
    assert error.exit_code == 4


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/var/tmp']"),
    ],
)
def test_states_of_the_machine(error: Exception) -> None:
    assert isinstance(translated(Path("m"), error), NotExamined)


def test_a_shard_without_permission_is_unreadable_at_once(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not "being saved" for as long as it settles."""
    real = os.open

    def closed(path: object, *arguments: object, **options: object) -> int:
        if str(path).endswith(".npz"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", closed)
    states = {f.path: f.state for f in scan(Settings(roots=(sound,), settle=600.0)).files}
    assert {states["n-1.npz"], states["n-2.npz"]} == {"unreadable"}
    assert states["m-1.safetensors"] == "found"


def test_a_cache_that_does_not_give_back_what_was_written(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no fault of the checkpoints: they are measured, and the report is whole."""
    cache, real = tmp_path / "cache", os.pread

    def failing(descriptor: int, *arguments: int) -> bytes:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(cache):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, *arguments)

    monkeypatch.setattr(os, "pread", failing)
    arguments = ["report", str(sound), "-o", str(tmp_path / "out"), "--cache", str(cache), "--no-pdf", "-q"]
    assert main(arguments) in (0, 3)
    record = json.loads((tmp_path / "out" / "latest" / "report.json").read_bytes())
    assert {entry["state"] for entry in record["files"]} == {"measured"}


@pytest.mark.parametrize(("shift", "state"), [(0, "in progress"), (30, "in progress"), (-10_000, "partial"),
                                              (10 * 365 * 86_400, "in progress")])  # fmt: skip
def test_times_in_the_future(tmp_path: Path, shift: float, state: str) -> None:
    """Somebody has set one: then the file's last change counts, which is a moment ago here."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    now = path.stat().st_ctime + shift
    os.utime(path, (now, now))
    (entry,) = scan(Settings(roots=(tmp_path,), settle=120.0)).files
    assert entry.state == state


def test_a_clock_that_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files are of the future: nothing is in progress for ever."""
    from reporter.discover import find

    path = tmp_path / "m.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    monkeypatch.setattr(find.__globals__["time"], "time", lambda: 86_400.0 * 365)
    (entry,) = scan(Settings(roots=(tmp_path,), settle=120.0)).files
    assert entry.state == "partial"


def test_rewritten_in_place_with_its_time_restored(sound: Path, tmp_path: Path) -> None:
    """It is measured again: the time of its last change tells."""
    ckpts = tmp_path / "ckpts"
    ckpts.mkdir()
    path = ckpts / "m-1.safetensors"
    shutil.copy(sound / "m-1.safetensors", path)
    command = ["report", str(ckpts), "-o", str(tmp_path / "out"), "--no-pdf", "-q"]
    norms = []
    for _ in range(2):
        assert main(command) in (0, 3)
        record = json.loads((tmp_path / "out" / "latest" / "report.json").read_bytes())
        (checkpoint,) = record["series"][0]["checkpoints"]
        norms.append([t["statistics"]["l2_norm"] for t in checkpoint["tensors"]])
        before = path.stat()
        with path.open("r+b") as file:
            file.seek(-8, 2)
            file.write(b"\0\0\x80\x40\0\0\x80\x40")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert norms[0] != norms[1]
