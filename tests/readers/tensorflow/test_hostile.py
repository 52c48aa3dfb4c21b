"""Damaged and crafted files: an error of ours or the right numbers; never another exception, a hang, a wrong number."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporter.errors import CheckpointError, CorruptCheckpoint, RefusedCheckpoint, UnsupportedCheckpoint
from reporter.readers.files.wire import WireError
from reporter.readers.tensorflow import BundleReader
from reporter.readers.tensorflow.bundle import Entry, read_index
from reporter.readers.tensorflow.graph import GRAPH_KEY, Graph, parse_graph
from reporter.readers.tensorflow.objects import interpret_graph
from reporter.readers.tensorflow.shards import Shards
from reporter.readers.tensorflow.strings import read_scalar_string
from reporter.readers.tensorflow.table import read_table

VICTIMS = {  # folder and prefix: two shards; a compressed index; TensorFlow 1; a SavedModel
    "loss-scale": ("single/keras-history/keras/mixed_precision/testdata/lso_ckpt_tf2.2", "ckpt"),
    "sonnet": ("single/sonnet-golden/sonnet/src/conformance/checkpoints/batch_norm_1x2x2x3", "checkpoint-1"),
    "estimator": ("series/taxi-estimator-tf1", "model.ckpt-1000"),
    "savedmodel": ("single/keras-history/keras/mixed_precision/testdata/lso_savedmodel_tf2.2", ""),
}


@pytest.fixture(params=VICTIMS)
def victim(request: pytest.FixtureRequest, shared_data: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    """A copy of a real checkpoint: what to open, and its files."""
    folder, prefix = VICTIMS[request.param]
    if not prefix:
        shutil.copytree(shared_data / folder, tmp_path / "copy")
        for path in (tmp_path / "copy").rglob("*"):
            path.chmod(0o755)
        return tmp_path / "copy", sorted(path for path in (tmp_path / "copy").rglob("*") if path.is_file())
    files = [Path(shutil.copyfile(p, tmp_path / p.name)) for p in sorted((shared_data / folder).glob(f"{prefix}.*"))]
    return tmp_path / prefix, [path for path in files if not path.name.endswith(".meta")]


def values(found: Any) -> dict[str, bytes]:
    return {key: array.tobytes() for key, array in found.by_key.items()}


def test_truncation(victim: tuple[Path, list[Path]], read: Callable[[Path], Any]) -> None:
    """At about 40 places of every file."""
    target, files = victim
    expected = values(read(target))
    for path in files:
        data = path.read_bytes()
        for cut in sorted({len(data) * i // 40 for i in range(40)} | {1, len(data) - 1}):
            path.write_bytes(data[:cut])
            try:
                found = read(target)
            except CheckpointError as error:
                assert error.reason  # noqa: PT017
            else:
                # Bytes at the end of a data file that belong to no tensor may be missing.
                assert ".data-" in path.name
                assert values(found) == expected
        path.write_bytes(data)
    assert values(read(target)) == expected


def test_flipped_bytes(victim: tuple[Path, list[Path]], read: Callable[[Path], Any]) -> None:
    """A few hundred anywhere; only saved_model.pb has no checksum, and it holds no values."""
    target, files = victim
    expected = values(read(target))
    rng = random.Random(7)
    noticed = 0
    for _ in range(250):
        path = rng.choice(files)
        data = path.read_bytes()
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :])
        try:
            found = read(target)
        except CheckpointError:
            noticed += 1
        else:
            assert values(found) == expected
        path.write_bytes(data)
    assert noticed > 25


def test_holes_and_rubbish(victim: tuple[Path, list[Path]], read: Callable[[Path], Any]) -> None:
    target, files = victim
    rng = random.Random(8)
    for path in files:
        data = path.read_bytes()
        for content in (b"", b"\0" * len(data), rng.randbytes(len(data)), data + data, data[::-1]):
            path.write_bytes(content)
            try:
                read(target)
            except CheckpointError:
                continue
            assert content == data + data or path.suffix == ".pb"
        path.write_bytes(data)


# --- crafted, with correct checksums


RAW = np.arange(6, dtype="float32").tobytes()
KEY = b"dense/kernel"


def bundle(handmade: Any, folder: Path, *fields: tuple[int, Any], crc: int | None = None) -> Path:
    """A bundle whose one entry is as given, fields not given being right."""
    right: dict[int, Any] = {1: 1, 2: handmade.shape(2, 3), 3: 0, 4: 0, 5: 24}
    right |= {number: value for number, value in fields if number in right}
    extra = [(number, value) for number, value in fields if number not in right]
    entry = handmade.message(*right.items(), *extra, fixed32={6: handmade.masked(RAW) if crc is None else crc})
    return Path(handmade.bundle(folder / "ckpt", {KEY: entry}, RAW))


def test_the_bundle_itself_is_right(handmade: Any, tmp_path: Path, read: Any) -> None:
    assert read(bundle(handmade, tmp_path)).by_key["dense/kernel"].tobytes() == RAW


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ((1, 2), "does not fill the 24 bytes"),  # float64
        ((2, [2, 4]), "does not fill"),
        ((2, [1 << 40, 1 << 40, 1 << 40]), "does not fill"),
        ((2, [-1, -6]), "negative dimension"),
        ((2, [1] * 33), "more than 32 dimensions"),
        ((2, b"\x18\x01"), "unknown rank"),
        ((3, 1), "lies in shard 1 of 1"),
        ((3, -1), "field 3 of an entry is negative"),
        ((4, -8), "field 4 of an entry is negative"),
        ((4, 1 << 62), "expects"),
        ((4, 4), "has 24 bytes where the index expects 28"),
        ((5, -24), "negative"),
        ((5, 0), "does not fill the 0 bytes"),
        ((2, 5), "number where bytes are due"),
        ((4, b"abc"), "bytes where a number is due"),
        ((7, b"\x0a\x00\x0a\x00"), "a part is not in the index"),
        ((7, b"\x0a\x00"), "another rank"),
        ((7, b"\x0a\x0b\x10" + b"\xff" * 9 + b"\x01"), "negative length"),
    ],
)
def test_entries(handmade: Any, tmp_path: Path, field: tuple[int, Any], why: str, read: Any) -> None:
    number, value = field
    value = handmade.shape(*value) if isinstance(value, list) else value
    with pytest.raises(CheckpointError, match=why) as caught:
        read(bundle(handmade, tmp_path, (number, value)))
    assert "ckpt" in str(caught.value)


def test_a_wrong_checksum_in_the_index(handmade: Any, tmp_path: Path, read: Any) -> None:
    with pytest.raises(CorruptCheckpoint, match="fail their crc32c"):
        read(bundle(handmade, tmp_path, crc=1))


def test_types_that_are_not_numbers(handmade: Any, tmp_path: Path, read: Any) -> None:
    for number, name in ((20, "resource"), (21, "variant"), (99, "DataType 99")):
        (skipped,) = read(bundle(handmade, tmp_path, (1, number))).contents.skipped
        assert (skipped.name, skipped.dtype, skipped.shape) == ("dense/kernel", name, (2, 3))
        assert skipped.reason


@pytest.mark.parametrize(
    ("header", "error", "why"),
    [
        ([], CorruptCheckpoint, "0 shards"),
        ([(1, 1 << 40)], CorruptCheckpoint, "shards"),
        ([(1, -1)], CorruptCheckpoint, "shards"),
        ([(1, 1), (2, 2)], CorruptCheckpoint, "byte order 2"),
        ([(1, 1), (3, b"\x10\x02")], UnsupportedCheckpoint, "version 2"),
        ([(1, b"\x0a\x00")], UnsupportedCheckpoint, "V1"),
    ],
)
def test_headers(handmade: Any, tmp_path: Path, header: Any, error: Any, why: str, read: Any) -> None:
    prefix = handmade.bundle(tmp_path / "x", {}, b"", handmade.message(*header))
    with pytest.raises(error, match=why):
        read(prefix)


def test_an_index_without_header(handmade: Any, tmp_path: Path, read: Any) -> None:
    (tmp_path / "x.index").write_bytes(handmade.Table([(b"a", b"")]).bytes)
    with pytest.raises(CorruptCheckpoint, match="no header"):
        read(tmp_path / "x")


def test_an_empty_bundle(handmade: Any, tmp_path: Path, read: Any) -> None:
    found = read(handmade.bundle(tmp_path / "x", {}))
    assert (found.contents.tensors, found.contents.layers, found.contents.step) == ((), (), None)


def box(handmade: Any, *extents: tuple[int, int]) -> bytes:
    return b"".join(handmade.message((1, handmade.message((1, s), (2, n)))) for s, n in extents)


@pytest.mark.parametrize(
    ("boxes", "dtype", "dims", "why"),
    [
        ([(0, 1), (0, 1)], 1, [1, 3], "overlap or leave gaps"),
        ([(0, 1)], 1, [1, 3], "overlap or leave gaps"),
        ([(0, 1), (1, 1)], 2, [1, 3], "does not fill"),
        ([(0, 1), (1, 1)], 3, [1, 3], "differs from its declaration"),
        ([(0, 1), (1, 1)], 1, [3, 1], "differs from its declaration"),
    ],
)
def test_parts(handmade: Any, tmp_path: Path, boxes: Any, dtype: int, dims: Any, why: str, read: Any) -> None:
    entries = {}
    for start, size in boxes:
        key = b"\x00w\x00\x01\x01\x02" + bytes([0x80 | start, 0x80 | size, 0x80, 0x83])
        entries[key] = handmade.entry(dtype, dims, 0, 12, handmade.masked(RAW[:12]))
    listed = [box(handmade, pair, (0, 3)) for pair in boxes]
    entries[b"w"] = handmade.entry(1, [2, 3], 0, 0, 0, 0, *listed)
    with pytest.raises(CorruptCheckpoint, match=why):
        read(handmade.bundle(tmp_path / "x", entries, RAW))


def test_parts_that_nobody_lists(handmade: Any, tmp_path: Path, read: Any) -> None:
    key = b"\x00w\x00\x01\x01\x01\x80\x86"
    found = read(handmade.bundle(tmp_path / "x", {key: handmade.entry(1, [6], 0, 24, handmade.masked(RAW))}, RAW))
    assert found.contents.notes == ("1 parts of tensors belong to no tensor of the index and are not read",)


def test_too_many_parts(handmade: Any, tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.readers.tensorflow.bundle.MAX_PARTS", 2)
    boxes = [box(handmade, (i, 1)) for i in range(3)]
    prefix = handmade.bundle(tmp_path / "x", {b"w": handmade.entry(1, [3], 0, 0, 0, 0, *boxes)})
    with pytest.raises(CorruptCheckpoint, match="more than 2 parts"):
        read(prefix)


def test_an_index_too_large(handmade: Any, tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = bundle(handmade, tmp_path)
    monkeypatch.setattr("reporter.readers.tensorflow.bundle.MAX_INDEX_BYTES", 100)
    with pytest.raises(RefusedCheckpoint, match="at most 100"):
        read(prefix)


def test_names_pass_through(handmade: Any, tmp_path: Path, read: Any) -> None:
    keys = [b"<script>/kernel", b"a\nb", b"\xff\xfe/w", b"\\xff\\xfe/w", b"../../etc/passwd", b"x" * 5000]
    entries = {key: handmade.entry(1, (2, 3), 0, 24, handmade.masked(RAW)) for key in keys}
    found = read(handmade.bundle(tmp_path / "x", entries, RAW))
    assert {"<script>/kernel", "a\nb", "\\xff\\xfe/w", "../../etc/passwd"} <= set(found.tensors)
    assert len(found.tensors) == len(keys)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(-3, 2**64) | st.binary(max_size=12)), max_size=9))
def test_any_entry(handmade: Any, tmp_path: Path, read: Any, fields: list[tuple[int, Any]]) -> None:
    entry = handmade.message(*fields, fixed32={6: handmade.masked(RAW)})
    try:
        found = read(handmade.bundle(tmp_path / "any", {KEY: entry}, RAW))
    except CheckpointError:
        return
    for array in found.by_key.values():
        assert array.nbytes in (0, len(RAW))


# --- object graphs


def graph_of(shared_data: Path) -> tuple[bytes, dict[str, Any]]:
    prefix = shared_data / "single/keras-history/keras/mixed_precision/testdata/lso_ckpt_tf2.2/ckpt"
    index = read_index(prefix.with_name("ckpt.index"))
    with Shards(prefix, index) as shards:
        data = read_scalar_string(
            index.entries[GRAPH_KEY], shards, big_endian=False, limit=1 << 20, path=prefix, tensor=GRAPH_KEY
        )
    return data, index.entries


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_graph(shared_data: Path, data: st.DataObject) -> None:
    """Its checksum can be forged: every node and edge may say anything."""
    graph, entries = graph_of(shared_data)
    changed = bytearray(graph)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        if data.draw(st.booleans()):
            changed[at] = data.draw(st.integers(0, 255))
        else:
            length = data.draw(st.integers(1, 20))
            changed[at : at + length] = changed[(at * 7) % len(changed) :][:length]
    try:
        found = interpret_graph(parse_graph(bytes(changed)), entries)
    except WireError:
        return
    keys = [m.key for m in found.meanings]
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(entries) - {GRAPH_KEY}  # nothing is lost, whatever the graph says
    assert len({m.name for m in found.meanings}) == len(keys)


NAMES = st.sampled_from(
    ["model", "0", "1", "_operations", "_functional", "layer-0", "layer_with_weights-1", "optimizer", "_variables"]
) | st.sampled_from(
    ["_trainable_variables", "_iterations", "_momentums", "kernel", "keras_api", "metrics", "variables", "cell", "root"]
)


@given(data=st.data())
def test_any_graph(data: st.DataObject, handmade: Any) -> None:
    """Random edges between random nodes, cycles and all."""
    count = data.draw(st.integers(1, 12))
    nodes = st.integers(0, count - 1)
    entries: dict[str, Any] = {}
    raw = b""
    for i in range(count):
        node = b""
        for name, target in data.draw(st.lists(st.tuples(NAMES, nodes), max_size=5)):
            node += handmade.message((1, handmade.message((1, target), (2, name))))
        if data.draw(st.booleans()):
            full_name = data.draw(
                st.sampled_from(["", "w", "a/w", "m/a/w", "a_w_momentum", "a/b/w", "Variable:0", "/"])
            )
            node += handmade.message((2, handmade.message((1, "VARIABLE_VALUE"), (2, full_name), (3, f"k{i}"))))
            entries[f"k{i}"] = Entry(data.draw(st.sampled_from([1, 9])), data.draw(st.sampled_from([(), (2,)])))
        for target, variable in data.draw(st.lists(st.tuples(nodes, nodes), max_size=2)):
            node += handmade.message((3, handmade.message((1, target), (2, "m"), (3, variable))))
        raw += handmade.message((1, node))
    found = interpret_graph(parse_graph(raw), entries)
    assert {m.key for m in found.meanings} == set(entries)
    assert len({m.name for m in found.meanings}) == len(entries) == len(found.meanings)
    assert all(m.trainable is False for m in found.meanings if m.collection != "model")


def node(handmade: Any, *children: tuple[str, int], key: str = "", name: str = "") -> bytes:
    out = b"".join(handmade.message((1, handmade.message((1, n), (2, c)))) for c, n in children)
    if key:
        out += handmade.message((2, handmade.message((1, "VARIABLE_VALUE"), (2, name), (3, key))))
    return bytes(handmade.message((1, out)))


@pytest.mark.parametrize("shape", ["chain", "star", "optimizers", "slots", "long names"])
def test_large_graphs_take_no_time(shape: str, handmade: Any) -> None:
    """Shapes that are quadratic for careless code."""
    n = 10_000
    keys = {f"k{i}": Entry(1, (2,)) for i in range(n)}
    if shape == "chain":
        parts = [node(handmade, ("a", i + 1), ("v", n + i)) for i in range(n - 1)] + [node(handmade)]
        parts += [node(handmade, key=f"k{i}", name="x/y/w") for i in range(n)]
    elif shape == "star":
        parts = [node(handmade, *((str(i), i + 1) for i in range(n)))]
        parts += [node(handmade, key=f"k{i}", name="same/w") for i in range(n)]
    elif shape == "optimizers":
        parts = [node(handmade, *((f"o{i}_optimizer", i + 1) for i in range(n)))] + [node(handmade)] * n
    elif shape == "slots":
        lists = [("_trainable_variables", 2), ("_iterations", 3), *((f"_s{i}", 2) for i in range(n))]
        parts = [node(handmade, ("optimizer", 1)), node(handmade, *lists)]
        parts += [node(handmade, *((str(i), i + 3) for i in range(n)))]
        parts += [node(handmade, key=f"k{i}", name=f"d{i}/w") for i in range(n)]
    else:
        parts = [node(handmade, *((f"v{i}", i + 1) for i in range(50)), ("optimizer", 51))]
        parts += [node(handmade, key=f"k{i}", name="a/_" * 5000 + str(i)) for i in range(50)]
        parts += [node(handmade, *((f"v{i}", i + 52) for i in range(50)))]
        parts += [node(handmade, key=f"k{i + 50}", name="b/_" * 5000 + str(i)) for i in range(50)]
    data = b"".join(parts)
    started = time.process_time()
    try:
        graph: Graph = parse_graph(data)
        interpret_graph(graph, keys)
    except WireError:
        assert shape == "optimizers"
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_NODES", 3), ("MAX_EDGES", 3), ("MAX_NAME", 3), ("MAX_GRAPH_BYTES", 10)]
)
def test_limits_of_graphs(
    shared_data: Path, read: Any, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    module = "contents" if limit == "MAX_GRAPH_BYTES" else "graph"
    monkeypatch.setattr(f"reporter.readers.tensorflow.{module}.{limit}", value)
    with pytest.raises((CorruptCheckpoint, RefusedCheckpoint)):
        read(shared_data / "single/keras-history/keras/mixed_precision/testdata/lso_ckpt_tf2.2/ckpt")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\x0a\x04\x0a\x02\x08\x05", "refers to object 5 of 1"),
        (b"\x0a\x08\x1a\x06\x08\x00\x18\xff\xff\x03", "refers to object 65535"),
        (b"\x0a\x7f", "127 bytes where 0 are left"),
        (b"\x0a\x02\x0a\x05", "5 bytes where 0"),
    ],
)
def test_graphs_that_are_none(handmade: Any, tmp_path: Path, text: bytes, why: str, read: Any) -> None:
    data, crc = handmade.string(text)
    prefix = handmade.bundle(tmp_path / "x", {GRAPH_KEY.encode(): handmade.entry(7, (), 0, len(data), crc)}, data)
    with pytest.raises(CorruptCheckpoint, match=why):
        read(prefix)


def test_strings(handmade: Any, tmp_path: Path, read: Any) -> None:
    """Both checksums and the length of the graph's string are checked."""
    good, crc = handmade.string(b"\x0a\x00")
    cases = {
        "fails its crc32c": (good[:2] + b"\0" + good[3:], crc, ()),
        "fail their crc32c": (good, crc + 1, ()),
        "declares 3 bytes": (b"\x03" + good[1:], crc, ()),
        "no end": (b"\x80" * 7, crc, ()),
        "not a scalar string": (good, crc, (1,)),
    }
    for why, (data, check, dims) in cases.items():
        entry = handmade.entry(7, dims, 0, len(data), check)
        with pytest.raises(CorruptCheckpoint, match=why):
            read(handmade.bundle(tmp_path / "x", {GRAPH_KEY.encode(): entry}, data))
    entry = handmade.entry(7, (), 0, len(good), crc)
    assert read(handmade.bundle(tmp_path / "x", {GRAPH_KEY.encode(): entry}, good)).tensors == {}


def test_a_step_that_is_none(handmade: Any, tmp_path: Path, read: Any) -> None:
    for value in (-1, 2**62):
        raw = np.array(value, "int64").tobytes()
        entries = {b"global_step": handmade.entry(9, (), 0, 8, handmade.masked(raw))}
        assert read(handmade.bundle(tmp_path / "x", entries, raw)).contents.step is None
    flipped = b"\1" + raw[1:]
    with pytest.raises(CorruptCheckpoint, match="global_step"):
        BundleReader().open(handmade.bundle(tmp_path / "x", entries, flipped)).__enter__()


def test_the_table_of_every_real_index(shared_data: Path) -> None:
    counts = [len(read_table(path.read_bytes(), path)) for path in shared_data.rglob("*.index")]
    assert (len(counts), max(counts)) == (79, 251)
