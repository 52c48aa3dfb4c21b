"""The section of findings that were reviewed and accepted, with the reasons given."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.blocks import Paragraph
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row
from reporter.sections.base import LEVELS, Medium, bounded


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section; none if no finding was accepted."""
    judgement = report.judgement
    if not judgement.accepted and not judgement.notes:
        return
    blocks: list[Block] = [Paragraph(f"{note}.", "warning") for note in judgement.notes]
    rows = [
        Row(
            (
                Cell(a.finding.rule.title),
                Cell(a.finding.severity.name, level=LEVELS[a.finding.severity]),
                Cell(a.finding.series),
                Cell(a.finding.message),
                Cell(a.reason),
                Cell(a.until),
            )
        )
        for a in judgement.accepted
    ]
    columns = tuple(
        Column(title, numeric=False) for title in ("Rule", "Severity", "Series", "Finding", "Reason", "Until")
    )
    if rows:
        blocks.append(bounded("Accepted findings", columns, rows, medium, note="They are no part of the verdict."))
    yield Section("accepted", "Accepted", tuple(blocks))
