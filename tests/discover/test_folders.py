"""Folders that are checkpoints: they own their own parts, and what else lies in them is found."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from reporter.discover import find
from reporter.gather.catalog import scan
from reporter.model.checkpoint import Claim, FileEntry, Peek, State
from reporter.readers import READERS
from reporter.settings.model import Settings
from tests.faults.running import checkpoint

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"


def entries(folder: Path) -> dict[str, FileEntry]:
    found = scan(Settings(roots=(folder,), settle=0.0)).files
    result = {entry.path: entry for entry in found}
    assert len(result) == len(found)
    return result


def checkpoints(folder: Path) -> list[str]:
    return [path for path, entry in entries(folder).items() if entry.state == State.FOUND]


@pytest.fixture(scope="module")
def saved(tf: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel with an asset, in ``m``."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "words.txt").write_text("a\nb")
    module = tf.Module()
    module.w = tf.Variable(np.arange(6, dtype="f4").reshape(2, 3), name="w")
    module.words = tf.saved_model.Asset(str(folder / "words.txt"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.saved_model.save(module, str(folder / "m"))
    (folder / "words.txt").unlink()
    return folder


def test_checkpoints_beside_and_below_a_saved_model_are_found(saved: Path) -> None:
    """A training folder that a model was exported into."""
    assert entries(saved).keys() == {"m"}
    below = ["m.safetensors", "ckpts/a-1.safetensors", "variables/b.safetensors", "variables/sub/c.safetensors"]
    for name in below:
        checkpoint(saved / "m" / name)
    (saved / "m" / "notes.txt").write_text("x")
    (saved / "m" / "2").mkdir()
    os.link(saved / "m" / "saved_model.pb", saved / "m" / "2" / "saved_model.pb")
    found = entries(saved)
    assert {path for path, entry in found.items() if entry.state == State.FOUND} >= {"m", *(f"m/{n}" for n in below)}
    assert found["m/notes.txt"].state == State.NO_CHECKPOINT
    assert "m/2" in found
    assert not any("saved_model.pb" in path or "assets" in path for path in found)


def test_a_link_to_the_variables_belongs_to_the_model(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").write_bytes((saved / "m" / "saved_model.pb").read_bytes())
    (tmp_path / "m" / "variables").symlink_to(saved / "m" / "variables")
    (series,) = scan(Settings(roots=(tmp_path,), settle=0.0)).series
    assert {member.name for member in series.checkpoints[0].members} >= {"saved_model.pb", "variables.index"}


def orbax(folder: Path, *, content: bytes = b"{}") -> Path:
    """The files of an Orbax checkpoint, as far as claiming looks at them."""
    for name in ("_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt", "d/0123", "ocdbt.process_0/d/4567"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_checkpoints_in_an_orbax_folder_are_found(tmp_path: Path) -> None:
    folder = orbax(tmp_path / "best")
    checkpoint(folder / "m.safetensors")
    checkpoint(folder / "more" / "a.safetensors")
    orbax(folder / "5")
    (folder / "notes.txt").write_text("x")
    found = entries(tmp_path)
    assert found.keys() == {"best", "best/m.safetensors", "best/more/a.safetensors", "best/5", "best/notes.txt"}
    assert found["best"].format == found["best/5"].format == "orbax"


def test_an_orbax_tree_of_pointers_is_named(tmp_path: Path) -> None:
    orbax(tmp_path / "best", content=LFS)
    (entry,) = entries(tmp_path).values()
    assert (entry.path, entry.format, entry.state) == ("best", "orbax", "not downloaded")
    assert entry.reason.endswith("is a Git-LFS pointer, not the file itself: run `git lfs pull`")


def test_an_unpacked_archive_owns_three_files(tmp_path: Path) -> None:
    folder = tmp_path / "m.keras"
    for name in ("metadata.json", "config.json", "model.weights.h5"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(LFS)
    checkpoint(folder / "older" / "m.safetensors")
    found = entries(tmp_path)
    assert {path: entry.state for path, entry in found.items()} == {
        "m.keras": "not downloaded",
        "m.keras/older/m.safetensors": "found",
    }


def test_debris_of_both_generations_of_tensorflow_is_named(tmp_path: Path) -> None:
    for name in ("ckpt-1_temp", "model.ckpt-7_temp_0123456789abcdef0123456789abcdef"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-00000-of-00002.data-00000-of-00001").write_bytes(bytes(100))
    reasons = {entry.reason for entry in entries(tmp_path).values()}
    assert reasons == {"a file of a save that is going on, or was interrupted: TensorFlow renames it at the end"}


def test_everything_has_a_path_of_its_own_and_a_reason(tmp_path: Path) -> None:
    """A bundle's prefix that is also the name of a file and of a SavedModel's folder."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "m.data-00000-of-00001").write_bytes(bytes(8))
    (tmp_path / "x").write_text("text")
    (tmp_path / "x.data-00000-of-00001").write_bytes(bytes(8))
    (tmp_path / "y.lz4").write_bytes(b"\x04\x22\x4d\x18\x64\x40\xa7")
    (tmp_path / "z.bin").write_bytes(bytes(8))
    found = entries(tmp_path)
    assert found.keys() == {"m", "m (savedmodel)", "x", "x (tf-bundle)", "y.lz4", "z.bin"}
    assert all(entry.reason for entry in found.values())


def test_a_reader_that_fails_on_a_folder_costs_no_row_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be looked into has a row of its own already."""
    checkpoint(tmp_path / "m-1.safetensors")

    def refused(*_: object) -> Claim:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(READERS[1]), "claim_folder", refused)
    found = find([tmp_path], READERS, lambda claim: Peek(), settle=0.0)
    assert [entry.state for entry in found.files] == [State.FOUND]
    assert json.dumps(found.files[0].state) == '"found"'


def test_the_output_of_a_first_run(tmp_path: Path) -> None:
    """While it lasts, the output folder holds the lock alone: no file of the user's, in this report as in the next."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / ".lock").touch()
    (entry,) = entries(tmp_path).values()
    assert (entry.path, entry.reason) == ("reports", "not looked into: reports of this program")
    (tmp_path / "reports" / "notes.txt").write_text("mine")
    assert set(entries(tmp_path)) == {"reports/.lock", "reports/notes.txt"}
