"""Make a page small enough to be opened: first with fewer pictures, then with fewer columns, then with shorter tables.

What was left out is said on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reporter.model.blocks import Figure, Figures, Paragraph
from reporter.model.cards import Card, Cards
from reporter.model.finding_list import FindingList
from reporter.model.hero import Hero
from reporter.model.page import Block, Page
from reporter.model.side_by_side import CompareView, LayerCourses
from reporter.model.table import Cell, Row, Spark, Table, Thumbnail
from reporter.numerals import integer

MOST_BYTES = 8_000_000
"""Most bytes of an HTML page: mail servers accept ten million, and browsers open so many at once."""

USUAL_BYTES = 5_000_000
"""Bytes that a page with more than :data:`MANY_PICTURES` pictures of a kind should not exceed."""

MANY_PICTURES = 60
"""No smaller gallery is cut for the sake of :data:`USUAL_BYTES`."""

ROWS = (1000, 500, 250, 100, 50)
"""The limits for the rows of a table that are tried one after the other."""

USUAL_PICTURES = (180, 160, 140, 120, 100, 80, MANY_PICTURES)
"""The limits for the pictures of a gallery that are tried one after the other for the sake of :data:`USUAL_BYTES`."""

PICTURES = (*USUAL_PICTURES, 50, 20, 10, 3)
"""The same for the sake of the most bytes that a page may have."""

_PAGE, _CARD, _HEAD, _ROW, _CELL, _TIP = 85_000, 500, 90, 40, 14, 9
"""Bytes of a page without sections, of a card without blocks, and of the markup around the title of a column, a row, a
cell and its tool tip. ``tests/sections/test_fit.py`` compares estimates with pages."""

_MARK, _POINT, _POINTS, _BIN = 90, 9, 48, 6
"""Bytes of a small picture, of a point of its course, of which it has so many at most, and of a bin."""


def fitted(page: Page, most: int = MOST_BYTES, where: str = "report.json") -> Page:
    """The same page with about ``most`` bytes at most, as far as that can be done; ``where`` has what it then lacks."""
    tried, usual = page, min(most, USUAL_BYTES)
    for pictures in PICTURES:
        if nbytes(tried) <= (usual if pictures >= MANY_PICTURES else most):
            return tried
        tried = _drawn(page, pictures)
        if pictures == MANY_PICTURES and nbytes(tried) > usual:
            page = _each(page, partial(_narrower, where=where))
            fits = (one for n in USUAL_PICTURES if nbytes(one := _drawn(page, n)) <= usual)
            tried = next(fits, None) or _drawn(page, pictures)
    page = tried
    for change in (partial(_shorter, rows=n, where=where) for n in ROWS):
        if nbytes(tried) <= most:
            break
        tried = _each(page, change)
    return tried


def nbytes(page: Page) -> int:
    """An estimate of how many bytes the page has as HTML."""
    return _PAGE + sum(_bytes(block) for section in page.sections for block in section.blocks)


def _bytes(block: Block) -> int:
    if isinstance(block, Table):
        return _table_bytes(block) + sum(len(column.definition) for column in block.columns)
    if isinstance(block, Figure):
        drawn = len(block.png) * 4 // 3 + len(block.alt) + len(block.caption)
        return drawn + sum(area.nbytes for area in block.reading)
    if isinstance(block, Figures):
        return sum(_bytes(item) for item in block.items)
    if isinstance(block, LayerCourses):
        return _bytes(block.table)
    if isinstance(block, CompareView):
        return block.numbers.nbytes
    if isinstance(block, Hero):
        cells = 0 if block.health is None else sum(len(repr(row)) for row in block.health.rows)
        return cells + (_bytes(block.curves) if block.curves else 0)
    if isinstance(block, FindingList):
        items = (*block.items, *block.remarks)
        return sum(len(i.message) + 1000 + (_bytes(i.evidence) if i.evidence else 0) for i in items)
    if isinstance(block, Cards):
        return sum(_card_bytes(card) for group in block.groups for card in group.items)
    return len(repr(block))


def _table_bytes(table: Table) -> int:
    """Of a table on a card, which leaves definitions to the glossary."""
    head = sum(_HEAD + len(column.title) + len(column.unit) for column in table.columns)
    return 400 + 2 * len(table.caption) + head + sum(_row_bytes(row) for row in table.rows)


def _card_bytes(card: Card) -> int:
    blocks = (_table_bytes(block) if isinstance(block, Table) else _bytes(block) for block in card.blocks)
    shown = {cell.mark for _, cell in card.marks if isinstance(cell.mark, Thumbnail)}
    tables = (block for block in card.blocks if isinstance(block, Table))
    again = sum(_mark_bytes(c.mark) for t in tables for row in t.rows for c in row.cells if c.mark in shown)
    return _CARD + sum(_mark_bytes(cell.mark) for _, cell in card.marks) + sum(blocks) - again


def _row_bytes(row: Row) -> int:
    return _ROW + sum(_cell_bytes(cell) for cell in row.cells)


def _cell_bytes(cell: Cell) -> int:
    tip = cell.title or (str(cell.sort) if cell.sort is not None else "")
    shown = _mark_bytes(cell.mark) if cell.mark is not None else len(cell.text)
    return _CELL + shown + (_TIP + len(tip) if tip else 0) + (len(cell.href) + 15 if cell.href else 0)


def _mark_bytes(mark: Spark | Thumbnail | None) -> int:
    if isinstance(mark, Spark):
        return _MARK + _POINT * min(len(mark.values), _POINTS)
    return _MARK + _BIN * (len(mark.first) + len(mark.last)) if mark is not None else 0


def _drawn(page: Page, pictures: int) -> Page:
    """The same page with at most so many pictures in each gallery, and in each section beside these."""
    return _few_alone(_each(page, partial(_fewer, pictures=pictures)), pictures)


def _few_alone(page: Page, pictures: int) -> Page:
    """The same page with at most so many single pictures in each section, besides galleries."""
    sections = []
    for section in page.sections:
        alone = [block for block in section.blocks if isinstance(block, Figure)]
        if len(alone) > pictures:
            left = {id(block) for block in alone[pictures:]}
            note = Paragraph(f"{integer(len(left))} more pictures were left out to keep this page small.", "note")
            section = replace(section, blocks=(*(b for b in section.blocks if id(b) not in left), note))
        sections.append(section)
    return replace(page, sections=tuple(sections))


def _each(page: Page, change: Callable[[Block], tuple[Block, ...]]) -> Page:
    """The same page with each block replaced by what ``change`` makes of it."""
    sections = []
    for section in page.sections:
        blocks = [new for block in section.blocks for new in change(block)]
        sections.append(replace(section, blocks=tuple(blocks)))
    return replace(page, sections=tuple(sections))


def _shorter(block: Block, rows: int, where: str) -> tuple[Block, ...]:
    """A table with at most ``rows`` rows; any other block as it is."""
    if isinstance(block, LayerCourses):
        return (replace(block, table=_cut(block.table, rows, where)),)
    return (_cut(block, rows, where) if isinstance(block, Table) else block,)


def _cut(block: Table, rows: int, where: str) -> Table:
    if len(block.rows) <= rows:
        return block
    more = block.more + len(block.rows) - rows
    return replace(block, rows=block.rows[:rows], more=more, more_where=block.more_where or where)


def _fewer(block: Block, pictures: int) -> tuple[Block, ...]:
    """A gallery, or cards, with at most ``pictures`` pictures, and a note; any other block as it is."""
    if isinstance(block, Cards):
        return _plainer(block, pictures)
    if not isinstance(block, Figures) or len(block.items) <= pictures:
        return (block,)
    order = block.order or tuple(range(len(block.items)))
    kept = set(order[:pictures])
    left = integer(len(block.items) - pictures)
    which = " of what changed least" if block.order else ""
    note = Paragraph(f"{left} more pictures{which} were left out to keep this page small.", "note")
    return Figures(tuple(item for i, item in enumerate(block.items) if i in kept)), note


def _plainer(cards: Cards, pictures: int) -> tuple[Block, ...]:
    """Cards of which only those that matter most have pictures below them."""
    drawn = {c.anchor for group in cards.groups for c in group.items if any(isinstance(b, Figure) for b in c.blocks)}
    kept = set([anchor for anchor in cards.order if anchor in drawn][:pictures])
    if len(drawn) <= pictures:
        return (cards,)
    groups = tuple(
        replace(group, items=tuple(card if card.anchor in kept else _without_pictures(card) for card in group.items))
        for group in cards.groups
    )
    text = (
        f"The pictures of {integer(len(drawn) - len(kept))} layers that changed least were left out to keep this page "
    )
    return replace(cards, groups=groups), Paragraph(text + "small.", "note")


def _narrower(block: Block, where: str) -> tuple[Block, ...]:
    """Cards whose tables lack the columns that a screen does not show at first; any other block as it is."""
    if not isinstance(block, Cards):
        return (block,)
    groups = tuple(
        replace(
            group,
            items=tuple(
                replace(card, blocks=tuple(_without_extras(b) if isinstance(b, Table) else b for b in card.blocks))
                for card in group.items
            ),
        )
        for group in block.groups
    )
    if groups == block.groups:
        return (block,)
    text = f"To keep this page small, the tables on the cards have only their first columns; {where} has all."
    return replace(block, groups=groups), Paragraph(text, "note")


def _without_extras(table: Table) -> Table:
    """The table without extra columns, but with those in which something is marked."""
    marked = {at for row in table.rows for at, cell in enumerate(row.cells) if cell.level in ("warn", "fail")}
    kept = [at for at, column in enumerate(table.columns) if not column.extra or at in marked]
    if len(kept) == len(table.columns):
        return table
    rows = tuple(replace(row, cells=tuple(row.cells[at] for at in kept)) for row in table.rows)
    return replace(table, columns=tuple(table.columns[at] for at in kept), rows=rows)


def _without_pictures(card: Card) -> Card:
    return replace(card, blocks=tuple(block for block in card.blocks if not isinstance(block, Figure)))
