"""Integrity alone: states, checks and exit codes, over every format that the readers know."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter.cli import main
from reporter.readers import READERS
from tests.make.formats import NAMES, files_of


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_sound_as_written(
    made: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    assert main(["verify", str(made[name].parent), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    (row,) = record["checkpoints"]
    assert (row["state"], row["format"], record["unsound"]) == ("sound", name, 0)
    assert row["check"] in {"crc32c", "zip crc32", "lengths"}
    assert row["tensors"] > 0
    assert row["nbytes"] >= 4 * 100


TAIL_ONLY = {"tf-v1"}
"""Told by its last bytes alone: cut off, such a file is no checkpoint of any known format."""


@pytest.mark.parametrize("name", [r.name for r in READERS if r.name not in TAIL_ONLY])
def test_a_checkpoint_cut_in_half_is_not_sound_even_while_it_is_young(
    made: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made[name].parent, folder)
    largest = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    for settle in ("600", "0"):
        assert main(["verify", str(folder), "--settle", settle]) == 4
        seen = capsys.readouterr()
        (line,) = [row for row in seen.out.splitlines() if not row.startswith("sound")]
        assert line.split("  ")[0].strip() in ({"in progress"} if settle == "600" else {"partial", "corrupt"})
        assert "0 of 1 checkpoints are sound" in seen.err


def weights(path: Path, value: float) -> None:
    save_file({"a.kernel": np.full((3, 3), value, "f4")}, path)


def test_one_line_per_checkpoint_and_one_bad_one_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights(tmp_path / "m-1.safetensors", 1)
    (tmp_path / "m-2.safetensors").write_bytes((tmp_path / "m-1.safetensors").read_bytes()[:-5])
    weights(tmp_path / "m-3.safetensors", 3)
    (tmp_path / "notes.txt").write_text("x")
    assert main(["verify", str(tmp_path), "--settle", "0"]) == 4
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["sound", "partial", "sound"]
    assert "it is cut" in lines[1]


def test_a_flipped_weight_is_corrupt_and_named(shared_data: Path, tmp_path: Path, capsys: Any) -> None:
    for path in (shared_data / "series" / "crypto-gan-tf2").glob("ckpt-[12].*"):
        shutil.copyfile(path, tmp_path / path.name)
    data = tmp_path / "ckpt-2.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 4
    data.write_bytes(content)
    assert main(["verify", str(tmp_path), "--json", "--settle", "0"]) == 4
    sound, corrupt = json.loads(capsys.readouterr().out)["checkpoints"]
    assert (sound["state"], sound["check"]) == ("sound", "crc32c")
    assert (corrupt["state"], corrupt["check"]) == ("corrupt", "crc32c")
    assert "crc32c" in corrupt["reason"]
    assert "tensor '" in corrupt["reason"]


def test_nothing_to_verify_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("x")
    assert main(["verify", str(tmp_path)]) == 2
    assert "no checkpoint was found" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "none")]) == 2


def test_nothing_is_changed(tmp_path: Path) -> None:
    weights(tmp_path / "m-1.safetensors", 1)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(tmp_path / "m-1.safetensors")}
    assert main(["verify", str(tmp_path)]) == 0
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(tmp_path / "m-1.safetensors")} == before
