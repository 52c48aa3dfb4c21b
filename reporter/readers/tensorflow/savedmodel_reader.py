"""The reader of SavedModel folders: variables through the bundle reader, names from the model's own description."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reporter.errors import PartialCheckpoint, RefusedCheckpoint, State, from_os
from reporter.model.checkpoint import Claim, Probe
from reporter.model.git_lfs import LFS, NOT_DOWNLOADED, is_pointer
from reporter.model.tensor import Contents, Integrity
from reporter.readers.tensorflow.head import index_path
from reporter.storage import open_binary

if TYPE_CHECKING:
    from reporter.readers.tensorflow.census import Extra
    from reporter.readers.tensorflow.graph import Graph
    from reporter.readers.tensorflow.savedmodel import SavedModel

MAX_MEMBERS = 10_000
"""Files listed as belonging to one SavedModel: assets may be many, but not all are needed to tell what belongs."""

MAX_DEPTH = 8
"""Folders below ``assets/`` and ``assets.extra/`` that are looked into."""

_MODEL, _TEXT, _METADATA = "saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb"
_OWN_FILES = (_TEXT, _MODEL, _METADATA, "fingerprint.pb")
_VARIABLES, _ASSETS = "variables", ("assets", "assets.extra")
_FIRST_TAGS = (b"\x08", b"\x12")  # schema version, or the first graph


class SavedModelReader:
    """Models written by ``tf.saved_model.save``, ``Model.export`` of Keras 3 and ``save`` of Keras 2."""

    name = "savedmodel"
    title = "TensorFlow SavedModel"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Claim the parts of a SavedModel; whatever else lies beside or below them is looked at in its own right."""
        if _MODEL not in names and _TEXT not in names:
            return None
        members = tuple(sorted(islice(_own_files(folder, names), MAX_MEMBERS)))
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
        from reporter.readers.tensorflow.contents import open_bundle
        from reporter.readers.tensorflow.savedmodel import explain

        model, notes = _describe(path)
        framework = f"TensorFlow {model.version}" if model.version else ""
        prefix = path / "variables" / "variables"
        if not index_path(prefix).exists():
            if model.has_variables or any(prefix.parent.glob("variables.data-*")) or _graph_has_variables(path):
                raise PartialCheckpoint(index_path(prefix), "the model has variables, but their index is missing")
            reason = "a SavedModel without variables: weights that are constants of its graph are not read"
            yield Contents(self.name, (), (), integrity=Integrity.NONE, framework=framework, notes=(*notes, reason))
            return

        def known(graph: Graph) -> Extra:
            return explain(model, graph)

        with open_bundle(prefix, self.name, known, framework, notes) as contents:
            yield replace(contents, model=model.called)


def _describe(folder: Path) -> tuple[SavedModel, tuple[str, ...]]:
    from reporter.readers.tensorflow.savedmodel import SavedModel, add_keras_metadata, read_saved_model

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


def _graph_has_variables(folder: Path) -> bool:
    from reporter.readers.tensorflow.savedmodel import graph_has_variables, text_has_variables

    model = folder / _MODEL
    return graph_has_variables(model) if _is_file(model) else text_has_variables(folder / _TEXT)


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
        with open_binary(model) as file:
            head = file.read(len(LFS))
    except OSError as error:
        known = from_os(model, error)
        return known.reason, known.state
    if not head:
        return f"{_MODEL} is empty: being saved, or destroyed", "corrupt"
    if is_pointer(head):
        return f"{_MODEL} is {NOT_DOWNLOADED}", State.NOT_DOWNLOADED
    if head[:1] not in _FIRST_TAGS:
        return f"{_MODEL} is not a SavedModel", "corrupt"
    return "", ""


def _own_files(folder: Path, names: Mapping[str, Path]) -> Iterator[Path]:
    """What TensorFlow writes there (tensorflow/python/saved_model/constants.py), links to folders not entered."""
    yield from (names[name] for name in _OWN_FILES if name in names)
    variables = folder / _VARIABLES
    if variables.is_dir():  # or a link to one, which TensorFlow follows
        yield from (path for path in variables.iterdir() if path.name.startswith(f"{_VARIABLES}.") and path.is_file())
    for assets in _ASSETS:
        for where, folders, files in os.walk(folder / assets, followlinks=False):
            depth = len(Path(where).relative_to(folder / assets).parts)
            folders[:] = sorted(folders) if depth < MAX_DEPTH else []
            yield from (Path(where) / name for name in sorted(files))
