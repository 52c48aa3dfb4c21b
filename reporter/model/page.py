"""A page as plain data: sections of blocks that templates only loop over and print.

All text in here is raw; templates escape it. Numbers arrive as text, formatted by :mod:`reporter.numerals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal

Level = Literal["", "pass", "info", "warn", "fail"]
"""How a row, a cell or a finding is marked; always with a word or a sign beside the colour."""


@dataclass(frozen=True, slots=True)
class Spark:
    """The course of a number as a small line; None where there is no number, NaN or infinite where it is none."""

    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Two small histograms in bins of equal width that they share: the first in outline, the last filled.

    Attributes:
        first, last: shares of the values in each bin; () where there is no finite value.
    """

    first: tuple[float, ...]
    last: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell.

    Attributes:
        text: what is printed.
        sort: number to sort by, None for text order.
        href: in-page anchor ("#layer-3") or relative page ("checkpoints/x.html"), or "".
        level: a mark, such as "fail" for a NaN count above 0.
        title: longer text on demand, such as the unrounded number.
        mark: a small picture before the text. In HTML it takes the place of a text in a column of courses; on paper
            there is the text alone.
    """

    text: str
    sort: float | None = None
    href: str = ""
    level: Level = ""
    title: str = ""
    mark: Spark | Thumbnail | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One table column; ``definition`` is explained on demand and in the glossary.

    Attributes:
        course: whether its texts are small pictures made of block characters, which never wrap.
    """

    title: str
    unit: str = ""
    numeric: bool = True
    definition: str = ""
    course: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One table row; the first cell is its header. ``anchor`` is the element's id, or ""."""

    cells: tuple[Cell, ...]
    level: Level = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``more`` rows were left out, and ``more_where`` says where they are."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    more: int = 0
    more_where: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{self.caption}: {len(row.cells)} cells under {len(self.columns)} columns")


@dataclass(frozen=True, slots=True)
class Figure:
    """A PNG at its natural size in CSS pixels is ``width`` × ``height``; the bitmap may be denser."""

    name: str
    png: bytes
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side where there is room.

    Attributes:
        order: places of all of them, what matters most first; () if that is their own order. If there is no room for
            all, the last of these are left out.
    """

    items: tuple[Figure, ...]
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; a "note" is set smaller, a "warning" stands out."""

    text: str
    kind: Literal["text", "note", "warning"] = "text"


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and their values; "tiles" are the key figures, "list" a definition list (glossary, settings)."""

    items: tuple[tuple[str, str], ...]
    kind: Literal["tiles", "list"] = "list"


@dataclass(frozen=True, slots=True)
class Banner:
    """The verdict in one word and one sentence."""

    level: Level
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FindingItem:
    """One finding, ready to print; ``advice`` says what it usually means and what to look at next."""

    level: Level
    severity: str
    title: str
    where: str
    message: str
    value: str
    threshold: str
    basis: str
    href: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class FindingList:
    """Findings, worst first; ``more`` were left out."""

    items: tuple[FindingItem, ...]
    more: int = 0
    more_where: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One layer: a line that is always seen, and what unfolds below it.

    Attributes:
        anchor: the element's id.
        name: of the layer.
        kind: its class, or "".
        chips: short facts, such as shapes.
        badges: findings about it, each with its level and a link.
        marks: small pictures, each with what it shows and one number.
        blocks: what unfolds.
        level: the worst finding.
        short: the name without what the names of all layers begin with, "" where that is nothing.
    """

    anchor: str
    name: str
    kind: str
    chips: tuple[str, ...]
    badges: tuple[Cell, ...]
    marks: tuple[tuple[str, Cell], ...]
    blocks: tuple[Table | Figure | Paragraph, ...]
    level: Level = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class CardGroup:
    """Cards of layers whose names begin alike; one without a ``name`` is not folded."""

    name: str
    items: tuple[Card, ...]
    level: Level = ""


@dataclass(frozen=True, slots=True)
class Cards:
    """The layers of a model in its order.

    Attributes:
        order: anchors of the cards, what matters most first: the last ones lose their pictures where there is no room.
    """

    groups: tuple[CardGroup, ...]
    order: tuple[str, ...] = ()


Block = Table | Figure | Figures | Paragraph | Facts | Banner | FindingList | Cards


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page; folded ones start closed (in HTML), and unlisted ones are not in the contents."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    folded: bool = False
    depth: int = 2
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A whole document.

    Attributes:
        title: of the document.
        subtitle: one line below it.
        facts: printed in the footer: what made this, when, from what.
        up: (href, text) of the page above, or None.
        before, after: the same of the pages before and after it, such as those of neighbouring checkpoints.
        paper: of a PDF, such as A4 or Letter.
        language: BCP 47 tag.
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


def every_block(page: Page) -> Iterator[Block]:
    """Every block of a page, those within cards and galleries included."""
    for section in page.sections:
        for block in section.blocks:
            yield block
            if isinstance(block, Cards):
                yield from (inner for group in block.groups for card in group.items for inner in card.blocks)
            elif isinstance(block, Figures):
                yield from block.items


def figures_of(value: object) -> Iterator[Figure]:
    """Every picture of a page or block, wherever it is in it, in the order of the page."""
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from figures_of(item)
    elif is_dataclass(value) and not isinstance(value, Table):
        for field in fields(value):
            yield from figures_of(getattr(value, field.name))
