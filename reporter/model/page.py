"""A page as plain data: sections of blocks that templates only loop over and print.

All text in here is raw; templates escape it. Numbers arrive as text, formatted by :mod:`reporter.numerals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal

from reporter.model.histogram import Histogram
from reporter.model.look import PLAIN, Look
from reporter.model.numbers import SeriesNumbers
from reporter.model.reading import Area

CONTEXT_VERSION = 1
"""Of what templates are given; raised when a field is renamed or removed, since templates of users name them."""

Level = Literal["", "pass", "info", "warn", "fail"]
"""How a row, a cell or a finding is marked; always with a word or a sign beside the colour."""


@dataclass(frozen=True, slots=True)
class Spark:
    """The course of a number as a small line.

    Attributes:
        values: at each checkpoint; None where there is no number, NaN or infinite where it is none.
    """

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
        title: what is printed above it.
        unit: below the title: a unit, or what it is held against.
        numeric: whether it holds numbers, which stand at the right.
        definition: a sentence, shown on demand and among the definitions.
        course: whether its texts are small pictures made of block characters, which never wrap.
        extra: whether other columns come before it where a table has more than are shown at first.
    """

    title: str
    unit: str = ""
    numeric: bool = True
    definition: str = ""
    course: bool = False
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One table row; the first cell is its header. ``anchor`` is the element's id, or "".

    Attributes:
        cells: as many as the table has columns; the first is the header of the row.
        level: a mark for the whole row.
        anchor: the element's id, or "".
    """

    cells: tuple[Cell, ...]
    level: Level = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``more`` rows were left out, and ``more_where`` says where they are.

    Attributes:
        caption: its title.
        columns: from left to right.
        rows: from top to bottom.
        note: a sentence below it.
        more: how many rows were left out.
        more_where: where they are.
        alike: whether its columns are of one kind, such as one for each checkpoint, so that none is less telling.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    more: int = 0
    more_where: str = ""
    alike: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{self.caption}: {len(row.cells)} cells under {len(self.columns)} columns")


@dataclass(frozen=True, slots=True)
class Figure:
    """A PNG at its natural size in CSS pixels is ``width`` × ``height``; the bitmap may be denser.

    Attributes:
        name: of its file, without suffix.
        png: the bytes of the picture.
        width, height: in CSS pixels.
        alt: the alternative text.
        caption: the text below it.
        shaded: whether its colours stand for numbers, so that light and dark must never be exchanged.
        reading: the areas of it that tell their numbers to whoever points at them.
    """

    name: str
    png: bytes
    width: int
    height: int
    alt: str
    caption: str
    shaded: bool = False
    reading: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side where there is room.

    Attributes:
        items: the pictures.
        order: places of all of them, what matters most first; () if that is their own order. If there is no room for
            all, the last of these are left out.
    """

    items: tuple[Figure, ...]
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; a "note" is set smaller, a "warning" stands out.

    Attributes:
        text: what is printed.
        kind: ``note`` is set smaller, ``warning`` stands out.
    """

    text: str
    kind: Literal["text", "note", "warning"] = "text"


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and their values; "tiles" are the key figures, "list" a definition list (glossary, settings).

    Attributes:
        items: terms and their values.
        kind: ``tiles`` are key figures, ``list`` is a list of definitions.
    """

    items: tuple[tuple[str, str], ...]
    kind: Literal["tiles", "list"] = "list"


