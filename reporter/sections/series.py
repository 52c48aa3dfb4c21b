"""The sections of each series: what moved, its metrics, its trend, its changes and its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reporter.model.blocks import Paragraph
from reporter.model.finding import Severity
from reporter.model.metrics import NOTHING
from reporter.model.page import Section
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.sections import (
    compare_view,
    layers_by_checkpoint,
    review,
    series_changes,
    series_layers,
    series_metrics,
    series_moved,
    series_trends,
)
from reporter.sections.base import Medium, worst_series

PDF_SERIES = 12
"""Most series that all get their own sections in the PDF."""

PDF_SERIES_OF_MANY = 4
"""How many series get their own sections in the PDF if there are more. Each takes two to
seven pages of a document that is read in a meeting."""

LISTED_SERIES = 10
"""Up to this number, series are in the table of contents and unfolded; if there are more, the overview links to
them."""


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """Up to five sections for each series; if there are many, sections of series without a warning are folded."""
    many = len(report.series) > LISTED_SERIES
    warned = {f.series for f in report.judgement.findings if f.severity > Severity.INFO}
    for at in shown_series(report, medium):
        series = report.series[at]
        if medium == "pdf":
            yield from (replace(s, listed=not many, depth=3 if many else 2) for s in review.build(report, at))
            continue
        sections = [series_moved.build(report, at, medium)] if series.moved else []
        if series.metrics != NOTHING:
            sections.append(series_metrics.build(report, at, medium))
        sections.append(series_trends.build(report, at, medium))
        if series.pairs:
            sections.append(series_changes.build(report, at, medium))
        if series.layers:
            sections.append(series_layers.build(report, at, medium))
        if numbers := compare_view.numbers_of(report, at, medium):
            sections.append(layers_by_checkpoint.build(report, at, numbers))
            sections.append(compare_view.build(report, at, numbers))
        for section in sections:
            folded = many and series.name not in warned
            group = series.name if len(report.series) > 1 else ""
            yield replace(section, folded=folded, listed=not many, depth=3 if many else 2, group=group)
    if medium == "pdf" and (left := len(report.series) - len(shown_series(report, medium))):
        text = (
            f"The {integer(len(report.series) - left)} series with the worst findings are told above. The other "
            f"{integer(left)} are not in this document; the HTML pages beside it tell of them."
        )
        yield Section("series-more", "More series", (Paragraph(text, "note"),))


def shown_series(report: Report, medium: Medium) -> list[int]:
    """The indices of the series that get sections: all, but in a PDF over many series only the worst."""
    count = len(report.series)
    if medium != "pdf" or count <= PDF_SERIES:
        return list(range(count))
    return worst_series(report)[:PDF_SERIES_OF_MANY]
