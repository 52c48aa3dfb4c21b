"""Names, shapes, types and every bit of the values, against TensorFlow's own reader."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporter.errors import CheckpointError, CorruptCheckpoint
from reporter.readers.tensorflow import BundleReader
from reporter.readers.tensorflow.bundle import read_index
from reporter.readers.tensorflow.graph import GRAPH_KEY
from reporter.readers.tensorflow.head import index_path

REAL = {  # folder of the shared data: bundles in it, of them without their data files
    "series/crypto-gan-tf2": (19, 0),
    "series/taxi-estimator-tf1": (3, 0),
    "single/transformer-tf1-2shards": (1, 0),
    "single/keras-history": (2, 0),
    "single/basic-pitch-savedmodel": (1, 0),
    "single/sonnet-golden": (40, 1),
    "single/tf-serving": (13, 0),
}


def agree(read: Callable[[Path], Any], oracle: Callable[[Path], dict[str, Any]], prefix: Path) -> None:
    expected = oracle(prefix)
    found = read(prefix)
    skipped = {item.name for item in found.contents.skipped}
    assert set(found.by_key) | skipped | {GRAPH_KEY} == set(expected) | {GRAPH_KEY}
    assert not skipped & set(found.by_key)
    assert {expected[name].dtype.kind for name in skipped} <= {"O", "S"}
    for key, values in found.by_key.items():
        assert values.shape == expected[key].shape, key
        assert values.dtype == expected[key].dtype, key
        assert values.tobytes() == expected[key].tobytes(), key


@pytest.mark.parametrize("folder", REAL)
def test_real_bundles(shared_data: Path, read: Any, oracle: Any, folder: str) -> None:
    prefixes = [p.with_suffix("") for p in sorted((shared_data / folder).rglob("*.index"))]
    without = [p for p in prefixes if not list(p.parent.glob(p.name + ".data-*"))]
    assert (len(prefixes), len(without)) == REAL[folder]
    for prefix in prefixes:
        if prefix not in without:
            agree(read, oracle, prefix)


@pytest.fixture(scope="module")
def saved(tf: ModuleType, workplace: Path) -> Path:
    """One tensor of every type, parts along several axes, strings; written by the operation itself."""
    types = tf.dtypes.experimental
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        "f4": rng.normal(size=(3, 4)).astype("float32"),
        "f8": rng.normal(size=(2, 3)),
        "f2": rng.normal(size=7).astype("float16"),
        "bf": tf.cast(rng.normal(size=(3, 2)), tf.bfloat16),
        "e4": tf.cast(tf.constant([1.5, -2, 0.1]), types.float8_e4m3fn),
        "e5": tf.cast(tf.constant([1.5, -2, 0.1]), types.float8_e5m2),
        "i4": tf.cast(tf.constant([-8, 7, 0]), types.int4),
        "u4": tf.cast(tf.constant([15, 7, 0]), types.uint4),
        **{f"n/{t}": np.array([0, 1, 100], t) for t in ("int8", "int16", "int32", "int64")},
        **{f"n/{t}": np.array([0, 1, 200], t) for t in ("uint8", "uint16", "uint32", "uint64")},
        "bool": np.array([True, False]),
        "c8": (rng.normal(size=5) + 1j * rng.normal(size=5)).astype("complex64"),
        "c16": rng.normal(size=5) + 1j * rng.normal(size=5),
        "scalar": np.float32(-0.0),
        "nan": np.array([np.nan, np.inf, -np.inf, 1e-42], "float32"),
        "empty": np.zeros((0, 3), "float32"),
        "text": tf.constant(["a", "bb"]),
        "wei\nrd <b>": np.ones(2, "float32"),
    }
    names, tensors, parts = list(values), [tf.convert_to_tensor(v) for v in values.values()], [""] * len(values)
    whole = rng.normal(size=(5, 6, 4)).astype("float32")
    for (r, rows), (c, columns) in product([(0, 2), (2, 3)], [(0, 1), (1, 5)]):
        names.append("parts/grid")
        tensors.append(tf.constant(whole[r : r + rows, c : c + columns]))
        parts.append(f"5 6 4 {r},{rows}:{c},{columns}:-")
    for start, size in ((3, 1), (0, 3)):
        names.append("parts/last\xff")
        tensors.append(tf.constant(whole[..., start : start + size]))
        parts.append(f"5 6 4 -:-:{start},{size}")
    prefix = workplace / "saved"
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=parts, tensors=tensors)
    return prefix


def test_every_type_and_partition(saved: Path, read: Any, oracle: Any) -> None:
    agree(read, oracle, saved)
    found = read(saved)
    assert [(s.name, s.dtype, s.shape) for s in found.contents.skipped] == [("text", "string", (2,))]
    assert {info.dtype for info, _ in found.tensors.values()} >= {"bfloat16", "float8_e5m2", "int4", "uint4", "bool"}
    assert found.contents.integrity == "crc32c"


@pytest.mark.parametrize("block", [16, 40, 96, 4096])
def test_blocks_of_any_size(saved: Path, read: Any, oracle: Any, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Small blocks put the seams between blocks and parts everywhere; none may be larger than asked for."""
    monkeypatch.setattr("reporter.readers.tensorflow.source.BLOCK_BYTES", block)
    agree(read, oracle, saved)
    with BundleReader().open(saved) as contents:
        for tensor in contents.tensors:
            sizes = [b.nbytes for b in tensor.blocks()]
            assert max(sizes, default=0) <= max(block, tensor.info.itemsize)
            assert sum(sizes) == tensor.info.nbytes


