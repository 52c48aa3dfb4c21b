"""One test per row of the table "being written, or broken?": real files, damaged as trainers and copies damage them."""

from __future__ import annotations

import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter.api import measure
from reporter.cli import main
from reporter.errors import CheckpointError
from reporter.gather.catalog import scan
from reporter.readers.tensorflow.bundle import read_index
from reporter.settings.model import Settings

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


@pytest.fixture(scope="module")
def pristine(keras: ModuleType, tf: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small model as a bundle, ``.keras``, ``.weights.h5`` and full ``.h5``."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, name="a"), keras.layers.Dense(4, name="b")])
    folder = tmp_path_factory.mktemp("pristine")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.train.Checkpoint(model=model).write(str(folder / "ckpt-1"))
        model.save(folder / "m.keras")
        model.save_weights(folder / "m.weights.h5")
        model.save(folder / "full.h5")
    return folder


def cut(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep) if keep < 1 else int(keep)])


def flip_a_weight(folder: Path) -> None:
    entries = read_index(folder / INDEX).entries.values()
    kernel = next(e for e in entries if e.shape == (6, 5))
    content = bytearray((folder / DATA).read_bytes())
    content[kernel.offset + 7] ^= 1
    (folder / DATA).write_bytes(bytes(content))


def drop_layer(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        for name in list(file["model_weights"]["b"]):
            del file["model_weights"]["b"][name]
        del file["model_weights"]["b"].attrs["weight_names"]
        file["model_weights"]["b"].attrs["weight_names"] = np.array([], dtype="S1")


INDEX, DATA = "ckpt-1.index", "ckpt-1.data-00000-of-00001"


@dataclass(frozen=True)
class Damage:
    """Files to take, what happens to them, and the state and reason that must be shown once it has settled."""

    files: tuple[str, ...]
    harm: Callable[[Path], Any]
    state: str
    reason: str
    path: str
    young: str = "in progress"


BUNDLE = (INDEX, DATA)
ROWS = {
    "data without index": Damage(BUNDLE, lambda d: (d / INDEX).unlink(), "partial", "no .index", "ckpt-1"),
    "index shorter than its footer": Damage(BUNDLE, lambda d: cut(d / INDEX, 47), "corrupt", "cut off", "ckpt-1"),
    "index without its magic": Damage(BUNDLE, lambda d: cut(d / INDEX, 0.9), "corrupt", "cut off", "ckpt-1"),
    "missing shard": Damage(BUNDLE, lambda d: (d / DATA).unlink(), "partial", "data file 1 of 1 is missing", "ckpt-1"),
    "short shard": Damage(BUNDLE, lambda d: cut(d / DATA, 0.4), "partial", "where the index expects", "ckpt-1"),
    "HDF5 of 0 bytes": Damage(("m.weights.h5",), lambda d: cut(d / "m.weights.h5", 0.0), "corrupt", "0 bytes", ""),
    "archive of 0 bytes": Damage(("m.keras",), lambda d: cut(d / "m.keras", 0.0), "corrupt", "0 bytes", ""),
    "truncated HDF5": Damage(("m.weights.h5",), lambda d: cut(d / "m.weights.h5", 0.6), "partial", "stored_eof", ""),
    "truncated full HDF5": Damage(("full.h5",), lambda d: cut(d / "full.h5", 0.6), "partial", "stored_eof", ""),
    "archive without directory": Damage(("m.keras",), lambda d: cut(d / "m.keras", 0.6), "partial", "central dir", ""),
    "a pointer": Damage(
        ("m.keras",), lambda d: (d / "m.keras").write_bytes(LFS), "not downloaded", "git lfs pull", "", "not downloaded"
    ),
    "pointers for a bundle's data": Damage(
        BUNDLE, lambda d: (d / DATA).write_bytes(LFS), "not downloaded", "git lfs", "ckpt-1", "not downloaded"
    ),
}


def prepared(pristine: Path, folder: Path, damage: Damage) -> Path:
    for name in damage.files:
        shutil.copyfile(pristine / name, folder / name)
    damage.harm(folder)
    return folder


@pytest.mark.parametrize("row", ROWS)
def test_unsound_files(pristine: Path, tmp_path: Path, row: str) -> None:
    damage = ROWS[row]
    folder = prepared(pristine, tmp_path, damage)
    name = damage.path or damage.files[0]
    settled = {f.path: f for f in scan(Settings(roots=(folder,), settle=0.0)).files}
    assert settled[name].state == damage.state
    assert damage.reason in settled[name].reason
    young = {f.path: f for f in scan(Settings(roots=(folder,), settle=600.0)).files}
    assert young[name].state == damage.young
    assert not scan(Settings(roots=(folder,))).series


def test_bytes_that_fail_their_crc32c_are_corrupt_and_the_tensor_is_named(pristine: Path, tmp_path: Path) -> None:
    folder = prepared(pristine, tmp_path, Damage(BUNDLE, flip_a_weight, "", "", ""))
    with pytest.raises(CheckpointError, match="crc32c") as caught:
        measure(folder / "ckpt-1")
    assert caught.value.tensor
    assert caught.value.state == "corrupt"


def test_a_layer_that_its_configuration_promises_is_in_progress_first_then_a_finding(
    pristine: Path, tmp_path: Path
) -> None:
    """HDF5 that was flushed in the middle of a save opens well."""
    folder = tmp_path / "ckpts"
    folder.mkdir()
    shutil.copyfile(pristine / "full.h5", folder / "full.h5")
    drop_layer(folder / "full.h5")
    (young,) = scan(Settings(roots=(folder,), settle=600.0)).files
    assert (young.state, young.path) == ("in progress", "full.h5")
    assert "1 layers of its own configuration" in young.reason
    assert main(["report", str(folder), "-o", str(tmp_path / "out"), "--settle", "0", "--no-pdf", "-q"]) in (0, 3)
    record = json.loads((tmp_path / "out" / "latest" / "report.json").read_bytes())
    assert any(f["rule"] == "incomplete" and "b" in f["message"] for f in record["findings"])


TEMPORARY = {
    "ckpt-2_temp/part-00000-of-00001.data-00000-of-00001": DATA,
    "ckpt-2_temp/part-00000-of-00001.index": INDEX,
    "ckpt-2.tempstate1234567890.index": INDEX,
    "checkpoint.tmp0123456789abcdef": INDEX,
    "tmpabcd_123": "m.weights.h5",
}


@pytest.mark.parametrize("settle", [0.0, 600.0])
def test_temporary_files_are_never_checkpoints(pristine: Path, tmp_path: Path, settle: float) -> None:
    shutil.copyfile(pristine / "m.keras", tmp_path / "m.keras")
    for name, source in TEMPORARY.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(pristine / source, tmp_path / name)
    found = scan(Settings(roots=(tmp_path,), settle=settle))
    entries = {f.path: f for f in found.files}
    assert [s.name for s in found.series] == ["m"]
    for name in TEMPORARY:
        assert entries[name].state == "not a checkpoint"
        assert "interrupted" in entries[name].reason


@pytest.mark.parametrize(
    ("name", "check"),
    [("ckpt-1", "crc32c"), ("m.keras", "zip crc32"), ("m.weights.h5", "lengths"), ("full.h5", "lengths")],
)
def test_scan_tells_which_check_is_possible(
    pristine: Path, capsys: pytest.CaptureFixture[str], name: str, check: str
) -> None:
    assert main(["scan", str(pristine), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert {f["path"]: f["integrity"] for f in files}[name] == check
    assert main(["scan", str(pristine)]) == 0
    assert any(line.startswith(name) and check in line for line in capsys.readouterr().out.splitlines())


def test_a_file_that_vanishes_while_the_folder_is_listed_was_rotated_away(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reporter.discover import walk

    for name in ("m.keras", "m.weights.h5"):
        shutil.copyfile(pristine / name, tmp_path / name)
    look = walk.look

    def late(path: Path) -> Any:
        path.unlink() if path.name == "m.keras" else None
        return look(path)

    monkeypatch.setattr(walk, "look", late)
    states = {f.path: f.state for f in scan(Settings(roots=(tmp_path,), settle=0.0)).files}
    assert states == {"m.keras": "rotated away", "m.weights.h5": "found"}


def test_a_reader_that_trips_over_a_file_costs_that_file_only(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reporter.readers.safetensors import SafetensorsReader

    for name in (*BUNDLE, "m.keras"):
        shutil.copyfile(pristine / name, tmp_path / name)
    (tmp_path / "notes").write_text("x")

    def trip(self: Any, probe: Any, siblings: Any) -> Any:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr(SafetensorsReader, "claim_file", trip)
    entries = {f.path: f for f in scan(Settings(roots=(tmp_path,), settle=0.0)).files}
    assert entries["notes"].state == "corrupt"
    assert "defect of ckpt-report" in entries["notes"].reason
    assert entries["m.keras"].state == entries["ckpt-1"].state == "found"


def test_discovery_looks_again_at_a_file_that_changed_under_it(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reporter.gather import catalog

    path = tmp_path / "m.keras"
    shutil.copyfile(pristine / "m.keras", path)
    real, calls = catalog.open_checkpoint, []

    def half_written(format_: str, where: Path) -> Any:
        calls.append(where)
        if len(calls) == 1:
            time.sleep(0.01)
            path.write_bytes(pristine.joinpath("m.keras").read_bytes())
            raise CheckpointError(where, "half a file")
        return real(format_, where)

    monkeypatch.setattr(catalog, "open_checkpoint", half_written)
    (entry,) = scan(Settings(roots=(tmp_path,), settle=0.0)).files
    assert (entry.state, len(calls)) == ("found", 2)


def test_a_bundle_that_rotation_deletes_while_it_is_looked_at_was_rotated_away(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index goes first, then the data; neither is a partial copy."""
    from reporter.readers.tensorflow import contents

    for name in BUNDLE:
        shutil.copyfile(pristine / name, tmp_path / name)
    real = contents.read_index

    def late(path: Path) -> Any:
        for name in BUNDLE:
            (tmp_path / name).unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(contents, "read_index", late)
    (entry,) = scan(Settings(roots=(tmp_path,), settle=0.0)).files
    assert (entry.path, entry.state) == ("ckpt-1", "rotated away")


def test_a_shard_that_an_index_names_and_that_never_was_there_is_partial(tmp_path: Path) -> None:
    """Not rotated away: nobody deleted it while it was looked at."""
    save_file({"a": np.ones(3, "f4")}, tmp_path / "m-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "m-00001-of-00002.safetensors", "b": "m-00002-of-00002.safetensors"}}
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps(index))
    states = {f.path: (f.state, f.reason) for f in scan(Settings(roots=(tmp_path,), settle=0.0)).files}
    state, reason = states["m.safetensors.index.json"]
    assert state == "partial"
    assert "m-00002-of-00002.safetensors" in reason
