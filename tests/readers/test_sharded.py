"""Checkpoints in several files with an index: Keras and safetensors are the oracles, names in an index are hostile."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.gather.catalog import scan
from reporter.model.tensor import Contents
from reporter.readers.files import index as index_module
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, while it saves

KERAS, SAFE = "keras-sharded", "safetensors-index"


def read(format: str, path: Path) -> tuple[Contents, dict[str, np.ndarray]]:
    with open_checkpoint(format, path) as contents:
        arrays = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            flat = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            arrays[tensor.info.name] = flat.reshape(tensor.info.shape)
        return contents, arrays


def states(folder: Path) -> dict[str, tuple[str, str, str]]:
    found = scan(Settings(roots=(folder,), settle=0.0))
    return {f.path: (f.format, f.state, f.reason) for f in found.files}


@pytest.fixture(scope="module")
def trained(keras: ModuleType) -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(16, name="a"), layers.Dense(8, name="b")], name="inner")
    inputs = keras.Input((6,))
    x = layers.BatchNormalization(name="norm")(inner(inputs))
    model = keras.Model(inputs, layers.Dense(3, dtype="bfloat16", name="head")(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile("adam", "mse", run_eagerly=True)
        model.train_on_batch(np.ones((4, 6)), np.ones((4, 3)))
    return model


@pytest.fixture(scope="module")
def saved(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    trained.save_weights(folder / "m.weights.json", max_shard_size=600 / 1024**3)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "c")
    return tmp_path / "c"


def test_keras_shards_hold_what_one_file_does(trained: Any, saved: Path, tmp_path: Path) -> None:
    """The tree, names, layers, slots and step of ``.weights.h5``; in a group split over shards as well."""
    trained.save_weights(tmp_path / "m.weights.h5")
    whole, expected = read("keras-weights", tmp_path / "m.weights.h5")
    contents, found = read(KERAS, saved / "m.weights.json")
    listed = json.loads((saved / "m.weights.json").read_text())["weight_map"]
    assert any(isinstance(files, list) and len(files) > 1 for files in listed.values())
    assert list(found) == list(expected)
    assert all(found[name].tobytes() == values.tobytes() for name, values in expected.items())
    assert [t.info for t in contents.tensors] == [t.info for t in whole.tensors]
    assert (contents.layers, contents.step) == (whole.layers, whole.step)
    assert contents.layers_ordered == whole.layers_ordered
    ours = {v.path: np.asarray(v.numpy()) for v in trained.weights}
    assert all(found[name].tobytes() == values.tobytes() for name, values in ours.items())


def test_shards_are_members_not_checkpoints(saved: Path) -> None:
    (series,) = scan(Settings(roots=(saved,), settle=0.0)).series
    (ref,) = series.checkpoints
    assert (ref.format, ref.name) == (KERAS, "m.weights.json")
    assert {p.name for p in ref.members} == {p.name for p in saved.iterdir()}
    assert ref.nbytes == sum(p.stat().st_size for p in saved.iterdir())
    assert states(saved).keys() == {"m.weights.json"}


def test_keras_reads_what_we_read_and_shards_by_themselves(saved: Path, tmp_path: Path) -> None:
    for path in saved.glob("*.weights.h5"):
        shutil.copy(path, tmp_path)
    found = states(tmp_path)
    assert {(format, state) for format, state, _ in found.values()} == {("keras-weights", "found")}
    assert len(found) == len(list(saved.glob("*.weights.h5")))


def test_a_missing_shard_is_partial(folder: Path) -> None:
    (folder / "m_00001.weights.h5").unlink()
    with pytest.raises(PartialCheckpoint, match=r"1 of \d+ shards are missing, the first is m_00001"):
        read(KERAS, folder / "m.weights.json")
    assert states(folder)["m.weights.json"][1] == "partial"


def test_shards_of_another_save_are_told(folder: Path) -> None:
    shutil.copy(folder / "m_00002.weights.h5", folder / "m_00001.weights.h5")
    with pytest.raises(CheckpointError, match=r"belongs to another save|two shards hold|does not list"):
        read(KERAS, folder / "m.weights.json")


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


@pytest.mark.parametrize("damage", ["unlisted", "twice", "elsewhere"])
def test_the_index_and_its_shards_must_agree(folder: Path, damage: str) -> None:
    index = folder / "m.weights.json"
    if damage == "unlisted":
        edit(index, lambda raw: raw["weight_map"].pop("/layers/dense/vars"))
        error, match = CorruptCheckpoint, "variables that the index does not list"
    elif damage == "twice":
        with h5py.File(folder / "m_00001.weights.h5", "a") as file:
            group = file.create_group("layers/dense/vars")
            group["0"] = np.zeros((8, 3))
        edit(
            index,
            lambda raw: raw["weight_map"].update({"/layers/dense/vars": [f"m_0000{i}.weights.h5" for i in (0, 1)]}),
        )
        error, match = CheckpointError, "two shards hold layers/dense/vars/0|belongs to another save"
    else:
        edit(index, lambda raw: raw["weight_map"].update({"/layers/none/vars": "m_00000.weights.h5"}))
        error, match = PartialCheckpoint, "holds no /layers/none/vars"
    with pytest.raises(error, match=match):
        read(KERAS, index)


HOSTILE: list[tuple[Any, type[CheckpointError], str]] = [
    ("../m_00000.weights.h5", RefusedCheckpoint, "not a file beside it"),
    ("/etc/m_00000.weights.h5", RefusedCheckpoint, "not a file beside it"),
    ("..", RefusedCheckpoint, "not a file beside it"),
    ("a\\b.weights.h5", RefusedCheckpoint, "not a file beside it"),
    ("C:m.weights.h5", RefusedCheckpoint, "not a file beside it"),
    ("a\0.weights.h5", RefusedCheckpoint, "not a file beside it"),
    ("\ud800.weights.h5", RefusedCheckpoint, "not a file beside it"),
    ("a" * 300, RefusedCheckpoint, "not a file beside it"),
    (["m.weights.h5", "../x"], RefusedCheckpoint, "not a file beside it"),
    ("", CorruptCheckpoint, "names no file"),
    ([], CorruptCheckpoint, "names no file"),
    (7, CorruptCheckpoint, "names no file"),
    ({"a": "b"}, CorruptCheckpoint, "names no file"),
]


@pytest.mark.parametrize(("given", "error", "match"), HOSTILE)
@pytest.mark.parametrize("ending", [".weights.json", ".safetensors.index.json"])
def test_names_that_leave_the_folder_are_refused(
    ending: str, given: Any, error: type[CheckpointError], match: str, tmp_path: Path
) -> None:
    path = tmp_path / f"m{ending}"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"w": given}}))
    with pytest.raises(error, match=match):
        read(KERAS if ending == ".weights.json" else SAFE, path)
    ((_, state, reason),) = states(tmp_path).values()
    assert state == error.state
    assert match in reason


def test_a_refused_index_hides_no_other_checkpoint(tmp_path: Path) -> None:
    save_file({"w": np.ones(3)}, tmp_path / "good.safetensors")
    index = {"weight_map": {"w": "good.safetensors", "v": "../other.safetensors"}}
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps(index))
    found = {name: state for name, (_, state, _) in states(tmp_path).items()}
    assert found == {"good.safetensors": "found", "m.safetensors.index.json": "refused"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "corrupt"),
        ('{"metadata": {}, "weight_map": {"a": "x.weights', "corrupt"),
        ('{"weight_map": ' + "[" * 100_000, "corrupt"),
        ('{"weight_map": {}}', "corrupt"),
        ('{"weight_map": {"a": "x.weights.h5", "a": "y.weights.h5"}}', "corrupt"),
        ("{}", "not a checkpoint"),
        ("[1]", "not a checkpoint"),
        ('{"weight_map": {"a": "pytorch_model-1.bin"}}', "not a checkpoint"),
        ('{"weight_map": {"a": "x.weights.h5"}}', "partial"),
    ],
)
def test_damaged_and_foreign_indices(text: str, state: str, tmp_path: Path) -> None:
    (tmp_path / "m.weights.json").write_text(text)
    ((_, found, _),) = states(tmp_path).values()
    assert found == state


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.weights.json"
    path.write_text(json.dumps({"weight_map": {str(i): f"{i}.weights.h5" for i in range(513)}}))
    with pytest.raises(RefusedCheckpoint, match="lists 513 files, more than 512"):
        read(KERAS, path)
    monkeypatch.setattr(index_module, "MAX_INDEX", 1000)
    with pytest.raises(RefusedCheckpoint, match="bytes, more than 1,000"):
        read(KERAS, path)


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    save_file({"b.weight": np.ones((2, 3), np.float32), "b.bias": np.ones(3, np.float16)}, tmp_path / "m-1.safetensors")
    save_file({"a.weight": np.arange(4)}, tmp_path / "m-2.safetensors", metadata={"format": "pt"})
    places = {"b.weight": "m-1.safetensors", "b.bias": "m-1.safetensors", "a.weight": "m-2.safetensors"}
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path / "m.safetensors.index.json"


def test_safetensors_shards_are_one_checkpoint(safe: Path) -> None:
    assert states(safe.parent) == {"m.safetensors.index.json": (SAFE, "found", "")}
    contents, found = read(SAFE, safe)
    assert list(found) == ["a.weight", "b.bias", "b.weight"]
    assert np.array_equal(found["a.weight"], np.arange(4))
    assert contents.framework == "PyTorch"
    safe.unlink()
    assert {state for _, state, _ in states(safe.parent).values()} == {"found"}


def test_shards_without_their_index_are_no_series(tmp_path: Path) -> None:
    for i in (1, 2):
        save_file({f"w{i}": np.ones(3)}, tmp_path / f"m-0000{i}-of-00002.safetensors")
    found = scan(Settings(roots=(tmp_path,), settle=0.0))
    assert [[ref.step.value for ref in series.checkpoints] for series in found.series] == [[None], [None]]
    contents, _ = read("safetensors", tmp_path / "m-00001-of-00002.safetensors")
    assert contents.notes[0].startswith("one shard of a model")


def test_safetensors_that_do_not_fit_their_index(safe: Path) -> None:
    edit(safe, lambda raw: raw["weight_map"].pop("b.bias"))
    contents, found = read(SAFE, safe)
    assert list(found) == ["a.weight", "b.weight"]
    assert "where the index does not place it" in contents.skipped[0].reason
    edit(safe, lambda raw: raw["weight_map"].update({"a.weight": "m-1.safetensors", "lost": "m-2.safetensors"}))
    with pytest.raises(PartialCheckpoint, match=r"tensor 'a\.weight': m-1\.safetensors does not hold it"):
        read(SAFE, safe)
    (safe.parent / "m-2.safetensors").unlink()
    with pytest.raises(PartialCheckpoint, match="1 of 2 shards are missing, the first is m-2"):
        read(SAFE, safe)
