"""Green only if something was looked at: nothing measured, or something that could not be, never passes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter.cli import main
from reporter.errors import RenderError
from reporter.render.pdf import Printer
from tests.faults.running import listed, published, series
from tests.make.command import read


def report(folder: Path, *more: object) -> int:
    return main(["report", str(folder), "-o", str(folder.parent / "out"), "--no-pdf", *map(str, more)])


def verdict(folder: Path) -> str:
    return str(json.loads((folder / "report.json").read_text())["verdict"])


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


def test_an_empty_folder(tmp_path: Path, said: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c").mkdir()
    assert report(tmp_path / "c") == 4
    printed = said.readouterr()
    assert "nothing was measured (no checkpoint was found), so this report does not become latest" in printed.err
    run = published(tmp_path / "out")
    assert Path(printed.out.splitlines()[-1]) == run / "index.html"
    assert verdict(run) == "WARN"
    assert json.loads((run / "report.json").read_text())["series"] == []
    assert not (tmp_path / "out" / "latest").exists()


def test_latest_stays_where_numbers_are(tmp_path: Path, said: pytest.CaptureFixture[str]) -> None:
    """All of a run that is being saved, deleted, or damaged."""
    folder = series(tmp_path / "c")
    assert report(folder) == 0
    latest = (tmp_path / "out" / "latest").readlink()
    files = [folder / "m-1.safetensors", folder / "m-2.safetensors"]
    for path in files:
        path.write_bytes(path.read_bytes()[:-9])
    assert report(folder, "--settle", 600) == 4  # being saved
    assert report(folder, "--settle", 0) == 4  # damaged
    for path in files:
        path.unlink()
    assert report(folder) == 4  # deleted
    assert said.readouterr().err.count("nothing was measured") == 3
    assert (tmp_path / "out" / "latest").readlink() == latest


def test_one_in_progress_beside_others_is_no_harm(tmp_path: Path) -> None:
    folder = series(tmp_path / "c", 3)
    path = folder / "m-3.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    assert report(folder, "--settle", 600) == 0


def test_thirteen_of_fourteen_unreadable_are_a_warning(tmp_path: Path, said: pytest.CaptureFixture[str]) -> None:
    folder = series(tmp_path / "c", 14)
    for n in range(2, 15):
        path = folder / f"m-{n}.safetensors"
        path.write_bytes(path.read_bytes()[:-9])
    assert report(folder, "--settle", 0) == 4
    assert "verdict WARN: 0 findings; 13 files could not be measured" in said.readouterr().err
    record = read(tmp_path / "out")
    assert record["verdict"] == "WARN"
    page = (tmp_path / "out" / "latest" / "index.html").read_text()
    assert "13 files could not be measured; in the 1 checkpoint that could, no rule raised a warning." in page
    assert report(folder, "--settle", 0, "--fail-on", "warn") == 3


@pytest.mark.parametrize("cached", [True, False])
def test_a_checkpoint_without_numbers(tmp_path: Path, cached: bool, said: pytest.CaptureFixture[str]) -> None:
    """It is blamed for itself; those beside it are measured, with the cache and without."""
    folder = series(tmp_path / "c", 3)
    save_file({}, folder / "m-2.safetensors")
    assert report(folder, *([] if cached else ["--no-cache"])) == 4
    states = {path: state for path, (state, _) in listed(tmp_path / "out" / "latest").items()}
    assert states == {"m-1.safetensors": "measured", "m-2.safetensors": "empty", "m-3.safetensors": "measured"}
    assert verdict(tmp_path / "out" / "latest") != "PASS"
    assert main(["inspect", str(folder / "m-2.safetensors")]) == 4
    assert main(["verify", str(folder)]) == 4
    assert "holds no numbers" in said.readouterr().err


def test_only_checkpoints_without_numbers(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    for n in (1, 2):
        np.savez(tmp_path / "c" / f"m-{n}.npz", names=np.array(["a", "b"]))
        save_file({"a": np.empty((0, 3), "f4")}, tmp_path / "c" / f"no-values-{n}.safetensors")
    assert main(["inspect", str(tmp_path / "c" / "no-values-1.safetensors")]) == 4
    assert main(["verify", str(tmp_path / "c")]) == 4
    assert report(tmp_path / "c", "--settle", 0) == 4
    assert verdict(published(tmp_path / "out")) == "WARN"
    assert not (tmp_path / "out" / "latest").exists()


def test_inspect_of_a_damaged_file_is_no_mistake_of_the_user(tmp_path: Path, said: pytest.CaptureFixture[str]) -> None:
    path = series(tmp_path / "c", 1) / "m-1.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["inspect", str(path), "--settle", "0"]) == 4
    assert said.readouterr().err.startswith(f"ckpt-report: {path}: partial: ")
    (tmp_path / "notes.txt").write_text("hello")
    assert main(["inspect", str(tmp_path / "notes.txt")]) == 2
    assert "not a TensorFlow/Keras checkpoint: text" in said.readouterr().err
    assert main(["inspect", str(tmp_path / "none")]) == 2
    assert report(series(tmp_path / "good"), "--baseline", path, "--settle", 0) == 2
    assert "baseline: " in said.readouterr().err


def test_a_pdf_that_could_not_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]
) -> None:
    def died(self: Printer) -> bytes:
        raise RenderError("the process that makes it was killed")

    monkeypatch.setattr(Printer, "receive", died)
    folder = series(tmp_path / "c")
    assert main(["report", str(folder), "-o", str(tmp_path / "out"), "-q"]) == 4
    assert "verdict PASS: 0 findings; no PDF: the process that makes it was killed\n" in said.readouterr().err
    assert not (tmp_path / "out" / "latest" / "report.pdf").exists()
