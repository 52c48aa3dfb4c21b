"""The command that makes a report, in this process, and the record that it leaves."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

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
    _validator().validate(found)
    return found


@cache
def _validator() -> Validator:
    """The schema is checked once, which takes longer than to check a small record with it."""
    schema = json.loads(SCHEMA.read_text())
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)
