"""A measured checkpoint as a cache file and back, without loss.

Tier 1 is read as a whole: the structure (names, shapes, roles; one object for all checkpoints that share it), and
columns of derived numbers for tensors and groups. Tier 2 is read row by row, when a histogram is drawn or two
checkpoints are compared: cells, units and sketches. The cells of a layer are those of its tensors, merged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from reporter.cache import rows
from reporter.cache.columns import Columns
from reporter.cache.container import Container, Unusable, build, unpacked
from reporter.cache.stored import GroupInfo, Rows, Stored, StoredGroup, StoredTensor, TensorRows
from reporter.derive.statistics import STATISTICS
from reporter.model.cells import Cells
from reporter.model.measured import GroupMeasure, Layout, Measured, TensorMeasure, Units
from reporter.model.role import Role
from reporter.model.sketch import Sketch
from reporter.model.structure import structure
from reporter.model.tensor import Contents, LayerInfo, SkippedTensor, TensorInfo

T = TypeVar("T")

KIND = "checkpoint"
_FACTS = ("format", "layers_ordered", "integrity", "framework", "notes", "missing_layers",
          "missing_weights")  # fmt: skip
_CELLS, _UNITS, _SKETCH = range(3)


@dataclass(frozen=True, slots=True)
class Structure:
    """What a checkpoint holds, without any number.

    Attributes:
        facts: everything but the tensors and the step.
        alike: see :func:`reporter.model.structure.structure`.
    """

    infos: tuple[TensorInfo, ...]
    facts: Contents
    alike: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of one selection of variables: layers, their trained parts, roles, the whole, the optimizer.

    Attributes:
        rest: the whole, what is trained of it, and the optimizer's state where there is any.
        layout: of the checkpoints that are grouped so.
    """

    layers: tuple[GroupInfo, ...]
    parts: tuple[GroupInfo, ...]
    roles: tuple[GroupInfo, ...]
    rest: tuple[GroupInfo, ...]
    notes: tuple[str, ...]
    layout: Layout

    @property
    def all(self) -> tuple[GroupInfo, ...]:
        """In the order of their columns."""
        return self.layers + self.parts + self.roles + self.rest


RECENT = 1 << 24
"""Bytes of cells kept of the rows read last: a histogram asks for them several times."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is shared by the entries of a cache.

    Attributes:
        structures, groupings: that were met, so that equal ones are one object; by their digests.
        recent: cells, by entry and row; ``held``: their bytes.
    """

    structures: dict[str, Structure] = field(default_factory=dict)
    groupings: dict[str, Grouping] = field(default_factory=dict)
    recent: dict[tuple[object, ...], Cells] = field(default_factory=dict)
    held: list[int] = field(default_factory=lambda: [0])

    def cells(self, key: tuple[object, ...], read: Callable[[], Cells]) -> Cells:
        """Recent ones, or those just read."""
        found = self.recent.pop(key, None)
        if found is None:
            found = read()
            self.held[0] += found.nbytes
            while self.held[0] > RECENT and self.recent:
                self.held[0] -= self.recent.pop(next(iter(self.recent))).nbytes
        self.recent[key] = found
        return found


