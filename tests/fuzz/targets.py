"""What is fuzzed: every parser alone, past the checksums that would hide it, and every reader as a whole.

A target takes bytes and returns; what it lets through other than the errors of this package is a defect.
"""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reporter.errors import CheckpointError
from reporter.model.checkpoint import Probe
from reporter.readers.files.npy import HEAD_BYTES, MAGIC, parse
from reporter.readers.files.wire import WireError
from reporter.readers.keras_model.config import ConfigError, leaves, parse_model
from reporter.readers.orbax.layout import CHECKPOINT, MANIFEST, STRINGS, TREE, items
from reporter.readers.orbax.meaning import Leaf, interpret
from reporter.readers.safetensors import SafetensorsReader
from reporter.readers.tensorflow.bundle import Entry, read_index
from reporter.readers.tensorflow.graph import parse_graph
from reporter.readers.tensorflow.objects import interpret_graph
from reporter.readers.tensorflow.savedmodel import SavedModel, add_keras_metadata, explain, read_saved_model
from reporter.readers.tensorflow.snappy import beginning, decompress
from reporter.readers.tensorflow.table import read_table
from tests.contracts.damage import read
from tests.readers.tensorflow.conftest import HEADER, Table, entry, message

Run = Callable[[bytes], None]

PATH = Path("fuzzed.index")


@dataclass(frozen=True)
class Target:
    """A function of bytes, and inputs to begin with."""

    run: Run
    seeds: tuple[bytes, ...]


class Scratch:
    """One file or folder in memory, written anew for every input."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.path = Path(self._folder.name)

    def file(self, content: bytes, name: str = "fuzzed") -> Path:
        path = self.path / name
        path.write_bytes(content)
        return path


SCRATCH = Scratch()


def table(data: bytes) -> None:
    with suppress(CheckpointError):
        read_table(data, PATH)


def pairs(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values out of one input: a length, that many bytes, and again."""
    at = 0
    parts: list[bytes] = []
    while at < len(data):
        size = data[at]
        parts.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    yield from zip(parts[::2], parts[1::2], strict=False)


def packed(*entries: tuple[bytes, bytes]) -> bytes:
    return b"".join(bytes([len(part)]) + part for pair in entries for part in pair)


def entries(data: bytes) -> None:
    """The index behind right checksums."""
    found = {b"": HEADER} | dict(pairs(data))
    content = Table(sorted(found.items())).bytes
    with suppress(CheckpointError):
        read_index(SCRATCH.file(content, "fuzzed.index"))


def snappy(data: bytes) -> None:
    beginning(data)
    with suppress(WireError):
        assert len(decompress(data, 1 << 20)) <= 1 << 20


def graph(data: bytes) -> None:
    with suppress(WireError):
        nodes = parse_graph(data)
        held = {node.key: Entry(1, (2, 3), 0, 24 * i, 24, 0) for i, node in enumerate(nodes) if node.key}
        meaning = interpret_graph(nodes, held)
        assert len({m.name for m in meaning.meanings}) == len(meaning.meanings), "two tensors of one name"
        explain(SavedModel(), nodes)


def saved_model(data: bytes) -> None:
    path = SCRATCH.file(data, "saved_model.pb")
    with suppress(CheckpointError):
        model = read_saved_model(path)
        explain(model, parse_graph(GRAPH))
    with suppress(CheckpointError):
        add_keras_metadata(SavedModel(), path)


def safetensors_header(data: bytes) -> None:
    content = struct.pack("<Q", len(data)) + data + bytes(range(256))
    path = SCRATCH.file(content, "fuzzed.safetensors")
    SafetensorsReader().claim_file(Probe(path, len(content), 0, content[:64], content[-64:]), {})
    with suppress(CheckpointError), SafetensorsReader().open(path) as contents:
        for source in contents.tensors:
            assert sum(block.size for block in source.blocks()) == source.info.size


def keras_config(data: bytes) -> None:
    with suppress(ConfigError):
        for _ in leaves(parse_model(data, data).model):
            pass


def npy_header(data: bytes) -> None:
    content = MAGIC + b"\x01\x00" + struct.pack("<H", min(len(data), 65_535)) + data[:65_535] + bytes(64)
    for head in (content, data):
        with suppress(CheckpointError):
            found = parse(head[:HEAD_BYTES], len(head), PATH)
            assert found.size * found.dtype.itemsize <= len(head) or found.problem


