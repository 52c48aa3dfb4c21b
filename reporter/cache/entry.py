"""A measured checkpoint as a cache file and back, without loss.

Tier 1 is read as a whole: the structure (names, shapes, roles; one object for all checkpoints that share it), and
columns of derived numbers for tensors and groups. Tier 2 is read row by row, when a histogram is drawn or two
checkpoints are compared: cells, units and sketches. The cells of a layer are those of its tensors, merged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from reporter.cache import rows
from reporter.cache.columns import from_bytes, to_bytes
from reporter.cache.container import Container, Unusable, build, unpacked
from reporter.cache.structure import Grouping, Structure, digest
from reporter.derive.columns import with_all_statistics
from reporter.derive.statistics import STATISTICS
from reporter.frozen import dataclass
from reporter.model.cells import Cells
from reporter.model.columns import Columns
from reporter.model.measured import Measured
from reporter.model.rows import Rows, TensorRows
from reporter.model.sketch import Sketch
from reporter.model.tensor import Contents
from reporter.model.units import Units

T = TypeVar("T")

KIND = "checkpoint"
_CELLS, _UNITS, _SKETCH = range(3)

RECENT, FEWEST = 1 << 24, 8
"""Bytes kept of what was read last of all entries, and how many such things are kept whatever their size: a histogram
asks for the same cells several times, and whoever compares two checkpoints asks for both in turn."""


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


S = TypeVar("S", bound=_Sized)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is shared by the entries of a cache.

    Attributes:
        structures, groupings: that were met, so that equal ones are one object; by their digests.
        recent: numbers of tensors, cells and places of rows, by entry and what they are; ``held``: their bytes.
    """

    structures: dict[str, Structure] = field(default_factory=dict)
    groupings: dict[str, Grouping] = field(default_factory=dict)
    recent: dict[tuple[object, ...], Any] = field(default_factory=dict)
    held: list[int] = field(default_factory=lambda: [0])

    def lately(self, key: tuple[object, ...], read: Callable[[], S]) -> S:
        """What was read lately, or is read now."""
        found: S | None = self.recent.pop(key, None)
        if found is None:
            found = read()
            self.held[0] += found.nbytes
            while self.held[0] > RECENT and len(self.recent) >= FEWEST:
                self.held[0] -= self.recent.pop(next(iter(self.recent))).nbytes
        self.recent[key] = found
        return found


PackedRows = tuple[npt.NDArray[Any], Sequence[bytes]]
"""Where the rows of tensors are, and their bytes, as of :func:`reporter.cache.rows.pack`."""


def encode(
    header: Mapping[str, Any],
    contents: Contents,
    by_selection: Mapping[str, Measured],
    packed: PackedRows | None = None,
) -> bytes:
    """The whole cache file.

    Args:
        header: what else to note in its header.
        contents: of the reader; its tensors are not looked at.
        by_selection: the same checkpoint, grouped for one or more selections of variables.
        packed: the rows of its tensors, where they are packed already.
    """
    measured = next(iter(by_selection.values()))
    described = Structure.to_bytes(measured.infos, contents)
    places, parts = rows.pack(measured.tensors) if packed is None else packed
    blocks: dict[str, bytes | Sequence[bytes]] = {
        "structure": described,
        # Not compressed, what is read several times of every checkpoint: reading it takes a tenth of the time.
        "tensors": [to_bytes(measured.of_tensors.columns)],
        "places": [places.tobytes()],
        "rows": parts,
    }
    groupings = {}
    for selection, numbers in by_selection.items():
        grouping = Grouping.to_bytes(numbers)
        groupings[selection] = digest(grouping)
        blocks[f"{selection}/groups"] = grouping
        blocks[f"{selection}/columns"] = [to_bytes(numbers.of_groups.columns)]
        blocks[f"{selection}/cells"] = rows.cells_to_bytes(numbers.whole.summary.cells)
        if not numbers.layout.all_trained:
            blocks[f"{selection}/trained"] = rows.cells_to_bytes(numbers.trained.summary.cells)
    return build(
        {
            **header,
            "kind": KIND,
            "statistics": list(measured.of_tensors.columns.names),
            "probabilities": list(measured.of_tensors.columns.probabilities),
            "count": len(measured.tensors),
            "structure": digest(described),
            "groupings": groupings,
            # As long whatever the number: two processes that measure the same checkpoint write files that differ in
            # nothing else, so that whoever has opened the one goes on reading in the other.
            "seconds": f"{measured.seconds:.17e}",
        },
        blocks,
    )


