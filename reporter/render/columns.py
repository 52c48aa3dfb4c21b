"""Compute column widths for paper, where nothing scrolls, from the texts, so that every table fits its page; and
choose the columns that a screen shows at first."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

from reporter.model.table import Column, Table
from reporter.render.links import Links

SIZES = {"normal": 112, "dense": 120}
"""Characters per line for each type size of css/pdf.css (7.5 and 7 pt, below which nobody reads on paper): 178 mm, and
0.6 em per character."""

AT_FIRST = 6
"""Columns that a screen shows at first; a reader can have the others."""

PARTS = 200
"""Widths are whole multiples of half a percent, each of which is a CSS class in pdf.html."""

_NUMBER, _WORDS, _LEAST = 20, 40, 8
"""Characters: the longest number and the longest words that get room on one line, and the least room that words get."""

_BLOCK = 1.3
"""Width of a block character of sparklines, or of a sign of a course (0.77 em), in characters of 0.6 em."""


def _wanted(column: Column, texts: list[str]) -> float:
    """The width that a column wants, in characters. Digits are 0.64 em wide, bold words of headers 0.7 em; the number
    at the end is the padding."""
    header = 1.2 * max(map(len, [*column.title.split(), column.unit]), default=0)
    longest = max(map(len, texts), default=0) * (_BLOCK if column.course else 1)
    if column.numeric:
        return max(min(header, _NUMBER), 1.06 * min(longest, _NUMBER), 3) + 1.6
    return max(min(header, _WORDS), min(longest, _WORDS), 3) + 2.8


def _cap(widths: list[float], room: float) -> float:
    """The width that no column may exceed, so that all ``widths`` together fit into ``room``.

    >>> _cap([2.0, 8.0, 9.0], 14.0)
    6.0
    """
    for left, width in zip(range(len(widths), 0, -1), sorted(widths), strict=True):
        if width * left > room:
            return room / left
        room -= width
    return math.inf


def _layout(table: Table) -> tuple[str, list[float]]:
    """The largest type size at which a table fits, and the characters per column.

    If it does not fit even at the smallest size, columns of words become narrower, and their texts wrap.
    """
    columns = table.columns
    wanted = [_wanted(column, [row.cells[i].text for row in table.rows]) for i, column in enumerate(columns)]
    for size, line in SIZES.items():
        if sum(wanted) <= line:
            return size, wanted
    # Sentences and names may wrap; numbers, courses and short words may not. The header of a row, mostly a long name,
    # gets the room of two.
    fixed = [column.numeric or column.course or width <= _NUMBER for column, width in zip(columns, wanted, strict=True)]
    wraps = [(i, 1 + (i == 0)) for i in range(len(columns)) if not fixed[i]]
    room = line - sum(wanted) + sum(wanted[i] for i, _ in wraps)
    cap = max(_LEAST, _cap([wanted[i] / of for i, of in wraps for _ in range(of)], room))
    for i, of in wraps:
        wanted[i] = min(wanted[i], cap * of)
    return size, wanted


def column_shares(table: Table) -> list[int]:
    """The width of each column in half percents, 200 in all.

    >>> from reporter.model.table import Cell, Column, Row
    >>> rows = (Row((Cell("encoder/attention/query"), Cell("0.25"))),)
    >>> column_shares(Table("", (Column("Layer", numeric=False), Column("Zeros")), rows))
    [154, 46]
    """
    _, widths = _layout(table)
    edges = accumulate(widths, initial=0.0)
    return [right - left for left, right in pairwise(round(PARTS * edge / sum(widths)) for edge in edges)]


def density(table: Table) -> str:
    """The type size at which the columns fit, as a CSS class: ``normal`` or ``dense``."""
    return _layout(table)[0]


def hiding(columns: int) -> str:
    """The style rules that hide the columns whose numbers a table has in ``data-hidden``, for tables with up to so many
    columns. They hold only where a script can show them again.

    >>> print(hiding(2))
    @media (scripting: enabled) {
      [data-hidden~="1"] > * > tr > td:nth-child(2), [data-hidden~="1"] > * > tr > th:nth-child(2) { display: none; }
    }
    """
    rules = ["@media (scripting: enabled) {"]
    for column in range(1, columns):
        cells = (f'[data-hidden~="{column}"] > * > tr > {cell}:nth-child({column + 1})' for cell in ("td", "th"))
        rules.append(f"  {', '.join(cells)} {{ display: none; }}")
    return "\n".join([*rules, "}"])


def defined(table: Table, links: Links) -> list[tuple[str, str]]:
    """The titles of columns that the page defines, each once, with the links to their definitions."""
    titles = dict.fromkeys(column.title for column in table.columns if column.title in links.terms)
    return [(title, f"#{links.terms[title]}") for title in titles]


def extras(table: Table) -> frozenset[int]:
    """The columns that a screen does not show at first.

    The header of the rows and columns in which something is marked are shown before all others, since bad news must not
    be hidden, and those that a section calls extra come last.

    >>> from reporter.model.table import Cell, Column, Row
    >>> titles = "Name", "Min", "Max", "Mean", "Std", "Norm", "NaN"
    >>> columns = [Column(title, extra=title == "Min") for title in titles]
    >>> sorted(extras(Table("", tuple(columns), ())))
    [1]
    >>> marked = (Cell(""), Cell("-inf", level="fail"), *[Cell("")] * 5)
    >>> sorted(extras(Table("", tuple(columns), (Row(marked),))))
    [6]
    >>> sorted(extras(Table("", tuple(columns), (), alike=True)))
    []
    """
    if table.alike:
        return frozenset()
    marked = {at for row in table.rows for at, cell in enumerate(row.cells) if cell.level in ("warn", "fail")}

    def rank(at: int) -> tuple[bool, bool, bool]:
        return at > 0, at not in marked, table.columns[at].extra

    return frozenset(sorted(range(len(table.columns)), key=rank)[AT_FIRST:])
