"""HDF5 files of Keras 1 and 2: Keras 2 (tf_keras) and other people's training runs are the oracle."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest

from reporter.errors import CorruptCheckpoint, PartialCheckpoint
from reporter.readers.keras import KerasLegacyReader


def owners(model: Any, keras: ModuleType, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(layer, variable) in model order."""
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from owners(layer, keras, path + "/")
        else:
            yield from ((path, variable) for variable in layer.weights)


def test_full_models_of_keras_2(keras2: Any, tf_keras: ModuleType, read: Any) -> None:
    for name, saved in keras2.items():
        found = read(saved.files[".h5"])
        expected = list(owners(saved.model, tf_keras))
        tensors = list(found.collection("model").values())
        assert [info.layer for info, _ in tensors] == [layer for layer, _ in expected]
        trained = {id(variable) for variable in saved.model.trainable_variables}
        for (info, values), (layer, variable) in zip(tensors, expected, strict=True):
            assert values.tobytes() == variable.numpy().tobytes(), info
            assert info.shape == tuple(variable.shape)
            assert info.name.startswith(f"{layer}/")
            assert info.name.rsplit("/", 1)[-1] == variable.name.rsplit("/", 1)[-1].removesuffix(":0")
            assert info.trainable is (id(variable) in trained), info.name
        assert found.contents.framework == f"Keras {tf_keras.__version__}", name
        assert found.contents.step == 1
        assert found.contents.layers_ordered


def test_keras_archives_of_keras_2_hold_the_same_weights(keras2: Any, read: Any) -> None:
    for saved in keras2.values():
        legacy, archive = read(saved.files[".h5"]), read(saved.files[".keras"])
        a, b = legacy.collection("model"), archive.collection("model")
        assert [info.layer for info, _ in a.values()] == [info.layer for info, _ in b.values()]
        assert [info.trainable for info, _ in a.values()] == [info.trainable for info, _ in b.values()]
        assert [v.tobytes() for _, v in a.values()] == [v.tobytes() for _, v in b.values()]
        assert [layer.name for layer in legacy.contents.layers] == [layer.name for layer in archive.contents.layers]
        metrics = archive.collection("other")
        assert metrics
        assert all(name.startswith("metrics/") and info.role == "other" for name, (info, _) in metrics.items())


def test_optimizer_slots_of_keras_2(keras2: Any, read: Any) -> None:
    """Also the legacy optimizer (``Adam/dense/kernel/m:0``), in the text model."""
    for name, saved in keras2.items():
        found = read(saved.files[".h5"])
        variables = saved.model.optimizer.variables
        variables = variables() if callable(variables) else variables
        slots = list(found.collection("optimizer").values())
        assert [v.tobytes() for _, v in slots] == [variable.numpy().tobytes() for variable in variables]
        by_target: dict[str, int] = {}
        for full, (info, values) in found.collection("optimizer").items():
            target, _, slot = full.removeprefix("optimizer/").rpartition("/")
            if not target:
                assert full == "optimizer/iterations", name
                continue
            owner, _ = found.tensors[target]
            assert (owner.layer, owner.shape) == (info.layer, values.shape)
            assert owner.trainable is True
            assert info.role in {"momentum", "velocity"}, slot
            by_target[target] = by_target.get(target, 0) + 1
        trainable = [name for name, (info, _) in found.collection("model").items() if info.trainable]
        assert sorted(by_target) == sorted(trainable)
        assert len(set(by_target.values())) == 1


def test_weights_only_files_of_keras_2(keras2: Any, read: Any) -> None:
    for saved in keras2.values():
        full, only = read(saved.files[".h5"]), read(saved.files["_w.h5"])
        values = {v.tobytes() for _, v in full.collection("model").values()}
        assert {v.tobytes() for _, v in only.tensors.values()} == values
        assert only.contents.step is None
        assert {info.trainable for info, _ in only.tensors.values()} <= {None, False}
        outer = [layer.name for layer in saved.model.layers]
        assert [layer.name for layer in only.contents.layers] == outer


