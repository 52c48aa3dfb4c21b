"""Small histograms of very many layers: as many as a page bears, and what is left out is said."""

from __future__ import annotations

import pytest

from reporter.model.blocks import Figure, Paragraph
from reporter.model.figures import CheckpointFigures
from reporter.numerals import integer
from reporter.plots.choose_further import MAX_SHEET_LAYERS
from reporter.sections.base import PDF_SHEETS, Medium, sheets

SHEET = Figure("sheet", b"png", 10, 10, "alt", "What it is. How to read it.")
BARE = Figure("sheet", b"png", 10, 10, "alt", "")


@pytest.mark.parametrize(("medium", "pictures"), [("html", 25), ("pdf", PDF_SHEETS)])
def test_what_is_left_out_is_said(medium: Medium, pictures: int) -> None:
    legend, *blocks = sheets(CheckpointFigures(None, (SHEET,) * 25, MAX_SHEET_LAYERS), 3000, medium, "report.json")
    assert legend == Paragraph("What it is. How to read it.")
    assert blocks[:pictures] == [BARE] * pictures
    said = " ".join(block.text for block in blocks[pictures:] if isinstance(block, Paragraph))
    assert f"the first {integer(MAX_SHEET_LAYERS)} of {integer(3000)} layers" in said
    assert ("11 more sheets" in said) == (medium == "pdf")
    assert said.count("report.json has ") == (2 if medium == "pdf" else 1)


@pytest.mark.parametrize("medium", ["html", "pdf"])
def test_nothing_is_said_where_all_are_there(medium: Medium) -> None:
    assert list(sheets(CheckpointFigures(None, (SHEET,), 3), 3, medium, "report.json")) == [SHEET]
