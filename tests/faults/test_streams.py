"""Standard streams that are closed, full or gone: the report is published, and the exit code says what became of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.loaded import CLIENT
from tests.faults.running import FULL, PROGRAM, ROOT, series


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    return series(tmp_path / "c")


@pytest.fixture(scope="module", autouse=True)
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The program, which has loaded everything already: how a line of a shell begins."""
    folder = tmp_path_factory.mktemp("loaded")
    command = [sys.executable, "-m", "tests.faults.loaded", folder / "socket"]
    variables = {**os.environ, "CKPT_REPORT_CACHE": str(folder / "cache")}
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield shlex.join([sys.executable, "-I", "-S", "-c", CLIENT, str(folder / "socket")])
        server.terminate()


def shell(command: str, folder: Path, program: str) -> subprocess.CompletedProcess[bytes]:
    line = command.replace("REPORT", f"{program} report {folder} -o {folder.parent}/out --no-pdf")
    line = line.replace("SCAN", f"{program} scan {folder}").replace("HELP", f"{program} report --help")
    return subprocess.run(["bash", "-c", line], capture_output=True, timeout=300, check=False, cwd=ROOT)


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&- >&- <&-", *(["2>&-", ">&-"] if FULL else [])])
def test_what_is_said_may_get_lost(program: str, ckpts: Path, redirected: str) -> None:
    done = shell(f"REPORT {redirected}", ckpts, program)
    assert done.returncode == 0, done
    assert b"Traceback" not in done.stderr
    latest = (ckpts.parent / "out" / "latest").resolve()
    assert (latest / "report.json").stat().st_size > 1000
    assert done.stdout == b"" or done.stdout.endswith(f"{ckpts.parent}/out/latest/index.html\n".encode())


def test_a_finding_keeps_its_exit_code(program: str, ckpts: Path) -> None:
    (ckpts / "m-3.safetensors").write_bytes((ckpts / "m-2.safetensors").read_bytes()[:-9])
    assert shell("REPORT --settle 0 2>/dev/full", ckpts, program).returncode == 4


def test_a_reader_that_has_gone_is_told_by_the_exit_code(program: str, ckpts: Path) -> None:
    done = shell("REPORT 2>&1 | head -1; exit ${PIPESTATUS[0]}", ckpts, program)
    assert done.returncode == 141
    assert done.stderr == b""
    assert (ckpts.parent / "out" / "latest" / "index.html").is_file()
    done = shell("SCAN --json | true; exit ${PIPESTATUS[0]}", ckpts, program)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["SCAN", "HELP", "REPORT"])
def test_a_full_standard_output_is_an_error(program: str, ckpts: Path, command: str) -> None:
    done = shell(f"{command} >/dev/full", ckpts, program)
    assert done.returncode == 1
    assert done.stderr.endswith(b"ckpt-report: standard output cannot be written: No space left on device\n")
    assert b"Traceback" not in done.stderr


def test_the_program_as_it_is_started(ckpts: Path) -> None:
    """All of the above in a process that loads everything itself: the one case in which most comes together."""
    done = shell("REPORT 2>&- >&- <&-", ckpts, shlex.join(PROGRAM))
    assert done.returncode == 0, done
    assert (ckpts.parent / "out" / "latest" / "index.html").is_file()
