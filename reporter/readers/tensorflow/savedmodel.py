"""What ``saved_model.pb`` and ``keras_metadata.pb`` tell about objects: names, classes, what is trainable.

Messages: tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph}.proto; tf_keras's saved_metadata.proto.
Only the object graph is read: of the GraphDef, which makes nearly all of the file's size, no more than the names of
operations, and that only where the variables are missing. Nothing is executed, and JSON is inert text of which two
strings are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from reporter.errors import CorruptCheckpoint, NotDownloaded, PartialCheckpoint, RefusedCheckpoint, from_os
from reporter.frozen import dataclass
from reporter.model.git_lfs import LFS, NOT_DOWNLOADED, is_pointer
from reporter.model.tensor import model_called
from reporter.readers.files.bounded import parse_json
from reporter.readers.files.wire import WireError, fields, spans
from reporter.readers.tensorflow.alignment import Known
from reporter.readers.tensorflow.bundle import read_small
from reporter.readers.tensorflow.census import Extra
from reporter.readers.tensorflow.graph import MAX_NODES, Child, Graph
from reporter.storage import open_binary

MAX_OBJECTS_BYTES = 64 << 20
"""The object graph of a SavedModel: some 100 bytes for each of its objects, and the metadata of old Keras versions."""

MAX_METADATA_BYTES = 64 << 20
"""keras_metadata.pb holds the configuration of every layer, about 2 KiB each."""

MAX_META_GRAPHS = 64
"""A SavedModel has one graph for each set of tags; more than two are not seen in practice."""

MAX_TEXT_BYTES = 64 << 20
"""A ``saved_model.pbtxt``; graphs with constants of this size are not kept as text."""

_VARIABLE_OPS = frozenset({"Variable", "VariableV2", "VarHandleOp", "Restore", "RestoreSlice", "RestoreV2"})
_MAX_OP = 64  # bytes of an operation's name that are looked at
_MODELS = frozenset({"_tf_keras_model", "_tf_keras_network", "_tf_keras_sequential"})
_LISTS = frozenset({"variables", "trainable_variables"})
_KERAS = "_tf_keras_"
_METRIC = "_tf_keras_metric"


@dataclass(frozen=True, slots=True)
class SavedObject:
    """One object of a SavedModel: ``trainable`` for variables, ``identifier`` and ``metadata`` for the rest."""

    children: tuple[Child, ...] = ()
    trainable: bool | None = None
    identifier: str = ""
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """The readable part of a ``saved_model.pb``.

    Attributes:
        objects: empty for those of TensorFlow 1.
        version: of the TensorFlow that wrote it.
        saver: whether it says how to restore ``variables/``. TensorFlow 2 always writes both, TensorFlow 1 where there
            are variables.
    """

    objects: tuple[SavedObject, ...] = ()
    version: str = ""
    saver: bool = False

    @property
    def has_variables(self) -> bool:
        """Whether it declares variables, whose values lie in ``variables/``."""
        return self.saver or any(item.trainable is not None for item in self.objects)

    @property
    def called(self) -> str:
        """See :attr:`reporter.model.tensor.Contents.model`: Keras describes the root of the objects."""
        root = self.objects[0] if self.objects else None
        known = _known(root) if root is not None and root.identifier.startswith(_KERAS) else None
        return model_called(known.name, known.kind) if known else ""


def read_saved_model(path: Path) -> SavedModel:
    """Read the object graph and the version of the writer.

    Raises:
        CorruptCheckpoint: damaged.
        PartialCheckpoint: it is not there or cannot be read.
        NotDownloaded: a Git-LFS pointer stands in its place.
        RefusedCheckpoint: the object graph is larger than any real one.
    """
    model = SavedModel()
    try:
        with open_binary(path) as file:
            if is_pointer(file.read(len(LFS))):
                raise NotDownloaded(path, NOT_DOWNLOADED)
            end = file.seek(0, 2)
            graphs = [(start, stop) for number, start, stop in spans(file, 0, end) if number == 2]
            if not graphs or len(graphs) > MAX_META_GRAPHS:
                raise CorruptCheckpoint(path, f"holds {len(graphs)} graphs")
            for start, stop in graphs:
                model = _meta_graph(file, start, stop, model, path)
    except WireError as exc:
        raise CorruptCheckpoint(path, f"damaged: {exc}") from exc
    except OSError as exc:
        raise from_os(path, exc) from exc
    return model


def graph_has_variables(path: Path) -> bool:
    """Whether an operation of the graph holds or restores a variable; looks at the operations' names only.

    Raises:
        CorruptCheckpoint: the graph is damaged.
        PartialCheckpoint: the file cannot be read.
    """
    try:
        with open_binary(path) as file:
            return any(op.decode("utf-8", "replace") in _VARIABLE_OPS for op in _operations(file, file.seek(0, 2)))
    except WireError as exc:
        raise CorruptCheckpoint(path, f"damaged: {exc}") from exc
    except OSError as exc:
        raise PartialCheckpoint(path, f"cannot be read: {exc.strerror}") from exc


def text_has_variables(path: Path) -> bool:
    """The same of the text form, which is searched for what only a graph with variables holds.

    Raises:
        CheckpointError: it cannot be read, or is too large.
    """
    text = read_small(path, MAX_TEXT_BYTES)
    return any(word in text for word in (b"saver_def {", *(f'op: "{op}"'.encode() for op in _VARIABLE_OPS)))


def _operations(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The kind of every node: SavedModel.meta_graphs, MetaGraphDef.graph_def, GraphDef.node, NodeDef.op."""
    for at, stop in _inside(file, 0, end, 2):
        for graph, graph_end in _inside(file, at, stop, 2):
            for node, node_end in _inside(file, graph, graph_end, 1):
                op, op_end = next(_inside(file, node, node_end, 2), (node, node))
                file.seek(op)
                yield file.read(min(op_end - op, _MAX_OP))


