"""safetensors: the reference library is the oracle; every offset of a hostile header is checked."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from reporter.api import measure
from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.safetensors import SafetensorsReader

READER = SafetensorsReader()


def claim(path: Path) -> Claim | None:
    data = path.read_bytes()
    return READER.claim_file(Probe(path, len(data), 0, data[:64], data[-64:]), {})


def read(path: Path) -> tuple[Contents, dict[str, np.ndarray]]:
    with READER.open(path) as contents:
        arrays = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            assert all(block.nbytes <= BLOCK_BYTES for block in blocks)
            flat = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            arrays[tensor.info.name] = flat.reshape(tensor.info.shape)
        return contents, arrays


def write(path: Path, header: Any, buffer: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + buffer)
    return path


def test_published_files_are_read_as_the_reference_reads_them(shared_data: Path) -> None:
    files = sorted((shared_data / "series/mlx-lora-safetensors").glob("*.safetensors"))
    files += sorted((shared_data / "single/silero-vad-safetensors").rglob("*.safetensors"))
    assert len(files) == 3
    for path in files:
        found = claim(path)
        assert found is not None
        assert (found.problem, found.label) == ("", path.name.removesuffix(".safetensors"))
        contents, arrays = read(path)
        expected = safetensors.numpy.load_file(path)
        assert arrays.keys() == expected.keys()
        for name, values in arrays.items():
            assert values.dtype == expected[name].dtype
            assert values.tobytes() == expected[name].tobytes()
        assert contents.layers_ordered is False
        assert contents.step is None
        assert {tensor.info.trainable for tensor in contents.tensors} == {None}
    names = [tensor.info.name for tensor in contents.tensors]
    assert names[:3] == ["conv1.bias", "conv1.weight", "conv2.bias"]
    info = {tensor.info.name: tensor.info for tensor in contents.tensors}["lstm_cell.weight_hh"]
    assert (info.layer, info.role, info.output_axis) == ("lstm_cell", "recurrent_kernel", 0)


def test_every_dtype(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
             "bool", "complex64"]  # fmt: skip
    arrays = {f"a.{kind}": (rng.random((3, 5)) * 9).astype(kind) for kind in kinds}
    arrays["a.empty"] = np.zeros((0, 4), np.float32)
    arrays["a.scalar"] = np.array(3.5, np.float32)
    safetensors.numpy.save_file(arrays, tmp_path / "m.safetensors", metadata={"format": "pt"})
    contents, found = read(tmp_path / "m.safetensors")
    assert contents.framework == "PyTorch"
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype
        assert found[name].tobytes() == values.tobytes()


SMALL = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}


@pytest.mark.parametrize(("code", "name"), SMALL.items())
def test_small_floats(code: str, name: str, tmp_path: Path) -> None:
    """Every code of the type, so that its specials are among them; statistics are those of the float64 values."""
    dtype = np.dtype(getattr(ml_dtypes, name))
    values = np.arange(1 << (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}").view(dtype)
    header = {"w": {"dtype": code, "shape": [values.size], "data_offsets": [0, values.nbytes]}}
    path = write(tmp_path / "m.safetensors", header, values.tobytes())
    contents, found = read(path)
    assert contents.tensors[0].info.dtype == name
    assert found["w"].tobytes() == values.tobytes()
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    statistics = measure(path).variable("w").statistics
    assert statistics["count"] == values.size
    assert statistics["nan_count"] == np.isnan(wide).sum()
    assert (statistics["min"], statistics["max"]) == (finite.min(), finite.max())


def test_the_reference_knows_the_types_that_we_read(tmp_path: Path) -> None:
    """And refuses the sizes that we refuse: a type's number of bits is the library's."""
    for code, bits in {"F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, **dict.fromkeys(SMALL, 8)}.items():
        bits = 16 if code == "BF16" else bits
        header = {"w": {"dtype": code, "shape": [8], "data_offsets": [0, bits]}}
        path = write(tmp_path / "m.safetensors", header, bytes(bits))
        with READER.open(path), safetensors.safe_open(path, "np") as reference:
            assert list(reference.keys()) == ["w"]
        header["w"]["shape"] = [16]
        with pytest.raises(CorruptCheckpoint, match="does not take"), READER.open(write(path, header, bytes(bits))):
            pass


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "reason"),
    [("F4", [6], 3, "floats of 4 bits"),
     ("F6_E2M3", [4], 3, "floats of 6 bits"), ("F6_E3M2", [4], 3, "floats of 6 bits"),
     ("Q9", [6], 3, "does not know")],
)  # fmt: skip
def test_packed_and_unknown_types_are_skipped_and_counted(
    dtype: str, shape: list[int], size: int, reason: str, tmp_path: Path
) -> None:
    header = {"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}
    contents, found = read(write(tmp_path / "m.safetensors", header, bytes(size)))
    assert not found
    assert [(one.name, one.dtype) for one in contents.skipped] == [("w", dtype)]
    assert reason in contents.skipped[0].reason


def test_natural_order_and_layers(tmp_path: Path) -> None:
    names = ["h.10.w", "h.9.w", "h.9.b", "top", "h.9.10.w"]
    safetensors.numpy.save_file({name: np.zeros(1, np.float32) for name in names}, tmp_path / "m.safetensors")
    contents, _ = read(tmp_path / "m.safetensors")
    assert [tensor.info.name for tensor in contents.tensors] == ["h.9.10.w", "h.9.b", "h.9.w", "h.10.w", "top"]
    assert [layer.name for layer in contents.layers] == ["h.9.10", "h.9", "h.10"]


W = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "buffer", "length", "error", "match"),
    [
        ({"a": W}, bytes(7), None, PartialCheckpoint, "7 are there"),
        ({"a": W}, bytes(9), None, CorruptCheckpoint, "1 bytes follow"),
        ({"a": W, "b": W}, bytes(8), None, CorruptCheckpoint, "overlaps"),
        ({"a": {**W, "data_offsets": [1, 9]}}, bytes(9), None, CorruptCheckpoint, "hole of 1"),
        ({"a": {**W, "shape": [3]}}, bytes(8), None, CorruptCheckpoint, "does not take"),
        ({"a": {**W, "shape": [-1]}}, bytes(8), None, CorruptCheckpoint, "lacks"),
        ({"a": {**W, "shape": [True]}}, bytes(8), None, CorruptCheckpoint, "lacks"),
        ({"a": {**W, "shape": [1 << 62, 1 << 62]}}, bytes(8), None, CorruptCheckpoint, "does not take"),
        ({"a": {**W, "data_offsets": [8, 0]}}, bytes(8), None, CorruptCheckpoint, "does not take"),
        ({"a": {**W, "data_offsets": [0]}}, bytes(8), None, CorruptCheckpoint, "lacks"),
        ({"a": 3}, b"", None, CorruptCheckpoint, "lacks"),
        ([], b"", None, CorruptCheckpoint, "not a JSON object"),
        (b"{", b"", None, CorruptCheckpoint, "not JSON"),
        (b"\xff\xff", b"", None, CorruptCheckpoint, "not JSON"),
        (b'{"a":1,"a":1}', b"", None, CorruptCheckpoint, "twice"),
        (b"[" * 100_000, b"", None, CorruptCheckpoint, "not JSON"),
        ({}, b"", 1 << 40, RefusedCheckpoint, "more than"),
        ({}, b"", 1 << 20, PartialCheckpoint, "the file has"),
    ],
)  # fmt: skip
def test_hostile_headers(
    header: Any, buffer: bytes, length: int | None, error: type[Exception], match: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "m.safetensors", header, buffer, length)
    with pytest.raises(error, match=match), READER.open(path):
        pass


@given(st.data())
def test_damage_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "safetensors"
    folder.mkdir(exist_ok=True)
    intact = folder / "intact.safetensors"
    if not intact.exists():
        safetensors.numpy.save_file({"a.w": np.ones((3, 4)), "b.w": np.ones(7, np.int8)}, intact)
    raw = bytearray(intact.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = folder / "damaged.safetensors"
    path.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]) if data.draw(st.booleans()) else raw)
    claim(path)
    with contextlib.suppress(CheckpointError):
        read(path)


def test_claims(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"a": np.ones(3)}, tmp_path / "m.safetensors")
    intact = (tmp_path / "m.safetensors").read_bytes()
    for name, data, problem in (
        ("any.bin", intact, ""),
        ("cut.safetensors", intact[:40], "interrupted copy"),
        ("tiny.safetensors", intact[:5], "header is cut"),
        ("empty.safetensors", b"", "0 bytes"),
        ("text.safetensors", b"not a header at all", "does not start"),
    ):
        (tmp_path / name).write_bytes(data)
        found = claim(tmp_path / name)
        assert found is not None, name
        assert problem in found.problem
        assert bool(found.state) is bool(problem)
    for name, data in (
        ("x.bin", b""),
        ("x.json", b'{"a": 1}' * 9),
    ):
        (tmp_path / name).write_bytes(data)
        assert claim(tmp_path / name) is None
    assert READER.claim_folder(tmp_path, {}) is None
