"""Every rule, what it looked at and how near it came, whether it fired or not."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Outcome
from reporter.model.page import Cell, Column, Facts, Row, Section
from reporter.model.report import Report
from reporter.numerals import integer
from reporter.sections.base import Medium, bounded, count_cell, number_cell


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section."""
    outcomes = sorted(report.judgement.outcomes, key=lambda o: -o.fired)
    if not outcomes:
        return
    several = len(report.series) > 1
    columns = [
        Column("Rule", numeric=False),
        *([Column("Series", numeric=False)] if several else []),
        Column("Checked", definition="Values held against the threshold."),
        Column("Fired", definition="Values beyond it, remarks included; those with one cause are one finding."),
        Column("Explained", definition="How many of those are explained by another rule's finding."),
        Column("Worst value"),
        Column("Threshold"),
        Column("Where", numeric=False),
    ]
    table = bounded("What every rule saw", columns, [_row(o, several) for o in outcomes], medium)
    formulas = {o.title: f"{o.formula}. Source: {o.source}" for o in report.judgement.outcomes}
    yield Section("checks", "Checks", (table, Facts(tuple(formulas.items()))))


def _row(outcome: Outcome, several: bool) -> Row:
    return Row(
        (
            Cell(outcome.title),
            *((Cell(outcome.series),) if several else ()),
            count_cell(outcome.checked),
            Cell(integer(outcome.fired), sort=float(outcome.fired), level="" if not outcome.fired else "warn"),
            count_cell(outcome.explained),
            number_cell(outcome.worst),
            number_cell(outcome.threshold),
            Cell(outcome.where),
        )
    )
