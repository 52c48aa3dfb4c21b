"""The PDF of ten checkpoints: short, legible, with links and a footer; and the folder of pictures beside it."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress
from tests.make.safetensors import safetensors

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LAYERS = 54


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report over ten checkpoints of a model with as many layers as a ResNet50 has kernels."""
    if not shutil.which("pdftotext"):
        pytest.skip("poppler-utils is not on this machine")
    folder, rng = tmp_path_factory.mktemp("review"), np.random.default_rng(0)
    names = [f"conv{1 + i // 12}_block{1 + i % 12 // 3}_{1 + i % 3}_conv" for i in range(LAYERS)]
    kernels = {name: rng.standard_normal((4, 6)).astype("f4") for name in names}
    for step in range(10):
        arrays = {f"{n}/kernel": k + np.float32(0.01 * step) * rng.standard_normal(k.shape) for n, k in kernels.items()}
        arrays |= {f"{n}/bias": np.full(6, 0.1 * (step + 1)) for n in names}
        held = {name: array.astype("f4") for name, array in arrays.items()}
        if step > 6:
            held[f"{names[3]}/kernel"][0, 0] = np.nan
        safetensors(folder / "ckpts" / f"model-{step}.safetensors", held)
    settings = Settings(roots=(folder / "ckpts",), out=folder / "out", settle=0.0, paper="Letter")
    outcome = run(settings, Progress(quiet=True), now=NOW)
    if "Pango" in outcome.pdf_problem:
        pytest.skip(outcome.pdf_problem)
    assert outcome.pdf_problem == ""
    return outcome.folder


def said(tool: str, *arguments: str | Path) -> str:
    return subprocess.run([tool, *arguments], check=True, capture_output=True, text=True).stdout


def test_ten_pages_at_most_and_each_says_when_and_of_what(published: Path) -> None:
    facts = said("pdfinfo", published / "report.pdf")
    pages = said("pdftotext", published / "report.pdf", "-").split("\f")[:-1]
    assert 4 <= len(pages) <= 10
    assert "612 x 792" in facts, "--paper Letter"
    assert (published / "report.pdf").stat().st_size < 3_000_000
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "2026-01-02 03:04 UTC" in page
        assert "ckpts" in page


def test_no_text_is_smaller_than_seven_points(published: Path) -> None:
    xml = said("pdftohtml", "-xml", "-i", "-stdout", published / "report.pdf")
    sizes = {int(size) for size in re.findall(r'<fontspec [^>]*size="(\d+)"', xml)}
    assert sizes and min(sizes) >= 10, "in pixels of 1 / 108 inch, 7 pt are 10.5"


def test_every_link_lands(published: Path) -> None:
    text = (published / "index.html").read_text("utf-8")
    ids = set(re.findall(r'\sid="([^"]+)"', text))
    links = re.findall(r'href="#([^"]+)"', text)
    assert links and set(links) <= ids
    for page in (published / "checkpoints").iterdir():
        own = page.read_text("utf-8")
        cards = re.findall(r'href="\.\./index\.html#(layer-[^"]+)"', own)
        assert len(cards) >= LAYERS and set(cards) <= ids
        beside = re.findall(r'<a rel="(?:prev|next)" href="([^"]+)"', own)
        assert beside and all((page.parent / name).is_file() for name in beside)
    destinations = said("pdfinfo", "-dests", published / "report.pdf")
    assert all(f'"{anchor}-' in destinations for anchor in ("trend", "histograms", "layers"))


def test_pictures_are_files_with_the_bytes_that_are_embedded(published: Path) -> None:
    held = {path.read_bytes() for path in (published / "plots").iterdir()}
    pages = [published / "index.html", *(published / "checkpoints").iterdir()]
    shown = {
        base64.b64decode(data)
        for page in pages
        for data in re.findall(r"data:image/png;base64,([^\"]+)", page.read_text("utf-8"))
    }
    assert shown and held == shown


def test_the_folder_of_pictures_can_be_left_out(published: Path, tmp_path: Path) -> None:
    ckpts = published.parents[2] / "ckpts"
    settings = Settings(roots=(ckpts / "model-0.safetensors",), out=tmp_path, pdf=False, plots_folder=False, settle=0.0)
    assert not (run(settings, Progress(quiet=True), now=NOW).folder / "plots").exists()
