"""HDF5 in general: values as h5py reads them, no lock taken, and nothing that leads out of the file."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint, RotatedAway
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.files.streams import DirectStream, SlabStream, slabs
from reporter.readers.files.window import Window, open_file
from reporter.readers.keras import hdf5, hdf5_parsing
from reporter.readers.keras.hdf5_parsing import attributes
from reporter.readers.keras.tree import Dataset


def everything(path: Path, offset: int = 0, length: int | None = None) -> dict[str, tuple[Dataset, np.ndarray | None]]:
    with open_file(path) as file, hdf5.open_hdf5(Window(path, file, offset, length)) as root:
        found = {}
        for dataset in root.everything():
            values = None
            if not dataset.problem:
                blocks = list(dataset.blocks("t"))
                assert all(block.nbytes <= BLOCK_BYTES for block in blocks)
                values = np.concatenate(blocks) if blocks else np.empty(0, dataset.dtype)
                values = values.reshape(dataset.shape)
            found[dataset.path] = (dataset, values)
        return found


def write(path: Path, fill: Callable[[h5py.File], Any], **options: Any) -> Path:
    with h5py.File(path, "w", **options) as file:
        fill(file)
    return path


def test_a_trainer_can_save_while_we_read(tmp_path: Path) -> None:
    """formats.md, finding 1. The trainer is another process: HDF5 locks are per process."""
    path = write(tmp_path / "m.h5", lambda file: file.create_dataset("x", data=np.arange(10)))
    save = f"import h5py\nwith h5py.File({str(path)!r}, 'w') as f: f['y'] = 1"
    with open_file(path) as file, hdf5.open_hdf5(Window(path, file)) as root:
        assert set(root.datasets) == {"x"}
        subprocess.run([sys.executable, "-c", save], check=True, timeout=60)
    assert set(everything(path)) == {"y"}

    write(path, lambda file: file.create_dataset("x", data=np.arange(10)))
    with h5py.File(path, "r"):  # the naive way, to prove that the test can fail
        assert subprocess.run([sys.executable, "-c", save], stderr=subprocess.DEVNULL, timeout=60).returncode != 0


CORNERS = "damaged/hdf5-corner-cases/jhdf/src/test/resources/hdf5"


def test_every_corner_case_is_read_as_h5py_reads_it_or_refused(shared_data: Path) -> None:
    refused, compared = set(), 0
    for path in sorted((shared_data / CORNERS).iterdir()):
        try:
            found = everything(path) if "tiny_huge" not in path.name else {}
        except RefusedCheckpoint:
            refused.add(path.name)
            continue
        with path.open("rb") as raw, h5py.File(raw, "r") as file:
            for name, (dataset, values) in found.items():
                if values is not None:
                    expected = np.asarray(file[name][()])
                    assert values.shape == expected.shape, (path.name, name)
                    assert values.tobytes() == expected.astype(expected.dtype.newbyteorder("=")).tobytes()
                    compared += 1
                else:
                    assert dataset.problem, (path.name, name)
    # An external link and a soft link.
    assert {"external_link.hdf5", "test_file.hdf5"} <= refused
    assert len(refused) <= 14
    assert compared > 1000


def test_two_billion_fill_values_are_not_held_in_memory(shared_data: Path) -> None:
    path = shared_data / CORNERS / "tiny_huge_1d_over_maxint.hdf5"
    with open_file(path) as file, hdf5.open_hdf5(Window(path, file)) as root:
        (dataset,) = root.everything()
        assert dataset.size == 2_147_483_700
        block = next(dataset.blocks("t"))
        assert block.nbytes <= BLOCK_BYTES


def _layouts(file: h5py.File) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((40, 50, 3)).astype(np.float32)
    file.create_dataset("contiguous", data=a)
    file.create_dataset("big_endian", data=a.astype(">f4"))
    file.create_dataset("chunked", data=a, chunks=(7, 50, 2))
    file.create_dataset("gzip", data=a, chunks=(40, 11, 3), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("lzf", data=a, compression="lzf")
    file.create_dataset("filled", (30, 4), np.float64, fillvalue=2.5)
    file.create_dataset("bool", data=a > 0)
    file.create_dataset("scalar", data=np.int64(-7))
    file.create_dataset("empty", data=np.zeros((3, 0), np.float32))
    file.create_dataset("complex", data=a + 1j * a)
    file.create_dataset("enum", data=np.array([0, 1, 1], np.uint8), dtype=h5py.enum_dtype({"NO": 0, "YES": 1}))
    for kind in ("f2", "f8", "i1", "u2", "i4", "u8"):
        file.create_dataset(kind, data=(a * 50).astype(kind))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((5,))
    compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, plist)
    compact.write(space, space, np.arange(5, dtype=np.float32))
    odd = h5py.h5t.STD_I32LE.copy()
    odd.set_precision(20)
    h5py.h5d.create(file.id, b"odd", odd, space).write(space, space, np.arange(5, dtype=np.int32))


def test_every_layout_and_type(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", _layouts)
    found = everything(path)
    with h5py.File(path, "r", locking=False) as file:
        assert found.keys() == file.keys()
        for name, (dataset, values) in found.items():
            assert values is not None, dataset
            np.testing.assert_array_equal(values, file[name][()])
    direct = {name for name, (dataset, _) in found.items() if isinstance(dataset.stream, DirectStream)}
    assert {"contiguous", "bool", "f2", "u8", "complex", "enum"} <= direct
    slow = {"big_endian", "chunked", "gzip", "lzf", "filled", "compact", "odd"}
    assert all(isinstance(found[name][0].stream, SlabStream) for name in slow)
    assert found["big_endian"][0].dtype == np.dtype("float32")


@pytest.mark.parametrize("options", [{}, {"userblock_size": 512}, {"userblock_size": 2048}])
def test_userblocks_and_windows(options: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", _layouts, **options)
    plain = everything(path)
    data = path.read_bytes()
    around = tmp_path / "around"
    around.write_bytes(b"x" * 777 + data + b"y" * 99)
    inside = everything(around, 777, len(data))
    with h5py.File(path, "r", locking=False) as file:
        for name in file:
            expected = np.asarray(file[name][()])
            for found in (plain, inside):
                np.testing.assert_array_equal(found[name][1], expected)


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_opaque_values_with_the_dtype_attribute(kind: str, tmp_path: Path) -> None:
    values = np.arange(12).reshape(3, 4).astype(getattr(ml_dtypes, kind))

    def fill(file: h5py.File) -> None:
        for name, options in (("plain", {}), ("packed", {"compression": "gzip"})):
            file.create_dataset(name, data=values.view(f"V{values.itemsize}"), **options).attrs["dtype"] = kind
        file.create_dataset("wrong", data=values.view(f"V{values.itemsize}")).attrs["dtype"] = "float64"

    found = everything(write(tmp_path / "m.h5", fill))
    for name in ("plain", "packed"):
        dataset, read = found[name]
        assert dataset.dtype == values.dtype
        assert read is not None
        assert read.tobytes() == values.tobytes()
    assert "opaque" in found["wrong"][0].problem


def test_what_is_not_numeric_is_told(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["text"] = "hello"
        file["texts"] = np.array([b"a", b"b"])
        file["compound"] = np.zeros(3, [("a", "f4"), ("b", "i4")])
        file["null"] = h5py.Empty("f4")
        file.create_dataset("references", (2,), h5py.ref_dtype)
        file.create_dataset("ragged", (2,), h5py.vlen_dtype(np.int32))
        file.create_dataset("arrays", (2,), np.dtype((np.float32, (3,))))

    found = everything(write(tmp_path / "m.h5", fill))
    assert len(found) == 7
    assert all(dataset.problem and values is None for dataset, values in found.values())


def _link(make: Callable[[h5py.File], None]) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        file.create_group("layers")["x"] = np.ones(3)
        make(file)

    return fill


def _cycle(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


def _tree_of_links(file: h5py.File) -> None:
    """A small file whose links make a tree of 2 ** 40 groups."""
    inner = file.create_group("layers/0")
    for depth in range(40):
        outer = file.create_group(f"stock/{depth}")
        outer["a"] = outer["b"] = inner
        inner = outer


def _soft(file: h5py.File) -> None:
    file["layers/soft"] = h5py.SoftLink("/layers/x")


def _external_link(file: h5py.File) -> None:
    file["layers/out"] = h5py.ExternalLink("/etc/passwd", "/x")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("layers/out", (10,), "u1", external=[("/etc/passwd", 0, 10)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    file.create_virtual_dataset("layers/virtual", layout)


def _shape_bomb(file: h5py.File) -> None:
    file.create_dataset("layers/bomb", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


def _bomb_without_chunks(file: h5py.File) -> None:
    file.create_dataset("layers/bomb", (1 << 40,), "f4")


def _many_bombs(file: h5py.File) -> None:
    for i in range(8):
        file.create_dataset(f"layers/bomb{i}", ((1 << 30) - 1,), "f4", chunks=(1 << 10,))


def _huge_chunks(file: h5py.File) -> None:
    file.create_dataset("layers/huge", (1 << 29,), "f4", chunks=(1 << 29,), compression="gzip")


def _tall_chunks(file: h5py.File) -> None:
    file.create_dataset("layers/tall", (1 << 14, 1 << 14), "f4", chunks=(1 << 14, 4))


def _deep(file: h5py.File) -> None:
    file.create_group("/".join(["a"] * 70))


def _long_name(file: h5py.File) -> None:
    file.create_group("n" * 5000)


def _large_attribute(file: h5py.File) -> None:
    file.attrs.create("layer_names", np.zeros(201, "S5"))


HOSTILE = [_cycle, _tree_of_links, _soft, _external_link, _external_storage, _virtual, _shape_bomb,
           _bomb_without_chunks, _many_bombs, _huge_chunks, _tall_chunks, _deep, _long_name]  # fmt: skip


def test_a_second_hard_link_is_no_cycle(tmp_path: Path) -> None:
    def links(file: h5py.File) -> None:
        file.create_group("layers/a/vars")["0"] = np.ones(3)
        file["layers/a/vars/1"] = file["layers/a/vars/0"]
        file["layers/b"] = file["layers/a"]

    found = everything(write(tmp_path / "m.h5", links))
    assert len(found) == 4
    assert len({dataset.address for dataset, _ in found.values()}) == 1
    assert all(values is not None and (values == 1).all() for _, values in found.values())


@pytest.mark.parametrize("make", HOSTILE)
def test_hostile_files_are_refused(make: Callable[[h5py.File], None], tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", _link(make))
    with pytest.raises(RefusedCheckpoint) as caught:
        everything(path)
    assert caught.value.path == path
    assert caught.value.state == "refused"


def test_attributes_larger_than_any_list_of_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "MAX_ATTRIBUTE", 1000)
    path = write(tmp_path / "m.h5", _large_attribute)
    with path.open("rb") as file:
        parsing = hdf5_parsing.open_parsing([file.fileno()], 0, path.stat().st_size)
        with pytest.raises(RefusedCheckpoint, match="1,005 bytes"):
            parsing.answer("scan")
        parsing.close()


def test_large_groups_of_the_latest_format(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        for i in range(500):
            file.create_dataset(f"x{i}", data=np.full(5, i))

    found = everything(write(tmp_path / "m.h5", fill, libver="latest"))
    assert {name: values.tolist() for name, (_, values) in found.items() if values is not None} == {
        f"x{i}": [i] * 5 for i in range(500)
    }


def _loop(path: Path) -> Path:
    """A file of Keras with one damaged length, over which libhdf5 1.14 steps for ever without moving."""

    def fill(file: h5py.File) -> None:
        file.attrs["model_config"] = '{"class_name": "Sequential", "config": []}'
        file.create_group("model_weights").attrs["layer_names"] = ["dense", "dense_1"]

    data = bytearray(write(path, fill).read_bytes())
    at = data.index(b"GCOL") + 16
    while int.from_bytes(data[at : at + 2], "little"):  # up to object 0, the free rest of the heap
        at += 16 + (int.from_bytes(data[at + 8 : at + 16], "little") + 7) // 8 * 8
    data[at + 8 : at + 16] = bytes(8)
    path.write_bytes(data)
    return path


def test_a_loop_inside_the_library_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that was open before it is read on, in a new child."""
    monkeypatch.setattr(hdf5, "HDF5", replace(hdf5.HDF5, limits=replace(hdf5.HDF5.limits, cpu=1)))
    looping = _loop(tmp_path / "loop.h5")
    values = np.arange(100_000)
    path = write(tmp_path / "m.h5", lambda file: file.create_dataset("x", data=values, compression="gzip"))
    with open_file(path) as file, hdf5.open_hdf5(Window(path, file)) as root:
        with pytest.raises(RefusedCheckpoint, match="the HDF5 library worked on it for 1 s") as caught:
            everything(looping)
        assert caught.value.path == looping
        np.testing.assert_array_equal(np.concatenate(list(root.datasets["x"].blocks("t"))), values)


