"""Reports whose pictures are laid out, but not painted, and reports that are judged and recorded, but have no pages."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from PIL import Image

from reporter import documents, pipeline
from reporter.model.figures import Runs


def unpainted(patch: pytest.MonkeyPatch) -> None:
    """From now on every picture is a single dot, which saves a third of the time that a small report takes.

    What is drawn, with its size, caption and alternative text, is decided as ever.
    """
    patch.setattr("reporter.plots.canvas.Canvas._draw", lambda canvas: Image.new("RGB", (1, 1)))


def undrawn(patch: pytest.MonkeyPatch) -> None:
    """From now on reports have no pictures and no pages: for those who look at findings or ``report.json``."""
    draw_all = pipeline.draw_all
    patch.setattr(pipeline, "draw_all", lambda memo, series, *more: draw_all(memo, (), (), *more[1:]))
    patch.setattr(pipeline, "draw_runs", lambda memo, series, group: Runs(tuple(group), ()))
    patch.setattr(pipeline, "draw_layers", lambda memo, report, copies: report)
    patch.setattr(pipeline, "_with_thumbnails", lambda report, renderings, known_by: report)
    patch.setattr(documents.Documents, "pages", lambda *_, unchanged: nullcontext(dict))
