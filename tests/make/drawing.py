"""Adds to a report what is drawn only when a page of it is made, for tests that compose pages."""

from __future__ import annotations

from dataclasses import replace

from reporter.cache import Cache
from reporter.cache.renderings import Renderings
from reporter.model.report import Report
from reporter.plots.choose_further import Further
from reporter.settings.model import Settings


def completed(report: Report) -> Report:
    """The report with every picture that a page of it or the PDF shows."""
    drawing = Further(Renderings(Cache(None)), Settings().bins)
    report = drawing.of_document(report, range(len(report.series)))
    for at, detail in enumerate(report.details):
        report = drawing.of_series(report, at)
        checkpoints = dict(report.figures[at].checkpoints)
        for place in detail.pages:
            checkpoints |= drawing.of_checkpoint(report, at, place).figures[at].checkpoints
        figures = (
            *report.figures[:at],
            replace(report.figures[at], checkpoints=checkpoints),
            *report.figures[at + 1 :],
        )
        report = replace(report, figures=figures)
    return report
