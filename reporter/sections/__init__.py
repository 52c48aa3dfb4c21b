"""Compose pages from the data of the report. A new section is one file, and one line in a tuple below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
    findings,
    method,
    overview,
    runs,
    series,
    spectral,
    structure,
    verdict,
)
from reporter.sections.base import CheckpointSection, Medium, ReportSection, checkpoint_href, runs_href, series_href
from reporter.sections.external import installed_sections
from reporter.sections.fit import MOST_BYTES, fitted, nbytes
from reporter.sections.restricted import below, each_series, leading_home
from reporter.sections.terms import only_used

REPORT_SECTIONS: tuple[ReportSection, ...] = (
    verdict.build,
    findings.build,
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
"""Sections of the report over all checkpoints, in order."""

CHECKPOINT_SECTIONS: tuple[CheckpointSection, ...] = (
    checkpoint_summary.build,
    checkpoint_tensors.build,
)
"""Sections of the page of one checkpoint, in order."""


SERIES_SECTIONS: tuple[ReportSection, ...] = (
    verdict.build,
    findings.build,
    series.build,
    structure.build,
    deployment.build,
    spectral.build,
    checks.build,
    accepted.build,
    files.build,
)
"""Sections of the page of one series, in a report over many, in order."""

INDEX_SECTIONS: tuple[ReportSection, ...] = (
    verdict.build,
    overview.build,
    findings.build,
    runs.build,
    checks.build,
    extent.build,
    accepted.build,
    files.build,
    method.build,
)
"""Sections of the first page of a report over many series, in order."""

FEW_SERIES = 20
"""Up to this number of series, one file holds the whole report, if it is not too large to be opened."""


def report_page(report: Report, medium: Medium) -> Page:
    """The page of the report over all checkpoints. Tables of the PDF are bounded, and say where the rest is."""
    builders = INDEX_SECTIONS if medium == "index" else REPORT_SECTIONS
    page = _page(report, medium, (*builders, *installed_sections()))
    return page if medium == "pdf" else fitted(page)


def html_pages(report: Report) -> Iterator[tuple[str, Page]]:
    """All pages, each with its path in the folder of the report.

    A report over few series is one page, and one for each checkpoint that has its own. Otherwise the first page leads
    to a page for each series and for each group of runs of one model.
    """
    parts = len(report.series) > FEW_SERIES
    if not parts:
        whole = _page(report, "html", (*REPORT_SECTIONS, *installed_sections()))
        parts = len(report.series) > 1 and nbytes(whole) > MOST_BYTES
        if not parts:
            yield "index.html", fitted(whole)
    if parts:
        yield "index.html", report_page(report, "index")
        yield from _series_pages(report)
        yield from _runs_pages(report)
    yield from checkpoint_pages(report, parts=parts)


def _series_pages(report: Report) -> Iterator[tuple[str, Page]]:
    groups = {at: i for i, group in enumerate(report.runs) for at in group.series}
    builders = (*SERIES_SECTIONS, *installed_sections())  # packages are looked for once, and not for each of many pages
    for at, alone in enumerate(each_series(report)):
        one = report.series[at]
        page = _page(alone, "html", builders)
        if at in groups:
            page = replace(page, sections=(*page.sections, runs.link_section(report, groups[at])))
        page = replace(page, up=(f"index.html#series-{one.slug}", report.title), facts=_made_by(report))
        yield series_href(one, "index"), fitted(below(page))


def _runs_pages(report: Report) -> Iterator[tuple[str, Page]]:
    for i, group in enumerate(report.runs):
        page = Page(
            title=runs.title(report, group),
            subtitle="Runs of one model, side by side",
            sections=(runs.group_section(report, group),),
            facts=_made_by(report),
            up=("index.html#runs", report.title),
            look=report.look,
        )
        yield runs_href(i), fitted(below(page))


def _page(report: Report, medium: Medium, builders: tuple[ReportSection, ...]) -> Page:
    page = Page(
        title=report.title,
        subtitle=verdict.subtitle(report),
        sections=tuple(section for build in builders for section in build(report, medium)),
        facts=_made(report),
        look=report.look,
    )
    return only_used(page)


def checkpoint_pages(report: Report, *, parts: bool = False) -> Iterator[tuple[str, Page]]:
    """The pages of those checkpoints that have one, each with its path in the folder of the report.

    Args:
        report: the report.
        parts: whether each series has a page, to which the pages of its checkpoints lead back.
    """
    for at, one in enumerate(report.series):
        pages = report.details[at].pages
        up = (f"../{series_href(one, 'index')}", one.name) if parts else ("../index.html", report.title)
        beside: list[tuple[str, str] | None] = [
            None,
            *((f"{one.refs[place].slug}.html", one.labels[place]) for place in pages),
            None,
        ]
        for i, place in enumerate(pages):
            ref = one.refs[place]
            sections = [section for build in CHECKPOINT_SECTIONS for section in build(report, at, place)]
            page = Page(
                title=ref.name,
                subtitle=f"{one.name}, step {one.labels[place]}",
                sections=tuple(sections),
                facts=_made_by(report),
                up=up,
                before=beside[i],
                after=beside[i + 2],
                look=report.look,
            )
            yield checkpoint_href(ref), leading_home(page, up[0])


def _made_by(report: Report) -> tuple[str, ...]:
    """The program that made a page, without the time, so that a page changes only if what it shows does."""
    return (f"ckpt-report {report.version}",)


def _made(report: Report) -> tuple[str, ...]:
    """The program that made the report, when, and from which folders."""
    folders = report.settings.get("folders", "")
    return (*_made_by(report), f"{report.created:%Y-%m-%d %H:%M} UTC", *([folders] if folders else []))
