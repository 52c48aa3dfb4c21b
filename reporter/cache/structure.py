"""What a checkpoint holds, without any number, as JSON and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from reporter.cache.container import Unusable
from reporter.frozen import dataclass
from reporter.model.layout import GroupInfo, Layout
from reporter.model.measured import Measured
from reporter.model.role import Role
from reporter.model.structure import structure
from reporter.model.tensor import Collection, Contents, Integrity, LayerInfo, SkippedTensor, TensorInfo

T = TypeVar("T")

_FACTS = ("format", "layers_ordered", "integrity", "framework", "notes", "missing_layers",
          "missing_weights", "model")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Structure:
    """What a checkpoint holds.

    Attributes:
        facts: everything but the tensors and the step.
        alike: see :func:`reporter.model.structure.structure`.
    """

    infos: tuple[TensorInfo, ...]
    facts: Contents
    alike: tuple[str, ...]

    @staticmethod
    def to_bytes(infos: Sequence[TensorInfo], contents: Contents) -> bytes:
        """As JSON.

        Args:
            contents: of the reader; its tensors are not looked at.
        """
        return _json(
            {
                "tensors": _down(TensorInfo, infos),
                "layers": _down(LayerInfo, contents.layers),
                "skipped": _down(SkippedTensor, contents.skipped),
                "facts": {name: getattr(contents, name) for name in _FACTS},
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Structure:
        """The inverse.

        Raises:
            Unusable: it is of another version.
        """
        record = json.loads(data)
        infos = tuple(
            replace(info, role=Role(info.role), collection=Collection(info.collection))
            for info in _up(TensorInfo, record["tensors"])
        )
        facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["facts"].items()}
        if set(facts) != set(_FACTS):
            raise Unusable("of another version")
        contents = Contents(
            layers=tuple(_up(LayerInfo, record["layers"])),
            tensors=(),
            skipped=tuple(_up(SkippedTensor, record["skipped"])),
            **facts | {"integrity": Integrity(facts["integrity"])},
        )
        return cls(infos, contents, structure(infos))


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of one selection of variables, and what was noted when they were formed."""

    layout: Layout
    notes: tuple[str, ...]

    @staticmethod
    def to_bytes(numbers: Measured) -> bytes:
        """As JSON."""
        layout = numbers.layout
        rest = [layout.whole, layout.trained, *([layout.optimizer] if layout.optimizer else [])]
        groups = {"layers": layout.layers, "parts": layout.parts, "roles": layout.roles, "rest": rest}
        return _json({kind: [_group(of) for of in some] for kind, some in groups.items()} | {"notes": numbers.notes})

    @classmethod
    def from_bytes(cls, data: bytes, infos: tuple[TensorInfo, ...]) -> Grouping:
        """The inverse.

        Args:
            infos: of the checkpoint's tensors.
        """
        record = json.loads(data)
        layers, parts, roles, rest = (
            tuple(
                GroupInfo(name, kind, tuple(members), tuple(infos[i].name for i in members), *sizes)
                for name, kind, members, *sizes in record[of]
            )
            for of in ("layers", "parts", "roles", "rest")
        )
        return cls(Layout.of(infos, layers, parts, roles, *rest), tuple(record["notes"]))


def digest(data: bytes) -> str:
    """Equal structures and groupings are one object in memory; they are known by this."""
    return hashlib.sha256(data).hexdigest()[:32]


def _group(of: GroupInfo) -> list[Any]:
    return [of.name, of.kind, of.members, of.parameters, of.trainable, of.nbytes]


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


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
