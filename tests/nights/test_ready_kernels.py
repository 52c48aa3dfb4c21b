"""Compiled kernels are read from folders that nothing can be written to, as in the image of a container."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reporter.measuring.kernels import objects

CODE = """
from __future__ import annotations
import sys
from pathlib import Path
from reporter.measuring import kernels
from reporter.measuring.kernels import compiled, objects

def compiles(folder, *ready):
    # whether code had to be compiled, and how many times that was told
    told = []
    def twice(x: int) -> int:
        return 2 * x
    objects.FOLDER, objects.READY = str(folder or ""), tuple(map(str, ready))
    kernel = compiled.jit(twice)
    with kernels.when_compiling(lambda: told.append(1)):
        assert kernel(21) == 42
    return kernel.compiled, len(told)

made, other = Path(sys.argv[1]), Path(sys.argv[2])
assert compiles(made) == (True, 1)
assert compiles(made) == (False, 0)
assert compiles(None, made) == (False, 0)
assert compiles(other, made) == (False, 0)
assert not list(other.iterdir()), "what is ready is not copied"
assert compiles(other) == (True, 1)
assert compiles(None, other, made) == (False, 0)
assert compiles(None) == (True, 1)
"""


def test_what_is_ready_is_used_wherever_it_lies(tmp_path: Path) -> None:
    script = tmp_path / "kernels.py"
    script.write_text(CODE)
    (tmp_path / "made").mkdir()
    (tmp_path / "other").mkdir()
    command = [sys.executable, str(script), str(tmp_path / "made"), str(tmp_path / "other")]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which compiled code can be kept."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "base"))
    return tmp_path / "base"


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_code_from_a_folder_that_others_can_write_to_is_not_executed(mode: int, base: Path) -> None:
    chosen, _ = objects._folders()
    assert Path(chosen).parent == base
    Path(chosen).chmod(mode)
    assert objects._folders() == ("", ())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_code_from_a_folder_of_somebody_else_is_not_executed(base: Path) -> None:
    chosen, _ = objects._folders()
    os.chown(chosen, 12345, 12345)
    assert objects._folders() == ("", ())


def test_a_link_in_place_of_the_folder_is_not_followed(base: Path) -> None:
    chosen, _ = objects._folders()
    Path(chosen).rename(base / "elsewhere")
    Path(chosen).symlink_to(base / "elsewhere")
    assert objects._folders() == ("", ())


def test_code_of_other_versions_is_deleted_after_a_month_without_use(base: Path) -> None:
    old, recent, foreign = (base / f"kernels-{name}" for name in ("0" * 16, "1" * 16, "my-own"))
    for folder in (old, recent, foreign):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    long_ago = time.time() - objects.OLD - 60
    for folder in (old, foreign):
        os.utime(folder, (long_ago, long_ago))
    chosen, _ = objects._folders()
    assert {path.name for path in base.iterdir()} == {recent.name, foreign.name, Path(chosen).name}
