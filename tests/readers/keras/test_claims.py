"""Files are claimed by their content; names only tell what a damaged one was meant to be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

from reporter.errors import CheckpointError
from reporter.readers.keras import hdf5

CASES = [
    ("a.h5", b"", "keras-h5", "0 bytes", "corrupt"),
    ("a.weights.h5", b"", "keras-weights", "0 bytes", "corrupt"),
    ("a.hdf5", b"", "keras-h5", "0 bytes", "corrupt"),
    ("a.keras", b"", "keras", "0 bytes: just opened by a trainer, or destroyed", "corrupt"),
    ("a.h5", "404: Not Found ü".encode(), "keras-h5", "but its content is text", "corrupt"),
    ("a.keras", b"<html>", "keras", "but its content is text", "corrupt"),
    ("a.h5", bytes(4096), "keras-h5", "no HDF5 signature", "corrupt"),
    ("a.keras", bytes(4096), "keras", "neither a zip archive nor HDF5", "corrupt"),
    ("a.keras", b"PK\x03\x04" + bytes(99), "keras", "no central directory", "partial"),
    ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "keras-h5", "HDF5 cannot read it", "corrupt"),
]


@pytest.mark.parametrize(("name", "data", "format", "problem", "state"), CASES)
def test_damaged_files(
    name: str, data: bytes, format: str, problem: str, state: str, claim: Any, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    found = claim(tmp_path / name)
    assert found.format == format
    assert problem in found.problem
    assert (found.state, found.label, found.members) == (state, "a", (tmp_path / name,))


def test_what_went_wrong_once_is_not_kept(tmp_path: Path, claim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that was killed for want of memory says nothing about the file, which a notebook looks at again."""
    path, layout = tmp_path / "a.h5", hdf5.layout
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        file.create_group("dense").attrs["weight_names"] = [b"dense/kernel:0"]
        file["dense/dense/kernel:0"] = [[1.0]]

    def killed(window: object) -> str:
        raise CheckpointError(path, "killed")

    monkeypatch.setattr(hdf5, "layout", killed)
    assert claim(path).problem == "killed"
    monkeypatch.setattr(hdf5, "layout", layout)
    assert claim(path).problem == ""


@pytest.mark.parametrize("name", ["notes.txt", "data.zip", "x.bin", "y.npz"])
def test_other_files_are_none_of_ours(name: str, claim: Any, tmp_path: Path) -> None:
    for data in (b"", b"hello", b"PK\x03\x04" + bytes(99), bytes(4096)):
        (tmp_path / name).write_bytes(data)
        assert claim(tmp_path / name) is None


def test_content_decides(keras3: Any, claim: Any, tmp_path: Path) -> None:
    files = keras3["mixed"].files
    for suffix, format in ((".keras", "keras"), (".weights.h5", "keras-weights"), (".h5", "keras-h5")):
        for name in ("cp-05.h5", "cp-05.keras", "cp-05.weights.h5", "cp-05"):
            shutil.copy(files[suffix], tmp_path / name)
            found = claim(tmp_path / name)
            assert (found.format, found.problem, found.label) == (format, "", "cp-05")


def test_hdf5_that_is_not_keras(shared_data: Path, claim: Any) -> None:
    folder = shared_data / "damaged/hdf5-corner-cases/jhdf/src/test/resources/hdf5"
    files = list(folder.iterdir())
    for path in files:
        found = claim(path)
        assert (found.format, found.problem) == ("keras-h5", "an HDF5 file without Keras weights"), path
        assert found.state == "not a checkpoint"
    assert len(files) > 60


def test_a_userblock_does_not_hide_it(claim: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.dat", "w", userblock_size=1024) as file:
        file.attrs["layer_names"] = [b"dense"]
    assert claim(tmp_path / "a.dat").format == "keras-h5"


def test_a_truncated_file_is_partial(keras3: Any, claim: Any, tmp_path: Path) -> None:
    path = tmp_path / "epoch_7.weights.h5"
    path.write_bytes(keras3["mixed"].files[".weights.h5"].read_bytes()[:-50])
    found = claim(path)
    assert (found.format, found.state, found.label) == ("keras-weights", "partial", "epoch_7")
    assert "stored_eof" in found.problem


def test_zip_archives_of_others(claim: Any, tmp_path: Path) -> None:
    import zipfile

    for name in ("a.keras", "a.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("hello.txt", "hello")
    assert claim(tmp_path / "a.keras").state == "unsupported"
    assert claim(tmp_path / "a.zip") is None


def test_folders(claim: Any, tmp_path: Path) -> None:
    assert claim(tmp_path) is None
    for name in ("metadata.json", "config.json", "model.weights.npz"):
        (tmp_path / name).write_text("{}")
    assert claim(tmp_path).format == "keras"


def test_a_damaged_part_of_other_peoples_data(claim: Any, tmp_path: Path) -> None:
    """A file whose root shows nothing of Keras is no damaged checkpoint; one with a damaged group of Keras's is."""
    for name, state in (("measurements", "not a checkpoint"), ("layers", "corrupt"), ("optimizer", "corrupt")):
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w", libver="latest") as file:
            file["good"] = [1.0, 2.0]
            address = h5py.h5o.get_info(file.create_group(name).id).addr
        data = bytearray(path.read_bytes())
        assert data[address : address + 4] == b"OHDR"
        data[address : address + 8] = b"damaged!"
        path.write_bytes(data)
        found = claim(path)
        assert (found.format, found.state) == ("keras-h5", state), name
