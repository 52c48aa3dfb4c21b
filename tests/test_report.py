"""The report as a reviewer reads it: a golden text of every section, and real checkpoints from end to end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from reporter.pipeline import run
from reporter.progress import Progress
from reporter.sections import CHECKPOINT_SECTIONS, REPORT_SECTIONS
from reporter.settings import Settings
from tests.test_cli import SCHEMA

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_every_section_is_a_function_of_the_report() -> None:
    assert len(set(REPORT_SECTIONS)) == len(REPORT_SECTIONS)
    assert len(set(CHECKPOINT_SECTIONS)) == len(CHECKPOINT_SECTIONS)


REAL = {
    "series/emotion-xception-h5": (27, 1, "WARN"),
    "series/crypto-gan-tf2": (19, 1, "PASS"),
    "series/taxi-estimator-tf1": (3, 1, "PASS"),
    "series/mlx-lora-safetensors": (2, 1, "PASS"),
    "single/keras-history": (4, 4, "FAIL"),
    "single/transformer-tf1-2shards": (1, 1, "PASS"),
    "single/basic-pitch-savedmodel": (1, 1, "PASS"),
    "single/deeplc-keras": (2, 2, "WARN"),  # heavy tails: a hazard for quantisation, kurtosis up to 900
}


@pytest.mark.parametrize("folder", REAL)
def test_real_checkpoints_from_end_to_end(shared_data: Path, tmp_path: Path, folder: str) -> None:
    """All measured, the verdict a person comes to, and a record that keeps its schema."""
    checkpoints, series, verdict = REAL[folder]
    outcome = run(
        Settings(roots=(shared_data / folder,), out=tmp_path / "out", pdf=False), Progress(quiet=True), now=NOW
    )
    record = json.loads((outcome.folder / "report.json").read_text())
    jsonschema.validate(record, json.loads(SCHEMA.read_text()))
    assert {f["state"] for f in record["files"]} <= {"measured", "not a checkpoint"}
    assert sum(len(s["checkpoints"]) for s in record["series"]) == checkpoints
    assert len(record["series"]) == series
    assert record["verdict"] == verdict, record["findings"]


def test_the_pdf_of_a_real_series(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "series" / "mlx-lora-safetensors"
    outcome = run(Settings(roots=(folder,), out=tmp_path / "out"), Progress(quiet=True), now=NOW)
    assert outcome.pdf_problem == ""
    assert (outcome.folder / "report.pdf").read_bytes().startswith(b"%PDF-")
