"""The reader of SavedModel folders: variables through the bundle reader, names from the model's own description."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reporter.errors import PartialCheckpoint, RefusedCheckpoint, from_os
from reporter.model.checkpoint import Claim, Probe
from reporter.model.tensor import Contents
from reporter.readers.tensorflow.bundle import LFS, NOT_DOWNLOADED, index_path
from reporter.readers.tensorflow.census import Extra
from reporter.readers.tensorflow.contents import open_bundle
from reporter.readers.tensorflow.graph import Graph
from reporter.readers.tensorflow.savedmodel import SavedModel, add_keras_metadata, explain, read_saved_model

MAX_MEMBERS = 10_000
"""Files listed as belonging to one SavedModel: assets may be many, but not all are needed to tell what belongs."""

MAX_DEPTH = 8
"""Folders below ``assets/`` and ``assets.extra/`` that are looked into."""

_MODEL, _TEXT, _METADATA = "saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb"
_FIRST_TAGS = (b"\x08", b"\x12")  # schema version, or the first graph


class SavedModelReader:
    """Models written by ``tf.saved_model.save``, ``Model.export`` of Keras 3 and ``save`` of Keras 2."""

    name = "savedmodel"
    title = "TensorFlow SavedModel"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Claim a folder with a ``saved_model.pb`` or ``.pbtxt``, and every file in it."""
        if _MODEL not in names and _TEXT not in names:
            return None
        members = tuple(_files(folder))
        problem, state = _problem(folder)
        return Claim(self.name, folder, members, folder.name, problem, state)

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """A SavedModel is never a single file."""
        return None

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open the SavedModel in this folder.

        Raises:
            reporter.errors.CheckpointError: it cannot be read.
        """
        model, notes = _describe(path)
        framework = f"TensorFlow {model.version}" if model.version else ""
        prefix = path / "variables" / "variables"
        if not index_path(prefix).exists():
            if model.has_variables or any(prefix.parent.glob("variables.data-*")):
                raise PartialCheckpoint(index_path(prefix), "the model has variables, but their index is missing")
            reason = "a SavedModel without variables: weights that are constants of its graph are not read"
            yield Contents(self.name, (), (), integrity="none", framework=framework, notes=(*notes, reason))
            return

        def known(graph: Graph) -> Extra:
            return explain(model, graph)

        with open_bundle(prefix, self.name, known, framework, notes) as contents:
            yield contents


def _describe(folder: Path) -> tuple[SavedModel, tuple[str, ...]]:
    if not _is_file(folder / _MODEL):
        if not _is_file(folder / _TEXT):
            raise PartialCheckpoint(folder, f"neither {_MODEL} nor {_TEXT} is there")
        return SavedModel(), (f"layers and trainable flags are not taken from {_TEXT}, only from the binary form",)
    model = read_saved_model(folder / _MODEL)
    if not _is_file(folder / _METADATA):
        return model, ()
    try:
        return add_keras_metadata(model, folder / _METADATA), ()
    except RefusedCheckpoint as error:  # too large to be read: the weights are still readable without it
        return model, (f"layer names are not taken from {_METADATA}: {error.reason}",)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a path that is too long, or holds a NUL byte
        return False


def _problem(folder: Path) -> tuple[str, str]:
    """What can be seen without parsing anything."""
    model = folder / _MODEL
    if not _is_file(model):
        return "", ""
    try:
        with model.open("rb") as file:
            head = file.read(len(LFS))
    except OSError as error:
        known = from_os(model, error)
        return known.reason, known.state
    if not head:
        return f"{_MODEL} is empty: being saved, or destroyed", "corrupt"
    if head == LFS:
        return f"{_MODEL} is {NOT_DOWNLOADED}", "not downloaded"
    if head[:1] not in _FIRST_TAGS:
        return f"{_MODEL} is not a SavedModel", "corrupt"
    return "", ""


def _files(folder: Path) -> Iterator[Path]:
    """Every file below, sorted, without entering links to folders."""
    count = 0
    for where, folders, files in os.walk(folder, followlinks=False):
        depth = len(Path(where).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < MAX_DEPTH else []
        for name in sorted(files):
            count += 1
            if count > MAX_MEMBERS:
                return
            yield Path(where) / name
