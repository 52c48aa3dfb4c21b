"""The cells of a table row as HTML: a report may have a million, and a template takes eight times as long for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from reporter.model.page import Cell, Column, Level, Row
from reporter.render.links import Links
from reporter.render.text import clip, visible

SIGNS: dict[Level, str] = {"pass": "✓", "info": "●", "warn": "▲", "fail": "✕"}

LONG = 40
"""Characters from which on words may wrap anywhere."""

SHOWN = 120
"""Characters of a cell; the whole text is its tool tip."""

NONE = Markup()

_PLAIN = re.compile("[A-Za-z0-9 ._/+×−-]{0,1000}")
"""Most texts, and nearly all numbers: nothing in them has to be escaped or made visible."""


def mark(level: Level, *, sign: bool = True, word: bool = True) -> Markup:
    """A level as a sign and, for those who hear the page, as a word; the class of the element around gives the colour.

    Numbers get the word alone, and bold type: "✕ 41" would read as a factor.
    """
    shown = f'<span class="mark" aria-hidden="true">{SIGNS[level]}</span>' if level and sign else ""
    heard = f'<span class="heard">{level}: </span>' if level and word else ""
    return Markup(shown + heard)


def cells(row: Row, columns: Sequence[Column], links: Links) -> Markup:
    """The header and the cells of a row, one on each line.

    >>> row = Row((Cell("dense"), Cell("0.25", sort=0.25)))
    >>> print(cells(row, (Column("Layer", numeric=False), Column("Mean")), Links(frozenset(), files=True)))
    <th scope="row" class="text">dense</th>
    <td data-sort="0.25">0.25</td>
    """
    header, *others = zip(row.cells, columns, strict=True)
    # An id on a row or cell makes WeasyPrint compute the styles of all below it anew: an empty element carries it.
    anchor = f'<span id="{row.anchor}"></span>' if row.anchor in links.anchors else ""
    sign = mark(header[0].level or row.level)
    lines = [f'<th scope="row"{_attributes(*header)}>{anchor}{sign}{_content(header[0], links)}</th>']
    for cell, column in others:
        sign = mark(cell.level, sign=not column.numeric) if cell.level else NONE
        lines.append(f"<td{_attributes(cell, column)}>{sign}{_content(cell, links)}</td>")
    return Markup("\n".join(lines))


def _attributes(cell: Cell, column: Column) -> str:
    text: str = cell.level
    if not column.numeric:
        course, wraps = " course" if column.course else "", " long" if len(cell.text) > LONG else ""
        text = f"text{course}{wraps} {cell.level}".rstrip()
    title = cell.title or (cell.text if len(cell.text) > SHOWN else "")
    return (
        (f' class="{text}"' if text else "")
        + (f' data-sort="{cell.sort}"' if cell.sort is not None else "")
        + (f' title="{_escaped(title)}"' if title else "")
    )


def _content(cell: Cell, links: Links) -> str:
    text = _escaped(clip(cell.text, SHOWN))
    return f'<a href="{_escaped(cell.href)}">{text}</a>' if cell.href and cell.href in links else text


def _escaped(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else str(escape(visible(text)))
