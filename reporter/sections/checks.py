"""The section of checks: for every rule how much it checked, and its worst value, whether it fired or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reporter.model.blocks import Facts, Paragraph
from reporter.model.finding import Outcome
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import counted, integer
from reporter.sections.base import Medium, bounded, count_cell, number_cell, series_href
from reporter.sections.card_anchors import name_links
from reporter.sections.findings import in_unit

_RULE = Column("Rule", numeric=False)
_SIDE = "The side of the threshold on which a rule fires; empty where it is not always the same."
_COUNTS = (
    Column("Checked", definition="Values held against the threshold.", extra=True),
    Column("Fired", definition="Values beyond it, remarks included; those with one cause are one finding."),
    Column("Explained", definition="How many of those are explained by another rule's finding.", extra=True),
)


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section. In the PDF and on the first page of a report over many series, it has one row for each rule.

    Otherwise there is a row for each rule and series. The PDF tells only of rules that fired.
    """
    outcomes = report.judgement.outcomes
    if not outcomes:
        return
    by_rule = len(report.series) > 1 and medium != "html"
    if medium == "pdf":
        fired = {outcome.rule.name for outcome in outcomes if outcome.fired}
        outcomes = tuple(outcome for outcome in outcomes if outcome.rule.name in fired)
    blocks: list[Block] = [Paragraph(_quiet(report))] if medium == "pdf" else []
    if outcomes:
        blocks.append(_by_rule(outcomes, report, medium) if by_rule else _each(outcomes, report, medium))
        formulas = {o.rule.title: f"{o.rule.formula}. Source: {o.rule.source}" for o in outcomes}
        blocks.append(Facts(tuple(formulas.items())))
    yield Section("checks", "Checks", tuple(blocks))


def _quiet(report: Report) -> str:
    """A sentence on how much was checked, and how many rules found nothing."""
    outcomes = report.judgement.outcomes
    fired = {o.rule.name for o in outcomes if o.fired}
    rules = {o.rule.name for o in outcomes}
    checked = sum(o.checked for o in outcomes)
    found = f"{integer(len(rules) - len(fired))} of them found nothing" if fired else "none of them found anything"
    return f"{counted(len(rules), 'rule')} made {counted(checked, 'check')}; {found}. report.json has all."


def _each(outcomes: Sequence[Outcome], report: Report, medium: Medium) -> Table:
    several = len(report.series) > 1
    links = {series.name: name_links(series, medium) for series in report.series}
    columns = (
        _RULE,
        *((Column("Series", numeric=False),) if several else ()),
        *_COUNTS,
        Column("Worst value"),
        Column("Threshold"),
        Column("What is bad", numeric=False, definition=_SIDE),
        Column("Where", numeric=False),
    )
    rows = [
        Row(
            (
                Cell(outcome.rule.title),
                *((Cell(outcome.series),) if several else ()),
                *_counts(outcome.checked, outcome.fired, outcome.explained),
                _in_unit(outcome.worst, outcome),
                _in_unit(outcome.threshold, outcome),
                Cell(outcome.rule.bad),
                Cell(outcome.where, href=links.get(outcome.series, {}).get(outcome.where, "")),
            )
        )
        for outcome in sorted(outcomes, key=lambda o: -o.fired)
    ]
    return bounded("What every rule saw", columns, rows, medium)


def _in_unit(value: float | None, outcome: Outcome) -> Cell:
    """A value in the unit of its rule."""
    return replace(number_cell(value), text=in_unit(value, outcome.rule.unit))


def _by_rule(outcomes: Sequence[Outcome], report: Report, medium: Medium) -> Table:
    """A table of counts over all series, without worst values, as these are given where each series is described."""
    rules: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        rules.setdefault(outcome.rule.name, []).append(outcome)
    hrefs = {series.name: series_href(series, medium) for series in report.series}
    rows = []
    for of in sorted(rules.values(), key=lambda of: -sum(o.fired for o in of)):
        most = max(of, key=lambda o: o.fired)
        fired = sum(o.fired > 0 for o in of)
        cells = (
            Cell(of[0].rule.title),
            *_counts(*(sum(getattr(o, name) for o in of) for name in ("checked", "fired", "explained"))),
            Cell(f"{integer(fired)} of {integer(len(of))}" if fired else "0", sort=float(fired)),
            Cell(most.series, href=hrefs.get(most.series, "")) if fired else Cell("—"),
        )
        rows.append(Row(cells))
    columns = (
        _RULE,
        *_COUNTS,
        Column("Series", unit="in which it fired"),
        Column("Most often in", numeric=False),
    )
    return bounded("What every rule saw, over all series", columns, rows, medium)


def _counts(checked: int, fired: int, explained: int) -> tuple[Cell, ...]:
    return (
        count_cell(checked),
        Cell(integer(fired), sort=float(fired), level="" if not fired else "warn"),
        count_cell(explained),
    )