class Entry:
    """An opened cache file of a checkpoint."""

    def __init__(self, container: Container, shelf: Shelf, damaged: Callable[[Unusable], Exception]) -> None:
        """Args:
        damaged: makes the error for a row that turns out to be unusable later, when nothing can be measured again.
        """
        self.header = container.header
        self._container = container
        self._shelf = shelf
        self._damaged = damaged
        if self.header.get("kind") != KIND:
            raise Unusable("not of a checkpoint")

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of the quantiles that it holds."""
        return tuple(self.header["probabilities"])

    @property
    def selections(self) -> tuple[str, ...]:
        """That it is grouped for."""
        return tuple(self.header["groupings"])

    @property
    def has_all_statistics(self) -> bool:
        """Whether it holds just those that are registered now; if not, they are computed whenever it is read."""
        return list(self.header["statistics"]) == [s.name for s in STATISTICS]

    @cached_property
    def structure(self) -> Structure:
        """Read once for all checkpoints that share it."""
        known, key = self._shelf.structures, self.header["structure"]
        if key not in known:
            known[key] = Structure.from_bytes(self._container.block("structure"))
        return known[key]

    def tensors(self, probabilities: Collection[float]) -> TensorRows:
        """The numbers of its tensors, with these quantiles: read when they are asked for, and kept for a while.

        A thousand checkpoints may hold a million tensors, of which each stage looks at one checkpoint after the other.
        """
        wanted = tuple(probabilities)

        def read() -> Columns:
            return self._columns("tensors", len(self.structure.infos), wanted, self._cells)

        def again() -> Columns:
            try:
                return self._shelf.lately((self, "tensors", wanted), read)
            except Unusable as error:
                raise self._damaged(error) from error

        first = read()  # what is damaged already is measured again
        if self.has_all_statistics:
            self._shelf.lately((self, "tensors", wanted), lambda: first)
        return TensorRows(again if self.has_all_statistics else lambda: first, self._cells, self._units, self._sketch)

    def measured(self, selection: str, probabilities: Collection[float]) -> Measured:
        """Everything, grouped for a selection that it has."""
        grouping, facts = self._grouping(selection), self.structure.facts
        layout = grouping.layout
        groups = layout.groups
        trained = "cells" if layout.all_trained else "trained"

        def read(row: int) -> Cells:
            if groups[row] is layout.whole:
                return self._stored(f"{selection}/cells")
            if groups[row] is layout.trained:
                return self._stored(f"{selection}/{trained}")
            return self._merged(groups[row].members)

        def cells(row: int) -> Cells:
            return self._shelf.lately((self, selection, row), lambda: read(row))

        numbers = self._columns(f"{selection}/columns", len(groups), probabilities, cells).slim()
        return Measured(
            layout=layout,
            of_tensors=self.tensors(probabilities),
            of_groups=Rows(lambda: numbers, cells),
            model_layers=facts.layers,
            layers_ordered=facts.layers_ordered,
            skipped=facts.skipped,
            integrity=facts.integrity,
            framework=facts.framework,
            notes=grouping.notes,
            seconds=float(self.header["seconds"]),
            missing_layers=facts.missing_layers,
            model=facts.model,
            missing_weights=facts.missing_weights,
            kept=self._known_by(selection, probabilities),
        )

    def _known_by(self, selection: str, probabilities: Collection[float]) -> str:
        """See :attr:`reporter.model.measured.Measured.kept`. The header has the checksum of every block.

        Statistics that were not kept may be those of an installed package, of which nothing is known here.
        """
        if not self.has_all_statistics:
            return ""
        facts = json.dumps([self.header, selection, sorted(probabilities)])
        return sha256(facts.encode()).hexdigest()

    def _columns(self, block: str, n: int, probabilities: Collection[float], cells: Callable[[int], Cells]) -> Columns:
        data = self._container.block(block)
        known = from_bytes(data, n, self.header["statistics"], self.probabilities, probabilities)
        return with_all_statistics(known, cells)

    def _grouping(self, selection: str) -> Grouping:
        known, key = self._shelf.groupings, self.header["structure"] + self.header["groupings"][selection]
        if key not in known:
            known[key] = Grouping.from_bytes(self._container.block(f"{selection}/groups"), self.structure.infos)
        return known[key]

    @property
    def packed(self) -> PackedRows:
        """The rows of its tensors as they are stored."""
        return self._places, [self._container.block("rows")]

    @property
    def _places(self) -> npt.NDArray[Any]:
        """Where each row is: a tenth of a megabyte for 1,000 tensors, which is not kept for thousands of entries."""

        def read() -> npt.NDArray[Any]:
            return np.frombuffer(self._container.block("places"), rows.PLACE).reshape(-1, 3, len(rows.PLACE_FIELDS))

        return self._shelf.lately((self, "places"), read)

    def _rows(self, some: Sequence[int], kind: int, read: Callable[[bytes], T]) -> list[T | None]:
        try:
            places = self._places[list(some), kind].tolist()
            start = self._container.header["blocks"]["rows"][0]
            found = iter(self._container.read([(start + offset, stored) for offset, stored, raw, _ in places if raw]))
            return [read(unpacked(next(found), raw, crc)) if raw else None for _, _, raw, crc in places]
        except Unusable as error:
            raise self._damaged(error) from error

    def _cells(self, row: int) -> Cells:
        (cells,) = self._rows((row,), _CELLS, rows.cells_from_bytes)
        return Cells.empty() if cells is None else cells

    def _units(self, some: Sequence[int]) -> list[Units | None]:
        return self._rows(some, _UNITS, rows.units_from_bytes)

    def _sketch(self, row: int) -> Sketch | None:
        return self._rows((row,), _SKETCH, rows.sketch_from_bytes)[0]

    def _merged(self, members: Sequence[int]) -> Cells:
        return Cells.merged(map(self._cells, members))

    def _stored(self, block: str) -> Cells:
        try:
            return rows.cells_from_bytes(self._container.block(block))
        except Unusable as error:
            raise self._damaged(error) from error
