"""Orbax folders: Orbax itself is the oracle; damage and links are told, and nothing outside the folder is read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.gather.catalog import scan
from reporter.model.checkpoint import Found
from reporter.model.tensor import Contents
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.orbax import OrbaxReader, layout
from reporter.settings.model import Settings

DATA = "single/orbax/checkpoint/orbax/checkpoint/experimental/v1/_src/testing/compatibility/checkpoints"


@pytest.fixture(scope="module")
def ocp() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("orbax.checkpoint")


def tree() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    params = {
        "Dense_0": {"kernel": rng.standard_normal((3, 4), np.float32), "bias": rng.standard_normal(4, np.float32)},
        "Dense_10": {"kernel": rng.standard_normal((4, 2), np.float32)},
        "Dense_2": {"kernel": rng.standard_normal((2, 4), np.float32)},
    }
    moments = {"mu": params, "nu": {name: {k: v**2 for k, v in d.items()} for name, d in params.items()}}
    return {
        "params": params,
        "batch_stats": {"BatchNorm_0": {"mean": np.zeros(3, np.float32), "var": np.ones(3, np.float32)}},
        "opt_state": [{"count": np.int32(3), **moments}, None, {}],
        "step": 7,
        "note": "text",
    }


Save = Callable[..., Path]


@pytest.fixture(scope="module")
def save(ocp: ModuleType) -> Save:
    def save_(path: Path, content: Any, **options: bool) -> Path:
        with warnings.catch_warnings(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**options)) as checkpointer:
            warnings.simplefilter("ignore")
            checkpointer.save(path, content)
        return path

    return save_


def read(path: Path) -> tuple[Contents, dict[str, np.ndarray]]:
    with OrbaxReader().open(path) as contents:
        found = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            assert all(block.nbytes <= BLOCK_BYTES for block in blocks)
            values = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            found[tensor.info.key] = values.reshape(tensor.info.shape)
        return contents, found


def found(folder: Path) -> Found:
    return scan(Settings(roots=(folder,), settle=0.0))


def flat(content: Any, prefix: str = "") -> dict[str, np.ndarray]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    result: dict[str, np.ndarray] = {}
    for name, child in items:
        key = f"{prefix}/{name}" if prefix else str(name)
        if isinstance(child, dict | list):
            result |= flat(child, key)
        elif child is not None and not isinstance(child, str):
            result[key] = np.asarray(child)
    return result


LAYOUTS = [{"use_ocdbt": o, "use_zarr3": z} for o in (True, False) for z in (True, False)]


@pytest.mark.parametrize("options", LAYOUTS)
def test_every_layout(options: dict[str, bool], save: Save, tmp_path: Path) -> None:
    """One store for all, and one zarr folder for each array."""
    content = tree()
    contents, values = read(save(tmp_path / "best", content, **options))
    expected = flat(content)
    assert values.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(values[key], value)
    assert [(s.name, s.dtype) for s in contents.skipped] == [("note", "string")]
    assert (contents.step, contents.step_source) == (7, "step of the tree")


def test_names_collections_and_roles(save: Save, tmp_path: Path) -> None:
    contents, _ = read(save(tmp_path / "best", tree()))
    assert [layer.name for layer in contents.layers] == ["BatchNorm_0", "Dense_0", "Dense_2", "Dense_10"]
    infos = {t.info.name: t.info for t in contents.tensors}
    told = {n: (i.collection, i.role, i.layer, i.trainable) for n, i in infos.items()}
    assert told["Dense_0/kernel"] == ("model", "kernel", "Dense_0", None), "Optax decides which of params is trained"
    assert told["BatchNorm_0/mean"] == ("model", "moving_mean", "BatchNorm_0", False)
    assert told["optimizer/Dense_0/kernel/mu"] == ("optimizer", "momentum", "Dense_0", False)
    assert told["optimizer/Dense_0/bias/nu"] == ("optimizer", "velocity", "Dense_0", False)
    assert told["optimizer/0/count"] == ("optimizer", "step", "", False)
    assert told["step"] == ("other", "step", "", False)
    assert len(told) == 4 + 2 + 9 + 1


def test_types_and_large_arrays(save: Save, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = ["float64", "float16", "int8", "uint8", "int32", "uint32", "bool", "complex64"]
    content = {kind: rng.integers(0, 2, (3, 4)).astype(kind) for kind in kinds}
    for kind in ("bfloat16", "float8_e4m3fn", "int4"):
        content[kind] = np.arange(6).reshape(2, 3).astype(getattr(ml_dtypes, kind))
    content["large"] = rng.standard_normal((3000, 1001), np.float32)
    _, values = read(save(tmp_path / "best", content))
    for name, value in content.items():
        assert values[name].dtype == value.dtype
        np.testing.assert_array_equal(values[name], value)


def test_several_items(ocp: ModuleType, tmp_path: Path) -> None:
    content, args = tree(), ocp.args
    composite = args.Composite(
        params=args.PyTreeSave(content["params"]),
        opt_state=args.PyTreeSave(content["opt_state"]),
        notes=args.JsonSave({"a": 1}),
    )
    with warnings.catch_warnings(), ocp.CheckpointManager(tmp_path / "run") as manager:
        warnings.simplefilter("ignore")
        manager.save(5, args=composite)
    contents, _ = read(tmp_path / "run" / "5")
    names = {t.info.name: t.info.collection for t in contents.tensors}
    assert names["Dense_0/kernel"] == "model"
    assert names["optimizer/Dense_0/kernel/mu"] == "optimizer"
    assert contents.notes == ("item 'notes' holds no tree of arrays and is not measured",)


def test_step_folders_are_a_series(ocp: ModuleType, tmp_path: Path) -> None:
    """In order of their numbers, without the folder that is being written."""
    run, content = tmp_path / "run", {"params": tree()["params"]}
    with warnings.catch_warnings(), ocp.CheckpointManager(run) as manager:
        warnings.simplefilter("ignore")
        for step in (5, 10, 100):
            manager.save(step, args=ocp.args.PyTreeSave(content))
    shutil.copytree(run / "100", run / "110.orbax-checkpoint-tmp-17")
    shutil.copytree(run / "100" / "default", run / "120" / "default.orbax-checkpoint-tmp-3")
    result = found(tmp_path)
    (series,) = result.series
    assert [(c.step.value, c.step.source) for c in series.checkpoints] == [
        (5, "file name"),
        (10, "file name"),
        (100, "file name"),
    ]
    others = {entry.path: entry.state for entry in result.files if entry.state != "found"}
    assert others == {
        "run/110.orbax-checkpoint-tmp-17": "not a checkpoint",
        "run/120/default.orbax-checkpoint-tmp-3": "not a checkpoint",
    }


def test_what_keras_saves(keras: ModuleType, tmp_path: Path) -> None:
    """Layers in model order with their classes, optimizer slots with their weights."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), layers.Conv2D(3, 3, name="z"), layers.Flatten(), layers.Dense(2, name="a")]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(42)
    callback = keras.callbacks.OrbaxCheckpoint(str(tmp_path))
    callback.set_model(model)
    callback.on_epoch_end(0)
    callback.on_train_end()
    contents, values = read(tmp_path / "0")
    assert [(layer.name, layer.kind) for layer in contents.layers if layer.name in "za"] == [
        ("z", "Conv2D"),
        ("a", "Dense"),
    ]
    infos = {t.info.name: t.info for t in contents.tensors}
    assert {n for n, i in infos.items() if i.collection == "model"} == {"z/kernel", "z/bias", "a/kernel", "a/bias"}
    slot = infos["optimizer/z/kernel/velocity"]
    assert (slot.role, slot.layer, slot.shape) == ("velocity", "z", (3, 3, 2, 3))
    assert (contents.step, contents.step_source) == (42, "optimizer iterations")
    np.testing.assert_array_equal(values[infos["z/kernel"].key], model.layers[0].kernel.numpy())
    assert not contents.skipped
    assert contents.missing_layers == ()


