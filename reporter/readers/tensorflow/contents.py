"""An open bundle as :class:`reporter.model.tensor.Contents`: index, shards, meanings and sources put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reporter.errors import CorruptCheckpoint
from reporter.model.role import Role, output_axis
from reporter.model.tensor import Contents, Integrity, SkippedTensor, TensorInfo, TensorSource
from reporter.readers.files.wire import WireError
from reporter.readers.meaning import Interpretation, Meaning, contents, count_of
from reporter.readers.tensorflow.bundle import Entry, Index, read_index
from reporter.readers.tensorflow.census import NOTHING, Extra
from reporter.readers.tensorflow.dtypes import NumericType, numeric, skipped_reason
from reporter.readers.tensorflow.graph import GRAPH_KEY, MAX_GRAPH_BYTES, VALUE_SUFFIX, Graph, parse_graph
from reporter.readers.tensorflow.head import index_path
from reporter.readers.tensorflow.names import interpret_names
from reporter.readers.tensorflow.objects import interpret_graph
from reporter.readers.tensorflow.remembered import remembered
from reporter.readers.tensorflow.shards import Shards
from reporter.readers.tensorflow.source import PartitionedTensor, WholeTensor
from reporter.readers.tensorflow.strings import read_scalar_string

SAVE_COUNTER = "save_counter/"
"""Begin of the key of a ``tf.train.Checkpoint``'s count of its saves (tensorflow/python/checkpoint/checkpoint.py)."""


@contextmanager
def open_bundle(
    prefix: Path,
    format: str,
    explain: Callable[[Graph], Extra] | None = None,
    framework: str = "",
    notes: tuple[str, ...] = (),
) -> Iterator[Contents]:
    """Open the checkpoint ``prefix.index``, ``prefix.data-…``.

    Args:
        prefix: path without extension.
        format: name of the reader.
        explain: called with the object graph if there is one; what else is known about its objects.
        framework: as in Contents.
        notes: put before those that arise here.

    Raises:
        CheckpointError: it cannot be read.
    """
    path = index_path(prefix)
    index = read_index(path)
    with Shards(prefix, index) as shards:
        meaning = _interpret(index, shards, path, explain)
        kinds = {layer.name: layer.kind for layer in meaning.layers}
        sources = {
            m.key: _source(m, index.entries[m.key], kinds.get(m.layer, ""), shards, index.big_endian)
            for m in meaning.meanings
        }
        found = contents(
            meaning,
            sources,
            format=format,
            integrity=Integrity.CRC32C,
            framework=framework,
            skipped=_skipped(index),
            notes=notes,
        )
        strays = f"{index.strays} parts of tensors belong to no tensor of the index and are not read"
        yield replace(
            found,
            save_counter=next((count_of(s) for key, s in sources.items() if key.startswith(SAVE_COUNTER)), None),
            notes=(*found.notes, *([strays] if index.strays else [])),
        )


def _interpret(index: Index, shards: Shards, path: Path, explain: Callable[[Graph], Extra] | None) -> Interpretation:
    entry = index.entries.get(GRAPH_KEY)
    if entry is None:
        return remembered(b"", index.entries, lambda: interpret_names(index.entries))
    data = read_scalar_string(
        entry, shards, big_endian=index.big_endian, limit=MAX_GRAPH_BYTES, path=path, tensor=GRAPH_KEY
    )

    def interpret() -> Interpretation:
        graph = parse_graph(data)
        return interpret_graph(graph, index.entries, explain(graph) if explain else NOTHING)

    try:
        return interpret() if explain else remembered(data, index.entries, interpret)
    except WireError as exc:
        raise CorruptCheckpoint(path, str(exc), tensor=GRAPH_KEY) from exc


def _source(meaning: Meaning, entry: Entry, kind: str, shards: Shards, big_endian: bool) -> TensorSource:
    stored = numeric(entry.dtype)
    assert stored is not None  # meanings are made of numeric entries only
    info = tensor_info(meaning, entry, stored, kind)
    return (PartitionedTensor if entry.parts else WholeTensor)(info, entry, stored, shards, big_endian)


def tensor_info(meaning: Meaning, entry: Entry, stored: NumericType, kind: str = "") -> TensorInfo:
    """What is known of an entry without its values; ``kind`` is the class of its layer."""
    role = Role(meaning.role)
    if role == Role.KERNEL and kind.startswith("Depthwise"):
        role = Role.DEPTHWISE_KERNEL  # which Keras 3 calls just `kernel`
    return TensorInfo(
        name=meaning.name,
        layer=meaning.layer,
        role=role,
        shape=entry.shape,
        dtype=stored.name,
        trainable=meaning.trainable,
        collection=meaning.collection,
        key=meaning.key,
        itemsize=stored.itemsize,
        output_axis=output_axis(role, kind),
    )


def _skipped(index: Index) -> tuple[SkippedTensor, ...]:
    return tuple(
        SkippedTensor(key.replace(VALUE_SUFFIX, ""), *_named(skipped_reason(entry.dtype), entry))
        for key, entry in index.entries.items()
        if key != GRAPH_KEY and numeric(entry.dtype) is None
    )


def _named(reason: tuple[str, str], entry: Entry) -> tuple[str, tuple[int, ...], str]:
    return reason[0], entry.shape, reason[1]
