"""The JSON index of a checkpoint that is split into shards: which file holds what. Names in it are not trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reporter.errors import CheckpointError, CorruptCheckpoint, PartialCheckpoint, RefusedCheckpoint
from reporter.frozen import dataclass
from reporter.model.checkpoint import Claim, Probe
from reporter.readers.files.block_size import MAX_TENSORS
from reporter.readers.files.bounded import TooLarge, parse_json
from reporter.readers.files.window import Window, open_file

MAX_INDEX = 32 << 20
"""Bytes; the largest published ones list 100,000 tensors in 9 MB."""

MAX_SHARDS = 512
"""Shards are open at the same time, and Linux grants a process 1,024 files by default."""

MAX_NAME = 255
"""Bytes of a file name (NAME_MAX of Linux)."""

_START = re.compile(rb'\s*\{\s*"(metadata|weight_map)"')
_EMPTY = "0 bytes: just opened by a writer, or destroyed"


@dataclass(frozen=True, slots=True)
class Index:
    """A checked index.

    Attributes:
        places: name of a tensor or group -> names of the files that hold it, as listed.
        shards: those files, each once, sorted: writers number them.
    """

    places: Mapping[str, tuple[str, ...]]
    shards: tuple[str, ...]


def claim_index(
    probe: Probe, siblings: Mapping[str, Path], format: str, ending: str, shard_ending: str
) -> Claim | None:
    """Claim an index of shards that are called ``*<shard_ending>``, or a file that is called ``*<ending>`` and damaged.

    A claim with a problem has no members but itself: what lies beside it is looked at in its own right.
    """
    path, named = probe.path, probe.path.name.lower().endswith(ending)
    if not named and not _START.match(probe.head):
        return None
    label = path.name[: -len(ending)] if named else path.name
    if probe.size == 0:
        return Claim(format, path, (path,), label, _EMPTY, "corrupt")
    try:
        with open_file(path) as file:
            index = read_index(Window(path, file))
    except CheckpointError as error:
        return Claim(format, path, (path,), label, error.reason, error.state) if named else None
    if index is None or not all(name.lower().endswith(shard_ending) for name in index.shards):
        return None
    return Claim(format, path, (path, *(siblings[name] for name in index.shards if name in siblings)), label)


def read_index(window: Window) -> Index | None:
    """Parse an index; None if it is JSON of another kind.

    Raises:
        RefusedCheckpoint: it is too large, lists too many files, or one outside its folder.
        CorruptCheckpoint: it is not JSON, or its map is none.
    """
    path = window.path
    if window.length > MAX_INDEX:
        raise RefusedCheckpoint(path, f"the index takes {window.length:,} bytes, more than {MAX_INDEX:,}")
    try:
        raw = parse_json(window.bytes_at(0, window.length), MAX_INDEX, no_duplicates)
    except TooLarge as exc:
        raise RefusedCheckpoint(path, f"the index: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise CorruptCheckpoint(path, f"the index is not JSON: {exc}; an interrupted copy or save") from exc
    if not isinstance(raw, dict) or "weight_map" not in raw:
        return None
    listed = raw["weight_map"]
    if not isinstance(listed, dict) or not listed:
        raise CorruptCheckpoint(path, "its weight_map lists nothing")
    if len(listed) > MAX_TENSORS:
        raise RefusedCheckpoint(path, f"it lists {len(listed):,} tensors, more than {MAX_TENSORS:,}")
    places = {name: _files(path, name, given) for name, given in listed.items()}
    shards = tuple(sorted({file for files in places.values() for file in files}))
    if len(shards) > MAX_SHARDS:
        raise RefusedCheckpoint(path, f"it lists {len(shards):,} files, more than {MAX_SHARDS}")
    return Index(places, shards)


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, for ``json.loads``; ValueError if a key occurs twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same key occurs twice")
    return found


def _files(path: Path, name: str, given: Any) -> tuple[str, ...]:
    files = given if isinstance(given, list) else [given]
    if not files or not all(isinstance(file, str) and file for file in files):
        raise CorruptCheckpoint(path, "its weight_map names no file", tensor=name)
    for file in files:
        plain = file.isprintable() and not re.search(r"[/\\:]", file) and file not in {".", ".."}
        if not plain or len(file.encode()) > MAX_NAME:
            raise RefusedCheckpoint(path, f"its weight_map names {file[:80]!r}, not a file beside it", tensor=name)
    return tuple(files)


def require_shards(path: Path, index: Index) -> None:
    """Check that every shard is there.

    Raises:
        PartialCheckpoint: some are missing.
    """
    missing = [name for name in index.shards if not path.with_name(name).exists()]
    if missing:
        reason = f"{len(missing)} of {len(index.shards)} shards are missing, the first is {missing[0]}"
        raise PartialCheckpoint(path, f"{reason}: copy them beside the index")