def test_a_crash_inside_the_library_is_the_files_fault(tmp_path: Path) -> None:
    """Bits of names in a fractal heap, on whose change libhdf5 1.14 corrupts its memory."""

    def fill(file: h5py.File) -> None:
        for i in range(100):
            file.create_dataset(f"a_rather_long_name_{i}", data=np.full(5, i))

    path = write(tmp_path / "m.h5", fill, libver="latest")
    intact, crash = path.read_bytes(), ""
    start = intact.index(b"FHDB")  # a direct block, with the names
    for at in range(start, start + 2000):
        damaged = bytearray(intact)
        damaged[at] ^= 16
        path.write_bytes(damaged)
        try:
            everything(path)
        except CheckpointError as error:
            crash = error.reason if "crashed" in error.reason else ""
        if crash:
            break
    # Where the C library notices the damage itself, it says so ("free(): invalid size") before it aborts.
    assert re.fullmatch(r"the HDF5 library crashed on it \(signal \d+, SIG\w+(; it said: .+)?\)", crash)
    path.write_bytes(intact)
    assert len(everything(path)) == 100


def test_truncation_tells_both_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", lambda file: file.create_dataset("x", data=np.arange(10_000)))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(PartialCheckpoint, match=f"eof=5000, stored_eof={size}"):
        everything(path)


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", lambda file: file.create_dataset("x", data=np.arange(4_000_000)))
    with open_file(path) as file, hdf5.open_hdf5(Window(path, file)) as root:
        blocks = root.datasets["x"].blocks("dense/kernel")
        next(blocks)
        with path.open("r+b") as writer:
            writer.truncate(10_000)
        with pytest.raises(PartialCheckpoint, match="dense/kernel"):
            list(blocks)


