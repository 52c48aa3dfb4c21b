"""What lies in an Orbax checkpoint's folder: its items, and the tree of names that each keeps in ``_METADATA``.

A checkpoint holds one item per subfolder (``default``, ``state``, ``params`` …), or is itself its only item. An item
with arrays keeps them all in one OCDBT store (``manifest.ocdbt``), or, before that, each in a zarr folder of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint, from_os
from reporter.frozen import dataclass
from reporter.readers.files.bounded import TooLarge, parse_json
from reporter.readers.files.window import Window, open_file

CHECKPOINT, TREE, MANIFEST, STRINGS = "_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt", "_strings.json"
UNFINISHED = ".orbax-checkpoint-tmp"
"""In the name of a folder that Orbax writes to, and renames when it is complete."""

ITEM_NAMES = frozenset({"default", "state", "items", "params", "pytree", "model", "train_state"})
"""Names under which programs keep their only item; they make a folder a checkpoint where Orbax left no metadata."""

MAX_METADATA = 64 << 20
"""Bytes of JSON; a tree of 10,000 arrays takes 2 MiB."""

MAX_FILES = 200_000

_ZARR = (".zarray", "zarr.json")
_ZARR_GROUP = frozenset({".zgroup", ".zattrs", "zarr.json"})
"""Beside zarr folders they make a group, as other programs write it and Orbax does not."""

_PARTS = "ocdbt.process_"
_OWN = frozenset({CHECKPOINT, TREE, MANIFEST, STRINGS, "d", "array_metadatas", "_sharding", "checkpoint",
                  "commit_success.txt", "orbax.checkpoint"})  # fmt: skip
"""What Orbax writes into the folder of a checkpoint or of an item, beside the parts of processes and zarr arrays."""

_TEXTS = ("metadata/metadata", "metadata/data.json")
"""What the user gave to be kept beside the trees, as JSON."""

_ARRAYS = frozenset({"jax.Array", "np.ndarray", "numpy.ndarray", "scalar", "int", "float"})
_OF_ARRAYS = re.compile("PyTree|Standard")
"""In the class of a handler; others, such as that of a descriptor, may leave no folder behind."""

_DAMAGED = (ValueError, RecursionError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True, slots=True)
class Item:
    """One tree of arrays.

    Attributes:
        name: of its folder, "" if the checkpoint is its only item.
        ocdbt: whether its arrays share one store.
        complete: whether every chunk is stored, so that one that is missing is a loss, not zeros.
        leaves: path in the tree -> what Orbax calls its type; None where nothing tells.
    """

    name: str
    folder: Path
    ocdbt: bool
    complete: bool
    leaves: Mapping[tuple[str, ...], str] | None
    texts: Mapping[str, str] = field(default_factory=dict)

    def wanted(self) -> dict[str, tuple[str, ...]]:
        """The arrays that must be there, by the names under which they are stored."""
        return {".".join(path): path for path, kind in (self.leaves or {}).items() if kind in _ARRAYS}


def is_item(folder: Path) -> bool:
    """Whether a folder holds a tree of arrays."""
    try:
        return _holds_tree(folder, {entry.name for entry in folder.iterdir()})
    except OSError:
        return False


def is_checkpoint(folder: Path, names: Mapping[str, Path]) -> bool:
    """Whether a folder (its direct children by name) is a checkpoint, rather than one that holds checkpoints."""
    if CHECKPOINT in names or _holds_tree(folder, names):
        return True
    numbered = folder.name[-1:].isdecimal()
    likely = (child for child in names.values() if child.name in ITEM_NAMES or numbered)
    return any(
        not child.name[-1:].isdecimal() and child.is_dir() and not (child / CHECKPOINT).exists() and is_item(child)
        for child in likely
    )


def _holds_tree(folder: Path, names: Collection[str]) -> bool:
    if MANIFEST in names or TREE in names or any(name.startswith(_PARTS) for name in names):
        return True
    if not _ZARR_GROUP.isdisjoint(names):
        return False
    return any((folder / name / zarr).is_file() for name in sorted(names)[:100] for zarr in _ZARR)


def own_files(folder: Path) -> tuple[tuple[Path, ...], str]:
    """The files that Orbax wrote for a checkpoint, and why it must not be read, or "".

    Whatever else lies in the folder is looked at in its own right.

    Raises:
        CheckpointError: a folder cannot be listed.
    """
    try:
        parts = [entry for item in (folder, *_items(folder)) for entry in sorted(item.iterdir()) if _is_own(entry)]
        parts += [path for text in _TEXTS for path in sorted(folder.glob(text)) if path.is_file()]
    except OSError as exc:
        raise from_os(folder, exc) from exc
    return files_below(folder, parts)


def files_below(folder: Path, parts: Iterable[Path]) -> tuple[tuple[Path, ...], str]:
    """Parts of a folder and every file below them, and why they must not be read, or "".

    Raises:
        CheckpointError: a folder cannot be listed.
    """
    files: list[Path] = []
    problem = ""
    pending = list(parts)[::-1]
    try:
        while pending:
            entry = pending.pop()
            if entry.is_symlink():
                problem = problem or f"{entry.relative_to(folder)} is a link; links are never followed"
            elif entry.is_dir():
                pending += sorted(entry.iterdir(), reverse=True)
                continue
            files.append(entry)
            if len(files) > MAX_FILES:
                return tuple(files), f"it holds more than {MAX_FILES:,} files"
    except OSError as exc:
        raise from_os(folder, exc) from exc
    return tuple(files), problem


def _items(folder: Path) -> list[Path]:
    """Folders in a checkpoint that hold its trees; one with metadata of its own is another checkpoint."""
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    return [child for child in children if not (child / CHECKPOINT).exists() and is_item(child)]


def _is_own(entry: Path) -> bool:
    """Whether an entry of a checkpoint's or an item's folder is one that Orbax makes."""
    if entry.name in _OWN or entry.name.startswith(_PARTS):
        return True
    return any((entry / zarr).is_file() for zarr in _ZARR)  # one array


def items(folder: Path) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items of a checkpoint that hold trees, and remarks about the others.

    Raises:
        PartialCheckpoint: an item, or what keeps its arrays, is missing.
        CorruptCheckpoint: a tree is damaged.
    """
    if is_item(folder):
        return (_item(folder, ""),), ()
    found, notes = [], []
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    trees = _items(folder)
    for child in children:
        if child in trees:
            found.append(_item(child, child.name))
        else:
            notes.append(f"item {child.name!r} holds no tree of arrays and is not measured")
    handlers = _read(folder / CHECKPOINT).get("item_handlers")
    for name, handler in handlers.items() if isinstance(handlers, dict) else ():
        if name not in {child.name for child in children} and _OF_ARRAYS.search(str(handler)):
            raise PartialCheckpoint(folder, f"item {name!r} is listed in {CHECKPOINT}, but missing")
    return tuple(found), tuple(notes)


