"""Write the cells of a table row as HTML.

This is Python and not a template, since a report may have a million cells and a template takes eight times as long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from markupsafe import Markup, escape

from reporter.model.table import Cell, Column, Level, Row, Table
from reporter.render.links import Links
from reporter.render.marks import svg
from reporter.render.text import apart, clip, visible

SIGNS: dict[Level, str] = {"pass": "✓", "info": "●", "warn": "▲", "fail": "✕"}

LONG = 40
"""In cells with more characters, a line may end after each ``_``, ``/`` and dot before a letter."""

SHOWN = 120
"""Most characters that a cell shows; the whole text of a longer one is its tool tip."""

NONE = Markup()

SHORT = 16
"""On paper, where nothing scrolls, a line of a longer text may end there."""

_BREAKS = re.compile(r"[_/](?=[^_/ ])|(?<=[^. ])\.(?=[A-Za-z])")

_NAME = re.compile(rf"\S{{{SHORT + 1},}}")

_PLAIN = re.compile("[A-Za-z0-9 \u202f%._/+×−-]{0,1000}")
"""Texts in which nothing needs to be escaped or made visible: most names, and nearly all numbers."""


def mark(level: Level, *, sign: bool = True, word: bool = True) -> Markup:
    """A level such as "warn", as a sign to be seen and a word for screen readers.

    The colour comes from the class of the element around it. Numbers get no sign but bold type, as "✕ 41" would read
    like a factor.

    Args:
        level: the level, "" for none.
        sign: whether to show the sign.
        word: whether to add the word.
    """
    shown = f'<span class="mark" aria-hidden="true">{SIGNS[level]}</span>' if level and sign else ""
    heard = f'<span class="heard">{level}: </span>' if level and word else ""
    return Markup(shown + heard)


def alike(table: Table) -> dict[str, str]:
    """How the long texts of a table are shown that would look alike if their middles were left out."""
    return apart((cell.text for row in table.rows for cell in row.cells if len(cell.text) > SHOWN), SHOWN)


def cells(row: Row, columns: Sequence[Column], links: Links, shown: Mapping[str, str] = MappingProxyType({})) -> Markup:
    """The header cell and the other cells of a row, each on a line.

    Args:
        row: the row; its first cell is the header.
        columns: the columns of the table, as many as cells.
        links: which links may be printed.
        shown: see :func:`alike`.

    >>> row = Row((Cell("dense"), Cell("0.25", sort=0.25)))
    >>> print(cells(row, (Column("Layer", numeric=False), Column("Mean")), Links(frozenset(), files=True)))
    <th scope="row" class="text">dense</th>
    <td data-sort="0.25">0.25</td>
    """
    header, *others = zip(row.cells, columns, strict=True)
    # The id is on an empty element: on a row or cell, WeasyPrint would compute the styles of everything in it again.
    anchor = f'<span id="{row.anchor}"></span>' if row.anchor in links.anchors else ""
    sign = mark(header[0].level or row.level)
    lines = [f'<th scope="row"{_attributes(*header)}>{anchor}{sign}{_content(header[0], links, shown)}</th>']
    for cell, column in others:
        sign = mark(cell.level, sign=not column.numeric) if cell.level else NONE
        lines.append(f"<td{_attributes(cell, column)}>{sign}{_content(cell, links, shown)}</td>")
    return Markup("\n".join(lines))


def _attributes(cell: Cell, column: Column) -> str:
    text: str = cell.level
    if not column.numeric:
        course, wraps = " course" if column.course else "", " long" if len(cell.text) > LONG else ""
        text = f"text{course}{wraps} {cell.level}".rstrip()
    title = cell.title or (cell.text if len(cell.text) > SHOWN else "")
    sort = "" if cell.sort is None else str(cell.sort)
    kind = f' class="{text}"' if text else ""
    if sort and sort == title:  # the tool tip is the same number: scripts sort by that, and the page is a tenth smaller
        return f'{kind} title="{title}"'
    return kind + (f' data-sort="{sort}"' if sort else "") + (f' title="{_escaped(title)}"' if title else "")


def _content(cell: Cell, links: Links, shown: Mapping[str, str]) -> str:
    if cell.mark is not None and links.files:  # on paper there is the text alone
        return svg(cell.mark)
    text = _escaped(cell.text if len(cell.text) <= SHOWN else shown.get(cell.text) or clip(cell.text, SHOWN))
    if len(text) > (LONG if links.files else SHORT):
        text = _BREAKS.sub(r"\g<0><wbr>", text)
    return f'<a href="{_escaped(cell.href)}">{text}</a>' if cell.href and cell.href in links else text


def breaking(text: str) -> Markup:
    """A sentence in which a line may end after each ``_``, ``/`` and dot of a long name, and nowhere else within it.

    >>> print(breaking("bad: encoder/block_12/dense & and/or"))
    bad: encoder/<wbr>block_<wbr>12/<wbr>dense &amp; and/or
    >>> print(breaking("model.layers.0.mlp.weight at 0.00012345678901234"))
    model.<wbr>layers.0.<wbr>mlp.<wbr>weight at 0.00012345678901234
    """
    return Markup(_NAME.sub(lambda name: _BREAKS.sub(r"\g<0><wbr>", name[0]), str(escape(visible(text)))))


def _escaped(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else str(escape(visible(text)))