def _inside(file: BinaryIO, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    yield from ((at, stop) for found, at, stop in spans(file, start, end) if found == number)


def add_keras_metadata(model: SavedModel, path: Path) -> SavedModel:
    """The model with the metadata that Keras 2.5 and later keep in a file of their own.

    Raises:
        CheckpointError: damaged, too large, or not readable.
    """
    objects = list(model.objects)
    try:
        for item in fields(read_small(path, MAX_METADATA_BYTES)):
            if item.number != 1:
                continue
            number, texts = 0, {4: "", 5: ""}  # the root's number, 0, is not written
            for f in fields(item.data):
                if f.number == 2:
                    number = f.signed
                elif f.number in texts:
                    texts[f.number] = f.text
            if 0 <= number < len(objects):
                objects[number] = replace(objects[number], identifier=texts[4], metadata=texts[5])
    except WireError as exc:
        raise CorruptCheckpoint(path, f"damaged: {exc}") from exc
    return replace(model, objects=tuple(objects))


def explain(model: SavedModel, graph: Graph) -> Extra:
    """Carry over to the nodes of the checkpoint's own graph what the SavedModel knows of the same objects.

    Both graphs are walked in step from their roots, along edges of equal name.
    """
    known: dict[int, Known] = {}
    trainable: dict[int, bool] = {}
    if not graph or not model.objects:
        return Extra(saved=True)
    pairs, seen = [(0, 0)], {0}
    for node, number in pairs:
        item = model.objects[number]
        if item.trainable is not None:
            trainable[node] = item.trainable
        elif item.identifier.startswith(_KERAS):
            found = _known(item)
            if found is not None:
                known[node] = found
        by_name: Mapping[str, int] = dict(item.children)
        for child in graph[node].children:
            partner = by_name.get(child.name)
            if partner is not None and child.node not in seen:
                seen.add(child.node)
                pairs.append((child.node, partner))
    trainable.update(_frozen_or_not(graph))
    return Extra(known, trainable, saved=True)


def _frozen_or_not(graph: Graph) -> dict[int, bool]:
    """What Keras's lists on the root say: the state when it was saved, while SavedVariable tells that at creation."""
    lists = {child.name: graph[child.node] for child in graph[0].children if child.name in _LISTS}
    if len(lists) != len(_LISTS):
        return {}
    trained = {child.node for child in lists["trainable_variables"].children}
    return {child.node: child.node in trained for child in lists["variables"].children}


def _meta_graph(file: BinaryIO, start: int, stop: int, model: SavedModel, path: Path) -> SavedModel:
    for number, at, end in spans(file, start, stop):
        if number == 3:  # saver_def
            model = replace(model, saver=model.saver or end > at)
        if number not in (1, 7):  # meta_info_def, object_graph_def
            continue
        if end - at > MAX_OBJECTS_BYTES:
            raise RefusedCheckpoint(path, f"an object graph of {end - at} bytes; at most {MAX_OBJECTS_BYTES} are read")
        file.seek(at)
        data = file.read(end - at)
        if number == 1:
            version = next((f.text for f in fields(data) if f.number == 5), "")
            model = replace(model, version=model.version or version)
        elif not model.objects:
            model = replace(model, objects=_objects(data))
    return model


def _objects(data: bytes) -> tuple[SavedObject, ...]:
    objects: list[SavedObject] = []
    for item in fields(data):
        if item.number == 1:
            objects.append(_object(item.data))
            if len(objects) > MAX_NODES:
                raise WireError(f"more than {MAX_NODES} objects")
    for one in objects:
        for child in one.children:
            if not 0 <= child.node < len(objects):
                raise WireError(f"reference to object {child.node} of {len(objects)}")
    return tuple(objects)


def _object(data: bytes) -> SavedObject:
    children: list[Child] = []
    trainable: bool | None = None
    identifier = metadata = ""
    for item in fields(data):
        if item.number == 1:
            number, name = 0, ""
            for f in fields(item.data):
                if f.number == 1:
                    number = f.signed
                elif f.number == 2:
                    name = f.text
            children.append(Child(name, number))
        elif item.number == 4:
            for f in fields(item.data):
                if f.number == 1:
                    identifier = f.text
                elif f.number == 3:
                    metadata = f.text
        elif item.number == 7:
            trainable = any(f.number == 3 and f.integer for f in fields(item.data))
    return SavedObject(tuple(children), trainable, identifier, metadata)


def _known(item: SavedObject) -> Known | None:
    """Name and class out of the JSON; without them an object stays unknown."""
    try:
        said = parse_json(item.metadata.encode(), MAX_METADATA_BYTES)
    except (ValueError, RecursionError):
        return None
    name = said.get("name") if isinstance(said, dict) else None
    if not isinstance(name, str) or not name:
        return None
    kind = said.get("class_name")
    return Known(
        name=name,
        kind=kind.rpartition(">")[2] if isinstance(kind, str) else "",  # registered classes: `package>Class`
        is_model=item.identifier in _MODELS,
        is_metric=item.identifier == _METRIC,
    )
