"""Compose pages from the data of the report. A new section is one file, and one line in a tuple below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from reporter.model.page import Page
from reporter.model.report import Report
from reporter.model.shown import FEW_SERIES
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
from reporter.sections.base import (
    CheckpointSection,
    Medium,
    ReportSection,
    checkpoint_href,
    runs_href,
    series_href,
    where_detailed,
)
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
    method.of_checkpoint,
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
    method.definitions,
)
"""Sections of the page of one series, in a report over many, in order."""

INDEX_SECTIONS: tuple[ReportSection, ...] = (
    verdict.build,
    runs.build,
    overview.build,
    findings.build,
    checks.build,
    extent.build,
    accepted.build,
    files.build,
    method.build,
)
"""Sections of the first page of a report over many series, in order."""


def report_page(report: Report, medium: Medium) -> Page:
    """The page of the report over all checkpoints. Tables of the PDF are bounded, and say where the rest is."""
    builders = INDEX_SECTIONS if medium == "index" else REPORT_SECTIONS
    page = _page(report, medium, (*builders, *installed_sections()))
    return page if medium == "pdf" else fitted(page)


class Drawing(Protocol):
    """Adds to a report those pictures that only one of its documents shows, when that is made."""

    def of_document(self, report: Report, shown: Sequence[int]) -> Report:
        """With those in the PDF, of the series that it shows."""
        ...

    def of_series(self, report: Report, at: int) -> Report:
        """With those on the page of a series."""
        ...

    def of_checkpoint(self, report: Report, at: int, place: int) -> Report:
        """With those on the page of a checkpoint."""
        ...


class _Drawn:
    """Of a report that has all its pictures."""

    def of_document(self, report: Report, shown: Sequence[int]) -> Report:
        return report

    def of_series(self, report: Report, at: int) -> Report:
        return report

    def of_checkpoint(self, report: Report, at: int, place: int) -> Report:
        return report


DRAWN = _Drawn()

Maker = tuple[str, Callable[[], Page]]
"""The path of a page in the folder of the report, and what composes it."""

INDEX = "index.html"
"""The path of the first page."""

NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
"""When the report was made that pages of checkpoints are made of, so that they cannot depend on it. Pages of series
are made of the report as it is: installed packages have sections there, which may tell how old something is."""


def document_page(report: Report, drawing: Drawing) -> Page:
    """The page of the PDF."""
    return report_page(drawing.of_document(report, series.shown_series(report, "pdf")), "pdf")


def html_pages(report: Report, drawing: Drawing = DRAWN) -> Iterator[tuple[str, Page]]:
    """All pages, each with its path in the folder of the report; see :func:`page_makers`."""
    for path, make in page_makers(report, drawing):
        yield path, make()


def page_makers(report: Report, drawing: Drawing = DRAWN) -> list[Maker]:
    """What makes each page, in any order and any process.

    A report over few series is one page, and one for each checkpoint that has its own. Otherwise the first page leads
    to a page for each series and for each group of runs of one model.

    Args:
        report: with the pictures of layers if it is over few series, as its size decides about its pages.
        drawing: adds what only single pages show.
    """
    parts = len(report.series) > FEW_SERIES
    index = partial(report_page, report, "index")
    if not parts:
        whole = partial(_page, report, "html", (*REPORT_SECTIONS, *installed_sections()))
        index = partial(_fitted, whole)
        if len(report.series) > 1:
            page = whole()
            parts = nbytes(page) > MOST_BYTES
            index = partial(report_page, report, "index") if parts else partial(fitted, page)
    further = [*_series_pages(report, drawing), *_runs_pages(report)] if parts else []
    undated = replace(report, created=NO_TIME, timings={}, news=None)
    return [(INDEX, index), *further, *_checkpoint_pages(undated, drawing, parts=parts)]


def _fitted(make: Callable[[], Page]) -> Page:
    return fitted(make())


def _series_pages(report: Report, drawing: Drawing) -> Iterator[Maker]:
    groups = {at: group for group, runs_ in enumerate(report.runs) for at in runs_.series}
    builders = (*SERIES_SECTIONS, *installed_sections())  # packages are looked for once, and not for each of many pages

    def make(at: int, alone: Report) -> Page:
        one = report.series[at]
        alone = replace(alone, figures=(drawing.of_series(report, at).figures[at],))
        page = _page(alone, "html", builders)
        if at in groups:
            page = replace(page, sections=(*page.sections, runs.link_section(report, groups[at])))
        page = replace(page, up=(f"index.html#series-{one.slug}", report.title), facts=_made_by(report))
        return fitted(below(page), where=where_detailed(report, at))

    for at, alone in enumerate(each_series(report)):
        yield series_href(report.series[at], "index"), partial(make, at, alone)


def _runs_pages(report: Report) -> Iterator[Maker]:
    def make(group: int) -> Page:
        page = Page(
            title=runs.title(report, report.runs[group]),
            subtitle="Runs of one model, side by side",
            sections=(runs.group_section(report, report.runs[group]),),
            facts=_made_by(report),
            up=("index.html#runs", report.title),
            look=report.look,
        )
        return fitted(below(page))

    for group in range(len(report.runs)):
        yield runs_href(group), partial(make, group)


def _page(report: Report, medium: Medium, builders: tuple[ReportSection, ...]) -> Page:
    page = Page(
        title=report.title,
        subtitle=verdict.subtitle(report),
        sections=tuple(section for build in builders for section in build(report, medium)),
        facts=_made(report),
        look=report.look,
    )
    return only_used(page)


def checkpoint_pages(report: Report, drawing: Drawing = DRAWN) -> Iterator[tuple[str, Page]]:
    """The pages of those checkpoints that have one, each with its path, in a report of one page besides these."""
    for path, make in _checkpoint_pages(report, drawing, parts=False):
        yield path, make()


def _checkpoint_pages(report: Report, drawing: Drawing, *, parts: bool) -> Iterator[Maker]:
    """The pages of those checkpoints that have one.

    Args:
        parts: whether each series has a page, to which the pages of its checkpoints lead back.
    """

    def make(at: int, place: int, before: tuple[str, str] | None, after: tuple[str, str] | None) -> Page:
        one = report.series[at]
        ref = one.refs[place]
        up = (f"../{series_href(one, 'index')}", one.name) if parts else ("../index.html", report.title)
        drawn = drawing.of_checkpoint(report, at, place)
        page = Page(
            title=ref.name,
            subtitle=f"{one.name}, {one.moment(place)}",
            sections=tuple(section for build in CHECKPOINT_SECTIONS for section in build(drawn, at, place)),
            facts=_made_by(report),
            up=up,
            before=before,
            after=after,
            look=report.look,
        )
        return leading_home(only_used(page), up[0])

    for at, one in enumerate(report.series):
        pages = report.details[at].pages
        links = ((f"{one.refs[place].slug}.html", one.moment(place)) for place in pages)
        beside: list[tuple[str, str] | None] = [None, *links, None]
        for i, place in enumerate(pages):
            yield checkpoint_href(one.refs[place]), partial(make, at, place, beside[i], beside[i + 2])


def _made_by(report: Report) -> tuple[str, ...]:
    """The program that made a page, without the time, so that a page changes only if what it shows does."""
    return (f"ckpt-report {report.version}",)


def _made(report: Report) -> tuple[str, ...]:
    """The program that made the report, when, and from which folders."""
    folders = report.settings.get("folders", "")
    return (*_made_by(report), moment(report), *([folders] if folders else []))


def moment(report: Report) -> str:
    """When a report was made, as its pages tell it."""
    return f"{report.created:%Y-%m-%d %H:%M} UTC"
