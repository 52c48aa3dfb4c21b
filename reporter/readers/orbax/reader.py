"""The reader of Orbax checkpoints, one folder each; tensorstore reads the arrays in a child process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    NotDownloaded,
    NotExamined,
    PartialCheckpoint,
    RefusedCheckpoint,
    State,
    from_os,
)
from reporter.frozen import dataclass
from reporter.model.checkpoint import Claim, Probe, file_stat
from reporter.model.git_lfs import NOT_DOWNLOADED, first_pointer
from reporter.model.role import Role, output_axis
from reporter.model.tensor import Contents, Integrity, SkippedTensor, Tensor, TensorInfo, TensorSource
from reporter.readers.files.streams import Array, Slab, SlabStream
from reporter.readers.isolation import GIB, Kind, Limits
from reporter.readers.keras_model.config import ConfigError, ModelConfig, parse_model
from reporter.readers.orbax.layout import UNFINISHED, Item, files_below, is_checkpoint, items, own_files
from reporter.storage import copied

if TYPE_CHECKING:
    from reporter.readers.isolation import Session
    from reporter.readers.orbax.meaning import Leaf

TENSORSTORE = Kind(
    module="reporter.readers.orbax.parsing",
    library="tensorstore",
    # A chunk of 1 GiB as it is stored, decompressed and kept; threads reserve the rest.
    limits=Limits(memory=4 * GIB),
    missing="Orbax checkpoints are read with tensorstore, which is not installed: pip install 'ckpt-report[orbax]'",
)

BOMB_FLOOR, BOMB_RATIO = 4 << 30, 1000
"""As for HDF5: more than this, and more than so many times what is stored, is no honest array."""

# By their names in tensorstore, which are those of numpy and ml_dtypes.
_NUMPY = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",
          "float64", "complex64", "complex128")  # fmt: skip
_ML_DTYPES = ("bfloat16", "float8_e3m4", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2",
              "float8_e5m2fnuz", "int4", "uint4", "int2", "uint2")  # fmt: skip


class OrbaxReader:
    """Step folders of ``CheckpointManager``, folders of ``Checkpointer``, and those of Keras's ``OrbaxCheckpoint``."""

    name = "orbax"
    title = "Orbax checkpoint"

    def claim_folder(self, folder: Path, names: Mapping[str, Path]) -> Claim | None:
        """Claim a folder by what lies in it; one that Orbax has not renamed yet is never a checkpoint."""
        unfinished = UNFINISHED in folder.name
        if not unfinished and not is_checkpoint(folder, names):
            return None
        if unfinished:
            members, _ = files_below(folder, sorted(names.values()))
            reason = "Orbax has not finished this save: it renames the folder when it is complete"
            return Claim(self.name, folder, members, folder.name, reason, State.NO_CHECKPOINT)
        members, problem = own_files(folder)
        if problem:
            return Claim(self.name, folder, members, folder.name, problem, RefusedCheckpoint.state)
        pointer = first_pointer(members)
        if pointer is not None:
            reason = f"{pointer.relative_to(folder)} is {NOT_DOWNLOADED}"
            return Claim(self.name, folder, members, folder.name, reason, NotDownloaded.state)
        return Claim(self.name, folder, members, folder.name)

    def claim_file(self, probe: Probe, siblings: Mapping[str, Path]) -> Claim | None:
        """Never: it is a folder."""
        return None

    @contextmanager
    def open(self, path: Path) -> Iterator[Contents]:
        """Open a folder.

        Raises:
            UnsupportedCheckpoint: tensorstore is not installed.
            CheckpointError: it cannot be read.
        """
        from reporter.readers.isolation import session

        members, problem = own_files(path)
        if problem:
            raise RefusedCheckpoint(path, problem)
        try:
            found, notes = items(path)
            stored = sum(file_stat(member).size for member in members)
        except CheckpointError as error:  # of a file inside
            inside = error.path.relative_to(path)
            if isinstance(error, NotExamined):
                raise
            raise type(error)(path, error.reason if error.path == path else f"{inside}: {error.reason}") from error
        except OSError as exc:
            raise from_os(path, exc) from exc
        with _copied(path, members) as folder, session(TENSORSTORE, path, **_arguments(found, path, folder)) as parsing:
            try:
                arrays = [_array(parsing, found, i, said) for i, said in enumerate(parsing.ask("arrays"))]
            except (TypeError, ValueError, LookupError) as exc:  # memory of the child was damaged
                raise CorruptCheckpoint(path, f"{TENSORSTORE.library} gave nonsense back: {exc}") from exc
            _check(path, found, arrays, stored)
            yield _contents(self.name, found, arrays, notes)


