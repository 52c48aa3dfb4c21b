"""The command that makes a report, in this process, and the record that it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

import reporter
from reporter.cli import main

SCHEMA = Path(reporter.__file__).parent / "writers" / "report.schema.json"


def report(*arguments: str | Path) -> int:
    """Its exit code, without a PDF and without progress."""
    return main(["report", "--no-pdf", *map(str, arguments)])


def read(out: Path) -> dict[str, Any]:
    """``report.json`` of the latest report, which follows its schema."""
    record: dict[str, Any] = json.loads((out / "latest" / "report.json").read_text())
    jsonschema.validate(record, json.loads(SCHEMA.read_text()))
    return record
