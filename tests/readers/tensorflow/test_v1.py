"""V1 checkpoints: TensorFlow itself is the oracle, in this process; the reader uses it in a child."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reporter.errors import CheckpointError, CorruptCheckpoint, RefusedCheckpoint
from reporter.gather.catalog import scan
from reporter.model.tensor import Contents
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.tensorflow import V1Reader, v1_reader
from reporter.settings.model import Settings

REAL = [
    "single/acrobot-tf1-v1/model.ckpt",
    "single/tf-serving/tensorflow_serving/session_bundle/testdata/half_plus_two/00000123/export-00000-of-00001",
]


def read(path: Path) -> tuple[Contents, dict[str, np.ndarray]]:
    with V1Reader().open(path) as contents:
        found = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            assert all(block.nbytes <= BLOCK_BYTES for block in blocks)
            values = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            found[tensor.info.key] = values.reshape(tensor.info.shape)
        return contents, found


@pytest.fixture(scope="module")
def save(tf: ModuleType) -> Callable[..., Path]:
    def save_(path: Path, **tensors: Any) -> Path:
        names = [name.replace("__", "/") for name in tensors]
        tf.raw_ops.Save(filename=str(path), tensor_names=names, data=[tf.constant(v) for v in tensors.values()])
        return path

    return save_


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data: Path, tf: ModuleType, name: str) -> None:
    path = shared_data / name
    pattern = str(path).replace("00000-of", "?????-of")
    oracle = tf.compat.v1.train.NewCheckpointReader(pattern)
    contents, found = read(path)
    assert found.keys() == oracle.get_variable_to_shape_map().keys()
    for key, values in found.items():
        np.testing.assert_array_equal(values, oracle.get_tensor(key))
    assert contents.integrity == "crc32c"


def test_names_roles_and_step(shared_data: Path, save: Any, tmp_path: Path) -> None:
    contents, _ = read(shared_data / REAL[0])
    infos = {t.info.key: t.info for t in contents.tensors}
    slot = infos["policy/policy/Stack/fully_connected_1/weights/Adam_1"]
    assert (slot.collection, slot.role, slot.layer) == ("optimizer", "velocity", "policy/Stack/fully_connected_1")
    weights = infos["policy/Stack/fully_connected_1/weights"]
    assert (weights.collection, weights.role, weights.trainable) == ("model", "kernel", True)
    contents, _ = read(save(tmp_path / "m", global_step=np.int64(1234), d__weights=np.ones((2, 3), np.float32)))
    assert (contents.step, contents.step_source) == (1234, "variable global_step")


def test_types_shapes_and_strings(tf: ModuleType, save: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = ["float32", "float64", "int32", "uint8", "int16", "int8", "int64", "bool", "float16", "uint16", "complex64"]
    tensors = {kind: rng.integers(0, 2, (3, 4)).astype(kind) for kind in kinds}
    tensors |= {"large": rng.standard_normal((1500, 1001), np.float32), "none": np.zeros((0, 3), np.float32)}
    contents, found = read(save(tmp_path / "m", text=np.array([b"a", b"b"]), scalar=np.float32(2.5), **tensors))
    for name, values in tensors.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype
    assert found["scalar"] == 2.5
    assert [(s.name, s.dtype, s.shape) for s in contents.skipped] == [("text", "string", (2,))]


def test_partitioned_variables_and_shards(tf: ModuleType, tmp_path: Path) -> None:
    """Two shards, each with one half of a variable, as ``Saver(sharded=True)`` wrote them."""
    values = np.arange(24, dtype=np.float32).reshape(6, 4)
    for number, place in enumerate(("6 4 0,3:-", "6 4 3,3:-")):
        tf.raw_ops.SaveSlices(
            filename=str(tmp_path / f"model.ckpt-7-{number:05}-of-00002"),
            tensor_names=["d/weights", f"own{number}"],
            shapes_and_slices=[place, ""],
            data=[tf.constant(values[3 * number : 3 * number + 3]), tf.constant([float(number)])],
        )
    (series,) = scan(Settings(roots=(tmp_path,), settle=0.0)).series
    (ref,) = series.checkpoints
    assert (ref.step.value, len(ref.members)) == (7, 2)
    _, found = read(ref.path)
    np.testing.assert_array_equal(found["d/weights"], values)
    assert found.keys() == {"d/weights", "own0", "own1"}
    (tmp_path / "model.ckpt-7-00000-of-00002").unlink()
    (entry,) = scan(Settings(roots=(tmp_path,), settle=0.0)).files
    assert (entry.state, entry.format) == ("partial", "tf-v1")
    assert "model.ckpt-7-00000-of-00002 is missing" in entry.reason


def test_too_many_shards(save: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "m-00000-of-00101", x=np.ones(3, np.float32))
    (entry,) = scan(Settings(roots=(tmp_path,), settle=0.0)).files
    assert (entry.state, entry.reason) == ("refused", "one of 101 shards; no more than 100 are read")
    with pytest.raises(RefusedCheckpoint, match="more than 100 shards"):
        read(path)


def test_too_many_tensors(save: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reporter.readers.tensorflow import v1_parsing

    monkeypatch.setattr(v1_parsing, "MAX_TENSORS", 2)
    with save(tmp_path / "m", x=np.ones(3), y=np.ones(3), z=np.ones(3)).open("rb") as file:
        parsing = v1_parsing.open_parsing([file.fileno()])
        with pytest.raises(RefusedCheckpoint, match="more than 2 tensors"):
            parsing.answer("tensors")


def test_names_that_would_be_patterns(save: Any, tmp_path: Path) -> None:
    plain, odd = tmp_path / "m1", tmp_path / "m[1]*?.ckpt"
    save(plain, x=np.ones(3, np.float32))
    plain.rename(odd)
    save(plain, x=np.zeros(3, np.float32))
    assert read(odd)[1]["x"].tolist() == [1, 1, 1]


def test_a_flipped_bit_anywhere_is_noticed_or_without_effect(save: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "m", d__weights=np.arange(50, dtype=np.float32), d__biases=np.ones(5, np.float32))
    _, whole = read(path)
    intact, reasons = path.read_bytes(), []
    for at in range(0, len(intact), 5):
        damaged = bytearray(intact)
        damaged[at] ^= 4
        path.write_bytes(damaged)
        try:
            _, found = read(path)
        except CheckpointError as error:
            reasons.append(error.reason)
        else:
            for key, values in found.items():
                np.testing.assert_array_equal(values, whole[key])
    assert len(reasons) > len(intact) / 5 * 0.7


def test_memory_is_limited(save: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(v1_reader.TENSORFLOW.limits, memory=64 << 20)
    monkeypatch.setattr(v1_reader, "TENSORFLOW", replace(v1_reader.TENSORFLOW, limits=limits))
    path = save(tmp_path / "m", d__weights=np.ones(64 << 20, np.uint8))
    with pytest.raises((RefusedCheckpoint, CorruptCheckpoint), match=r"memory|crashed") as caught:
        read(path)
    assert caught.value.path == path


def test_a_child_imports_no_more_than_what_reads() -> None:
    code = "import sys; from reporter.readers.tensorflow import v1_parsing; print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 1000, "of 3,900"


ELSEWHERE = """
import sys