def test_shards_of_a_size(tf: ModuleType, workplace: Path, read: Any, oracle: Any) -> None:
    """MaxShardSizePolicy cuts variables in parts and spreads them."""
    rng = np.random.default_rng(1)
    variables = {f"v{i}": tf.Variable(rng.normal(size=(60, 2 + i)).astype("float32")) for i in range(3)}
    options = tf.train.CheckpointOptions(
        experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(max_shard_size=700)
    )
    prefix = workplace / "sharded"
    tf.train.Checkpoint(**variables, small=tf.Variable(tf.cast([1.0, 2.0], tf.bfloat16))).write(
        str(prefix), options=options
    )
    assert len(list(workplace.glob("sharded.data-*"))) > 2
    agree(read, oracle, prefix)
    assert any(entry.parts for entry in read_index(index_path(prefix)).entries.values())


def test_files_merged_from_several_devices(tf: ModuleType, workplace: Path, read: Any, oracle: Any) -> None:
    """Offsets need not be aligned, nor entries in the order of the keys."""
    pieces = []
    for i, size in enumerate((3, 5, 1)):
        pieces.append(str(workplace / f"piece{i}"))
        tensors = [tf.constant(np.arange(size, dtype="int8")), tf.constant(np.arange(size, dtype="float32") + i)]
        tf.raw_ops.SaveV2(
            prefix=pieces[-1], tensor_names=[f"b{i}", f"a{i}"], shape_and_slices=["", ""], tensors=tensors
        )
    prefix = workplace / "merged"
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=pieces, destination_prefix=str(prefix))
    agree(read, oracle, prefix)
    offsets = [e.offset % 4 for e in read_index(index_path(prefix)).entries.values()]
    assert any(offsets)


def test_the_other_byte_order(handmade: Any, tmp_path: Path, read: Any) -> None:
    """Checksums are of the bytes in the file; values come back in the machine's order."""
    native = {
        b"c8": (8, np.array([1 + 2j, -3.5j], "complex64")),
        b"f4": (1, np.array([[1.5, -2]], "float32")),
        b"i8": (9, np.array(7, "int64")),
        b"u1": (4, np.array([1, 2, 3], "uint8")),
        b"bf": (14, np.array([1, 2], "float32").astype("bfloat16")),
    }
    data, entries = b"", {}
    for key, (dtype, values) in native.items():
        unit = 4 if values.dtype.kind == "c" else values.dtype.itemsize
        raw = values.reshape(-1).view(f"u{unit}").byteswap().tobytes()
        entries[key] = handmade.entry(dtype, values.shape, len(data), len(raw), handmade.masked(raw))
        data += raw
    header = handmade.message((1, 1), (2, 1), (3, handmade.message((1, 1))))
    found = read(handmade.bundle(tmp_path / "big", entries, data, header)).by_key
    for key, (_, values) in native.items():
        assert found[key.decode()].tobytes() == values.tobytes(), key
        assert found[key.decode()].dtype == values.dtype


