"""What every registered format must do; a new reader is tested the moment it is listed and given a maker here."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter import errors
from reporter.api import Measurement, measure
from reporter.gather.catalog import scan
from reporter.model.role import Role
from reporter.model.tensor import COLLECTIONS, Collection, Integrity
from reporter.readers import READERS
from reporter.readers.live import live_contents
from reporter.readers.opening import open_checkpoint
from reporter.settings.model import Settings

STATES = {"found", "not a checkpoint", "unreadable"} | {
    e.state for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.CheckpointError)
}
CUTS = 40


def keras_archive(model: Any, folder: Path, tf: Any) -> Path:
    model.save(folder / "m.keras")
    return folder / "m.keras"


def keras_weights(model: Any, folder: Path, tf: Any) -> Path:
    model.save_weights(folder / "m.weights.h5")
    return folder / "m.weights.h5"


def keras_legacy(model: Any, folder: Path, tf: Any) -> Path:
    model.save(folder / "m.h5")
    return folder / "m.h5"


def bundle(model: Any, folder: Path, tf: Any) -> Path:
    return Path(tf.train.Checkpoint(model=model).write(str(folder / "m")))


def saved_model(model: Any, folder: Path, tf: Any) -> Path:
    model.export(folder / "m", verbose=False)
    return folder / "m"


def arrays_of(model: Any, separator: str) -> dict[str, Any]:
    """What a user who saves arrays by name would write: ``<layer>/<variable>``."""
    names = [t.info.name for t in live_contents(model).tensors if t.info.collection == "model"]
    by_path = {t.info.name: t.info.key for t in live_contents(model).tensors}
    values = {v.path: np.asarray(v.numpy()) for v in model.variables}
    return {name.replace("/", separator): values[by_path[name]] for name in names}


def v1(model: Any, folder: Path, tf: Any) -> Path:
    """Of a hand-written TensorFlow 1 program; V1 files know no layers' order."""
    arrays = arrays_of(model, "/")
    values = [tf.constant(array) for array in arrays.values()]
    tf.raw_ops.Save(filename=str(folder / "m"), tensor_names=list(arrays), data=values)
    return folder / "m"


def safetensors(model: Any, folder: Path, tf: Any) -> Path:
    from safetensors.numpy import save_file

    save_file(arrays_of(model, "."), folder / "m.safetensors")
    return folder / "m.safetensors"


def safetensors_index(model: Any, folder: Path, tf: Any) -> Path:
    """As Hugging Face's libraries shard: whole tensors, an index of names."""
    from safetensors.numpy import save_file

    arrays = arrays_of(model, ".")
    names, weight_map = list(arrays), {}
    for i in range(3):
        shard, held = f"m-{i + 1:05}-of-00003.safetensors", names[i::3]
        save_file({name: arrays[name] for name in held}, folder / shard)
        weight_map |= dict.fromkeys(held, shard)
    index = {"metadata": {"total_size": sum(a.nbytes for a in arrays.values())}, "weight_map": weight_map}
    (folder / "m.safetensors.index.json").write_text(json.dumps(index, indent=2))
    return folder / "m.safetensors.index.json"


def keras_sharded(model: Any, folder: Path, tf: Any) -> Path:
    largest = max(np.asarray(v.numpy()).nbytes for v in model.variables)
    model.save_weights(folder / "m.weights.json", max_shard_size=largest / 1024**3)
    assert len(list(folder.glob("*.weights.h5"))) > 1
    return folder / "m.weights.json"


def npz(model: Any, folder: Path, tf: Any) -> Path:
    np.savez(folder / "m.npz", **arrays_of(model, "/"))
    return folder / "m.npz"


def orbax(model: Any, folder: Path, tf: Any) -> Path:
    import keras

    compiled = keras.models.clone_model(model)  # Keras's callback needs an optimizer
    compiled.set_weights(model.get_weights())
    compiled.compile("sgd", "mse")
    callback = keras.callbacks.OrbaxCheckpoint(str(folder))
    callback.set_model(compiled)
    callback.on_epoch_end(0)
    callback.on_train_end()
    return folder / "0"


MAKERS: dict[str, Callable[[Any, Path, Any], Path]] = {
    "keras": keras_archive,
    "keras-weights": keras_weights,
    "keras-h5": keras_legacy,
    "tf-bundle": bundle,
    "savedmodel": saved_model,
    "tf-v1": v1,
    "safetensors": safetensors,
    "keras-sharded": keras_sharded,
    "safetensors-index": safetensors_index,
    "numpy": npz,
    "orbax": orbax,
}

UNORDERED = {"safetensors", "safetensors-index", "tf-v1"}
"""Formats that store names alone, in an order of their own."""

FOLDERS = {"savedmodel", "orbax"}
"""Formats that are a folder of files with names of their own."""

