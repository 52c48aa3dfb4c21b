"""findings.json: what a run leaves for the next one, so that it can say which findings are new and which resolved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from reporter.model.finding import Severity, Verdict
from reporter.model.news import Memory, Part, Remembered, Run
from reporter.model.output import MARKER
from reporter.writers.records import Record
from reporter.writers.report_json import to_bytes

NAME = "findings.json"
VERSION = 1
LATEST = "latest"

MOST_BYTES = 256_000_000
"""A larger file is none of ours: a thousand findings in ten thousand tensors take less."""


def write_memory(memory: Memory) -> bytes:
    """The file as bytes."""
    return to_bytes(
        {
            "version": VERSION,
            "run": _run_record(memory.run),
            "verdict": memory.verdict,
            "checkpoints": {series: list(names) for series, names in memory.checkpoints.items()},
            "findings": [_record(one) for one in memory.findings],
        }
    )


def read_memory(out: Path) -> tuple[Memory | None, str]:
    """What the run that ``latest`` points to left, and why it cannot be read, "" if it can or there is none.

    Args:
        out: the output folder.
    """
    folder = out / LATEST
    path = folder / NAME
    try:
        if not (folder / MARKER).is_file() or not path.is_file():
            return None, ""  # nothing was published yet, or by a version that left nothing
        if path.stat().st_size > MOST_BYTES:
            return None, f"{path}: too large"
        data = path.read_bytes()
    except OSError as error:
        return None, f"{path}: cannot be read ({error.strerror})"
    return memory_in(data, str(path))


def memory_in(data: bytes, place: str) -> tuple[Memory | None, str]:
    """What a file holds that a run left, and what is wrong with it, "" if nothing is.

    Args:
        place: where it lies, for the message.
    """
    try:
        return _memory(json.loads(data)), ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return None, f"{place}: is damaged ({type(error).__name__})"


def _memory(record: Mapping[str, Any]) -> Memory:
    if record["version"] != VERSION:
        raise ValueError("another version")
    checkpoints = {str(series): tuple(map(str, names)) for series, names in record["checkpoints"].items()}
    findings = tuple(_remembered(one) for one in record["findings"])
    return Memory(_run(record["run"]), Verdict(record["verdict"]), checkpoints, findings)


def _record(one: Remembered) -> Record:
    return {
        "id": one.id,
        "rule": one.rule,
        "title": one.title,
        "severity": one.severity.name,
        "series": one.series,
        "first_bad": one.first_bad,
        "message": one.message,
        "kind": one.kind,
        "parts": list(one.parts),
        "since": _run_record(one.since),
        "seen": one.seen,
        "accepted": one.accepted,
    }


def _remembered(record: Mapping[str, Any]) -> Remembered:
    id_, rule, title, series, first_bad, message = (
        str(record[name]) for name in ("id", "rule", "title", "series", "first_bad", "message")
    )
    return Remembered(
        id_,
        rule,
        title,
        Severity[record["severity"]],
        series,
        first_bad,
        message,
        Part(record["kind"]),
        tuple(map(str, record["parts"])),
        _run(record["since"]),
        _moment(record["seen"]),
        accepted=record["accepted"] is True,
    )


def _run_record(run: Run) -> Record:
    return {"name": run.name, "created": run.created}


def _run(record: Mapping[str, Any]) -> Run:
    return Run(str(record["name"]), _moment(record["created"]))


def _moment(text: Any) -> str:
    """A time in ISO 8601 with its time zone; ValueError if it is none."""
    if datetime.fromisoformat(str(text)).tzinfo is None:
        raise ValueError("a time without its time zone")
    return str(text)
