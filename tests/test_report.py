"""The report as a reviewer reads it: a golden text of every section, and real checkpoints from end to end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporter.pipeline import run
from reporter.sections import CHECKPOINT_SECTIONS, REPORT_SECTIONS
from reporter.sections.narrative import counts, sentence, use
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make import command
from tests.make.blank import undrawn, unpainted

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_every_section_is_a_function_of_the_report() -> None:
    assert len(set(REPORT_SECTIONS)) == len(REPORT_SECTIONS)
    assert len(set(CHECKPOINT_SECTIONS)) == len(CHECKPOINT_SECTIONS)


REAL: dict[str, tuple[int, int, str]] = {
    "series/emotion-xception-h5": (27, 1, "WARN"),
    "series/crypto-gan-tf2": (19, 1, "PASS"),
    "series/taxi-estimator-tf1": (3, 1, "PASS"),
    "series/mlx-lora-safetensors": (2, 1, "PASS"),
    "single/keras-history": (4, 4, "FAIL"),
    "single/transformer-tf1-2shards": (1, 1, "PASS"),
    "single/basic-pitch-savedmodel": (1, 1, "PASS"),
    "single/deeplc-keras": (2, 2, "PASS"),  # kurtosis up to 900: a hazard for quantisation, and no more than a remark
}
"""Checkpoints, series, verdict."""

MANY, VERY_MANY = 10, 20
"""Above the first, pictures are left blank, above the second there are no pages: they are those of shorter series."""

PRINTED = "series/mlx-lora-safetensors"

WARNINGS = {
    # Two of the eight units of conv2d_1 decay to nothing around epoch 29: dead, in an otherwise healthy run. Their
    # inputs to conv2d_2 fade after them.
    "series/emotion-xception-h5": {("dead-units", "conv2d_1"), ("sparsity-jump", "conv2d_2")},
    "series/crypto-gan-tf2": set(),
    "series/taxi-estimator-tf1": set(),
    "series/mlx-lora-safetensors": set(),
}
"""Other people's healthy training runs: no failure, and no warning but those a reviewer would want."""


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("folder", REAL)
def test_real_checkpoints_from_end_to_end(
    shared_data: Path, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All measured, the verdict a person comes to, and a record that keeps its schema."""
    checkpoints, series, verdict = REAL[folder]
    if checkpoints > MANY:
        unpainted(monkeypatch)
    if checkpoints > VERY_MANY:
        undrawn(monkeypatch)
    settings = Settings(roots=(shared_data / folder,), out=tmp_path / "out", pdf=folder == PRINTED)
    outcome = run(settings, Progress(quiet=True), now=NOW)
    record = command.record(outcome.folder)
    assert {f["state"] for f in record["files"]} <= {"measured", "not a checkpoint"}
    assert sum(len(s["checkpoints"]) for s in record["series"]) == checkpoints
    assert len(record["series"]) == series
    assert record["verdict"] == verdict, record["findings"]
    if folder in WARNINGS:
        found = [f for f in outcome.report.judgement.findings if f.severity.name != "INFO"]
        assert {f.severity.name for f in found} <= {"WARN"}
        assert {(f.rule.name, layer) for f in found for layer in f.layers} == WARNINGS[folder]
        assert sentence(outcome.report).startswith(
            "Nothing failed, but" if found else "Nothing looks wrong: every value"
        )
        assert counts(outcome.report).startswith("2 warnings ·") or not found
        assert use(outcome.report).startswith("Use any: no checkpoint has a failure")
    if folder == PRINTED:
        assert outcome.pdf_problem == ""
        assert (outcome.folder / "report.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("kept", [False, True])
def test_a_first_run_starts_what_prints_before_it_reads(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a second to load; a later run may find its PDF in the cache, and starts it when something was read."""
    told: list[str] = []

    class Read(Exception):
        pass

    def judged(*_: object, **__: object) -> None:
        raise Read

    monkeypatch.setattr("reporter.render.pdf.Printer.start", lambda printer: told.append("started"))
    monkeypatch.setattr("reporter.pipeline.judged", judged)
    cache = tmp_path / "cache"
    if kept:
        cache.mkdir()
    with pytest.raises(Read):
        run(Settings(roots=(tmp_path,), out=tmp_path / "out", cache=cache), Progress(quiet=True))
    assert told == ([] if kept else ["started"])
