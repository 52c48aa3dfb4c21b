"""The cache's files of a checkpoint from those of its parts, each of which holds some of its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reporter.cache import container, pairs
from reporter.cache.container import Unusable
from reporter.cache.entry import Entry, PackedRows, Shelf, encode
from reporter.cache.rows import PLACE_FIELDS
from reporter.measuring.checkpoint import Plan, assembled
from reporter.model.change import Change
from reporter.model.changes import Changes
from reporter.model.columns import Columns
from reporter.model.rows import TensorRows

CHECKPOINT, CHANGES = "checkpoint", ".changes"
"""Ends of the names of files."""


def joined(known: str, parts: Sequence[Mapping[str, bytes]]) -> tuple[dict[str, bytes], list[int]]:
    """The files of a whole checkpoint, as measuring it in one go would have left them; and the tensors of each part.

    Args:
        known: the identity of the checkpoint.
        parts: the files of each part by suffix, in the order of the tensors.

    Raises:
        Unusable: they are no parts of one checkpoint.
    """
    if not all(CHECKPOINT in files for files in parts):
        raise Unusable("a part without its numbers")
    shelf = Shelf()
    entries = [Entry(container.opened(files[CHECKPOINT]), shelf, _damaged) for files in parts]
    first = entries[0]
    (selection,) = first.selections
    full = first.probabilities
    if any(e.probabilities != full or e.selections != first.selections for e in entries):
        raise Unusable("parts that were measured in different ways")
    infos = tuple(info for entry in entries for info in entry.structure.infos)
    seconds = sum(float(entry.header["seconds"]) for entry in entries)
    rows = _rows([entry.tensors(full) for entry in entries])
    numbers = assembled(first.structure.facts, infos, rows, Plan(selection, full), seconds)
    header = {k: first.header[k] for k in ("name", "step", "step_source", "save_counter", "measured")}
    packed = _packed(entries)
    files = {CHECKPOINT: encode({"identity": known, **header}, first.structure.facts, {selection: numbers}, packed)}
    for suffix in _pairs(parts):
        changes: dict[str, Change] = {}
        for entry, of in zip(entries, parts, strict=True):
            changes |= dict(pairs.decode(container.opened(of[suffix]), entry.measured(selection, full).layout))
        before = suffix.removesuffix(CHANGES)
        files[suffix] = pairs.encode({"before": before, "after": known}, Changes.of(changes), numbers.layout.places)
    return files, [len(entry.structure.infos) for entry in entries]


def _pairs(parts: Sequence[Mapping[str, bytes]]) -> list[str]:
    """The suffixes of the pairs that every part has: a partner that one of them could not read is left out."""
    return [suffix for suffix in parts[0] if suffix.endswith(CHANGES) and all(suffix in files for files in parts)]


def _packed(entries: Sequence[Entry]) -> PackedRows:
    """The rows of all tensors as they are stored: to compress them again takes most of the time."""
    places: list[npt.NDArray[Any]] = []
    parts: list[bytes] = []
    offset = 0
    for entry in entries:
        own, stored = entry.packed
        moved = own.copy()
        moved[:, :, PLACE_FIELDS.index("offset")] += offset
        places.append(moved)
        parts += stored
        offset += sum(map(len, stored))
    return np.concatenate(places), parts


def _rows(parts: Sequence[TensorRows]) -> TensorRows:
    """The numbers of all tensors, one part after the other."""
    places = [(part, row) for part in parts for row in range(len(part.columns))]
    columns = Columns.together([part.columns for part in parts])
    return TensorRows(
        lambda: columns,
        lambda row: places[row][0].cells(places[row][1]),
        lambda rows: [places[row][0].units([places[row][1]])[0] for row in rows],
        lambda row: places[row][0].sketches(places[row][1]),
    )


def _damaged(error: Unusable) -> Exception:
    return error