NAMES = [reader.name for reader in READERS]


@pytest.fixture(scope="module")
def model(keras: ModuleType) -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(image, layers.Dense(3, name="head")(x))


@pytest.fixture(scope="module")
def made(model: Any, tf: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same model in every format, each in a folder of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: make(model, tmp_path_factory.mktemp(name), tf) for name, make in MAKERS.items()}


def files_of(path: Path) -> list[Path]:
    return sorted(p for p in path.parent.rglob("*") if p.is_file())


def test_every_reader_has_a_maker() -> None:
    assert set(MAKERS) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_found_and_attributed(made: dict[str, Path], name: str) -> None:
    found = scan(Settings(roots=(made[name].parent,), settle=0.0))
    (series,) = found.series
    assert series.format == name
    assert [f.state for f in found.files if f.state != "not a checkpoint"] == ["found"]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in FOLDERS])
def test_recognised_by_content_under_a_wrong_name(made: dict[str, Path], tmp_path: Path, name: str) -> None:
    for path in files_of(made[name]):
        shutil.copyfile(path, tmp_path / path.name.replace(made[name].name, "notes.v2.txt", 1))
    found = scan(Settings(roots=(tmp_path,), settle=0.0))
    assert [s.format for s in found.series] == [name]
    same(measure(made[name]), measure(next(iter(found.series)).checkpoints[0].path))


def same(a: Measurement, b: Measurement) -> None:
    assert [v.statistics for v in a.variables] == [v.statistics for v in b.variables]
    assert [v.quantiles for v in a.variables] == [v.quantiles for v in b.variables]


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_the_live_models_to_the_bit(model: Any, made: dict[str, Path], name: str) -> None:
    """Same layers, variables and statistics; some formats store names in an order of their own."""
    live, back = measure(model), measure(made[name])
    assert back.whole.statistics["count"] == live.whole.statistics["count"]
    by_name = {v.name.replace(".", "/"): v for v in back.variables}
    assert set(by_name) == {v.name for v in live.variables}
    for variable in live.variables:
        other = by_name[variable.name]
        assert (other.statistics, other.quantiles, other.histogram) == (
            variable.statistics,
            variable.quantiles,
            variable.histogram,
        )
        assert (other.layer, other.role, other.shape, other.dtype) == (
            variable.layer,
            variable.role,
            variable.shape,
            variable.dtype,
        )
    if name not in UNORDERED:
        assert [layer.name for layer in back.layers] == [layer.name for layer in live.layers]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_found_is_told_in_known_words_and_in_order(made: dict[str, Path], name: str) -> None:
    """Roles, collections and the check are members of enumerations; model tensors come first; names are unique."""
    with open_checkpoint(name, made[name]) as contents:
        infos = [tensor.info for tensor in contents.tensors]
        assert contents.integrity in set(Integrity) - {Integrity.UNKNOWN, Integrity.IN_MEMORY}
        assert type(contents.integrity) is Integrity
    assert {type(info.collection) for info in infos} == {Collection}
    assert {type(info.role) for info in infos} == {Role}
    assert infos == sorted(infos, key=lambda info: COLLECTIONS.index(info.collection))
    assert len({info.name for info in infos}) == len(infos)


@pytest.mark.parametrize("name", NAMES)
def test_reading_changes_nothing(made: dict[str, Path], name: str) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(made[name])}
    measure(made[name])
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(made[name])} == before


def attempt(path: Path) -> Measurement | errors.ReportError:
    try:
        return measure(path)
    except errors.ReportError as error:
        return error


@pytest.mark.parametrize("name", NAMES)
def test_truncation_is_a_state_never_an_exception(made: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Each file of the format cut at many places: listed with a reason, or not a checkpoint any more."""
    whole = measure(made[name])
    for file in files_of(made[name]):
        content = file.read_bytes()
        cuts = CUTS if len(files_of(made[name])) <= 4 else CUTS // 5
        for cut in sorted({len(content) * i // cuts for i in range(cuts)}):
            folder = tmp_path / f"{file.name}-{cut}"
            shutil.copytree(made[name].parent, folder)
            (folder / file.relative_to(made[name].parent)).write_bytes(content[:cut])
            found = scan(Settings(roots=(folder,), settle=0.0))
            assert {f.state for f in found.files} <= STATES
            for entry in found.files:
                assert entry.reason or entry.state in ("found", "not a checkpoint")
            for ref in (r for s in found.series for r in s.checkpoints):
                result = attempt(ref.path)
                if isinstance(result, errors.ReportError):
                    assert str(folder) in str(result)
                else:  # what was cut off was no weight, or the reader says what it could still read
                    numbers = {v.name: v.statistics for v in whole.variables}
                    assert all(numbers.get(v.name, v.statistics) == v.statistics for v in result.variables)
            shutil.rmtree(folder)
