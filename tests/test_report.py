"""The report as a reviewer reads it: a golden text of every section, and real checkpoints from end to end."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from reporter.model.page import (
    Banner,
    Block,
    Facts,
    Figure,
    Figures,
    FindingList,
    Page,
    Paragraph,
    Table,
)
from reporter.pipeline import run
from reporter.progress import Progress
from reporter.sections import CHECKPOINT_SECTIONS, REPORT_SECTIONS, checkpoint_pages, report_page
from reporter.settings import Settings
from tests.test_cli import SCHEMA, safetensors

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def text_of(block: Block) -> list[str]:
    """A block as lines of text, everything that is printed of it."""
    match block:
        case Banner():
            return [f"[{block.word}] {block.sentence}"]
        case Paragraph():
            return [f"({block.kind}) {block.text}"]
        case Facts():
            return [f"{term}: {value}" for term, value in block.items]
        case Figure():
            return [f"<{block.name} {block.width}x{block.height}> {block.alt} | {block.caption}"]
        case Figures():
            return [line for item in block.items for line in text_of(item)]
        case FindingList():
            return [
                f"{i.severity} {i.title} | {i.where} | {i.message} | {i.value} | {i.threshold} | {i.basis}"
                for i in block.items
            ]
        case Table():
            lines = [f"{block.caption} {block.note} {block.more or ''}".rstrip()]
            lines.append(" | ".join(c.title for c in block.columns))
            return lines + [
                " | ".join(c.text + (f" ({c.level})" if c.level else "") for c in r.cells) for r in block.rows
            ]


def as_text(page: Page) -> str:
    lines = [page.title, page.subtitle]
    for section in page.sections:
        lines += ["", f"{'#' * section.depth} {section.title}{' (folded)' if section.folded else ''}"]
        lines += [line for block in section.blocks for line in text_of(block)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def scrub(text: str, folder: Path) -> str:
    """Without what depends on the machine or the version."""
    return re.sub(r"ckpt-report \S+", "ckpt-report VERSION", text.replace(str(folder), "FOLDER"))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four checkpoints in which something goes wrong, one file that is cut, one that is none."""
    folder = tmp_path_factory.mktemp("story") / "ckpts"
    rng = np.random.default_rng(7)
    kernel, head = rng.standard_normal((12, 8)).astype("f4"), rng.standard_normal((8, 3)).astype("f4")
    for step in (1, 2, 3, 4):
        arrays = {
            "encoder.kernel": kernel * np.float32(1 + 0.01 * step),
            "encoder.bias": np.full(8, 0.125 * step, "f4"),
            "head.kernel": head if step >= 2 else head * np.float32(1.5),
        }
        if step >= 3:
            arrays["encoder.kernel"][:, 2] = 0
        if step == 4:
            arrays["encoder.bias"][1] = np.nan
            del arrays["head.kernel"]
        safetensors(folder / f"model-{step}.safetensors", arrays)
    (folder / "model-5.safetensors").write_bytes((folder / "model-4.safetensors").read_bytes()[:-10])
    (folder / "notes.txt").write_text("remember the milk")
    return folder


@pytest.mark.parametrize("medium", ["html", "pdf"])
def test_the_report_reads_as_it_did(story: Path, tmp_path: Path, medium: str) -> None:
    """``UPDATE_GOLDEN=1 make test`` writes the golden texts anew; read the difference before committing it."""
    settings = Settings(roots=(story,), out=tmp_path / "out", pdf=False, settle=0.0)
    report = run(settings, Progress(quiet=True), now=NOW).report
    text = as_text(report_page(report, medium))  # type: ignore[arg-type]
    if medium == "html":
        text += "\n=====\n\n" + as_text(list(checkpoint_pages(report))[-1][1])
    text = scrub(text, story)
    golden = GOLDEN / f"{medium}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


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
