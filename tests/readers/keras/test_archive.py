"""``.keras`` archives that are damaged, compressed, encrypted or hostile."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    PartialCheckpoint,
    RefusedCheckpoint,
    UnsupportedCheckpoint,
)
from reporter.readers.files import zipped
from reporter.readers.keras import KerasArchiveReader
from reporter.readers.keras_model.config import MAX_CONFIG

KERAS = "keras/src/saving/test_data/pre_pr22362_nested_container.keras"


def opened(path: Path) -> Any:
    with KerasArchiveReader().open(path) as contents:
        return contents


def rewrite(source: Path, path: Path, compression: int = zipfile.ZIP_STORED, **changes: bytes | None) -> Path:
    """A copy whose members are replaced or removed; dots in names are written as underscores."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", compression) as new:
        for info in old.infolist():
            data = changes.get(info.filename.replace(".", "_"), old.read(info))
            if data is not None:
                new.writestr(info.filename, data, compression)
    return path


def test_published_models(shared_data: Path, read: Any) -> None:
    """Every tensor is h5py's, and names and layers are those of the configuration."""
    files = sorted((shared_data / "single" / "deeplc-keras").glob("*.keras"))
    assert len(files) == 2
    for path in files:
        found = read(path)
        with zipfile.ZipFile(path) as members:
            inner = h5py.File(io.BytesIO(members.read("model.weights.h5")), "r")
            config = json.loads(members.read("config.json"))
        assert len(found.tensors) == 42 + 86
        for info, values in found.tensors.values():
            assert values.tobytes() == np.asarray(inner[info.key][()]).tobytes()
        assert [layer.name for layer in found.contents.layers] == [one["name"] for one in config["config"]["layers"]]
        assert found.contents.framework == "Keras 3.3.3"
        assert found.contents.notes == ()
        assert all(info.trainable for info, _ in found.collection("model").values())
        # In this run no slot's target is in doubt, and no second moment is negative.
        for name, (info, values) in found.collection("optimizer").items():
            assert info.layer or name in {"optimizer/iterations", "optimizer/learning_rate"}
            assert not name.endswith("velocity") or (values >= 0).all()
    assert found.contents.step == 158_673


def test_models_of_keras_s_own_regressions(shared_data: Path, read: Any) -> None:
    nested = read(shared_data / "single/keras-nested-container" / KERAS)
    assert list(nested.tensors) == ["d_0/kernel", "d_1/kernel", "d_2/kernel", "dense/kernel", "dense/bias"]
    fixed = read(shared_data / "single/keras-history/output/fixed_model.keras")
    assert next(iter(fixed.tensors)) == "test_layer/dense_6/kernel"
    own = "loading this runs code that is not Keras's own (KerasTest>TestModel); this program does not"
    assert fixed.contents.notes == (own,)
    bugged = read(shared_data / "single/keras-history/output/bugged_model.keras")
    assert len(bugged.tensors) == 14
    assert bugged.collection("model") == {}
    assert bugged.contents.notes == ("it holds no weights of a model", own)
    assert (bugged.contents.missing_weights, fixed.contents.missing_weights) == (6, 0)


def test_a_real_weights_file(shared_data: Path, read: Any) -> None:
    path = shared_data / "single" / "keras3-weights-h5" / "model.weights.h5"
    found = read(path)
    with h5py.File(path, "r", locking=False) as file:
        for info, values in found.tensors.values():
            assert values.tobytes() == np.asarray(file[info.key][()]).tobytes()
    assert [layer.name for layer in found.contents.layers] == ["conv2d", "conv2d_1", "dense", "dense_1"]
    assert [layer.kind for layer in found.contents.layers] == ["Conv2D", "Conv2D", "Dense", "Dense"]
    assert found.contents.layers_ordered  # told by the order of the optimizer's slots
    assert all(info.trainable for info, _ in found.collection("model").values())
    assert found.contents.step == 1_883_548
    assert "optimizer/conv2d/kernel/slot_0" in found.tensors  # which optimizer it was is not stored


def test_missing_layers_are_noted(keras3: Any, read: Any, tmp_path: Path) -> None:
    source = keras3["image"].files[".keras"]
    with zipfile.ZipFile(source) as members:
        inner = io.BytesIO(members.read("model.weights.h5"))
    with h5py.File(inner, "r+") as file:
        del file["layers/conv2d/vars/0"]
        del file["layers/sequential/layers/dense"]
    path = rewrite(source, tmp_path / "m.keras", model_weights_h5=inner.getvalue())
    assert read(path).contents.missing_layers == ("c1", "enc/a")