def orbax_metadata(data: bytes) -> None:
    """The same bytes as the metadata of a checkpoint, as its tree, and as its strings."""
    folder = SCRATCH.path / "orbax"
    folder.mkdir(exist_ok=True)
    for name in (CHECKPOINT, TREE, STRINGS):
        (folder / name).write_bytes(data)
    (folder / MANIFEST).touch()
    with suppress(CheckpointError):
        found, _ = items(folder)
        for item in found:
            found_leaves = [Leaf(key, path, (), True) for key, path in item.wanted().items()]
            names = [m.name for m in interpret(found_leaves).meanings]
            assert len(set(names)) == len(names), "two tensors of one name"


CONFIG = {
    "module": "keras",
    "class_name": "Sequential",
    "config": {
        "name": "s",
        "layers": [
            {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 4]}},
            {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 3, "use_bias": True}},
        ],
    },
    "compile_config": {"optimizer": {"class_name": "Adam", "config": {"name": "adam"}}},
}

HEADER_JSON = {"a.kernel": {"dtype": "F32", "shape": [4, 8], "data_offsets": [0, 128]},
               "b": {"dtype": "BF16", "shape": [64], "data_offsets": [128, 256]},
               "__metadata__": {"format": "tf"}}  # fmt: skip

NPY = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), }          \n"


def _node(*children: tuple[int, str], key: str = "", name: str = "") -> bytes:
    parts = [(1, message((1, node), (2, child))) for node, child in children]
    if key:
        parts.append((2, message((1, "VARIABLE_VALUE"), (2, name), (3, key))))
    return message((1, message(*parts)))


GRAPH = (
    _node((1, "model"), (4, "optimizer"))
    + _node((2, "kernel"), (3, "_layers"))
    + _node(key="model/kernel/.ATTRIBUTES/VARIABLE_VALUE", name="dense/kernel")
    + _node((2, "0"), (1, "1"))
    + _node((5, "_iterations"), (2, "_trainable_variables"))
    + _node(key="optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE", name="adam/iteration")
)

ENTRIES = packed(
    (b"a/kernel", entry(1, (2, 3), 0, 24, 7)),
    (b"b", entry(9, (), 24, 8, 9)),
    (b"p", entry(1, (4,), 0, 0, 0, 0, message((1, message((1, 0), (2, 2)))))),
)

ORBAX = (
    b'{"tree_metadata": {"(1)": {"key_metadata": [{"key": "params", "key_type": 2}, {"key": "Dense_0", "key_type": 2},'
    b' {"key": "kernel", "key_type": 2}], "value_metadata": {"value_type": "jax.Array", "skip_deserialize": false}},'
    b' "(2)": {"key_metadata": [{"key": "step"}], "value_metadata": {"value_type": "int"}}},'
    b' "item_handlers": {"state": "PyTreeCheckpointHandler"}, "use_ocdbt": true}'
)

TARGETS: dict[str, Target] = {
    "table": Target(table, (Table([(b"", HEADER), (b"a", b"x" * 30), (b"ab", b"y")]).bytes,)),
    "entries": Target(entries, (ENTRIES,)),
    "snappy": Target(snappy, (b"\x0a\x10hello\x15\x05", b"\x40\x00a\xfe\x01\x00")),
    "graph": Target(graph, (GRAPH,)),
    "saved-model": Target(saved_model, (message((1, 1), (2, message((7, GRAPH), (1, message((5, "2.21")))))), GRAPH)),
    "safetensors-header": Target(safetensors_header, (json.dumps(HEADER_JSON).encode(),)),
    "keras-config": Target(keras_config, (json.dumps(CONFIG).encode(),)),
    "orbax-metadata": Target(orbax_metadata, (ORBAX,)),
    "npy-header": Target(npy_header, (NPY, MAGIC + b"\x02\x00" + struct.pack("<I", len(NPY)) + NPY)),
}


def of_reader(folder: Path) -> Target:
    """A whole checkpoint through discovery and its reader; the first byte tells which of its files is replaced."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    content = {path: path.read_bytes() for path in files}
    copy = SCRATCH.path / "checkpoint"
    shutil.copytree(folder, copy)

    def run(data: bytes) -> None:
        if not data:
            return
        path = files[data[0] % len(files)]
        there = copy / path.relative_to(folder)
        there.write_bytes(data[1:])
        try:
            read(copy)
        finally:
            there.write_bytes(content[path])

    return Target(run, tuple(bytes([i]) + content[path] for i, path in enumerate(files)))