def test_a_real_run_of_27_checkpoints(shared_data: Path, read: Any, claim: Any) -> None:
    folder = shared_data / "series" / "emotion-xception-h5"
    steps = {}
    names = None
    for path in sorted(folder.glob("*.hdf5")):
        assert claim(path).label == path.name.removesuffix(".hdf5")
        found = read(path)
        epoch = int(path.name.split(".")[1].split("-")[0])
        steps[epoch] = found.contents.step
        names = names or list(found.tensors)
        assert names == list(found.tensors)
        assert found.contents.framework == "Keras 2.0.5"
        assert found.contents.notes == ()
        with h5py.File(path, "r", locking=False) as file:
            for info, values in found.tensors.values():
                assert values.tobytes() == file[info.key][()].tobytes(), info.key
    assert len(steps) == 27
    assert all(step == 898 * (epoch + 1) for epoch, step in steps.items())  # one run, 898 batches an epoch

    tensors = found.tensors
    assert tensors["conv2d_1/kernel"][0].key == "model_weights/conv2d_1/conv2d_1_1/kernel:0"  # a graph loaded again
    assert tensors["conv2d_1/kernel"][0].trainable is True
    assert tensors["batch_normalization_1/moving_mean"][0].trainable is False
    layers = [layer.name for layer in found.contents.layers]
    assert layers[:4] == ["input_1", "conv2d_1", "batch_normalization_1", "activation_1"]
    assert len(found.collection("optimizer")) == 105
    # The slots are called Variable_104 … in the file, in the order of sorted names. Every one finds its weight, and
    # no second moment is negative, which a wrong split into m and v would make improbable.
    for name, (info, values) in found.collection("optimizer").items():
        if name != "optimizer/iterations":
            target, _, slot = name.removeprefix("optimizer/").rpartition("/")
            assert tensors[target][0].shape == info.shape
            assert tensors[target][0].layer == info.layer
            assert slot in {"m", "v"}
            assert slot == "m" or (values >= 0).all()


def test_weights_of_other_people_beside_pickles(shared_data: Path, read: Any) -> None:
    files = sorted((shared_data / "damaged" / "npy-with-pickles").rglob("*.h5"))
    assert len(files) == 7
    for path in files:
        found = read(path)
        assert found.contents.framework == "Keras 2.1.2"
        with h5py.File(path, "r", locking=False) as file:
            keys = [f"{layer}/{weight}" for layer in file.attrs["layer_names"].astype(str)
                    for weight in file[layer].attrs["weight_names"].astype(str)]  # fmt: skip
            assert [info.key for info, _ in found.tensors.values()] == keys
            for info, values in found.tensors.values():
                assert values.tobytes() == file[info.key][()].tobytes()
    found = read(next(path for path in files if path.name.startswith("bidirectional")))
    assert next(iter(found.tensors)) == "bidirectional_1/forward_lstm_1/kernel"
    assert found.tensors["bidirectional_1/forward_lstm_1/kernel"][0].layer == "bidirectional_1"


