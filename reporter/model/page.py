"""A page as plain data: sections of blocks that templates only loop over and print.

All text in here is raw; templates escape it. Numbers arrive as text, formatted by :mod:`reporter.numerals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from reporter.frozen import dataclass
from reporter.model.blocks import Banner, Facts, Figure, Figures, Paragraph
from reporter.model.cards import Cards
from reporter.model.finding_list import FindingList
from reporter.model.hero import Hero
from reporter.model.histogram import Histogram
from reporter.model.look import PLAIN, Look
from reporter.model.side_by_side import CompareView, HistogramPairs, LayerCourses
from reporter.model.table import Table

CONTEXT_VERSION = 1
"""Of what templates are given; raised when a field is renamed or removed, since templates of users name them."""


Block = (
    HistogramPairs
    | Table
    | Figure
    | Figures
    | Paragraph
    | Facts
    | Banner
    | Hero
    | FindingList
    | Cards
    | LayerCourses
    | CompareView
)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page; folded ones start closed (in HTML), and unlisted ones are not in the contents.

    Attributes:
        anchor: the element's id, or "".
        title: its heading.
        blocks: from top to bottom.
        folded: whether it starts closed in HTML.
        depth: 2 or 3: the level of its heading.
        listed: whether it is in the contents.
        group: of sections with the same, such as those of one series, the contents make one entry that can be folded.
        parts: (text, href) of what the contents list below this section.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    folded: bool = False
    depth: int = 2
    listed: bool = True
    group: str = ""
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole document.

    Attributes:
        sections: from top to bottom.
        title: of the document.
        subtitle: one line below it.
        facts: printed in the footer: what made this, when, from what.
        up: (href, text) of the page above, or None.
        before, after: the same of the pages before and after it, such as those of neighbouring checkpoints.
        paper: of a PDF, such as A4 or Letter.
        language: BCP 47 tag.
        look: what the user chose for it.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    facts: tuple[str, ...] = ()
    up: tuple[str, str] | None = None
    before: tuple[str, str] | None = None
    after: tuple[str, str] | None = None
    paper: str = "A4"
    language: str = "en"
    look: Look = PLAIN


def every_block(page: Page) -> Iterator[Block]:
    """Every block of a page, those within cards and galleries included."""
    for section in page.sections:
        for block in section.blocks:
            yield block
            if isinstance(block, Cards):
                yield from (inner for group in block.groups for card in group.items for inner in card.blocks)
            elif isinstance(block, Figures):
                yield from block.items


_WITHOUT_PICTURES = frozenset({str, int, float, bool, type(None), Table, Histogram})
"""Classes in which no picture can be. A page holds hundreds of thousands of numbers, nearly all in histograms."""


def figures_of(value: object) -> Iterator[Figure]:
    """Every picture of a page or block, wherever it is in it, in the order of the page."""
    # The next one last. A generator for each of the many objects of a page would take three times as long.
    left = [value]
    while left:
        one: Any = left.pop()
        kind: Any = type(one)
        if kind in _WITHOUT_PICTURES:
            continue
        if isinstance(one, Figure):  # a section of the user's own may hold one of a class of its own
            yield one
        elif isinstance(one, tuple):
            left.extend(reversed(one))
        else:
            left.extend(getattr(one, name) for name in reversed(field_names(kind)))


@cache
def field_names(kind: Any) -> tuple[str, ...]:
    """Of a dataclass; none of any other class. There are many objects of few classes on a page."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