def test_a_tensor_larger_than_a_block(tmp_path: Path, handmade: Any) -> None:
    values = np.random.default_rng(2).normal(size=(1500, 1000)).astype("float32")
    raw = b"xyz" + values.tobytes()
    entries = {b"big/kernel": handmade.entry(1, values.shape, 3, values.nbytes, handmade.masked(raw[3:]))}
    prefix = handmade.bundle(tmp_path / "one", entries, raw)
    with BundleReader().open(prefix) as contents:
        (tensor,) = contents.tensors
        for _ in range(2):
            held = list(tensor.blocks())  # all at once: none may be overwritten by the next
            assert [b.nbytes for b in held] == [4 << 20, 6_000_000 - (4 << 20)]
            assert np.concatenate(held).tobytes() == values.tobytes()
            with pytest.raises(ValueError, match="read-only"):
                held[0][0] = 0


@st.composite
def partitions(draw: st.DrawFn) -> tuple[tuple[int, ...], list[list[tuple[int, int]]]]:
    """A shape and boxes that fill it, (start, length) on each axis: cut at random, so not always a grid."""
    dims = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    boxes = [[(0, n) for n in dims]]
    for _ in range(draw(st.integers(0, 6))):
        box = draw(st.sampled_from(boxes))
        axis = draw(st.integers(0, len(dims) - 1))
        start, length = box[axis]
        if length > 1:
            cut = draw(st.integers(1, length - 1))
            boxes.remove(box)
            boxes += [[*box[:axis], part, *box[axis + 1 :]] for part in ((start, cut), (start + cut, length - cut))]
    return tuple(dims), draw(st.permutations(boxes))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parted=partitions(), block=st.integers(2, 60), wrong=st.integers(0, 10**6))