@dataclass(frozen=True, slots=True)
class Banner:
    """A verdict in one word and one sentence.

    Attributes:
        level: how it is marked.
        word: the verdict.
        sentence: why.
    """

    level: Level
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads somewhere, as :class:`Cell` does, or just a text.

    Attributes:
        text: what is printed.
        href: the address, or "".
        level: a mark.
    """

    text: str
    href: str = ""
    level: Level = ""


@dataclass(frozen=True, slots=True)
class HealthCell:
    """The worst that is known of a place at a moment.

    Attributes:
        level: "pass" for fine; "" where there is no data.
        words: the same in words, with place and moment: what is heard, and the tool tip.
        href: as in :class:`Cell`.
    """

    level: Level
    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One layer, group of layers or series over the checkpoints; ``title`` is the longer name.

    Attributes:
        name: of the layer or series, with a link to it.
        cells: one per column of the map.
        title: the whole name.
    """

    name: Link
    cells: tuple[HealthCell, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class HealthMap:
    """Places × checkpoints, each with its worst state.

    Attributes:
        rows: layers, or series.
        caption: what the rows and columns are, and by which rule some were left out.
        columns: labels of the checkpoints, as many as each row has cells; () where the rows are different series, each
            with cells of its own.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[HealthRow, ...]


@dataclass(frozen=True, slots=True)
class Hero:
    """The first screen: what happened, where, since when.

    Attributes:
        level, word: the verdict.
        counts: how many findings of which severity in how many checks.
        sentence: the verdict for someone who knows nothing of weights.
        use: which checkpoint to use.
        news: what is new since the last report.
        findings: those that matter, each in a line that leads to where it is told.
        health: places × checkpoints; None where nothing was measured.
        curves: what the whole did over the steps; None for a single checkpoint.
        facts: what was looked at.
    """

    level: Level
    word: str
    counts: str
    sentence: str
    use: str
    news: str = ""
    findings: tuple[Link, ...] = ()
    health: HealthMap | None = None
    curves: Figure | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FindingItem:
    """One finding, ready to print.

    Attributes:
        level: how it is marked.
        severity: the word for that.
        title: the rule's.
        href: where it shows.
        where: the checkpoint and the place; ``href`` leads there.
        message: what happened.
        value, threshold: what was measured and what it is held against, both with unit and side.
        basis: how sure it is.
        meaning: what it usually means.
        next_step: what to do next.
        since: since when, and which checkpoint was the last good one.
        extent: how much of the model it concerns.
        formula, source: what the rule computes, and where it comes from.
        anchor: the element's id, or "".
        evidence: a picture of it, or None.
        places: where it shows: layers, or series that are copies of each other.
        others: findings of the same rule elsewhere, a line for each.
        change: what kind of change it was, where that is known.
    """

    level: Level
    severity: str
    title: str
    where: str
    message: str
    value: str
    threshold: str
    basis: str
    href: str = ""
    meaning: str = ""
    next_step: str = ""
    since: str = ""
    extent: str = ""
    formula: str = ""
    source: str = ""
    anchor: str = ""
    evidence: Figure | None = None
    places: tuple[Link, ...] = ()
    others: tuple[Link, ...] = ()
    change: str = ""


@dataclass(frozen=True, slots=True)
class FindingList:
    """Findings, worst first; ``more`` were left out.

    Attributes:
        items: the findings, worst first.
        more: how many were left out.
        more_where: where they are.
        remarks: those that are no part of the verdict, folded.
    """

    items: tuple[FindingItem, ...]
    more: int = 0
    more_where: str = ""
    remarks: tuple[FindingItem, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerCourses:
    """A table of a statistic of every layer over the checkpoints, which scripts fill with any other statistic.

    Attributes:
        table: of the first of the statistics; a row per layer, in the order of the numbers.
        columns: the places of its columns, after the one with the names, among the checkpoints of the numbers.
        numbers: what scripts fill it with.
    """

    table: Table
    columns: tuple[int, ...]
    numbers: SeriesNumbers


@dataclass(frozen=True, slots=True)
class CompareView:
    """Any two checkpoints of a series, layer by layer, which scripts fill.

    Attributes:
        numbers: what scripts fill it with.
        otherwise: what is read where no script runs.
        href, link: address and text of the place with the numbers that need no script.
    """

    numbers: SeriesNumbers
    otherwise: str
    href: str
    link: str


@dataclass(frozen=True, slots=True)
class HistogramPair:
    """A sample before and after, as two histograms on the same edges.

    Attributes:
        before, after: the histograms.
        title: what the sample is.
        text: what happened to it, in a few words.
    """

    title: str
    text: str
    before: Histogram
    after: Histogram


@dataclass(frozen=True, slots=True)
class HistogramPairs:
    """Small pictures of samples before and after, each laid over the other.

    Attributes:
        items: the pairs.
    """

    items: tuple[HistogramPair, ...]


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
    """Cards of layers whose names begin alike; one without a ``name`` is not folded.

    Attributes:
        name: what the names begin with, "" for no group.
        items: the cards.
        level: the worst among them.
    """

    name: str
    items: tuple[Card, ...]
    level: Level = ""


@dataclass(frozen=True, slots=True)
class Cards:
    """The layers of a model in its order.

    Attributes:
        groups: in the order of the model.
        order: anchors of the cards, what matters most first: the last ones lose their pictures where there is no room.
    """

    groups: tuple[CardGroup, ...]
    order: tuple[str, ...] = ()


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
