"""Full disks: file systems of 0.3, 3 and 8 MB under the output, the cache, the kernels and the temporary files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest

from reporter.cli import main
from tests.faults.running import FULL, listed, run
from tests.faults.warm import HONEST, STOPPED, Small

SIZES = (300, 3000, 8000)
"""KiB."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


def mounted(folder: Path, size: int) -> Path:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", folder], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("disks"))


@pytest.mark.parametrize("size", SIZES)
def test_output(small: Small, disk: Path, size: int) -> None:
    """Until it is full: from then on the last report stands."""
    small.out = mounted(disk, size)
    codes = []
    for i in range(1, 12 if FULL or size == SIZES[0] else 4):
        latest = str((disk / "latest").readlink()) if (disk / "latest").is_symlink() else ""
        said = main(["report", str(small.ckpts), "-o", str(disk), "--cache", str(small.cache), "--no-pdf", "-q",
                     "--title", f"number {i}"])  # fmt: skip
        codes.append(said)
        assert said in HONEST | STOPPED
        assert small.leftovers() == []
        if said in STOPPED:
            assert (str((disk / "latest").readlink()) if latest else "") == latest
            break
        assert small.record()["title"] == f"number {i}"
    if size == SIZES[0]:
        assert codes[-1] in STOPPED


@pytest.mark.parametrize("size", SIZES if FULL else SIZES[:1])
def test_cache(small: Small, disk: Path, tmp_path: Path, size: int) -> None:
    small.cache, small.out = mounted(disk, size), tmp_path / "out"
    command = ["report", str(small.ckpts), "-o", str(small.out), "--cache", str(disk), "--no-pdf", "-q"]
    for _ in range(2):
        assert main(command) in HONEST
        assert small.states() == {"measured"}


@pytest.mark.parametrize("size", SIZES)
def test_temporary_files(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int,
                         capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Weights that somebody has compressed are inflated there: the archive is not damaged by what they do not fit."""
    values = np.random.default_rng(0).standard_normal(600_000).astype("f4")
    ckpts = tmp_path / "ckpts"
    ckpts.mkdir()
    with h5py.File(tmp_path / "w", "w") as file:
        file.create_group("vars")
        file["layers/dense/vars/0"] = values
    with zipfile.ZipFile(ckpts / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", '{"class_name": "Sequential", "config": []}')
        archive.writestr("metadata.json", "{}")
        archive.write(tmp_path / "w", "model.weights.h5")
    monkeypatch.setattr(tempfile, "tempdir", str(mounted(disk, size)))
    code, said = main(["verify", str(ckpts)]), capsys.readouterr().out
    if size * 1024 > values.nbytes + 100_000:
        assert code == 0, said
    else:
        assert code == 4
        assert "not examined" in said and "a disk is full" in said and "corrupt" not in said


def test_all_kernels(small: Small, disk: Path, tmp_path: Path) -> None:
    """Nothing can be kept: they are compiled for this run alone, whose report is whole."""
    out, folder = tmp_path / "out", mounted(disk, SIZES[0])
    sound = tmp_path / "one"
    sound.mkdir()
    shutil.copy(small.ckpts / "m-1.safetensors", sound)
    command = ("report", sound, "-o", out, "--no-cache", "--no-pdf", "-q")
    done = run(*command, env={"NUMBA_CACHE_DIR": str(folder)})
    assert done.returncode in HONEST, done.stderr.decode()
    assert {state for state, _ in listed(out / "latest").values()} == {"measured"}
    assert not [p for p in folder.rglob("*") if ".new-" in p.name]


KERNELS = """
from __future__ import annotations
import sys
from pathlib import Path
from reporter.measuring.kernels import compiled, objects

def compiles(folder):
    # whether code had to be compiled, or was taken from a folder
    def twice(x: int) -> int:
        return 2 * x
    objects.FOLDER, objects.READY = str(folder), ()
    kernel = compiled.jit(twice)
    assert kernel(21) == 42
    return kernel.compiled

small, folder = map(Path, sys.argv[1:])
if small != folder:
    assert [compiles(small), compiles(small)] == [True, True]
    assert [path.name for path in small.rglob("*") if path.is_file()] == ["filling"]
assert [compiles(folder), compiles(folder)] == [True, False]
(file,) = folder.iterdir()
whole = file.read_bytes()
for damaged in (b"", whole[: len(whole) // 2], whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]):
    file.write_bytes(damaged)
    assert [compiles(folder), compiles(folder)] == [True, False], len(damaged)
"""


def kernels(folder: Path, small: Path) -> None:
    (folder / "kept").mkdir()
    script = folder / "kernels.py"
    script.write_text(KERNELS)
    done = run(script, small, folder / "kept", program=(sys.executable,))
    assert done.returncode == 0, done.stderr.decode()


def test_damaged_kernels_are_compiled_again(tmp_path: Path) -> None:
    """Cut, empty, or with another byte: it would be executed."""
    kernels(tmp_path, tmp_path / "kept")


def test_a_full_disk_under_the_kernels(disk: Path, tmp_path: Path) -> None:
    """Nothing can be kept: they are compiled for this run alone, and nothing half is left."""
    filling = mounted(disk, SIZES[0]) / "filling"
    with suppress(OSError), filling.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    kernels(tmp_path, disk)
