"""Reports over many series: restrict a report to one series, and adapt the links of its page, which is in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from reporter.model.cards import Cards
from reporter.model.finding import Judgement
from reporter.model.finding_list import FindingItem, FindingList
from reporter.model.hero import HealthCell, Hero, Link
from reporter.model.page import Block, Page
from reporter.model.report import Report
from reporter.model.table import Cell, Row, Table

T = TypeVar("T")

CARD = "#layer-"
"""How links to cards of layers begin."""


def each_series(report: Report) -> Iterator[Report]:
    """For each series, the report over this series alone: its numbers, findings, checks and files.

    What is new since the last report is said of all series together, on the first page.
    """
    judgement = report.judgement

    findings = _grouped(judgement.findings, lambda f: f.series)
    outcomes = _grouped(judgement.outcomes, lambda o: o.series)
    accepted = _grouped(judgement.accepted, lambda a: a.finding.series)
    files = _grouped(report.files, lambda e: e.series)
    for at, series in enumerate(report.series):
        yield replace(
            report,
            title=series.name,
            series=(series,),
            histograms=report.histograms[at : at + 1],
            figures=report.figures[at : at + 1],
            details=report.details[at : at + 1],
            judgement=Judgement(
                findings.get(series.name, ()), outcomes.get(series.name, ()), accepted.get(series.name, ())
            ),
            files=files.get(series.name, ()),
            runs=(),
            news=None,
        )


def _grouped(entries: Iterable[T], series: Callable[[T], str]) -> dict[str, tuple[T, ...]]:
    """Entries by the name of the series that they belong to, in their order."""
    return {name: tuple(of) for name, of in groupby(sorted(entries, key=series), key=series)}


def below(page: Page) -> Page:
    """The same page for a folder below that of the report: links to other files begin with ``../``."""
    return replace(
        page,
        up=page.up and (_up(page.up[0]), page.up[1]),
        sections=tuple(replace(s, blocks=tuple(_below(block) for block in s.blocks)) for s in page.sections),
    )


def _below(block: Block) -> Block:
    if isinstance(block, Table):
        return replace(block, rows=tuple(_row(row) for row in block.rows))
    if isinstance(block, Cards):
        groups = (
            replace(g, items=tuple(replace(c, badges=tuple(map(_cell, c.badges))) for c in g.items))
            for g in block.groups
        )
        return replace(block, groups=tuple(groups))
    if isinstance(block, FindingList):
        return replace(block, items=tuple(map(_item, block.items)), remarks=tuple(map(_item, block.remarks)))
    if isinstance(block, Hero) and block.health is not None:
        rows = tuple(
            replace(row, name=_link(row.name), cells=tuple(map(_health, row.cells))) for row in block.health.rows
        )
        return replace(block, health=replace(block.health, rows=rows))
    return block


def _item(item: FindingItem) -> FindingItem:
    places, others = (tuple(map(_link, links)) for links in (item.places, item.others))
    return replace(item, href=_up(item.href), places=places, others=others)


def _link(link: Link) -> Link:
    return replace(link, href=_up(link.href))


def _health(cell: HealthCell) -> HealthCell:
    return replace(cell, href=_up(cell.href))


def _row(row: Row) -> Row:
    if not any(cell.href for cell in row.cells):
        return row
    return replace(row, cells=tuple(_cell(cell) for cell in row.cells))


def _cell(cell: Cell) -> Cell:
    return replace(cell, href=_up(cell.href)) if cell.href else cell


def _up(href: str) -> str:
    return f"../{href}" if href and not href.startswith("#") else href


def leading_home(page: Page, home: str) -> Page:
    """The same page, with links to cards of layers, which are all on the page ``home``."""

    def cell(of: Cell) -> Cell:
        return replace(of, href=home + of.href) if of.href.startswith(CARD) else of

    def block(of: Block) -> Block:
        if not isinstance(of, Table):
            return of
        return replace(of, rows=tuple(replace(row, cells=tuple(map(cell, row.cells))) for row in of.rows))

    return replace(page, sections=tuple(replace(s, blocks=tuple(map(block, s.blocks))) for s in page.sections))
