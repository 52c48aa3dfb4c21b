"""What a run published is left out of the next one, and nothing else is: names that others use prove nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reporter.cli import main
from reporter.gather.catalog import scan
from reporter.model.checkpoint import State
from reporter.model.output import MARKER, marker
from reporter.settings.model import Settings
from tests.faults.running import checkpoint, series


def states(root: Path, **more: object) -> dict[str, str]:
    return {e.path: e.state for e in scan(Settings(roots=(root,), settle=0.0, **more)).files}  # type: ignore[arg-type]


def report(root: Path, out: Path) -> int:
    return main(["report", str(root), "-o", str(out), "--no-pdf", "-q"])


def test_a_training_layout_is_not_taken_for_output(tmp_path: Path) -> None:
    """``runs/`` and ``latest`` are what many programs call theirs."""
    folder = tmp_path / "training"
    series(folder / "runs" / "20260102T030405Z-1a2b3c4d")
    (folder / "latest").symlink_to("runs/20260102T030405Z-1a2b3c4d")
    for root in (folder, tmp_path):
        assert list(states(root).values()).count(State.FOUND) == 2


def test_a_report_into_the_folder_of_the_checkpoints(tmp_path: Path) -> None:
    """As often as one likes: the checkpoints stay, and the reports are listed, not read."""
    folder = series(tmp_path / "c")
    series(folder / "runs" / "of-training")
    for times in range(3):
        assert report(folder, folder) == 0
        found = states(folder)
        assert list(found.values()).count(State.FOUND) == 4
        left_out = [path for path, state in found.items() if state == State.LEFT_OUT]
        assert len(left_out) == times + 1
        assert all(path.startswith("runs/2") for path in left_out)


def test_an_output_folder_inside_is_one_row(tmp_path: Path) -> None:
    folder = series(tmp_path / "c")
    for _ in range(2):
        assert report(folder, folder / "reports") == 0
    assert states(folder) == {"m-1.safetensors": "found", "m-2.safetensors": "found", "reports": "left out"}
    moved = (folder / "reports").rename(folder / "elsewhere")
    assert states(folder)["elsewhere"] == State.LEFT_OUT
    checkpoint(moved / "m-9.safetensors")  # it is not only a folder of reports any more
    found = states(folder)
    assert found["elsewhere/m-9.safetensors"] == State.FOUND
    assert sum(state == State.LEFT_OUT for state in found.values()) == 2
    assert State.FOUND in states(moved).values()


def test_an_output_folder_that_is_a_root_is_looked_through(tmp_path: Path) -> None:
    folder = series(tmp_path / "c")
    assert report(folder, tmp_path / "out") == 0
    checkpoint((tmp_path / "out" / "latest").resolve() / "m-9.safetensors")
    assert State.FOUND not in states(tmp_path / "out").values()
    assert State.FOUND in states((tmp_path / "out" / "latest").resolve()).values()


def test_files_copied_out_of_a_report_mark_nothing(tmp_path: Path) -> None:
    folder = series(tmp_path / "c")
    assert report(folder, tmp_path / "out") == 0
    run = (tmp_path / "out" / "latest").resolve()
    assert (run / MARKER).read_bytes() == marker(run.name)
    inner = folder / "inner"
    shutil.copytree(run, inner)
    checkpoint(inner / "m-9.safetensors")
    assert states(folder)["inner/m-9.safetensors"] == State.FOUND


def test_the_cache_is_one_row_and_never_hides_the_root(tmp_path: Path) -> None:
    folder = series(tmp_path / "c")
    (folder / "cache").mkdir()
    assert states(folder, cache=folder / "cache")["cache"] == State.LEFT_OUT
    assert list(states(folder, cache=folder).values()) == [State.FOUND] * 2


@pytest.mark.parametrize("content", [b"", b"anything", b"A report of ckpt-report, in the folder other\n"])
def test_only_what_this_program_wrote_marks_a_report(tmp_path: Path, content: bytes) -> None:
    folder = series(tmp_path / "c" / "inner")
    (folder / MARKER).write_bytes(content)
    assert states(tmp_path / "c")["inner/m-1.safetensors"] == State.FOUND
