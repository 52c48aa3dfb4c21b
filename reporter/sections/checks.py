"""Every rule, what it looked at and how near it came, whether it fired or not."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.page import Cell, Column, Row, Section
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.sections.base import Medium, bounded, count_cell, number_cell


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section."""
    rows = [
        Row(
            (
                Cell(o.title),
                Cell(o.series),
                count_cell(o.checked),
                Cell(integer(o.fired), sort=float(o.fired), level="" if not o.fired else "warn"),
                count_cell(o.explained),
                number_cell(o.worst),
                number_cell(o.threshold),
                Cell(o.where),
                Cell(f"{o.formula}. Source: {o.source}"),
            )
        )
        for o in sorted(report.judgement.outcomes, key=lambda o: -o.fired)
    ]
    if not rows:
        return
    columns = (
        Column("Rule", numeric=False),
        Column("Series", numeric=False),
        Column("Checked", definition="Values held against the threshold."),
        Column("Fired", definition="Values beyond it, remarks included; those with one cause are one finding."),
        Column("Explained", definition="How many of those are explained by another rule's finding."),
        Column("Worst value"),
        Column("Threshold"),
        Column("Where", numeric=False),
        Column("What is computed", numeric=False),
    )
    yield Section("checks", "Checks", (bounded("What every rule saw", columns, rows, medium),))
