"""Links and names that the file system refuses to follow or to hold: one row each, and a report of the rest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from reporter.cli import main
from reporter.discover.listing import is_pseudo, place
from reporter.discover.walk import MAX_DEPTH
from reporter.gather.catalog import scan
from reporter.model.checkpoint import Found, State
from reporter.settings.model import Settings
from tests.faults.running import checkpoint, listed, published, series


def found(*roots: Path) -> Found:
    return scan(Settings(roots=roots, settle=0.0))


def states(*roots: Path) -> dict[str, tuple[str, str]]:
    return {entry.path: (entry.state, entry.reason) for entry in found(*roots).files}


def names(*roots: Path) -> dict[str, list[str]]:
    return {s.name: [ref.name for ref in s.checkpoints] for s in found(*roots).series}


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    """No checkpoint can lie behind them: they are listed, and a run that meets them every night stays green."""
    folder = series(tmp_path / "c")
    (folder / "self").symlink_to("self")
    (folder / "there").symlink_to("back")
    (folder / "back").symlink_to("there")
    (folder / "long").symlink_to("x" * 300)
    (folder / "gone").symlink_to("nothing")
    (folder / "through").symlink_to("m-1.safetensors/inner")
    os.mkfifo(folder / "pipe.keras")
    assert main(["report", str(folder), "-o", str(tmp_path / "out"), "--no-pdf", "-q"]) == 0
    entries = listed(published(tmp_path / "out"))
    reasons = {
        **dict.fromkeys(("self", "there", "back"), "a link that leads back to itself"),
        "long": "a link to a name that is longer than the file system allows",
        "gone": "a link to something that is not there",
        "through": "a link through a file as if that were a folder",
        "pipe.keras": "neither a file nor a folder: a pipe or a device",
    }
    assert {name: entries[name] for name in reasons} == {n: ("not a checkpoint", r) for n, r in reasons.items()}
    assert [entries[f"m-{n}.safetensors"][0] for n in (1, 2)] == ["measured", "measured"]


def test_a_root_that_leads_nowhere_costs_one_row(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    folder = series(tmp_path / "c")
    assert states(tmp_path / "self")["self"][0] == State.UNREADABLE
    assert states(tmp_path / "self", folder)["self"][0] == State.UNREADABLE
    assert names(tmp_path / "self", folder) == {"c/m-*": ["c/m-1.safetensors", "c/m-2.safetensors"]}


def test_folders_nested_up_to_the_longest_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH_MAX is 4,096 bytes; what lies deeper can only be reached step by step."""
    folder = series(tmp_path / "c")
    monkeypatch.chdir(folder)
    for _ in range(20):
        Path("n" * 250).mkdir()
        os.chdir("n" * 250)
    os.chdir(folder)
    entries = states(folder)
    (deep,) = (path for path in entries if path.startswith("n"))
    assert entries[deep][0] == State.UNREADABLE
    assert "longer than the file system allows" in entries[deep][1]
    assert len(names(folder)["m-*"]) == 2
    shutil.rmtree(folder / ("n" * 250))  # pytest cannot


def test_what_is_not_entered_is_listed(tmp_path: Path) -> None:
    deep = series(tmp_path / "c").joinpath(*(["d"] * (MAX_DEPTH + 1)))
    checkpoint(deep / "m-3.safetensors")
    for name in (".git", "node_modules", ".venv", "__pycache__"):
        checkpoint(tmp_path / "c" / name / "m-4.safetensors")
    entries = states(tmp_path / "c")
    left_out = {path for path, (state, _) in entries.items() if state == State.LEFT_OUT}
    assert left_out == {".git", "node_modules", ".venv", "__pycache__", "/".join(["d"] * (MAX_DEPTH + 1))}
    assert all(entries[path][1].startswith("not looked into: ") for path in left_out)
    assert names(tmp_path / "c" / ".git") == {"m-*": ["m-4.safetensors"]}  # it was asked for
    assert main(["scan", str(tmp_path / "c")]) == 0


def test_the_count_of_what_is_not_entered_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "c" / ".git")
    series(tmp_path / "c")
    assert main(["scan", str(tmp_path / "c")]) == 0
    assert "; 1 folders not looked into: .git" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "c"), "-o", str(tmp_path / "out"), "--no-pdf"]) == 0
    assert "1 folder not looked into: .git" in capsys.readouterr().err


def test_views_of_the_kernel_are_known() -> None:
    if not Path("/proc/self/mountinfo").exists():
        pytest.skip("this system has no /proc")
    at, here = place(Path("/proc")), place(Path(__file__))
    assert at is not None
    assert here is not None
    assert is_pseudo(at)
    assert not is_pseudo(here)


def test_one_file_under_several_names_counts_once(tmp_path: Path) -> None:
    folder = series(tmp_path / "c")
    os.link(folder / "m-2.safetensors", folder / "best.safetensors")
    (folder / "latest.safetensors").symlink_to("m-2.safetensors")
    (folder / "a").mkdir()
    (folder / "a" / "m-9.safetensors").symlink_to("../m-1.safetensors")
    assert names(folder) == {"m-*": ["m-1.safetensors", "m-2.safetensors"]}
    entries = states(folder)
    for name, original in (("best", "m-2"), ("latest", "m-2"), ("a/m-9", "m-1")):
        state, reason = entries[f"{name}.safetensors"]
        assert state == State.NO_CHECKPOINT
        assert reason == f"another name of {original}.safetensors, which is counted once"


def test_a_link_out_of_the_folder_is_a_checkpoint(tmp_path: Path) -> None:
    checkpoint(tmp_path / "elsewhere" / "big.safetensors")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "m-1.safetensors").symlink_to("../elsewhere/big.safetensors")
    assert names(tmp_path / "c") == {"m-*": ["m-1.safetensors"]}


def test_files_given_one_by_one_form_the_series_of_their_folder(tmp_path: Path) -> None:
    folder = series(tmp_path / "c", 4)
    files = [folder / f"m-{n}.safetensors" for n in (1, 2, 4)]
    assert names(*files) == {"m-*": [path.name for path in files]}
    assert len(found(*files).files) == 3


@pytest.mark.parametrize("order", [1, -1])
def test_repeated_and_overlapping_roots_count_once(tmp_path: Path, order: int) -> None:
    series(tmp_path / "c" / "sub")
    folder = series(tmp_path / "c")
    (tmp_path / "link").symlink_to("c")
    roots = [folder, folder / "sub", folder / "m-1.safetensors", folder, tmp_path / "c" / ".." / "c"][::order]
    once = names(folder)
    assert (
        names(*roots)
        == once
        == {
            "m-*": ["m-1.safetensors", "m-2.safetensors"],
            "sub/m-*": ["sub/m-1.safetensors", "sub/m-2.safetensors"],
        }
    )
    through = names(*[tmp_path / "link", folder][::order])
    assert [len(of) for of in through.values()] == [2, 2]


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    roots = [series(tmp_path / run / "ckpts") for run in ("x", "y")]
    assert list(names(*roots)) == ["x/ckpts/m-*", "y/ckpts/m-*"]
    paths = [entry.path for entry in found(*roots).files]
    assert len(set(paths)) == len(paths) == 4
