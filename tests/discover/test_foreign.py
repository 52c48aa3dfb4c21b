"""Files of other frameworks: named by their content, whatever they are called, and never loaded.

Bytes marked so were written by the library named beside them.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.discover.foreign import FORMATS, NO_MODELS, UNPACK, foreign
from reporter.gather.catalog import scan
from reporter.model.checkpoint import Probe
from reporter.settings.model import Settings

ONNX = (  # onnx 1.23
    b'\x08\x0e\x12\x07tf2onnx:3\n\x0c\n\x01x\x12\x01y"\x04Relu\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08'
    b"\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x02\x10\x1c"
)
JOBLIB = (  # joblib 1.6
    b"\x80\x04\x95\xd7\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94\x8c\x13joblib.numpy_pickle\x94\x8c\x11NumpyArrayWrapper"
    b"\x94\x93\x94)\x81\x94}\x94(\x8c\x08subclass\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94\x8c\x05shape\x94K\x01\x85"
    b"\x94\x8c\x05order\x94\x8c\x01C\x94ub\x00\x00\xf0?s."
)
FLAX = (  # msgpack 1.1, as flax.serialization packs arrays
    b"\x81\xa6params\x81\xa7Dense_0\x81\xa6kernel\xc7\x1e\x01\x93\x92\x02\x02\xa7float32\xc4\x10"
    b"\x00\x00\x80?\x00\x00\x80?\x00\x00\x80?\x00\x00\x80?"
)


META_GRAPH = (  # a Saver of TensorFlow 1, cut
    b"\x0a\x4e\x12\x45\x0a\x3a\x0a\x03Add\x12\x06\x0a\x01x\x22\x01T\x12\x06\x0a\x01y\x22\x01T\x1a\x06\x0a\x01z\x22\x01T"
    b"\x22\x1b\x0a\x01T\x12\x04type:\x10\x0a\x0e2\x0c\x0e\x01\x02\x03\x04\x05\x06\x08\x09\x12\x07\x14\x0a\x07\x0a\x05Apply"
    b"\x2a\x051.4.0"
)


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # of 1980: tests are named after these bytes
    return file.getvalue()


def tar_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def told(folder: Path, data: bytes) -> str:
    """The reason that the listing gives for a file with a name that says nothing."""
    (folder / "data").write_bytes(data)
    (entry,) = scan(Settings(roots=(folder,), settle=0.0)).files
    assert entry.state == "not a checkpoint"
    return entry.reason.removeprefix("not a TensorFlow/Keras checkpoint: ")


CASES: list[tuple[bytes, str]] = [
    (zip_of(**{"archive/data.pkl": b"\x80\x02.", "archive/version": b"3"}), "a PyTorch file (.pt, .pth)"),
    (zip_of(**{"m/code/__torch__.py": b"", "m/data.pkl": b""}), "a PyTorch file (.pt, .pth)"),
    (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2), "a PyTorch file from before 1.6"),
    (json.dumps({"metadata": {}, "weight_map": {"w": "pytorch_model-1.bin"}}).encode(), "an index of PyTorch shards"),
    (b"GGUF\x03\x00\x00\x00" + bytes(16), "a GGUF model (llama.cpp)"),
    (json.dumps({"format": "layers-model", "modelTopology": {"class_name": "Model", "config": {}}}).encode(),
     "a TensorFlow.js model; its weights are in the .bin files beside it"),
    (json.dumps({"class_name": "Sequential", "config": {}}).encode(), "a Keras model's configuration, without weights"),
    (json.dumps({"module": "keras", "config": {}, "class_name": "Sequential"}).encode(),
     "a Keras model's configuration, without weights"),
    (json.dumps({"trial_id": "00", "hyperparameters": {"space": [{"class_name": "Choice", "config": {"name": "lr"}}],
                                                       "values": {"lr": 0.1}}, "metrics": {}, "score": 0.5}).encode(),
     "KerasTuner's record of a search, without weights"),
    (json.dumps({"fileFormatVersion": "1.0.0", "itemInfoEntries": {}, "rootModelIdentifier": "x"}).encode(),
     "a Core ML package's manifest"),
    (b'<?xml version="1.0"?>\n<net name="Model0" version="11">\n',
     "an OpenVINO model; its weights are in the .bin file beside it"),
    (ONNX, "an ONNX model"),
    (FLAX, "Flax parameters (msgpack)"),
    (JOBLIB, "Python objects of joblib (a pickle, never loaded)"),
    *((pickle.dumps(value, protocol), "a Python pickle (never loaded)")
      for protocol in (2, 3, 4, 5) for value in ({"w": [1.5]}, [1, 2], "text", (1, "a"), None, Path)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "title"), CASES)
def test_content_tells(data: bytes, title: str, tmp_path: Path) -> None:
    assert told(tmp_path, data) == title


def test_what_tensorflow_writes(tf: ModuleType, tmp_path: Path, shared_data: Path) -> None:
    graph = tf.Graph()
    with graph.as_default():
        tf.compat.v1.placeholder(tf.float32, [1], name="x")
    assert told(tmp_path, graph.as_graph_def().SerializeToString()).startswith("a TensorFlow graph (GraphDef")
    lite = sorted(shared_data.rglob("*.tflite"))
    assert lite
    for path in lite:
        assert told(tmp_path, path.read_bytes()) == "a TensorFlow Lite model"
    for name, title in (
        ("*.meta", "a TensorFlow graph with its signatures"),
        ("fingerprint.pb", "a SavedModel's fingerprint"),
        ("keras_metadata.pb", "what Keras adds to a SavedModel"),
    ):
        written = sorted(shared_data.rglob(name))
        assert written, name
        for path in written:
            assert told(tmp_path, path.read_bytes()).startswith(title), path
    models = sorted((shared_data / "single").rglob("saved_model.pb"))
    assert models
    for path in models:
        assert told(tmp_path, path.read_bytes()).startswith("a SavedModel without its variables")


def test_every_row_is_met_above() -> None:
    met = {title for _, title in CASES}
    assert {title for title, _ in FORMATS} - met == {
        "a TensorFlow Lite model",
        "a SavedModel without its variables, or out of its place",
        "a TensorFlow graph (GraphDef, maybe frozen)",
    }


OTHERS: list[tuple[bytes, str]] = [
    (b"", "an empty file"),
    *((data, "text") for data in (b"\n", b"hello", b"{}", b"[1, 2]", b"import os\n", b"<html><net>", b"a,b\n1,0.5\n",
                                  "\N{SNOWMAN}".encode() * 9000)),
    (gzip.compress(b"x", mtime=0), "compressed by gzip" + UNPACK),
    (bz2.compress(b"x"), "compressed by bzip2" + UNPACK),
    (lzma.compress(b"x"), "compressed by xz" + UNPACK),
    # zstd 1.5 and lz4 1.9 of "hello"
    (b"\x28\xb5\x2f\xfd\x04\x58\x29\x00\x00hello\x0a\x5c\xd2\x3a", "compressed by zstandard" + UNPACK),
    (b"\x04\x22\x4d\x18\x64\x40\xa7\x06\x00\x00\x80hello\n\x00\x00\x00\x00", "compressed by lz4" + UNPACK),
    (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7-Zip archive" + UNPACK),
    (b"Rar!\x1a\x07\x01\x00", "a RAR archive" + UNPACK),
    (tar_of(a=b"x"), "a tar archive" + UNPACK),
    (zip_of(a=b""), "a zip archive of other things" + UNPACK),
    (b'model_checkpoint_path: "ckpt-2"\n', "TensorFlow's list of its latest checkpoints, without weights"),
    (b"\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t\0\0\xc0\xfd\x01\x02\x03A\x1a\rbrain.Event:2\0\0\0\0",
     "TensorBoard's events, without weights"),
    (META_GRAPH, "a TensorFlow graph with its signatures (.meta), without weights"),
    *((data, "a SavedModel's fingerprint, without weights") for data in (
        b"\x08\xc1\xb2\x04\x10\x9b\x96\x0a\x18\xaf\xf2\x02\x20\xb2\x01\x28\xe8\x07\x32\x02\x08\x01",
        b"\x08\xe1\x01\x10\xe8\x01\x18\xfd\x05\x28\x8e\x01\x32\x02\x08\x04\x3a\x0212",  # a hash of 0; a name
        b"\x32\x02\x08\x01\x28\x86\x02\x20\xad\x01\x18\x83\x02\x10\xfb\x01\x08\xd4\x01",
    )),
    (b'\x0a\x24\x1a\x04root"\x0f_tf_keras_model*\x0b{"name":""}', "what Keras adds to a SavedModel, without weights"),
    (b"CKPTRPT1" + bytes(20), "a cache file of ckpt-report"),
    (b"\x89PNG\r\n\x1a\n", "a picture"),
    (b"%PDF-1.7", "a PDF document"),
    (b"\x7fELF\x02\x01\x01", "a program or library"),
    (b"\xa7\r\r\n" + bytes(20), "compiled Python"),
    *((data, "none of the formats that are read here, by its content")
      for data in (b"\x08\x01", b"\x08\x01\x12\x02\n\x00", b"\x80\x02", bytes(100), b"\x93\x01")),
]  # fmt: skip


@pytest.mark.parametrize(("data", "title"), OTHERS)
def test_every_file_is_given_a_reason(data: bytes, title: str, tmp_path: Path) -> None:
    assert told(tmp_path, data) == title


def test_every_row_of_what_is_no_model_is_met_above() -> None:
    assert {title for title, _ in NO_MODELS} <= {title for _, title in OTHERS}


@given(st.binary(max_size=200), st.sampled_from([data[:12] for data, _ in CASES] + [b""]))
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "foreign"
    path.write_bytes(start + data)
    assert isinstance(foreign(Probe(path, len(start + data), 0, (start + data)[:64], data[-64:])), str)


def test_the_published_checkpoints_are_nothing_else(shared_data: Path) -> None:
    """Nothing that a reader claims has a content that would be taken for something else."""
    found = scan(Settings(roots=(shared_data / "single", shared_data / "series"), settle=0.0))
    members = [path for series in found.series for ref in series.checkpoints for path in ref.members]
    assert len(members) > 100
    for path in members:
        data = path.read_bytes()
        reason = foreign(Probe(path, len(data), 0, data[:64], data[-64:]))
        models = [title for title, _ in FORMATS if title in reason]
        assert not models or path.name == "saved_model.pb", path


def test_pickles_are_never_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return Path.touch, (ran,)

    folder = tmp_path / "c"
    folder.mkdir()
    assert told(folder, pickle.dumps(Evil())) == "a Python pickle (never loaded)"
    assert told(folder, zip_of(**{"m/data.pkl": pickle.dumps(Evil())})) == "a PyTorch file (.pt, .pth)"
    assert not ran.exists()
