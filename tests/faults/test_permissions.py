"""Files and folders that this user may not read, as a user without privileges meets them."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.running import PROGRAM, listed, published, run, series

PR_CAPBSET_DROP = 24
FILE_PRIVILEGES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (linux/capability.h): what lets root read everything."""


def _give_up_privileges() -> None:
    """Of what is executed next: root is then held to the permissions of its own files, like anybody else."""
    for privilege in FILE_PRIVILEGES:
        ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, privilege, 0, 0, 0)


def unprivileged(*arguments: object, **options: Any) -> Any:
    """The program as a user to whom permissions apply."""
    return run(*arguments, **({"preexec_fn": _give_up_privileges} if os.geteuid() == 0 else {}), **options)


@pytest.fixture(scope="module", autouse=True)
def permissions_apply(tmp_path_factory: pytest.TempPathFactory) -> None:
    closed = tmp_path_factory.mktemp("closed") / "file"
    closed.touch(mode=0)
    if unprivileged(closed, program=("cat",)).returncode == 0:
        pytest.skip("root cannot give up its privileges here, so that every file can be read")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name in ("home", "out"):
        (tmp_path / name).mkdir()
    yield tmp_path
    for where, folders, _ in os.walk(tmp_path):
        for name in folders:
            Path(where, name).chmod(0o755)


def report(folder: Path, *arguments: object, **options: Any) -> Any:
    environment = {"HOME": str(folder / "home"), "CKPT_REPORT_CACHE": ""} | options.pop("env", {})
    return unprivileged(
        "report", *arguments, "-o", folder / "out", "--no-pdf", "--settle", "0", env=environment, **options
    )


def test_what_may_not_be_read_costs_one_row_each(folder: Path) -> None:
    """Closed files and folders, a folder whose names alone can be read, links into a closed one."""
    ckpts = series(folder / "c")
    for name in ("closed", "names", "passing"):
        series(ckpts / name)
    (ckpts / "m-9.safetensors").write_bytes((ckpts / "m-1.safetensors").read_bytes())
    (ckpts / "m-9.safetensors").chmod(0)
    (ckpts / "link").symlink_to("closed/m-1.safetensors")
    for name, mode in (("closed", 0), ("names", 0o444), ("passing", 0o111)):
        (ckpts / name).chmod(mode)
    done = report(folder, ckpts)
    assert done.returncode == 4, done.stderr
    entries = listed(published(folder / "out"))
    denied = "permission denied"
    assert entries["m-9.safetensors"] == ("unreadable", f"it cannot be read: {denied}")
    assert entries["link"] == ("unreadable", f"it cannot be looked at: {denied}")
    assert entries["closed"] == entries["passing"] == ("unreadable", f"the folder cannot be listed: {denied}")
    assert {state for path, (state, _) in entries.items() if path.startswith("names/")} == {"unreadable"}
    assert [entries[f"m-{n}.safetensors"][0] for n in (1, 2)] == ["measured", "measured"]
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("mode", [0o444, 0o000, 0o111])
def test_a_closed_root_is_reported_and_never_green(folder: Path, mode: int) -> None:
    ckpts = series(folder / "c")
    ckpts.chmod(mode)
    done = report(folder, ckpts)
    assert done.returncode == 4, done.stderr
    assert b"permission denied" in done.stderr
    assert b"verdict WARN" in done.stderr
    assert not (folder / "out" / "latest").exists()


def test_a_file_in_a_folder_that_cannot_be_listed_can_be_named(folder: Path) -> None:
    ckpts = series(folder / "c")
    ckpts.chmod(0o111)
    assert report(folder, ckpts / "m-1.safetensors", ckpts / "m-2.safetensors").returncode == 0
    record = json.loads((folder / "out" / "latest" / "report.json").read_text())
    assert [len(s["checkpoints"]) for s in record["series"]] == [2]


def test_a_root_below_a_closed_folder_is_one_row(folder: Path) -> None:
    inner = series(folder / "closed" / "c")
    (folder / "closed").chmod(0)
    done = report(folder, inner, series(folder / "c"))
    assert done.returncode == 4, done.stderr
    assert {state for state, _ in listed(published(folder / "out")).values()} == {"measured", "unreadable"}


def test_a_home_and_a_cache_that_are_closed_cost_one_line(folder: Path) -> None:
    ckpts = series(folder / "c")
    (folder / "home").chmod(0)
    done = report(folder, ckpts)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"cannot be written (Permission denied)") == 1
    (folder / "closed").mkdir(mode=0)
    done = report(folder, ckpts, "--cache", folder / "closed" / "cache")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"cannot be written (Permission denied)") == 1


def test_a_working_folder_that_is_closed_is_told(folder: Path) -> None:
    ckpts = series(folder / "c")
    (folder / "work").mkdir()
    program = ("sh", "-c", 'cd "$0" && chmod 0 . && exec "$@"', str(folder / "work"))
    arguments = [*PROGRAM, "report", str(ckpts), "-o", str(folder / "out"), "--no-pdf"]
    environment = {"HOME": str(folder / "home"), "CKPT_REPORT_CACHE": ""}
    done = unprivileged(*arguments, program=program, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"settings in the working folder, if there are any, do not count: Permission denied" in done.stderr


def test_a_working_folder_that_is_deleted(folder: Path) -> None:
    ckpts = series(folder / "c")
    (folder / "work").mkdir()
    program = ("sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(folder / "work"))
    arguments = [*PROGRAM, "report", str(ckpts), "-o", str(folder / "out"), "--no-pdf"]
    done = run(*arguments, program=program)
    assert done.returncode == 0, done.stderr
    (folder / "work").mkdir()
    done = run(*PROGRAM, "report", ".", "-o", folder / "out", "--no-pdf", program=program)
    assert done.returncode == 4
    assert b"nothing was measured" in done.stderr
    assert b"Traceback" not in done.stderr
