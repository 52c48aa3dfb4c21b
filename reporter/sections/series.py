"""Each series after the other: what moved, its trend, its changes, its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reporter.model.finding import Severity
from reporter.model.page import Paragraph, Section
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.sections import series_changes, series_layers, series_moved, series_trends
from reporter.sections.base import Medium

PDF_SERIES = 12
"""Series that get their own sections in the PDF; the rest are in its overview and in index.html."""

LISTED_SERIES = 10
"""Up to here the series are in the table of contents, and open; beyond it the overview leads to them."""


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """Up to four sections per series; of many series, those without a warning are folded."""
    many = len(report.series) > LISTED_SERIES
    warned = {f.series for f in report.judgement.findings if f.severity > Severity.INFO}
    for at, series in enumerate(report.series):
        if medium == "pdf" and at == PDF_SERIES:
            text = (
                f"{integer(len(report.series) - PDF_SERIES)} more series are in index.html and in the overview above."
            )
            yield Section("series-more", "More series", (Paragraph(text, "note"),))
            return
        sections = [series_moved.build(report, at, medium)] if series.moved else []
        sections.append(series_trends.build(report, at, medium))
        if series.pairs:
            sections.append(series_changes.build(report, at, medium))
        if series.layers:
            sections.append(series_layers.build(report, at, medium))
        for section in sections:
            folded = many and series.name not in warned and medium == "html"
            yield replace(section, folded=folded, listed=not many, depth=3 if many else 2)
