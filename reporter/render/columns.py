"""Column widths for paper, where nothing scrolls: taken from the text itself, so that a table always fits its page."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

from reporter.model.page import Column, Table

SIZES = {"normal": 112, "dense": 127, "tiny": 145}
"""Characters of 0.6 em across 178 mm at the type sizes of css/pdf.css (7.5, 6.6 and 5.8 pt)."""

PARTS = 200
"""Widths are whole multiples of half a percent: one class each in pdf.html."""

_NUMBER, _WORDS, _LEAST = 16, 40, 8
"""Longest number and words given room on one line; longer ones wrap. Words get no less than the last."""

_BLOCK = 1.3
"""Width of a block character (0.77 em) in characters."""


def _wanted(column: Column, texts: list[str]) -> float:
    """Characters a column wants: digits are 0.64 em wide and bold header words 0.7; then the padding."""
    header = 1.2 * max(map(len, [*column.title.split(), column.unit]), default=0)
    longest = max(map(len, texts), default=0) * (_BLOCK if column.course else 1)
    if column.numeric:
        return max(min(header, _NUMBER), 1.06 * min(longest, _NUMBER), 3) + 1.6
    return max(min(header, _WORDS), min(longest, _WORDS), 3) + 2.8


def _cap(widths: list[float], room: float) -> float:
    """The width at which the wider of ``widths`` must be cut for all to fit in ``room``."""
    for left, width in zip(range(len(widths), 0, -1), sorted(widths), strict=True):
        if width * left > room:
            return room / left
        room -= width
    return math.inf


def _layout(table: Table) -> tuple[str, list[float]]:
    """The largest type size that fits, and characters per column; at the smallest size words make room for numbers."""
    columns = table.columns
    wanted = [_wanted(column, [row.cells[i].text for row in table.rows]) for i, column in enumerate(columns)]
    for size, line in SIZES.items():
        if sum(wanted) <= line:
            return size, wanted
    words = [width for width, column in zip(wanted, columns, strict=True) if not column.numeric]
    cap = max(_LEAST, _cap(words, line - sum(wanted) + sum(words)))
    return size, [width if column.numeric else min(width, cap) for width, column in zip(wanted, columns, strict=True)]


def column_shares(table: Table) -> list[int]:
    """Width of each column in half percents, together 200.

    >>> from reporter.model.page import Cell, Column, Row
    >>> rows = (Row((Cell("encoder/attention/query"), Cell("0.25"))),)
    >>> column_shares(Table("", (Column("Layer", numeric=False), Column("Zeros")), rows))
    [154, 46]
    """
    _, widths = _layout(table)
    edges = accumulate(widths, initial=0.0)
    return [right - left for left, right in pairwise(round(PARTS * edge / sum(widths)) for edge in edges)]


def density(table: Table) -> str:
    """How small the type must be for the columns to fit: ``normal``, ``dense`` or ``tiny``."""
    return _layout(table)[0]
