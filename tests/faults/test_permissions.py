"""Files and folders that this user may not read, as a user without privileges meets them."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reporter.cli import main
from tests.faults.running import PROGRAM, Done, listed, published, run, series, several

pytestmark = pytest.mark.filterwarnings("ignore:os.fork\\(\\) was called:RuntimeWarning")
"""JAX, which another test may have loaded, warns of forks; here the child becomes another program at once."""

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


def privileges() -> dict[str, Any]:
    return {"preexec_fn": _give_up_privileges} if os.geteuid() == 0 else {}


DENIED = "permission denied"
CLOSED = ("names", "closed", "passing")
MODES = (0o444, 0o000, 0o111)


def _prepared(folder: Path) -> dict[str, tuple[list[object], Mapping[str, str]]]:
    """Folders that are closed in every way, and the command that meets each."""
    home, commands = {"HOME": str(folder / "home"), "CKPT_REPORT_CACHE": ""}, {}

    def command(name: str, *arguments: object, **more: str) -> None:
        out = folder / name / "out"
        commands[name] = (
            ["report", *arguments, "-o", out, "--no-pdf", "--settle", "0"], home | {"XDG_CACHE_HOME": ""} | more
        )  # fmt: skip

    (folder / "home").mkdir()
    rows = series(folder / "rows" / "c")
    for name in CLOSED:
        series(rows / name)
    (rows / "m-9.safetensors").write_bytes((rows / "m-1.safetensors").read_bytes())
    (rows / "m-9.safetensors").chmod(0)
    (rows / "link").symlink_to("closed/m-1.safetensors")
    command("rows", rows)
    for name, mode in zip(CLOSED, MODES, strict=True):
        (rows / name).chmod(mode)
        root = series(folder / f"root {name}" / "c")
        root.chmod(mode)
        command(f"root {name}", root)
    named = series(folder / "named" / "c")
    named.chmod(0o111)
    command("named", named / "m-1.safetensors", named / "m-2.safetensors")
    sound, inner = series(folder / "below" / "c"), series(folder / "below" / "closed" / "c")
    inner.parent.chmod(0)
    command("below", inner, sound)
    for name in ("home", "cache", "rules"):
        closed = folder / f"closed {name}" / "closed"
        closed.mkdir(parents=True)
        (closed / "mine.py").touch()
        closed.chmod(0)
        if name == "home":
            command("closed home", sound, HOME=str(closed))
        else:
            command(f"closed {name}", sound, f"--{name}", closed / "mine.py")
    return commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("permissions")
    yield folder
    for where, folders, _ in os.walk(folder):
        for name in folders:
            Path(where, name).chmod(0o755)


@pytest.fixture(scope="module")
def done(folder: Path, permissions_apply: None) -> dict[str, Done]:
    """What became of each command; all run in one process, which is quicker by minutes."""
    commands = _prepared(folder)
    return dict(zip(commands, several(*commands.values(), **privileges()), strict=True))


def test_what_may_not_be_read_costs_one_row_each(folder: Path, done: dict[str, Done]) -> None:
    """Closed files and folders, a folder whose names alone can be read, links into a closed one."""
    assert done["rows"].code == 4, done["rows"]
    entries = listed(published(folder / "rows" / "out"))
    assert entries["m-9.safetensors"] == ("unreadable", f"it cannot be read: {DENIED}")
    assert entries["link"] == ("unreadable", f"it cannot be looked at: {DENIED}")
    assert entries["closed"] == entries["passing"] == ("unreadable", f"the folder cannot be listed: {DENIED}")
    assert {state for path, (state, _) in entries.items() if path.startswith("names/")} == {"unreadable"}
    assert [entries[f"m-{n}.safetensors"][0] for n in (1, 2)] == ["measured", "measured"]


def test_nothing_is_a_defect(done: dict[str, Done]) -> None:
    for name, ended in done.items():
        assert "defect" not in ended.said and "Traceback" not in ended.said, (name, ended)


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_root_is_reported_and_never_green(folder: Path, done: dict[str, Done], name: str) -> None:
    ended = done[f"root {name}"]
    assert ended.code == 4, ended
    assert DENIED in ended.said
    assert "verdict WARN" in ended.said
    assert not (folder / f"root {name}" / "out" / "latest").exists()


def test_a_file_in_a_folder_that_cannot_be_listed_can_be_named(folder: Path, done: dict[str, Done]) -> None:
    assert done["named"].code == 0, done["named"]
    record = json.loads((folder / "named" / "out" / "latest" / "report.json").read_text())
    assert [len(s["checkpoints"]) for s in record["series"]] == [2]


def test_a_root_below_a_closed_folder_is_one_row(folder: Path, done: dict[str, Done]) -> None:
    assert done["below"].code == 4, done["below"]
    assert {state for state, _ in listed(published(folder / "below" / "out")).values()} == {"measured", "unreadable"}


def test_a_home_and_a_cache_that_are_closed_cost_one_line(done: dict[str, Done]) -> None:
    for name in ("closed home", "closed cache"):
        assert done[name].code == 0, done[name]
        assert done[name].said.count("cannot be written (Permission denied)") == 1
    assert "ckpt-report.toml, if there is such a file, is ignored: Permission denied" in done["closed home"].said


def test_rules_in_a_closed_folder_are_a_mistake_of_the_user(done: dict[str, Done]) -> None:
    assert done["closed rules"].code == 2, done["closed rules"]
    assert "mine.py: is no Python file" in done["closed rules"].said


def test_a_deleted_and_a_closed_checkpoint_are_told_apart(
    tmp_path: Path,
) -> None:
    """What an earlier run measured is not gone where its folder is closed now; it is listed as unreadable."""
    folder = tmp_path
    for n in (1, 2, 3):
        series(folder / "c", n)
        (folder / f"step-{n}").mkdir()
        (folder / "c" / f"m-{n}.safetensors").rename(folder / f"step-{n}" / "m.safetensors")
    (folder / "c").rename(folder / "aside")
    roots = [folder / f"step-{n}" for n in (1, 2, 3)]
    command: Any = (["report", *roots, "-o", folder / "out", "--cache", folder / "cache", "--no-pdf"], {})
    assert main([str(argument) for argument in command[0]]) == 0
    (folder / "step-1").chmod(0)
    (ended,) = several(command, **privileges())
    (folder / "step-1").chmod(0o755)
    assert ended.code == 4, ended
    assert "deleted by now" not in ended.said


def test_a_working_folder_that_is_closed_is_told(tmp_path: Path) -> None:
    ckpts = series(tmp_path / "c")
    (tmp_path / "work").mkdir()
    program = ("sh", "-c", 'cd "$0" && chmod 0 . && exec "$@"', str(tmp_path / "work"))
    arguments = [*PROGRAM, "scan", str(ckpts)]
    done = unprivileged(*arguments, program=program)
    (tmp_path / "work").chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert b"settings in the working folder, if there are any, do not count: Permission denied" in done.stderr


def test_a_working_folder_that_is_deleted(tmp_path: Path) -> None:
    ckpts = series(tmp_path / "c")
    (tmp_path / "work").mkdir()
    program = ("sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(tmp_path / "work"))
    commands: list[Any] = [(["scan", ckpts], {}), (["report", ".", "-o", tmp_path / "out", "--no-pdf"], {})]
    whole, nothing = several(*commands, program=program)
    assert whole.code == 0, whole
    assert nothing.code == 4
    assert "nothing was measured" in nothing.said