@contextmanager
def _copied(path: Path, members: Sequence[Path]) -> Iterator[Path]:
    """A folder that tensorstore can open."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(copied(path, members))
        except OSError as exc:
            raise from_os(path, exc) from exc
        yield folder.resolve()


def _arguments(found: Sequence[Item], path: Path, folder: Path) -> dict[str, Any]:
    """What the child is told of the items: where each lies in the folder that it opens, and how it is stored."""
    return {
        "folders": [str(folder / item.folder.relative_to(path)) for item in found],
        "ocdbt": [item.ocdbt for item in found],
        "complete": [item.complete for item in found],
    }


_CONFIG = "model_config"
"""The item in which Keras's callback keeps the model's configuration, as text."""


@dataclass(frozen=True, slots=True)
class _Array:
    """An array as the child has found it.

    Attributes:
        item: the tree that it belongs to.
        stored_as: its name there.
        problem: why it is not measured, or "".
    """

    item: Item
    stored_as: str
    shape: tuple[int, ...]
    dtype: str
    stream: SlabStream | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads slabs of an array in the child."""

    parsing: Session
    number: int
    dtype: np.dtype[Any]

    def __call__(self, slab: Slab, tensor: str) -> Array:
        values: Array = np.empty([axis.stop - axis.start for axis in slab], self.dtype)
        borders = [(axis.start, axis.stop) for axis in slab]
        into = values.reshape(-1).view(np.uint8)
        self.parsing.ask("read", into=into, tensor=tensor, number=self.number, slab=borders)
        return values


def _array(parsing: Session, found: tuple[Item, ...], number: int, said: Any) -> _Array:
    item, shape, chunk, kind = found[said[0]], _counts(said[2]), _counts(said[4]), str(said[3])
    if kind not in (*_NUMPY, *_ML_DTYPES):
        return _Array(item, str(said[1]), shape, kind, None, "a data type that is not read")
    dtype = np.dtype(kind) if kind in _NUMPY else np.dtype(getattr(ml_dtypes, kind))
    read = _Reading(parsing, number, dtype)
    return _Array(item, str(said[1]), shape, kind, SlabStream(read, shape, dtype, tuple(max(n, 1) for n in chunk)))


def _counts(said: Any) -> tuple[int, ...]:
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in said):
        raise ValueError(f"sizes {said!r:.80}")
    return tuple(said)


def _check(path: Path, found: tuple[Item, ...], arrays: list[_Array], stored: int) -> None:
    """Whatever the trees list is there, and sizes are in proportion."""
    for item in found:
        there = {array.stored_as for array in arrays if array.item is item}
        for name in item.wanted():
            if name not in there:
                raise PartialCheckpoint(path, "it is listed in the tree, but its values are missing", tensor=name)
    declared = sum(math.prod(a.shape) * a.stream.dtype.itemsize for a in arrays if a.stream)
    if declared > BOMB_FLOOR and declared > BOMB_RATIO * stored:
        raise RefusedCheckpoint(path, f"its arrays declare {declared:,} bytes, but only {stored:,} are stored")


def _contents(format: str, found: tuple[Item, ...], arrays: list[_Array], notes: tuple[str, ...]) -> Contents:
    from reporter.readers.keras_model.missing import missing_layers
    from reporter.readers.meaning import contents
    from reporter.readers.orbax.meaning import interpret

    config, problems = _config(found)
    trees = {id(array.item) for array in arrays}
    leaves = {str(i): _leaf(i, array, several=len(trees) > 1) for i, array in enumerate(arrays) if array.stream}
    meaning = interpret(list(leaves.values()), config)
    kinds = {layer.name: layer.kind for layer in meaning.layers}
    sources: dict[str, TensorSource] = {}
    for one in meaning.meanings:
        array = arrays[int(one.key)]
        assert array.stream is not None
        dtype, kind = array.stream.dtype, kinds.get(one.layer, "")
        info = TensorInfo(
            name=one.name,
            layer=one.layer,
            role=Role(one.role),
            shape=array.shape,
            dtype=dtype.name,
            trainable=one.trainable,
            collection=one.collection,
            key="/".join(leaves[one.key].path),
            itemsize=dtype.itemsize,
            output_axis=output_axis(one.role, kind),
        )
        sources[one.key] = Tensor(info, partial(array.stream.blocks, info.name))
    skipped = [SkippedTensor(a.stored_as, a.dtype, a.shape, a.problem) for a in arrays if a.problem]
    for item in found:
        if item.leaves is None:
            notes = (*notes, "its tree of names (_METADATA) is missing: names are those of the stored arrays")
        for path, kind in (item.leaves or {}).items():
            if kind == "string" and not (config and item.name == _CONFIG):
                skipped.append(SkippedTensor("/".join(path), "string", (), "text, not numbers"))
    known = contents(
        meaning,
        sources,
        format=format,
        skipped=skipped,
        integrity=Integrity.LENGTHS,  # OCDBT has checksums of its index, none of values
        framework="Keras on Orbax" if config else "Orbax",
        notes=(*notes, *problems),
    )
    missing = missing_layers(config, (m.layer for m in meaning.meanings)) if config else ()
    return replace(known, missing_layers=missing, model=config.called if config else "")


def _leaf(number: int, array: _Array, *, several: bool) -> Leaf:
    from reporter.readers.orbax.meaning import Leaf

    path = array.item.wanted().get(array.stored_as) or tuple(array.stored_as.split("."))
    if several and array.item.name:
        path = (array.item.name, *path)
    assert array.stream is not None
    return Leaf(str(number), path, array.shape, array.stream.dtype.kind in "iu")


def _config(found: tuple[Item, ...]) -> tuple[ModelConfig | None, tuple[str, ...]]:
    """The configuration that Keras's callback keeps beside the arrays."""
    for item in found:
        if item.name == _CONFIG and "config" in item.texts:
            try:
                return parse_model(item.texts["config"]), ()
            except ConfigError as exc:
                return None, (f"the model's configuration cannot be read: {exc}",)
    return None, ()