def test_a_layer_that_keras_did_not_save(keras: ModuleType, ocp: ModuleType, tmp_path: Path) -> None:
    """Nothing else tells that weights are absent."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, name="one"), layers.Dense(2, name="two")], name="m")
    weights = {v.name: v.numpy() for v in model.get_layer("one").weights}
    composite = ocp.args.Composite(
        pytree=ocp.args.PyTreeSave({"trainable_variables": {"m": {"one": weights}}}),
        model_config=ocp.args.PyTreeSave({"config": model.to_json()}),
    )
    with warnings.catch_warnings(), ocp.CheckpointManager(tmp_path / "run") as manager:
        warnings.simplefilter("ignore")
        manager.save(5, args=composite)
    contents, _ = read(tmp_path / "run" / "5")
    assert {t.info.name for t in contents.tensors} == {"one/kernel", "one/bias"}
    assert contents.missing_layers == ("two",)


def test_orbaxs_own_compatibility_set(shared_data: Path, ocp: ModuleType) -> None:
    """What Orbax calls damaged beyond use is not measured; the rest has Orbax's values."""
    result = found(shared_data / DATA)
    states = {entry.path: entry.state for entry in result.files}
    folder = shared_data / DATA
    assert states.keys() == {p.relative_to(folder).as_posix() for p in folder.glob("*/*/*/*") if p.is_dir()}
    bad = {path.split("/", 2)[2]: state for path, state in states.items() if state != "found"}
    assert set(bad.values()) == {"partial", "corrupt"}
    assert all(path.startswith("critical_") or path.endswith("deleted_checkpointable") for path in bad)
    critical = {path for path in states if "/critical_" in path}
    assert all(states[path] != "found" for path in critical)
    compared = 0
    for ref in (ref for series in result.series for ref in series.checkpoints):
        contents, values = read(ref.path)
        assert {key.rpartition("/")[2] for key in values} == {"a", "b.c"} or values.keys() == {"a", "b/c"}
        tree = ref.path / "state" if (ref.path / "state").exists() else ref.path
        if (tree / "_METADATA").exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = flat(ocp.PyTreeCheckpointer().restore(tree, restore_args=numpy_args(ocp)))
            for key, value in expected.items():
                np.testing.assert_array_equal(values[key], value)
                compared += 1
        else:
            assert "_METADATA" in contents.notes[-1]
    assert compared >= 40


