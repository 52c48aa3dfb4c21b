"""Standard streams that are closed, full or gone: the report is published, and the exit code says what became of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.faults.running import FULL, PROGRAM, ROOT, series


@pytest.fixture
def ckpts(tmp_path: Path) -> Path:
    return series(tmp_path / "c")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    import os

    program = " ".join(PROGRAM)
    line = command.replace("REPORT", f"{program} report {folder} -o {folder.parent}/out --no-pdf")
    line = line.replace("SCAN", f"{program} scan {folder}").replace("HELP", f"{program} report --help")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", line], capture_output=True, timeout=300, check=False, env=variables)


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&- >&- <&-", *(["2>&-", ">&-"] if FULL else [])])
def test_what_is_said_may_get_lost(ckpts: Path, redirected: str) -> None:
    done = shell(f"REPORT {redirected}", ckpts)
    assert done.returncode == 0, done
    assert b"Traceback" not in done.stderr
    latest = (ckpts.parent / "out" / "latest").resolve()
    assert (latest / "report.json").stat().st_size > 1000
    assert done.stdout in (b"", f"{latest}/index.html\n".encode())


def test_a_finding_keeps_its_exit_code(ckpts: Path) -> None:
    (ckpts / "m-3.safetensors").write_bytes((ckpts / "m-2.safetensors").read_bytes()[:-9])
    assert shell("REPORT --settle 0 2>/dev/full", ckpts).returncode == 4


def test_a_reader_that_has_gone_is_told_by_the_exit_code(ckpts: Path) -> None:
    done = shell("REPORT 2>&1 | head -1; exit ${PIPESTATUS[0]}", ckpts)
    assert done.returncode == 141
    assert done.stderr == b""
    assert (ckpts.parent / "out" / "latest" / "index.html").is_file()
    done = shell("SCAN --json | true; exit ${PIPESTATUS[0]}", ckpts)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["SCAN", "HELP", "REPORT -q"])
def test_a_full_standard_output_is_an_error(ckpts: Path, command: str) -> None:
    done = shell(f"{command} >/dev/full", ckpts)
    assert done.returncode == 1
    assert done.stderr.endswith(b"ckpt-report: standard output cannot be written: No space left on device\n")
    assert b"Traceback" not in done.stderr
