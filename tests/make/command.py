"""The command that makes a report, in this process, and the record that it leaves."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema.validators import extend, validator_for

import reporter
from reporter.cli import main

SCHEMA = Path(reporter.__file__).parent / "writers" / "report.schema.json"


def report(*arguments: str | Path) -> int:
    """Its exit code, without a PDF and without progress."""
    return main(["report", "--no-pdf", *map(str, arguments)])


def read(out: Path) -> dict[str, Any]:
    """``report.json`` of the latest report, see :func:`record`."""
    return record(out / "latest")


def record(folder: Path) -> dict[str, Any]:
    """``report.json`` in the folder of a report, which follows its schema."""
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    validate(found)
    return found


def validate(found: dict[str, Any]) -> None:
    """Check a record with its schema: what the schema cannot tell apart once, as a long series takes 15 s else.

    Raises:
        jsonschema.ValidationError: it does not follow the schema.
    """
    kind, schema = _kind()
    refer = kind.VALIDATORS["$ref"]
    known: dict[Any, Any] = {}
    sound: set[tuple[str, int]] = set()  # the definition, and the part that follows it, which ``known`` keeps alive

    def once(validator: Any, definition: str, part: Any, around: Any) -> Iterator[Any]:
        if (definition, id(part)) not in sound:
            wrong = list(refer(validator, definition, part, around))
            yield from wrong
            if not wrong:
                sound.add((definition, id(part)))

    extend(kind, {"$ref": once})(schema).validate(_distinct(found, known))


_WORDS = frozenset(re.findall(r'"([^"]*)"', SCHEMA.read_text("utf-8")))
"""Every text in the schema, and so every one that it allows or forbids by name."""

_FEW = 3
"""More than any list of the schema may have that has a limit."""


def _distinct(value: Any, known: dict[Any, Any]) -> Any:
    """A record in which whatever the schema does not tell apart is the same, and long lists have nothing twice.

    The schema looks at keys, types, texts that it names, and whether numbers are at least 0 or 1.

    Args:
        value: the record, or a part of it.
        known: the parts that were made, so that what is equal is one object, and is compared by its identity.
    """
    if isinstance(value, dict):
        held = {key: _distinct(part, known) for key, part in value.items()}
        return known.setdefault((dict, *((key, id(part)) for key, part in held.items())), held)
    if isinstance(value, list):
        entries = [_distinct(entry, known) for entry in value]
        entries[_FEW:] = {id(entry): entry for entry in entries[_FEW:]}.values()
        return known.setdefault((list, *map(id, entries)), entries)
    if isinstance(value, str):
        return known.setdefault((str, value), value) if value in _WORDS else "any other"
    if isinstance(value, bool) or value is None:
        return value
    if math.isfinite(value):
        whole = min(max(math.floor(value), -1), 1)
        value = type(value)(whole) if value == math.floor(value) else whole + 0.5  # 3.0 is an integer, and 3.5 is none
    return known.setdefault((type(value), repr(value)), value)


@cache
def _kind() -> tuple[Any, Any]:
    """The class of validators of the schema, and the schema, which is checked once: that takes longer than a record."""
    schema = json.loads(SCHEMA.read_text())
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind, schema