def _item(folder: Path, name: str) -> Item:
    told = _read(folder / TREE)
    leaves: dict[tuple[str, ...], str] | None = None
    try:
        if "tree_metadata" in told:
            leaves = {}
            for entry in told["tree_metadata"].values():
                value = entry["value_metadata"]
                kind = "" if value.get("skip_deserialize") else str(value["value_type"])
                leaves[tuple(str(key["key"]) for key in entry["key_metadata"])] = kind
    except _DAMAGED as exc:
        raise CorruptCheckpoint(folder, f"{TREE} is not a tree of names: {exc!r:.200}") from exc
    stored = (folder / MANIFEST).exists()
    item = Item(
        name=name,
        folder=folder,
        ocdbt=stored,
        complete=told.get("store_array_data_equal_to_fill_value") is True,
        leaves=leaves,
        texts={key: text for key, text in _read(folder / STRINGS).items() if isinstance(text, str)},
    )
    if not stored and any(child.name.startswith(_PARTS) for child in folder.iterdir()):
        reason = f"{MANIFEST} is missing: Orbax writes it last, from the parts of all processes; an interrupted save"
        raise PartialCheckpoint(folder, reason)
    if not stored and item.wanted() and told.get("use_ocdbt") is True:
        raise PartialCheckpoint(folder, f"{MANIFEST}, which lists its arrays, is missing")
    return item


def _read(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no such file."""
    if not path.exists():
        return {}
    with open_file(path) as file:
        window = Window(path, file)
        if window.length > MAX_METADATA:
            raise RefusedCheckpoint(path, f"it takes {window.length:,} bytes, more than {MAX_METADATA:,}")
        try:
            found = parse_json(window.bytes_at(0, window.length), MAX_METADATA)
        except CheckpointError:
            raise
        except TooLarge as exc:
            raise RefusedCheckpoint(path, str(exc)) from exc
        except _DAMAGED as exc:
            raise CorruptCheckpoint(path, f"it is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise CorruptCheckpoint(path, "it is not a JSON object")
    return found
