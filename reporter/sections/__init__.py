"""Compose: from the report's data to pages. A new section is one file and one line."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.page import Page
from reporter.model.report import Report
from reporter.sections import (
    accepted,
    checkpoint_summary,
    checkpoint_tensors,
    checks,
    deployment,
    extent,
    files,
    method,
    overview,
    runs,
    series,
    spectral,
    structure,
    verdict,
)
from reporter.sections.base import CheckpointSection, Medium, ReportSection, checkpoint_href
from reporter.sections.fit import fitted

REPORT_SECTIONS: tuple[ReportSection, ...] = (
    verdict.build,
    overview.build,
    runs.build,
    series.build,
    structure.build,
    deployment.build,
    spectral.build,
    checks.build,
    extent.build,
    accepted.build,
    files.build,
    method.build,
)
"""Of the cross-checkpoint report, in order."""

CHECKPOINT_SECTIONS: tuple[CheckpointSection, ...] = (
    checkpoint_summary.build,
    checkpoint_tensors.build,
)
"""Of the page of one checkpoint, in order."""


def report_page(report: Report, medium: Medium) -> Page:
    """The cross-checkpoint report; the PDF's tables are bounded and say where the rest is."""
    sections = [section for build in REPORT_SECTIONS for section in build(report, medium)]
    page = Page(
        title=report.title,
        subtitle=verdict.subtitle(report),
        sections=tuple(sections),
        facts=_made(report),
    )
    return fitted(page) if medium == "html" else page


def checkpoint_pages(report: Report) -> Iterator[tuple[str, Page]]:
    """One page per checkpoint that is shown alone, with its path beside the report."""
    for at, one in enumerate(report.series):
        for place in report.details[at].pages:
            ref = one.refs[place]
            sections = [section for build in CHECKPOINT_SECTIONS for section in build(report, at, place)]
            page = Page(
                title=ref.name,
                subtitle=f"{one.name}, step {one.labels[place]}",
                sections=tuple(sections),
                facts=_made_by(report),
                up=("../index.html", report.title),
            )
            yield checkpoint_href(ref), page


def _made_by(report: Report) -> tuple[str, ...]:
    """Without the time: the page of a checkpoint changes only with what it shows."""
    return (f"ckpt-report {report.version}",)


def _made(report: Report) -> tuple[str, ...]:
    return (*_made_by(report), f"{report.created:%Y-%m-%d %H:%M} UTC")
