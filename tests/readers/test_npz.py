"""npz and npy: NumPy is the oracle; pickles are refused, sizes are checked before anything is allocated."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    PartialCheckpoint,
    RefusedCheckpoint,
    UnsupportedCheckpoint,
)
from reporter.gather.catalog import scan
from reporter.model.tensor import Contents
from reporter.readers.files import npy as npy_format
from reporter.readers.files import zipped
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.npz import NumpyReader, members
from reporter.settings.model import Settings

Save = Callable[..., None]


def read(path: Path) -> tuple[Contents, dict[str, np.ndarray]]:
    with NumpyReader().open(path) as contents:
        arrays = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            assert all(block.nbytes <= BLOCK_BYTES for block in blocks)
            flat = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            arrays[tensor.info.key] = flat.reshape(tensor.info.shape)
        return contents, arrays


def states(folder: Path) -> dict[str, tuple[str, str]]:
    return {f.path: (f.state, f.reason) for f in scan(Settings(roots=(folder,), settle=0.0)).files}


KINDS = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
         "bool", "complex64", "complex128", ">f4", ">i8", ">c8"]  # fmt: skip


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_dtype_and_order(save: Save, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {kind: (rng.random((3, 5, 2)) * 9).astype(kind) for kind in KINDS}
    arrays |= {f"{name} fortran": np.asfortranarray(value) for name, value in arrays.items()}
    arrays |= {"empty": np.zeros((0, 4)), "empty fortran": np.zeros((4, 0, 3), order="F"), "scalar": np.array(3.5)}
    save(tmp_path / "m.npz", **arrays)
    contents, found = read(tmp_path / "m.npz")
    assert contents.skipped == ()
    assert contents.integrity == "zip crc32"
    assert list(found) == list(arrays)
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype.newbyteorder("=")
        assert found[name].tobytes() == values.astype(values.dtype.newbyteorder("=")).tobytes(order="C")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_large_arrays_are_streamed_in_c_order(save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "SLAB_BYTES", 1 << 20)
    values = np.arange(251, dtype=np.float32)  # a pattern that no block is a multiple of, and that is quick to compress
    tall = np.asfortranarray(np.resize(values, (1_300_003, 3)))  # a column is no whole block
    deep = np.asfortranarray(np.resize(values, (7, 300, 501)).astype(np.float64))
    plain = np.resize(values, 3_000_001)
    save(tmp_path / "m.npz", tall=tall, deep=deep, plain=plain)
    _, found = read(tmp_path / "m.npz")
    for name, values in {"tall": tall, "deep": deep, "plain": plain}.items():
        assert np.array_equal(found[name], values)


def test_every_version_of_the_format(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        for version in ((1, 0), (2, 0), (3, 0)):
            file = io.BytesIO()
            np.lib.format.write_array(file, values, version=version)
            archive.writestr(f"v{version[0]}.npy", file.getvalue())
        python2 = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }", values.tobytes())
        archive.writestr("python2.npy", python2)
    _, found = read(tmp_path / "m.npz")
    assert len(found) == 4
    assert all(np.array_equal(one, values) for one in found.values())


def test_names_give_layers_roles_and_the_step(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **{
        "enc/dense/kernel": np.ones((2, 3)), "enc/dense/bias": np.ones(3), "h.0.weight": np.ones((2, 3)),
        "optimizer/dense/kernel/momentum": np.ones((2, 3)), "global_step": np.int64(7),
    })  # fmt: skip
    contents, _ = read(tmp_path / "m.npz")
    rows = [(t.info.layer, t.info.role, t.info.collection, t.info.output_axis) for t in contents.tensors]
    assert rows == [
        ("enc/dense", "kernel", "model", -1),
        ("enc/dense", "bias", "model", -1),
        ("h.0", "kernel", "model", 0),
        ("", "momentum", "optimizer", -1),
        ("", "step", "other", -1),
    ]
    assert [layer.name for layer in contents.layers] == ["enc/dense", "h.0"]
    assert (contents.step, contents.step_source) == (7, "global_step")


def test_what_numpy_cannot_name_is_skipped(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "m.npz",
        bf16=np.ones(3, ml_dtypes.bfloat16),
        f8=np.ones(3, ml_dtypes.float8_e5m2),
        i4=np.ones(3, ml_dtypes.int4),
        text=np.array(["a"]),
        raw=np.array([b"a"]),
        date=np.zeros(2, "M8[s]"),
        table=np.zeros(2, [("a", "f4"), ("b", "i4")]),
        long=np.ones(2, np.longdouble),
        good=np.ones(2),
    )
    contents, found = read(tmp_path / "m.npz")
    assert list(found) == ["good"]
    reasons = {one.name: one.reason for one in contents.skipped}
    assert "bfloat16" in reasons["bf16"]
    assert "8-bit floats" in reasons["f8"]
    assert reasons["text"] == reasons["raw"] == "text, not numbers"
    assert "columns" in reasons["table"]
    assert reasons.keys() == {"bf16", "f8", "i4", "text", "raw", "date", "table", "long"}


def test_rows_too_large_to_be_reordered_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reporter.readers.npz import readers

    monkeypatch.setattr(readers, "MAX_ROW_BYTES", 63)
    np.savez(tmp_path / "m.npz", wide=np.zeros((2, 8), order="F"), narrow=np.zeros((8, 2), order="F"))
    contents, found = read(tmp_path / "m.npz")
    assert list(found) == ["narrow"]
    assert "Fortran order with rows of 64 bytes" in contents.skipped[0].reason


def test_pickles_are_refused_and_never_loaded(shared_data: Path) -> None:
    found = states(shared_data / "damaged/npy-npz-objects")
    assert {name: state for name, (state, _) in found.items()} == {
        "LICENSE": "not a checkpoint",
        "int_array.npy": "not a checkpoint",
        "int_arrays.npz": "found",
        "int_arrays_compressed.npz": "found",
        "object_array.npy": "refused",
        "object_arrays.npz": "refused",
        "object_arrays_compressed.npz": "refused",
    }
    assert "a.npy is a pickle" in found["object_arrays.npz"][1]
    with pytest.raises(RefusedCheckpoint, match="pickle"):
        read(shared_data / "damaged/npy-npz-objects/object_array.npy")
    found = states(shared_data / "damaged/npy-with-pickles")
    npy = {name: state for name, (state, _) in found.items() if name.endswith(".npy")}
    assert len(npy) == 9
    assert set(npy.values()) == {"refused"}


def test_a_pickle_inside_a_table_is_one_too(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.zeros(2, [("a", "f4"), ("b", "O")]))
    assert states(tmp_path)["m.npy"][0] == "refused"


def test_a_lone_array_is_measured_where_it_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.arange(6.0).reshape(2, 3))
    assert states(tmp_path)["m.npy"] == ("not a checkpoint", "a NumPy array; name the file itself to measure it")
    assert states(tmp_path / "m.npy")["m.npy"][0] == "found"
    contents, found = read(tmp_path / "m.npy")
    assert contents.tensors[0].info.name == "m"
    assert np.array_equal(found["m"], np.arange(6.0).reshape(2, 3))


def npy(text: str, values: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return (
        npy_format.MAGIC
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", size)
        + text.encode()
        + values
    )


def described(shape: Any, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    ("content", "error", "match"),
    [
        (npy(described((1 << 40,)), bytes(8)), PartialCheckpoint, "takes 4,398,046,511,104 bytes, 8 are there"),
        (npy(described((1 << 62, 1 << 62)), bytes(8)), PartialCheckpoint, "8 are there"),
        (npy(described((10**30,)), bytes(8)), CorruptCheckpoint, "its shape"),
        (npy(described((1,) * 65), bytes(4)), CorruptCheckpoint, "its shape"),
        (npy(described((1,)), bytes(8)), CorruptCheckpoint, "4 bytes follow"),
        (npy(described((-1,)), bytes(8)), CorruptCheckpoint, "not one that NumPy writes"),
        (npy(described("__import__('os')"), bytes(8)), CorruptCheckpoint, "not one that NumPy writes"),
        (npy("{" * 9_000), CorruptCheckpoint, "not one that NumPy writes"),
        (npy("(" * 10_001, version=2), RefusedCheckpoint, "10,001 bytes, more than 10,000"),
        (npy("", version=2, length=1 << 31), RefusedCheckpoint, "2,147,483,648 bytes"),
        (npy("", length=100), PartialCheckpoint, "is cut"),
        (npy("")[:9], PartialCheckpoint, "is cut"),
        (npy("", version=9), CorruptCheckpoint, "version 09"),
        (npy_format.MAGIC, CorruptCheckpoint, "version  of"),
    ],
)
def test_hostile_headers(content: bytes, error: type[CheckpointError], match: str, tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    path.write_bytes(content)
    with pytest.raises(error, match=match):
        read(path)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "m.npz", "w", compression) as archive:
            archive.writestr("a/w.npy", content)
        with pytest.raises(error, match=f"a/w.npy.*{match}"):
            read(tmp_path / "m.npz")


def test_zip_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", w=np.zeros(300_000), v=np.random.default_rng(0).random(6000))
    assert set(read(tmp_path / "bomb.npz")[1]) == {"w", "v"}
    with monkeypatch.context() as lower:
        lower.setattr(zipped, "BOMB_FLOOR", 2 << 20)
        with pytest.raises(RefusedCheckpoint, match=r"w\.npy declares 2,400,128 bytes in .*: a zip bomb"):
            read(tmp_path / "bomb.npz")
    np.savez_compressed(tmp_path / "m.npz", a=np.zeros(400_000), b=np.zeros(400_000))
    assert set(read(tmp_path / "m.npz")[1]) == {"a", "b"}
    from reporter.readers.npz import readers

    monkeypatch.setattr(readers, "BOMB_FLOOR", 5 << 20)
    with pytest.raises(RefusedCheckpoint, match=r"its members declare 6,400,256 bytes, the file has .*: a zip bomb"):
        read(tmp_path / "m.npz")
    monkeypatch.setattr(zipped, "MAX_MEMBER", 1000)
    with pytest.raises(RefusedCheckpoint, match="zip bomb"):
        read(tmp_path / "m.npz")


def damage(path: Path, edit: Callable[[bytearray, zipfile.ZipInfo], None]) -> None:
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[0]
    data = bytearray(path.read_bytes())
    edit(data, info)
    path.write_bytes(data)


def at_directory(data: bytearray, offset: int, form: str, value: int) -> None:
    struct.pack_into(form, data, data.find(b"PK\x01\x02") + offset, value)


def test_declared_sizes_are_never_trusted(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random(1000)
    cases: list[tuple[Save, Callable[..., None], type[CheckpointError], str]] = [
        (np.savez_compressed, lambda d, i: at_directory(d, 24, "<I", i.file_size - 8), CorruptCheckpoint, "holds more"),
        (np.savez_compressed, lambda d, i: at_directory(d, 20, "<I", 1 << 30), CorruptCheckpoint, "outside"),
        (
            np.savez_compressed,
            lambda d, i: at_directory(d, 20, "<I", 900),
            CorruptCheckpoint,
            "bytes, 8,128 are declared",
        ),
        (np.savez_compressed, lambda d, i: at_directory(d, 42, "<I", 7), CorruptCheckpoint, "local header"),
        (np.savez_compressed, lambda d, i: at_directory(d, 10, "<H", 12), UnsupportedCheckpoint, "zip method 12"),
        (np.savez, lambda d, i: at_directory(d, 24, "<I", 1 << 20), CorruptCheckpoint, "two sizes"),
        (np.savez, lambda d, i: at_directory(d, 8, "<H", 1), RefusedCheckpoint, "encrypted"),
        (np.savez, lambda d, i: d.__setitem__(300, d[300] ^ 1), CorruptCheckpoint, "CRC-32"),
        (np.savez_compressed, lambda d, i: at_directory(d, 16, "<I", 7), CorruptCheckpoint, "CRC-32"),
    ]
    for save, edit, error, match in cases:
        save(tmp_path / "m.npz", w=values)
        damage(tmp_path / "m.npz", edit)
        with pytest.raises(error, match=match):
            read(tmp_path / "m.npz")


def test_a_central_directory_out_of_proportion_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", w=np.ones(3))
    data = bytearray((tmp_path / "m.npz").read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\x05\x06") + 12, zipped.MAX_DIRECTORY + 1)
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(RefusedCheckpoint, match="central directory lists 1 members in 33,554,433 bytes"):
        read(tmp_path / "m.npz")


@given(st.data())
def test_damage_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Flipped bits and cuts end as an error of our own, or in the values that were saved: every value is checked."""
    folder = tmp_path_factory.getbasetemp() / "npz"
    folder.mkdir(exist_ok=True)
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    arrays = {"a/w": np.arange(12.0).reshape(3, 4, order="F"), "b/w": np.arange(7, dtype=np.int8), "c": np.float32(3)}
    path = folder / "damaged.npz"
    save(path, **arrays)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]) if data.draw(st.booleans()) else raw)
    states(folder)
    with contextlib.suppress(CheckpointError):
        _, found = read(path)
        saved = [np.asarray(value).tobytes() for value in arrays.values()]
        assert all(values.tobytes() in saved for values in found.values())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", w=np.ones(3))
    with zipfile.ZipFile(tmp_path / "m.npz", "a") as archive:
        archive.writestr("w.npy", b"")
    with pytest.raises(RefusedCheckpoint, match="same name"):
        read(tmp_path / "m.npz")
    assert states(tmp_path)["m.npz"][0] == "refused"


def test_claims(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", w=np.ones(3))
    data = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[:-30])
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_bytes(b"hello")
    (tmp_path / "cut.npy").write_bytes(npy(described((9,))))
    np.savez(tmp_path / "none.npz")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    found = states(tmp_path)
    assert {name: state for name, (state, _) in found.items()} == {
        "m.npz": "found",
        "cut.npz": "partial",
        "empty.npz": "corrupt",
        "text.npz": "corrupt",
        "cut.npy": "partial",
        "none.npz": "not a checkpoint",
        "other.npz": "not a checkpoint",
        "other.zip": "not a checkpoint",
    }
    assert found["none.npz"][1] == "a zip archive without arrays"
