"""Checkpoints that TensorFlow, Keras 3 and Keras 2 have just written, a builder for others, and ways to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import pytest

from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, TensorInfo
from reporter.readers.tensorflow import BundleReader, SavedModelReader, V1Reader

READERS = (SavedModelReader(), BundleReader(), V1Reader())
MAGIC = bytes.fromhex("57fb808b247547db")
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Read:
    """Everything a reader delivers, streamed into memory."""

    contents: Contents
    tensors: dict[str, tuple[TensorInfo, Array]]

    @property
    def by_key(self) -> dict[str, Array]:
        return {info.key: values for info, values in self.tensors.values()}

    @property
    def layers(self) -> list[str]:
        return [layer.name for layer in self.contents.layers]

    def names(self, collection: str = "model") -> list[str]:
        return [name for name, (info, _) in self.tensors.items() if info.collection == collection]

    def info(self, name: str) -> TensorInfo:
        return self.tensors[name][0]


def _read(path: Path) -> Read:
    with READERS[0 if path.is_dir() else 1].open(path) as contents:
        tensors: dict[str, tuple[TensorInfo, Array]] = {}
        for tensor in contents.tensors:
            blocks = list(tensor.blocks())
            assert all(b.ndim == 1 and b.size and b.dtype.name == tensor.info.dtype for b in blocks), tensor.info
            values = np.concatenate(blocks) if blocks else np.empty(0, tensor.info.dtype)
            tensors[tensor.info.name] = (tensor.info, values.reshape(tensor.info.shape))
        assert len(tensors) == len(contents.tensors), "names are not unique"
        return Read(contents, tensors)


def _claims(folder: Path) -> list[Claim]:
    """What the readers claim in a folder, in the way discovery asks them."""
    children = {child.name: child for child in sorted(folder.iterdir())}
    for reader in READERS:
        claim = reader.claim_folder(folder, children)
        if claim is not None:
            return [claim]
    files = {name: path for name, path in children.items() if path.is_file()}
    found = []
    for path in files.values():
        data = path.read_bytes()
        probe = Probe(path, len(data), path.stat().st_mtime_ns, data[:64], data[-64:])
        found += [c for reader in READERS if (c := reader.claim_file(probe, files)) is not None]
    return found


@pytest.fixture(scope="session")
def read() -> Callable[[Path], Read]:
    return _read


@pytest.fixture(scope="session")
def claims() -> Callable[[Path], list[Claim]]:
    return _claims


# --- building files by hand


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def masked(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def message(*fields: tuple[int, int | bytes | str], fixed32: Mapping[int, int] | None = None) -> bytes:
    """A protobuf message: numbers as varints, the rest with its length."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value & (1 << 64) - 1)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    for number, value in (fixed32 or {}).items():
        out += varint(number << 3 | 5) + value.to_bytes(4, "little")
    return out


def shape(*dims: int) -> bytes:
    return b"".join(message((2, message((1, dim)))) for dim in dims)


def entry(dtype: int, dims: Sequence[int], offset: int, size: int, crc: int, shard: int = 0, *boxes: bytes) -> bytes:
    fields: list[tuple[int, int | bytes | str]] = [(1, dtype), (2, shape(*dims)), (3, shard), (4, offset), (5, size)]
    return message(*fields, *((7, box) for box in boxes), fixed32={6: crc})


HEADER = message((1, 1), (3, message((1, 1))))


@dataclass
class Table:
    """A table file; change its parts, then ask for its ``bytes``."""

    entries: list[tuple[bytes, bytes]]
    per_block: int = 4
    restart_interval: int = 2
    compress: Callable[[bytes], bytes] | None = None
    kind: int | None = None
    offsets: list[tuple[int, int]] = field(default_factory=list)

    def block(self, entries: Sequence[tuple[bytes, bytes]]) -> bytes:
        out, restarts, last = b"", [], b""
        for i, (key, value) in enumerate(entries):
            shared = 0
            if i % self.restart_interval == 0:
                restarts.append(len(out))
            else:
                while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                    shared += 1
            out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            last = key
        restarts = restarts or [0]
        return out + b"".join(r.to_bytes(4, "little") for r in restarts) + len(restarts).to_bytes(4, "little")

    def trailer(self, content: bytes, kind: int) -> bytes:
        return bytes([kind]) + masked(content + bytes([kind])).to_bytes(4, "little")

    @property
    def bytes(self) -> bytes:
        out, index = b"", []
        for start in range(0, len(self.entries), self.per_block):
            part = self.entries[start : start + self.per_block]
            content = self.block(part)
            kind = 0
            if self.compress is not None:
                content, kind = self.compress(content), 1
            kind = kind if self.kind is None else self.kind
            index.append((part[-1][0] + b"\x00", varint(len(out)) + varint(len(content))))
            out += content + self.trailer(content, kind)
        if self.offsets:
            index = [(key, varint(o) + varint(s)) for (key, _), (o, s) in zip(index, self.offsets, strict=True)]
        handles = b""
        for content in (self.block([]), self.block(index)):
            handles += varint(len(out)) + varint(len(content))
            out += content + self.trailer(content, 0)
        return out + handles.ljust(40, b"\x00") + MAGIC


class Handmade:
    """The builders above, for tests, which cannot import from a conftest."""

    Table = Table
    HEADER = HEADER
    varint = staticmethod(varint)
    masked = staticmethod(masked)
    message = staticmethod(message)
    shape = staticmethod(shape)
    entry = staticmethod(entry)

    @staticmethod
    def bundle(prefix: Path, entries: Mapping[bytes, bytes], data: bytes = b"", header: bytes = HEADER) -> Path:
        rows = sorted({b"": header, **entries}.items())
        prefix.with_name(prefix.name + ".index").write_bytes(Table(rows).bytes)
        prefix.with_name(prefix.name + ".data-00000-of-00001").write_bytes(data)
        return prefix

    @staticmethod
    def string(text: bytes) -> tuple[bytes, int]:
        """Bytes of a scalar string and the crc of its entry."""
        lengths = len(text).to_bytes(4, "little")
        check = masked(lengths).to_bytes(4, "little")
        return varint(len(text)) + check + text, masked(lengths + check + text)


@pytest.fixture(scope="session")
def handmade() -> type[Handmade]:
    return Handmade


# --- what the libraries write


@pytest.fixture(scope="session")
def oracle(tf: ModuleType) -> Callable[[Path], dict[str, Array]]:
    """Every tensor of a checkpoint as TensorFlow reads it, by key."""

    def load(prefix: Path) -> dict[str, Array]:
        reader = tf.train.load_checkpoint(str(prefix))
        return {name: np.asarray(reader.get_tensor(name)) for name, _ in tf.train.list_variables(str(prefix))}

    return load


@pytest.fixture(scope="session")
def reported(shared_data: Path) -> Path:
    """Inputs rebuilt from public reports, beside the real checkpoints."""
    folder = shared_data.parent / "reported"
    if not folder.is_dir():
        pytest.skip("the inputs rebuilt from public reports (../shared/reported) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tensorflow")