class Elsewhere:  # of what is asked for first, most is where it was; TensorFlow itself finds all of its own
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow.python.training.py_checkpoint_reader":
            sys.meta_path.remove(self)
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, elsewhere := Elsewhere())
from reporter.readers.tensorflow import v1_parsing
import tensorflow
assert elsewhere not in sys.meta_path and v1_parsing._restore is tensorflow.raw_ops.Restore
with open(sys.argv[1], "rb") as file:
    parsing = v1_parsing.open_parsing([file.fileno()])
    print(parsing.answer("tensors")[0], bytes(parsing.answer("read", name="x", start=8, stop=24)[1]).hex())
with open(sys.argv[2], "rb") as file:
    try:
        v1_parsing.open_parsing([file.fileno()])
    except v1_parsing.CorruptCheckpoint as error:
        print(error.reason)
"""


def test_a_tensorflow_that_has_it_elsewhere(tf: ModuleType, save: Any, tmp_path: Path) -> None:
    """In a process of its own: where part of TensorFlow's C++ is loaded twice, the process ends."""
    path, empty = save(tmp_path / "m", x=np.arange(3.0)), tmp_path / "empty"
    empty.touch()
    command = [sys.executable, "-c", ELSEWHERE, str(path), str(empty)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    values, reason = done.stdout.splitlines()
    assert values == f"{[['x', tf.float64.as_datatype_enum, [3]]]} {np.array([1.0, 2.0]).tobytes().hex()}"
    assert reason.startswith("TensorFlow cannot read it")


def test_without_tensorflow(save: Any, tmp_path: Path) -> None:
    """Listed as unsupported, with what to install; nothing else changes."""
    path = save(tmp_path / "m", d__weights=np.ones(5, np.float32))
    (tmp_path / "hidden" / "tensorflow").mkdir(parents=True)
    (tmp_path / "hidden" / "tensorflow" / "__init__.py").write_text("raise ImportError('no TensorFlow here')")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from reporter.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, str(tmp_path / "hidden"), "scan", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "unsupported" in done.stdout
    assert "pip install tensorflow" in done.stdout


def test_a_file_that_was_cut(tmp_path: Path, save: Any) -> None:
    path = save(tmp_path / "m", x=np.ones(3, np.float32))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptCheckpoint, match="TensorFlow cannot read it"):
        read(path)