def test_keras_1(tmp_path: Path, read: Any) -> None:
    """Files as keras/models.py of Keras 1.2 (named) and 0.3 (numbered) wrote them."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "one.h5", "w") as file:
        layers = [{"class_name": "Convolution2D", "config": {"name": "convolution2d_1", "trainable": True}}]
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers}).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"convolution2d_1", b"lstm_1"]
        layer = group.create_group("convolution2d_1")
        layer.attrs["weight_names"] = [b"convolution2d_1_W", b"convolution2d_1_b"]
        layer["convolution2d_1_W"], layer["convolution2d_1_b"] = rng.random((3, 3, 1, 4)), rng.random(4)
        other = group.create_group("lstm_1")
        other.attrs["weight_names"] = [b"lstm_1_W_i"]
        other["lstm_1_W_i"] = rng.random((2, 2))
    found = read(tmp_path / "one.h5")
    assert list(found.tensors) == ["convolution2d_1/W", "convolution2d_1/b", "lstm_1/W_i"]
    assert [info.role for info, _ in found.tensors.values()] == ["kernel", "bias", "kernel"]
    assert found.tensors["convolution2d_1/W"][0].trainable is True
    assert found.tensors["convolution2d_1/W"][0].dtype == "float64"

    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["nb_layers"] = 2
        for i, count in enumerate((2, 0)):
            layer = file.create_group(f"layer_{i}")
            layer.attrs["nb_params"] = count
            for j in range(count):
                layer[f"param_{j}"] = rng.random(3)
    assert list(read(tmp_path / "old.h5").tensors) == ["layer_0/param_0", "layer_0/param_1"]


def test_names_that_take_more_than_an_attribute_can_hold(
    keras: ModuleType, read: Any, tmp_path: Path, quiet: None
) -> None:
    layers = [keras.layers.Rescaling(1.0, name=f"{i:04d}_{'n' * 400}") for i in range(170)]
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(1, name="last")])
    model.save(tmp_path / "long.h5")
    with h5py.File(tmp_path / "long.h5", "r", locking=False) as file:
        assert "layer_names1" in file["model_weights"].attrs
    found = read(tmp_path / "long.h5")
    assert [layer.name for layer in found.contents.layers] == [layer.name for layer in model.layers]
    assert list(found.tensors) == ["last/kernel", "last/bias"]


def test_bfloat16_is_told_by_the_configuration(keras3: Any, read: Any) -> None:
    found = read(keras3["sequential"].files[".h5"]).tensors
    kinds = {info.dtype for info, _ in found.values()}
    assert "bfloat16" in kinds
    info, values = next(one for one in found.values() if one[0].dtype == "bfloat16")
    assert info.itemsize == 2
    assert values.dtype == ml_dtypes.bfloat16


def test_an_opaque_dataset_without_a_dtype_is_skipped(keras3: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(keras3["sequential"].files[".h5"].read_bytes())
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
    found = read(path)
    assert {one.dtype for one in found.contents.skipped} == {"void16"}
    assert all("opaque" in one.reason for one in found.contents.skipped)


def test_an_interrupted_save_is_partial(keras2: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    data = keras2["nested"].files[".h5"].read_bytes()
    for what in ("layer", "weight", "list"):
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            group = file["model_weights"]
            layer = str(group.attrs["layer_names"].astype(str)[-1])
            if what == "layer":
                del group[layer]
            elif what == "weight":
                del group[layer][str(group[layer].attrs["weight_names"].astype(str)[0])]
            else:
                del group[layer].attrs["weight_names"]
        with pytest.raises(PartialCheckpoint, match="interrupted save"), KerasLegacyReader().open(path):
            pass


def test_a_file_that_lists_no_layers_is_corrupt(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_group("model_weights")
    with pytest.raises(CorruptCheckpoint, match="nb_layers"), KerasLegacyReader().open(tmp_path / "m.h5"):
        pass


def test_a_broken_configuration_is_a_note(keras2: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    for text in ("{", "[" * 200_000, "[]", '{"class_name": 3}', '{"class_name": "Model", "config": null}'):
        path.write_bytes(keras2["nested"].files[".h5"].read_bytes())
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = text
        found = read(path)
        assert "configuration cannot be read" in found.contents.notes[0]
        assert len(found.collection("model")) == len(keras2["nested"].model.weights)


def test_layers_without_their_weights_are_noted(keras2: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(keras2["image"].files[".h5"].read_bytes())
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        for layer in ("c1", "head"):
            group[layer].attrs["weight_names"] = np.array([], "S1")
    assert read(path).contents.missing_layers == ("c1", "head")


def test_any_name_is_kept(tmp_path: Path, read: Any) -> None:
    names = ["<script>", "new\nline", "tab\t", "ünï", "a b"]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in [*names, "bad"]] + [b"\xff\xfe"]
        for raw in [*(name.encode() for name in names), b"bad", b"\xff\xfe"]:
            layer = h5py.Group(h5py.h5g.create(file.id, raw))
            layer.attrs["weight_names"] = [raw + b"/kernel:0"]
            inner = h5py.Group(h5py.h5g.create(layer.id, raw))
            inner["kernel:0"] = np.ones((2, 2), np.float32)
    found = read(tmp_path / "m.h5")
    assert list(found.tensors) == [f"{name}/kernel" for name in [*names, "bad", "\\xff\\xfe"]]


def slashed(keras: ModuleType) -> tuple[Any, Any]:
    """As in DenseNet: a flat model, and one around it that freezes it; one name is the beginning of another."""
    layers = keras.layers
    inputs = keras.Input((8,))
    x = layers.Dense(4, name="conv1/conv")(inputs)
    x = layers.BatchNormalization(name="conv1/bn")(x)
    x = layers.Dense(4, name="conv1")(x)
    x = layers.Dense(4, name="a/b/c/d")(x)
    flat = keras.Model(inputs, layers.Dense(4, name="conv1/conv/again")(x), name="dense/net")
    flat.trainable = False
    outer = keras.Input((8,))
    return flat, keras.Model(outer, layers.Dense(2, name="head/out")(flat(outer)))


def test_slashes_in_the_names_of_layers(tf_keras: ModuleType, read: Any, tmp_path: Path, quiet: None) -> None:
    """The same names, layers and numbers as in the archive, which stores no names of variables at all."""
    flat, nested = slashed(tf_keras)
    nested.compile("adam", "mse", run_eagerly=True)
    nested.train_on_batch(np.ones((2, 8)), np.ones((2, 2)))
    for name, model in (("flat", flat), ("nested", nested)):
        model.save(tmp_path / f"{name}.h5")
        model.save(tmp_path / f"{name}.keras")
        old, new = read(tmp_path / f"{name}.h5"), read(tmp_path / f"{name}.keras")
        mine, theirs = ({n: t for n, t in one.tensors.items() if t[0].collection != "other"} for one in (old, new))
        assert list(mine) == list(theirs)
        for full, (info, values) in mine.items():
            assert values.tobytes() == theirs[full][1].tobytes(), full
            other = theirs[full][0]
            assert (info.layer, info.role, info.trainable) == (other.layer, other.role, other.trainable), full
        assert old.contents.layers == new.contents.layers
        assert old.contents.missing_layers == new.contents.missing_layers == ()
    assert "dense/net/conv1/conv/again/kernel" in mine
    assert mine["dense/net/conv1/bn/gamma"][0].layer == "dense/net/conv1/bn"
    assert "optimizer/head/out/kernel/m" in mine


def test_the_reported_slashes(reported: Path, read: Any) -> None:
    folder = reported / "slash-in-layer-names"
    for name in ("flat", "nested"):
        old, new = (read(folder / f"{name}{suffix}") for suffix in (".h5", ".keras"))
        weights = [{n: v.tobytes() for n, (_, v) in one.collection("model").items()} for one in (old, new)]
        assert weights[0] == weights[1]
        assert list(old.contents.layers) == list(new.contents.layers)
        assert old.contents.missing_layers == ()


def test_of_two_layers_with_the_same_end_the_lost_one_is_named(tf_keras: ModuleType, read: Any, tmp_path: Path) -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input((3,)), layers.Dense(3, name="a/fc"), layers.Dense(3, name="b/fc")])
    path = tmp_path / "m.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    with h5py.File(path, "r+") as file:
        file["model_weights/b/fc"].attrs["weight_names"] = np.array([], "S1")
    assert read(path).contents.missing_layers == ("b/fc",)
