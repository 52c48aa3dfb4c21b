"""Make a page small enough to open: shorter tables first, then fewer pictures, and say what was left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reporter.model.page import Block, Figure, Figures, Page, Paragraph, Row, Table
from reporter.numerals import integer

MOST_BYTES = 9_000_000
"""Of a page in HTML: ten million are what a mail server takes and a browser opens at once."""

ROWS = (1000, 500, 250, 100, 50)
"""Rows per table, tried one after the other."""

PICTURES = (100, 50, 20, 10, 3)
"""Pictures per gallery."""

_CELL, _PAGE = 60, 300_000
"""Bytes of markup around a cell, and of style and script."""


def fitted(page: Page, most: int = MOST_BYTES) -> Page:
    """The same page, within about so many bytes if that can be done."""
    tried = page
    for change in (partial(_shorter, rows=n) for n in ROWS):
        if nbytes(tried) <= most:
            return tried
        tried = _each(page, change)
    page = tried
    for pictures in PICTURES:
        if nbytes(tried) <= most:
            break
        tried = _few_alone(_each(page, partial(_fewer, pictures=pictures)), pictures)
    return tried


def nbytes(page: Page) -> int:
    """About how large the page is in HTML."""
    return _PAGE + sum(_bytes(block) for section in page.sections for block in section.blocks)


def _bytes(block: Block) -> int:
    if isinstance(block, Table):
        return sum(_row_bytes(row) for row in block.rows)
    if isinstance(block, Figure):
        return len(block.png) * 4 // 3 + len(block.alt) + len(block.caption)
    if isinstance(block, Figures):
        return sum(_bytes(item) for item in block.items)
    return len(repr(block))


def _row_bytes(row: Row) -> int:
    return sum(_CELL + len(c.text) + len(c.title) + len(c.href) + (20 if c.sort is not None else 0) for c in row.cells)


def _few_alone(page: Page, pictures: int) -> Page:
    """Of the pictures that stand alone in a section, only so many."""
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
    sections = []
    for section in page.sections:
        blocks = [new for block in section.blocks for new in change(block)]
        sections.append(replace(section, blocks=tuple(blocks)))
    return replace(page, sections=tuple(sections))


def _shorter(block: Block, rows: int) -> tuple[Block, ...]:
    if not isinstance(block, Table) or len(block.rows) <= rows:
        return (block,)
    more = block.more + len(block.rows) - rows
    where = block.more_where or "tensors.csv and report.json"
    return (replace(block, rows=block.rows[:rows], more=more, more_where=where),)


def _fewer(block: Block, pictures: int) -> tuple[Block, ...]:
    if not isinstance(block, Figures) or len(block.items) <= pictures:
        return (block,)
    left = integer(len(block.items) - pictures)
    note = Paragraph(f"{left} more pictures were left out to keep this page small.", "note")
    return replace(block, items=block.items[:pictures]), note
