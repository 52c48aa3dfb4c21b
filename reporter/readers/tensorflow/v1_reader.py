"""The reader of TensorFlow 1's checkpoints in V1 format: one file, or several shards, that hold names and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reporter.errors import CorruptCheckpoint, RefusedCheckpoint
from reporter.frozen import dataclass
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents, Integrity, SkippedTensor, TensorInfo
from reporter.readers.files.block_size import BLOCK_BYTES
from reporter.readers.files.streams import Array
from reporter.readers.files.window import open_file
from reporter.readers.isolation import GIB, Kind, Limits
from reporter.readers.tensorflow.head import MAGIC, first_entry

if TYPE_CHECKING:
    from reporter.readers.isolation import Session
    from reporter.readers.tensorflow.dtypes import NumericType

TENSORFLOW = Kind(
    module="reporter.readers.tensorflow.v1_parsing",
    library="TensorFlow",
    # It holds a tensor as record, message, tensor and array at once: this is enough for one of 1 GiB.
    limits=Limits(memory=4 * GIB),
    missing="TensorFlow V1 checkpoints are read with TensorFlow, which cannot be imported: pip install tensorflow",
    environment=(("TF_CPP_MIN_LOG_LEVEL", "3"), ("CUDA_VISIBLE_DEVICES", "-1")),
)

MAX_SHARDS = 100
"""As many files as the child has places for; TensorFlow 1 wrote one per parameter server."""

_SHARD = re.compile(r"(?s)(?P<prefix>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})")


def is_v1(probe: Probe) -> bool:
    """Whether this is a file of a V1 checkpoint: the same table as a V2 index, with a message as first value."""
    entry = first_entry(probe.head) if probe.tail.endswith(MAGIC) else None
    return entry is not None and entry[0] == b"" and entry[1][:1] == b"\x0a"


class V1Reader:
    """Checkpoints of ``tf.train.Saver`` before TensorFlow 0.12, and with ``write_version=V1``."""

    name = "tf-v1"
    title = "TensorFlow checkpoint (V1)"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Never: it is a file, or several."""
        return None

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Claim a file by its content; of several shards the first that is there stands for all."""
        if not is_v1(probe):
            return None
        path, shard = probe.path, _SHARD.fullmatch(probe.path.name)
        if shard is None:
            return Claim(self.name, path, (path,), path.name)
        if int(shard["count"]) > MAX_SHARDS:
            reason = f"one of {int(shard['count']):,} shards; no more than {MAX_SHARDS} are read"
            return Claim(self.name, path, (path,), shard["prefix"], reason, "refused")
        wanted = _shards(shard)
        there = tuple(siblings[name] for name in wanted if name in siblings)
        if not there or there[0].name != path.name:
            return None
        missing = next((name for name in wanted if name not in siblings), "")
        problem = f"{len(there)} of {shard['count']} shards are there: {missing} is missing" if missing else ""
        return Claim(self.name, path, there, shard["prefix"], problem, "partial" if missing else "")

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open the checkpoint that a file is, or is the first shard of.

        Raises:
            CheckpointError: it cannot be read.
        """
        from reporter.readers.isolation import session

        shard = _SHARD.fullmatch(path.name)
        if shard and int(shard["count"]) > MAX_SHARDS:
            raise RefusedCheckpoint(path, f"it has more than {MAX_SHARDS} shards")
        paths = [path.with_name(name) for name in _shards(shard)] if shard else [path]
        with ExitStack() as stack:
            files = [stack.enter_context(open_file(one)).fileno() for one in paths]
            yield _contents(self.name, stack.enter_context(session(TENSORFLOW, path, files)))


def _shards(shard: re.Match[str]) -> list[str]:
    """Names of all shards; just its own where the numbers are no shard's."""
    count = int(shard["count"])
    if not int(shard["number"]) < count:
        return [shard[0]]
    return [f"{shard['prefix']}-{number:05}-of-{count:05}" for number in range(count)]


@dataclass(frozen=True, slots=True)
class _Tensor:
    info: TensorInfo
    stored: NumericType
    parsing: Session

    def blocks(self) -> Iterator[Array]:
        """The values, in blocks of a few MiB."""
        step = max(BLOCK_BYTES // self.stored.itemsize, 1)
        for start in range(0, self.info.size, step):
            block: Array = np.empty(min(step, self.info.size - start), self.stored.numpy)
            into, at = block.view(np.uint8), start * self.stored.itemsize
            asked = {"name": self.info.key, "start": at, "stop": at + into.size}
            self.parsing.ask("read", into=into, tensor=self.info.name, **asked)
            yield block


def _contents(format: str, parsing: Session) -> Contents:
    from reporter.readers.meaning import contents
    from reporter.readers.tensorflow.bundle import Entry
    from reporter.readers.tensorflow.contents import tensor_info
    from reporter.readers.tensorflow.dtypes import numeric, skipped_reason
    from reporter.readers.tensorflow.names import interpret_names

    try:
        entries = {str(name): Entry(int(dtype), _shape(shape)) for name, dtype, shape in parsing.ask("tensors")}
    except (TypeError, ValueError) as exc:  # memory of the child was damaged
        raise CorruptCheckpoint(parsing.path, f"{TENSORFLOW.library} gave nonsense back: {exc}") from exc
    meaning = interpret_names(entries)
    sources: dict[str, _Tensor] = {}
    for one in meaning.meanings:
        entry = entries[one.key]
        stored = numeric(entry.dtype)
        assert stored is not None  # meanings are made of numeric entries only
        sources[one.key] = _Tensor(tensor_info(one, entry, stored), stored, parsing)
    reasons = {key: skipped_reason(entry.dtype) for key, entry in entries.items() if numeric(entry.dtype) is None}
    return contents(
        meaning,
        sources,
        format=format,
        skipped=(SkippedTensor(key, dtype, entries[key].shape, why) for key, (dtype, why) in reasons.items()),
        integrity=Integrity.CRC32C,  # of every block of the table, in which the values lie
        framework="TensorFlow 1",
    )


def _shape(said: list[int]) -> tuple[int, ...]:
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in said):
        raise ValueError(f"a shape {said!r:.80}")
    return tuple(said)
