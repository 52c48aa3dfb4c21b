"""findings.json key by key: what one run writes, the next one reads, in whatever version of the program."""

from __future__ import annotations

import json
from pathlib import Path

from reporter.model.finding import Severity, Verdict
from reporter.model.news import Memory, Part, Remembered, Run
from reporter.model.output import MARKER
from reporter.writers.findings_json import NAME, read_memory, write_memory

THEN, NOW = (
    Run(f"2026010{day}T030405Z-1a2b3c4d", f"2026-01-0{day}T03:04:05+00:00") for day in (2, 3)
)  # of two runs, so that times cannot stand for each other
FROZEN = Remembered(
    "a1", "frozen", "Frozen", Severity.WARN, "s", "m-1", "it froze", Part.TENSOR, ("w",), THEN, NOW.created
)  # fmt: skip
MEMORY = Memory(NOW, Verdict.WARN, {"s": ("m-1", "m-2")}, (FROZEN,))


def test_every_key_holds_what_it_says() -> None:
    written = json.loads(write_memory(MEMORY))
    assert written == {
        "version": 1,
        "run": {"name": NOW.name, "created": NOW.created},
        "verdict": "WARN",
        "checkpoints": {"s": ["m-1", "m-2"]},
        "findings": [
            {
                "id": "a1",
                "rule": "frozen",
                "title": "Frozen",
                "severity": "WARN",
                "series": "s",
                "first_bad": "m-1",
                "message": "it froze",
                "kind": Part.TENSOR.value,
                "parts": ["w"],
                "since": {"name": THEN.name, "created": THEN.created},
                "seen": NOW.created,
                "accepted": False,
            }
        ],
    }


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / MARKER).touch()
    (tmp_path / "latest" / NAME).write_bytes(write_memory(MEMORY))
    assert read_memory(tmp_path) == (MEMORY, "")
