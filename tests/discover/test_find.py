"""Series, order and states, with a toy format whose files hold their step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reporter.discover import find
from reporter.errors import CorruptCheckpoint, SettingError
from reporter.model.checkpoint import Claim, Found, Peek, Probe
from reporter.model.tensor import Contents


class Toy:
    """Files that start with TOY; the rest is the step, "?" for none, "!" for a corrupt one."""

    name = "toy"
    title = "Toy"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        return Claim("toy", folder, (names["toy.dir"],), folder.name) if "toy.dir" in names else None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        if not probe.head.startswith(b"TOY"):
            return None
        label = probe.path.name.removesuffix(".toy")
        problem = ("broken", "corrupt") if probe.head == b"TOY!" else ("", "")
        return Claim("toy", probe.path, (probe.path,), label, *problem)

    def open(self, path: Path) -> AbstractContextManager[Contents]:
        raise AssertionError("discovery opens nothing by itself")


def peek(claim: Claim) -> Peek:
    path = claim.path
    if path.is_dir():
        return Peek()
    text = path.read_bytes()[3:].decode()
    if text == "x":
        raise CorruptCheckpoint(path, "cannot be opened")
    return Peek() if text == "?" else Peek(int(text), "toy step")


def scan(folder: Path, **settings: float) -> Found:
    return find([folder], [Toy()], peek, **({"settle": 0.0} | settings))  # type: ignore[arg-type]


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def names(found: Found) -> dict[str, list[str]]:
    return {s.name: [r.name for r in s.checkpoints] for s in found.series}


def test_steps_inside_the_files_win_where_the_times_rise_with_them(tmp_path: Path) -> None:
    write(tmp_path, **{"ckpt-1.toy": "TOY300", "ckpt-2.toy": "TOY20", "ckpt-3.toy": "TOY100"})
    for name, time in (("ckpt-2", 1000), ("ckpt-3", 2000), ("ckpt-1", 3000)):
        os.utime(tmp_path / f"{name}.toy", (time, time))
    (series,) = scan(tmp_path).series
    assert series.ordered_by == "in-file"
    assert [r.name for r in series.checkpoints] == ["ckpt-2.toy", "ckpt-3.toy", "ckpt-1.toy"]
    assert [r.step.value for r in series.checkpoints] == [20, 100, 300]


@pytest.mark.parametrize("inside", ["?", "7"])
def test_numbers_of_the_names_come_next(tmp_path: Path, inside: str) -> None:
    """Steps that are missing, or all the same, order nothing."""
    write(tmp_path, **{f"ckpt-{n}.toy": f"TOY{inside}" for n in (9, 10, 100)})
    (series,) = scan(tmp_path).series
    assert series.ordered_by == "file name"
    assert [r.step.value for r in series.checkpoints] == [9, 10, 100]


def test_time_comes_last(tmp_path: Path) -> None:
    write(tmp_path, old1_x="TOY?", sub__mid="TOY?")
    for i, name in enumerate(["c", "a", "b"]):
        write(tmp_path, **{f"{name}__model.toy": "TOY?"})
        os.utime(tmp_path / name / "model.toy", (1000 + i, 1000 + i))
    found = scan(tmp_path)
    assert {s.ordered_by for s in found.series} <= {"modification time", "file name"}
    assert len(found.series) == 5


def test_several_series_in_one_folder_and_in_subfolders(tmp_path: Path) -> None:
    write(tmp_path, **{"gen-1": "TOY?", "gen-2": "TOY?", "dis-1": "TOY?", "run__gen-1": "TOY?", "run__gen-2": "TOY?"})
    assert names(scan(tmp_path)) == {
        "dis-*": ["dis-1"],
        "gen-*": ["gen-1", "gen-2"],
        "run/gen-*": ["run/gen-1", "run/gen-2"],
    }


def test_a_folder_can_be_a_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, **{"export__1__toy.dir": "", "export__2__toy.dir": "", "export__2__notes.txt": "x"})
    found = scan(tmp_path)
    assert names(found) == {"export/*": ["export/1", "export/2"]}
    assert [f.path for f in found.files if f.state == "not a checkpoint"] == ["export/2/notes.txt"]


def test_the_rest_is_listed_quietly(tmp_path: Path) -> None:
    write(tmp_path, **{"README": "hello", "big.h5": "version https://git-lfs.github.com/spec/v1\noid", "a-1": "TOY?"})
    (tmp_path / "link").symlink_to(tmp_path)
    states = {f.path: f.state for f in scan(tmp_path).files}
    assert states == {
        "README": "not a checkpoint",
        "a-1": "found",
        "big.h5": "not downloaded",
        "link": "not a checkpoint",
    }


@pytest.mark.parametrize("content", ["TOY!", "TOYx"])
def test_unsound_files_are_in_progress_until_they_settle(tmp_path: Path, content: str) -> None:
    write(tmp_path, **{"a-1": content})
    (young,) = scan(tmp_path, settle=120.0).files
    assert young.state == "in progress"
    assert "probably being saved" in young.reason
    (old,) = scan(tmp_path, settle=120.0, now=(tmp_path / "a-1").stat().st_mtime + 121).files
    assert old.state == "corrupt"


def test_one_file_can_be_named(tmp_path: Path) -> None:
    write(tmp_path, **{"a-1": "TOY1", "a-2": "TOY2", "b": "no"})
    found = scan(tmp_path / "a-2")
    assert names(found) == {"a-*": ["a-2"]}
    assert len(found.files) == 1


def test_a_missing_folder_is_a_setting_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no such folder"):
        scan(tmp_path / "none")


def test_two_folders_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, **{"one__a-1": "TOY1", "two__a-1": "TOY1"})
    found = find([tmp_path / "one", tmp_path / "two"], [Toy()], peek, settle=0.0)
    assert names(found) == {"one/a-*": ["one/a-1"], "two/a-*": ["two/a-1"]}
