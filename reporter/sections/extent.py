"""The section on what was left out of a report over very many checkpoints, and where to find it."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.blocks import Paragraph
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.sections.base import Medium


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section; none if everything is shown."""
    of = report.checkpoints
    pages, records, rows = (
        sum(len(getattr(detail, kind)) for detail in report.details) for kind in ("pages", "records", "rows")
    )
    blocks: list[Block] = []
    few = pages < len(report.series)
    which = (
        "those at which the worst findings begin; the page of each series tells of its last one"
        if few
        else "the first and the last of every series, those with findings and the one before each, and some between"
    )
    if pages < of:
        blocks.append(
            Paragraph(
                f"Every number above is over all {integer(of)} checkpoints. {integer(pages)} of them have a page and "
                f"pictures of their own: {which}."
            )
        )
    if records < of:
        blocks.append(
            Paragraph(
                f"report.json holds the tensors and layers of {integer(records)} checkpoints, and the rest of all; a "
                "report over fewer of the folders holds all."
            )
        )
    if rows < of:
        blocks.append(Paragraph(f"tensors.csv holds the tensors of {integer(rows)} checkpoints."))
    if blocks:
        yield Section("extent", "What is left out", tuple(blocks))