def encode(header: Mapping[str, Any], contents: Contents, probabilities: Sequence[float],
           by_selection: Mapping[str, Measured]) -> bytes:  # fmt: skip
    """The whole cache file.

    Args:
        header: what else to note in its header.
        contents: of the reader; its tensors are not looked at.
        probabilities: of the quantiles that every tensor and group has.
        by_selection: the same checkpoint, grouped for one or more selections of variables.
    """
    measured = next(iter(by_selection.values()))
    names = [s.name for s in STATISTICS]
    described = _json(
        {
            "tensors": _down(TensorInfo, measured.infos),
            "layers": _down(LayerInfo, contents.layers),
            "skipped": _down(SkippedTensor, contents.skipped),
            "facts": {name: getattr(contents, name) for name in _FACTS},
        }
    )
    places, parts = rows.pack(measured.tensors)
    blocks: dict[str, bytes | Sequence[bytes]] = {
        "structure": described,
        "tensors": Columns.of(measured.tensors, names, probabilities).to_bytes(),
        "places": places.tobytes(),
        "rows": parts,
    }
    groupings = {}
    position = {info.name: i for i, info in enumerate(measured.infos)}
    for selection, numbers in by_selection.items():
        rest = [numbers.whole, numbers.trained, *([numbers.optimizer] if numbers.optimizer else [])]
        members = {"layers": numbers.layers, "parts": numbers.trained_parts, "roles": numbers.roles, "rest": rest}
        grouping = _json(
            {kind: [_group_down(g, position) for g in of] for kind, of in members.items()} | {"notes": numbers.notes}
        )
        groupings[selection] = _digest(grouping)
        blocks[f"{selection}/groups"] = grouping
        groups = [*numbers.layers, *numbers.trained_parts, *numbers.roles, *rest]
        blocks[f"{selection}/columns"] = Columns.of(groups, names, probabilities).to_bytes()
        blocks[f"{selection}/cells"] = rows.cells_to_bytes(numbers.whole.summary.cells)
        if numbers.trained.tensors != numbers.whole.tensors:
            blocks[f"{selection}/trained"] = rows.cells_to_bytes(numbers.trained.summary.cells)
    return build(
        {
            **header,
            "kind": KIND,
            "statistics": names,
            "probabilities": list(probabilities),
            "count": len(measured.tensors),
            "structure": _digest(described),
            "groupings": groupings,
            "seconds": measured.seconds,
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

    @cached_property
    def structure(self) -> Structure:
        """Read once for all checkpoints that share it."""
        known, digest = self._shelf.structures, self.header["structure"]
        if digest not in known:
            known[digest] = _structure(json.loads(self._container.block("structure")))
        return known[digest]

    def tensors(self, probabilities: Sequence[float]) -> Sequence[TensorMeasure]:
        """Its tensors, with these quantiles."""
        infos = self.structure.infos
        table = TensorRows(self._columns("tensors", len(infos), probabilities), self._cells, self._units, self._sketch)
        return Stored(StoredTensor, infos, table)

    def measured(self, selection: str, probabilities: Sequence[float]) -> Measured:
        """Everything, grouped for a selection that it has."""
        grouping, facts = self._grouping(selection), self.structure.facts
        infos = grouping.all
        parts, roles = len(grouping.layers), len(grouping.layers) + len(grouping.parts)
        whole = roles + len(grouping.roles)
        alike = infos[whole].members == infos[whole + 1].members
        blocks = {whole: "cells", whole + 1: "cells" if alike else "trained"}

        def read(row: int) -> Cells:
            return self._stored(f"{selection}/{blocks[row]}") if row in blocks else self._merged(infos[row].members)

        def cells(row: int) -> Cells:
            return self._shelf.cells((self, selection, row), lambda: read(row))

        table = Rows(self._columns(f"{selection}/columns", len(infos), probabilities), cells)
        layers = Stored(StoredGroup, grouping.layers, table)
        rest = Stored(StoredGroup, grouping.rest, table, whole)
        tensors = self.tensors(probabilities)
        return Measured(
            layout=grouping.layout,
            tensors=tensors,
            layers=layers,
            roles=Stored(StoredGroup, grouping.roles, table, roles),
            whole=rest[0],
            trained=rest[1],
            trained_parts=Stored(StoredGroup, grouping.parts, table, parts),
            optimizer=rest[2] if len(rest) > 2 else None,
            model_layers=facts.layers,
            layers_ordered=facts.layers_ordered,
            skipped=facts.skipped,
            integrity=facts.integrity,
            framework=facts.framework,
            notes=grouping.notes,
            seconds=float(self.header["seconds"]),
            missing_layers=facts.missing_layers,
            missing_weights=facts.missing_weights,
        )

    def _columns(self, block: str, n: int, probabilities: Sequence[float]) -> Columns:
        data = self._container.block(block)
        return Columns.from_bytes(data, n, self.header["statistics"], self.probabilities, probabilities)

    def _grouping(self, selection: str) -> Grouping:
        known, digest = self._shelf.groupings, self.header["structure"] + self.header["groupings"][selection]
        if digest not in known:
            known[digest] = _grouping(json.loads(self._container.block(f"{selection}/groups")), self.structure.infos)
        return known[digest]

    @cached_property
    def _places(self) -> npt.NDArray[Any]:
        return np.frombuffer(self._container.block("places"), rows.PLACE).reshape(-1, 3, len(rows.PLACE_FIELDS))

    def _row(self, row: int, kind: int, read: Callable[[bytes], T]) -> T | None:
        try:
            offset, stored, raw, crc = self._places[row, kind].tolist()
            if not raw:
                return None
            start = self._container.header["blocks"]["rows"][0]
            return read(unpacked(self._container.read(start + offset, stored), raw, crc))
        except Unusable as error:
            raise self._damaged(error) from error

    def _cells(self, row: int) -> Cells:
        cells = self._row(row, _CELLS, rows.cells_from_bytes)
        return Cells.empty() if cells is None else cells

    def _units(self, row: int) -> Units | None:
        return self._row(row, _UNITS, rows.units_from_bytes)

    def _sketch(self, row: int) -> Sketch | None:
        return self._row(row, _SKETCH, rows.sketch_from_bytes)

    def _merged(self, members: Sequence[int]) -> Cells:
        return Cells.merged(map(self._cells, members))

    def _stored(self, block: str) -> Cells:
        try:
            return rows.cells_from_bytes(self._container.block(block))
        except Unusable as error:
            raise self._damaged(error) from error


def _structure(record: Any) -> Structure:
    infos = tuple(replace(info, role=Role(info.role)) for info in _up(TensorInfo, record["tensors"]))
    facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["facts"].items()}
    if set(facts) != set(_FACTS):
        raise Unusable("of another version")
    contents = Contents(
        layers=tuple(_up(LayerInfo, record["layers"])),
        tensors=(),
        skipped=tuple(_up(SkippedTensor, record["skipped"])),
        **facts,
    )
    return Structure(infos, contents, structure(infos))


def _group_down(group: GroupMeasure, position: Mapping[str, int]) -> list[Any]:
    members = [position[name] for name in group.tensors]
    return [group.name, group.kind, members, group.parameters, group.trainable, group.nbytes]


def _grouping(record: Any, infos: tuple[TensorInfo, ...]) -> Grouping:
    def groups(kind: str) -> Iterator[GroupInfo]:
        for name, of, members, parameters, trainable, nbytes in record[kind]:
            names = tuple(infos[i].name for i in members)
            yield GroupInfo(name, of, tuple(members), names, parameters, trainable, nbytes)

    layers, parts = tuple(groups("layers")), tuple(groups("parts"))
    return Grouping(
        layers=layers,
        parts=parts,
        roles=tuple(groups("roles")),
        rest=tuple(groups("rest")),
        notes=tuple(record["notes"]),
        layout=Layout.of(infos, layers, parts),
    )


def _json(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _down(kind: type, items: Sequence[Any]) -> dict[str, Any]:
    """Dataclasses as a table: names of the fields, and one row each."""
    names = [f.name for f in fields(kind)]
    return {"fields": names, "rows": [[getattr(item, name) for name in names] for item in items]}


def _up(kind: type[T], record: Any) -> Iterator[T]:
    """The inverse.

    Raises:
        Unusable: the dataclass has other fields by now.
    """
    if record["fields"] != [f.name for f in fields(kind)]:  # type: ignore[arg-type]
        raise Unusable("of another version")
    for row in record["rows"]:
        yield kind(*(tuple(v) if isinstance(v, list) else v for v in row))