def numpy_args(ocp: ModuleType) -> Any:
    argument = ocp.RestoreArgs(restore_type=np.ndarray)
    return {"a": argument, "b": {"c": argument}}


def test_links_are_never_followed(save: Save, tmp_path: Path) -> None:
    path = save(tmp_path / "best", tree())
    (data,) = (path / "d").iterdir()
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    (entry,) = (e for e in found(tmp_path).files if e.format == "orbax")
    assert (entry.state, entry.format) == ("refused", "orbax")
    with pytest.raises(RefusedCheckpoint, match="links are never followed"):
        read(path)


def test_keys_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """On which the reader relies: the names of data files come from the manifest."""
    ts = pytest.importorskip("tensorstore")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "inside").mkdir()
    store = ts.KvStore.open({"driver": "file", "path": f"{tmp_path}/inside/"}).result()
    for key in ("../secret", f"{tmp_path}/secret", "a/../../secret"):
        with pytest.raises(ValueError, match="Invalid key"):
            store.read(key).result()


def test_a_missing_chunk_is_no_zeros(save: Save, tmp_path: Path) -> None:
    path = save(tmp_path / "best", tree(), use_ocdbt=False)
    (path / "params.Dense_0.kernel" / "0.0").unlink()
    with pytest.raises(PartialCheckpoint, match="Dense_0/kernel"):
        read(path)