def test_parts_in_any_arrangement(
    parted: tuple[Any, Any], block: int, wrong: int, handmade: Any, tmp_path: Path, read: Any
) -> None:
    """The whole comes back in C order, and one wrong bit in any part is noticed."""
    dims, boxes = parted
    whole = np.arange(np.prod(dims), dtype="int16").reshape(dims)
    raw, entries, extents = b"", {}, []
    for box in boxes:
        part = whole[tuple(slice(s, s + n) for s, n in box)].tobytes()
        extents.append(b"".join(handmade.message((1, handmade.message((1, s), (2, n)))) for s, n in box))
        key = _key(b"w", [number for pair in box for number in pair], len(box))
        entries[key] = handmade.entry(5, [n for _, n in box], len(raw), len(part), handmade.masked(part))
        raw += part
    entries[b"w"] = handmade.entry(5, dims, 0, 0, 0, 0, *extents)
    prefix = handmade.bundle(tmp_path / "parts", entries, raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reporter.readers.tensorflow.source.BLOCK_BYTES", block)
        assert read(prefix).by_key["w"].tobytes() == whole.tobytes()
        flipped = bytearray(raw)
        flipped[wrong % len(raw)] ^= 1
        (tmp_path / "parts.data-00000-of-00001").write_bytes(flipped)
        with pytest.raises(CorruptCheckpoint, match="'w'"):
            read(prefix)


def _key(name: bytes, numbers: list[int], rank: int) -> bytes:
    """OrderedCode for numbers below 64, written out."""
    return b"\x00" + name + b"\x00\x01\x01" + bytes([rank]) + bytes(0x80 | n for n in numbers)


def test_a_wrong_bit_is_named_once_and_again(handmade: Any, tmp_path: Path) -> None:
    values = np.arange(3_000_000, dtype="float32")
    raw = bytearray(values.tobytes())
    entries = {b"dense/kernel": handmade.entry(1, values.shape, 0, len(raw), handmade.masked(bytes(raw)))}
    raw[100] ^= 4
    prefix = handmade.bundle(tmp_path / "wrong", entries, bytes(raw))
    with BundleReader().open(prefix) as contents:
        (tensor,) = contents.tensors
        for _ in range(2):
            stream = tensor.blocks()
            assert [next(stream).nbytes for _ in range(len(raw) // (4 << 20))]
            with pytest.raises(CorruptCheckpoint, match="tensor 'dense/kernel': its bytes fail their crc32c"):
                next(stream)  # the last block is not handed out


def test_a_checksum_is_computed_once(handmade: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = bytes(range(250))
    prefix = handmade.bundle(tmp_path / "once", {b"w": handmade.entry(4, [250], 0, 250, handmade.masked(raw))}, raw)
    calls = []
    module = "reporter.readers.tensorflow.source"
    monkeypatch.setattr(f"{module}.BLOCK_BYTES", 100)
    real = __import__(module, fromlist=["extend"]).extend
    monkeypatch.setattr(f"{module}.extend", lambda crc, data: calls.append(1) or real(crc, data))
    with BundleReader().open(prefix) as contents:
        (tensor,) = contents.tensors
        assert next(iter(tensor.blocks())).size == 100  # given up: nothing verified yet
        calls.clear()
        for _ in range(3):
            assert b"".join(b.tobytes() for b in tensor.blocks()) == raw
    assert len(calls) == 3


def test_threads_share_a_checkpoint(handmade: Any, tmp_path: Path) -> None:
    """Buffers go from hand to hand, never while somebody looks."""
    rng = np.random.default_rng(3)
    arrays = [rng.integers(0, 255, 300_000 + i, "uint8") for i in range(12)]
    raw, entries = b"", {}
    for i, array in enumerate(arrays):
        entries[b"w%02d" % i] = handmade.entry(4, array.shape, len(raw), array.size, handmade.masked(array.tobytes()))
        raw += array.tobytes()
    prefix = handmade.bundle(tmp_path / "threads", entries, raw)

    def look(tensor: Any) -> bool:
        expected = arrays[int(tensor.info.name[1:])]
        return all(np.array_equal(np.concatenate(list(tensor.blocks())), expected) for _ in range(20))

    with (
        pytest.MonkeyPatch.context() as patch,
        BundleReader().open(prefix) as contents,
        ThreadPoolExecutor(4) as pool,
    ):
        patch.setattr("reporter.readers.tensorflow.source.BLOCK_BYTES", 100_000)
        assert all(pool.map(look, contents.tensors))


def test_nothing_is_written_or_left_open(saved: Path, read: Any) -> None:
    files = sorted(saved.parent.glob(saved.name + ".*"))
    before = [(f.read_bytes(), f.stat().st_mtime_ns) for f in files]
    descriptors = Path("/proc/self/fd")
    count = len(list(descriptors.iterdir())) if descriptors.is_dir() else 0
    read(saved)
    with BundleReader().open(saved) as contents:
        stream = contents.tensors[0].blocks()
    with pytest.raises((CheckpointError, ValueError)):
        list(stream)
    if count:
        assert len(list(descriptors.iterdir())) == count
    assert before == [(f.read_bytes(), f.stat().st_mtime_ns) for f in files]


def test_sorted_as_people_count(shared_data: Path, read: Any) -> None:
    names = read(
        shared_data / "single/transformer-tf1-2shards/tensor2tensor/test_data/transformer_test_ckpt/model.ckpt-1"
    )
    shards = [int(n.rsplit("_", 1)[1]) for n in names.names() if "/shared/weights_" in n]
    assert len(shards) == 16
    assert all(a < b for a, b in pairwise(shards))