def test_compressed_members_are_read(keras3: Any, read: Any, tmp_path: Path) -> None:
    source = keras3["nested"].files[".keras"]
    path = rewrite(source, tmp_path / "packed.keras", zipfile.ZIP_DEFLATED)
    a, b = read(source), read(path)
    assert a.contents.integrity == b.contents.integrity == "zip crc32"
    assert list(a.tensors) == list(b.tensors)
    assert all(values.tobytes() == b.tensors[name][1].tobytes() for name, (_, values) in a.tensors.items())


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_bit_fails_the_crc(compression: int, keras3: Any, read: Any, tmp_path: Path) -> None:
    path = rewrite(keras3["nested"].files[".keras"], tmp_path / "m.keras", compression)
    intact, data = read(path), path.read_bytes()
    with zipfile.ZipFile(path) as members:
        info = members.getinfo("model.weights.h5")
    raised = 0
    for at in range(0, info.compress_size, info.compress_size // 20):
        damaged = bytearray(data)
        damaged[info.header_offset + 46 + at] ^= 1
        path.write_bytes(damaged)
        try:
            found = read(path)
        except CorruptCheckpoint:
            raised += 1
        else:  # a bit of a deflate stream that changes none of the bytes that come out
            assert compression == zipfile.ZIP_DEFLATED
            assert all(one[1].tobytes() == intact.tensors[name][1].tobytes() for name, one in found.tensors.items())
    assert raised >= 15


def test_the_crc_covers_what_no_tensor_reads(keras3: Any, tmp_path: Path) -> None:
    """It is computed from the blocks of tensors, in any order, and from the rest of the member."""
    path = rewrite(keras3["nested"].files[".keras"], tmp_path / "m.keras")
    for order in (1, -1):
        with KerasArchiveReader().open(path) as contents:
            for tensor in contents.tensors[::order][1:]:
                list(tensor.blocks())
            contents.verify()
            contents.verify()
    with zipfile.ZipFile(path) as members:
        info = members.getinfo("model.weights.h5")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 46 + info.file_size - 1] ^= 1  # behind everything that HDF5 looks at
    path.write_bytes(data)
    with KerasArchiveReader().open(path) as contents:
        for tensor in contents.tensors:
            list(tensor.blocks())
        with pytest.raises(CorruptCheckpoint, match="CRC-32"):
            contents.verify()


def test_other_compressions_and_formats_are_unsupported(keras3: Any, tmp_path: Path) -> None:
    source = keras3["nested"].files[".keras"]
    with pytest.raises(UnsupportedCheckpoint, match="zip method 12"):
        opened(rewrite(source, tmp_path / "bz.keras", zipfile.ZIP_BZIP2))
    path = rewrite(source, tmp_path / "npz.keras", model_weights_h5=None)
    with zipfile.ZipFile(path, "a") as members:
        members.writestr("model.weights.npz", b"")
    with pytest.raises(PartialCheckpoint, match="no central directory"):
        opened(path)
    with pytest.raises(PartialCheckpoint, match=r"no model\.weights\.h5"):
        opened(rewrite(source, tmp_path / "none.keras", model_weights_h5=None))
    with pytest.raises(CorruptCheckpoint, match=r"no config\.json"):
        opened(rewrite(source, tmp_path / "noconfig.keras", config_json=None))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(keras3: Any, tmp_path: Path) -> None:
    zeros = bytes(300 << 20)
    path = rewrite(keras3["nested"].files[".keras"], tmp_path / "m.keras", zipfile.ZIP_DEFLATED, model_weights_h5=zeros)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(RefusedCheckpoint, match="zip bomb"):
        opened(path)
    long = zeros[: MAX_CONFIG + 1]
    path = rewrite(keras3["nested"].files[".keras"], tmp_path / "c.keras", zipfile.ZIP_DEFLATED, config_json=long)
    with pytest.raises(RefusedCheckpoint, match=r"config\.json takes"):
        opened(path)


def test_encrypted_and_doubled_members_are_refused(keras3: Any, tmp_path: Path, quiet: None) -> None:
    path = rewrite(keras3["nested"].files[".keras"], tmp_path / "m.keras")
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    (tmp_path / "encrypted.keras").write_bytes(data)
    with pytest.raises(RefusedCheckpoint, match="encrypted"):
        opened(tmp_path / "encrypted.keras")
    with zipfile.ZipFile(path, "a") as members:
        members.writestr("config.json", "{}")
    with pytest.raises(RefusedCheckpoint, match="same name"):
        opened(path)


def test_a_central_directory_out_of_proportion_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as members:
        for i in range(zipped.MAX_MEMBERS + 10):
            members.writestr(f"{i}", b"")
    with pytest.raises(RefusedCheckpoint, match="central directory lists 65,546"):
        opened(path)


def test_without_its_end_it_is_being_written(keras3: Any, claim: Any, tmp_path: Path) -> None:
    data = keras3["nested"].files[".keras"].read_bytes()
    path = tmp_path / "m.keras"
    path.write_bytes(data[:-100])
    with pytest.raises(PartialCheckpoint, match="no central directory"):
        opened(path)
    found = claim(path)
    assert found.problem == "no central directory: still being written, or truncated"
    assert found.state == "partial"


def test_a_broken_configuration_is_a_note(keras3: Any, read: Any, tmp_path: Path) -> None:
    path = rewrite(keras3["nested"].files[".keras"], tmp_path / "m.keras", config_json=b"{", metadata_json=b"[1]")
    found = read(path)
    assert found.contents.notes[0].startswith("config.json cannot be read: it is not JSON")
    assert found.contents.framework == "Keras"
    assert len(found.collection("model")) == 8


def test_every_error_names_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    for data in (b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), bytes(1000)):
        path.write_bytes(data)
        with pytest.raises(CheckpointError) as caught:
            opened(path)
        assert caught.value.path == path


@pytest.mark.parametrize("zipped_", [True, False])
def test_npz_weights_are_pickles_that_keras_refuses_too(
    zipped_: bool, keras3: Any, keras: Any, claim: Any, tmp_path: Path
) -> None:
    from keras.src.saving import saving_lib

    path = tmp_path / ("m.keras" if zipped_ else "m")
    model = keras3["nested"].model
    saving_lib.save_model(model, str(path), weights_format="npz", zipped=zipped_)
    with pytest.raises(RefusedCheckpoint, match=r"pickles \(an npz archive with \w+\.npy\).*with h5py installed"):
        opened(path)
    if zipped_:
        with pytest.raises(ValueError, match="allow_pickle=False"):
            keras.saving.load_model(path)
    else:
        (path / "model.weights.h5").rename(path / "model.weights.npz")
        with pytest.raises(RefusedCheckpoint, match="pickles"):
            opened(path)