def test_a_missing_array_is_named(save: Save, tmp_path: Path) -> None:
    path = save(tmp_path / "best", tree(), use_ocdbt=False)
    shutil.rmtree(path / "params.Dense_0.kernel")
    with pytest.raises(PartialCheckpoint, match=r"params\.Dense_0\.kernel.*missing"):
        read(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": [1 << 40], "chunks": [1 << 20]}, "only .* are stored"),
        ({"shape": [1 << 40], "chunks": [1 << 40]}, "has chunks of 1,099,511,627,776 values"),
    ],
)
def test_bombs(change: dict[str, Any], reason: str, save: Save, tmp_path: Path) -> None:
    path = save(tmp_path / "best", tree(), use_ocdbt=False)
    array = path / "params.Dense_0.bias" / ".zarray"
    array.write_text(json.dumps(json.loads(array.read_text()) | change))
    with pytest.raises(RefusedCheckpoint, match=reason):
        read(path)


def test_more_than_any_real_checkpoint(save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, bytes of metadata, and arrays; the last is checked where tensorstore lists them."""
    path = save(tmp_path / "best", tree())
    with monkeypatch.context() as patch:
        patch.setattr(layout, "MAX_FILES", 3)
        with pytest.raises(RefusedCheckpoint, match="more than 3 files"):
            read(path)
    with monkeypatch.context() as patch:
        patch.setattr(layout, "MAX_METADATA", 100)
        with pytest.raises(RefusedCheckpoint, match=r"_METADATA: it takes [\d,]+ bytes, more than 100"):
            read(path)
    parsing = pytest.importorskip("reporter.readers.orbax.parsing")
    monkeypatch.setattr(parsing, "MAX_ARRAYS", 3)
    opened = parsing.open_parsing([], [str(path)], [True], [True])
    with pytest.raises(RefusedCheckpoint, match="16 arrays, more than 3"):
        opened.answer("arrays")
    opened.close()


def test_flipped_bits(save: Save, tmp_path: Path) -> None:
    """Anywhere: a state, or the values (Orbax has no checksum of them), never anything else."""
    path = save(tmp_path / "best", tree())
    rng, states = np.random.default_rng(0), set()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        intact = file.read_bytes()
        for _ in range(12 if intact else 0):
            damaged = bytearray(intact)
            damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
            file.write_bytes(damaged)
            try:
                read(path)
                states.add("read")
            except CheckpointError as error:
                states.add(error.state if error.path == path else f"{error}")
        file.write_bytes(intact)
    assert states <= {"read", "corrupt", "partial", "refused"}
    assert {"corrupt", "read"} <= states


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tree_metadata": 5}', '{"tree_metadata": {"a": {}}}', "[" * 100_000])
def test_damaged_trees(text: str, save: Save, tmp_path: Path) -> None:
    path = save(tmp_path / "best", tree())
    (path / "_METADATA").write_text(text)
    with pytest.raises(CorruptCheckpoint, match="_METADATA"):
        read(path)


def test_without_tensorstore(save: Save, tmp_path: Path) -> None:
    """Recognised, and listed with what to install."""
    save(tmp_path / "runs" / "5", tree())
    (tmp_path / "hidden" / "tensorstore").mkdir(parents=True)
    (tmp_path / "hidden" / "tensorstore" / "__init__.py").write_text("raise ImportError('no tensorstore here')")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from reporter.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, str(tmp_path / "hidden"), "scan", str(tmp_path / "runs"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    (entry,) = (entry for entry in json.loads(done.stdout)["files"] if entry["format"] == "orbax")
    assert entry["state"] == "unsupported"
    assert "pip install 'ckpt-report[orbax]'" in entry["reason"]


def test_folders_that_are_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "x.txt").write_text("x")
    (tmp_path / "5").mkdir()
    (tmp_path / "group.zarr" / "array").mkdir(parents=True)
    (tmp_path / "group.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / "group.zarr" / "array" / ".zarray").write_text("{}")
    assert all(entry.format != "orbax" for entry in found(tmp_path).files)
