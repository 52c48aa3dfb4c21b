"""A table of a page: columns, rows and cells, how they are marked, and the small pictures in cells."""

from __future__ import annotations

from typing import Literal

from reporter.frozen import dataclass

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