def test_data_outside_the_file(tmp_path: Path) -> None:
    """The address of a contiguous dataset, changed to lie beyond the end."""
    path = write(tmp_path / "m.h5", lambda file: file.create_dataset("x", data=np.arange(1000)))
    with h5py.File(path, "r", locking=False) as file:
        position = file["x"].id.get_offset()
    data = path.read_bytes()
    layout = b"\x03\x01" + position.to_bytes(8, "little") + (8000).to_bytes(8, "little")  # version 3, contiguous
    assert data.count(layout) == 1
    path.write_bytes(data.replace(layout, b"\x03\x01" + (len(data) - 64).to_bytes(8, "little") + layout[10:]))
    with pytest.raises(CorruptCheckpoint, match=r"outside the file|invalid dataset size"):  # HDF5 1.14 checks as well
        everything(path)


def test_not_a_regular_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(CheckpointError, match="not a regular file"), open_file(tmp_path / "pipe.h5"):
        pass
    with pytest.raises(RotatedAway), open_file(tmp_path / "gone.h5"):
        pass
    with pytest.raises(CheckpointError), open_file(tmp_path):
        pass


@given(
    shape=st.lists(st.integers(1, 60), min_size=1, max_size=4).map(tuple),
    itemsize=st.sampled_from([1, 4, 1 << 12, 1 << 17, 1 << 23]),
    data=st.data(),
)
def test_slabs_cover_an_array_once_in_c_order(shape: tuple[int, ...], itemsize: int, data: st.DataObject) -> None:
    chunk = data.draw(st.just(()) | st.tuples(*(st.integers(1, n) for n in shape)))
    numbers = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    order: list[int] = []
    for slab in slabs(shape, itemsize, chunk):
        order += numbers[slab].reshape(-1).tolist()
        if len(order) > 5_000:
            break
    assert order == list(range(len(order)))
    assert len(order) == numbers.size or len(order) > 5_000
