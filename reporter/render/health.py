"""Write the cells of a health map: each alone as HTML, and those that are alike together on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

from reporter.frozen import dataclass
from reporter.model.hero import NAME_OF_SERIES, SIGNS, WORDS, HealthCell, HealthMap, HealthRow
from reporter.model.table import Level
from reporter.render.links import Links
from reporter.render.text import apart, clip, visible

LONGEST = 200
"""Most characters of what is said of a cell."""

ROOM = ((4, 1), (12, 2), (math.inf, 4))
"""Up to how many columns a map has wide ones, and how many of these the label of a checkpoint takes."""


NAME = {True: 30, False: 44}
"""Most characters of the name of a row on a screen, and on paper, where a name has more room."""


@dataclass(frozen=True, slots=True)
class Head:
    """The label of a checkpoint, and whether there is room to show it."""

    text: str
    shown: bool


def health_cells(row: HealthRow, links: Links) -> Markup:
    """The cells of a row, each a link where it leads somewhere; what they say is heard, and shown when pointed at.

    >>> from reporter.model.hero import Link
    >>> row = HealthRow(Link("a"), (HealthCell("warn", "a at step 3: warning", "#finding-1"),))
    >>> print(health_cells(row, Links(frozenset({"finding-1"}), files=True)))
    <span role="gridcell" class="cell warn"><a href="#finding-1" aria-label="a at step 3: warning">▲</a></span>
    """
    return Markup("\n".join(_cell(cell, links) for cell in row.cells))


def _cell(cell: HealthCell, links: Links) -> str:
    name = f"cell {cell.level}".rstrip()
    words = escape(visible(clip(cell.words, LONGEST)))
    sign = SIGNS[cell.level]
    if cell.href in links:
        inner = f'<a href="{escape(cell.href)}" aria-label="{words}">{sign}</a>'
        return f'<span role="gridcell" class="{name}">{inner}</span>'
    return f'<span role="gridcell" class="{name}" aria-label="{words}">{sign}</span>'


def row_names(health: HealthMap, links: Links) -> dict[str, str]:
    """How the name of each row is shown: long ones shortened so that no two look alike.

    >>> from reporter.model.hero import Link
    >>> names = [f"batch_normalization_{i} to separable_conv2d_{i} (2)" for i in (3, 4)]
    >>> known = HealthMap("", ("1",), tuple(HealthRow(Link(name), ()) for name in names))
    >>> list(row_names(known, Links(frozenset(), files=True)).values())
    ['batch_normaliza…le_conv2d_3 (2)', 'batch_normaliza…le_conv2d_4 (2)']
    """
    length = NAME[links.files] if health.columns else NAME_OF_SERIES
    names = [row.name.text for row in health.rows]
    told_apart = apart(names, length)
    return {name: told_apart.get(name) or clip(name, length) for name in names}


def key(health: HealthMap) -> list[tuple[Level, str]]:
    """The states that occur, the best first, each with its sign and word: the key explains no others."""
    met = {cell.level for row in health.rows for cell in row.cells}
    return [(level, f"{SIGNS[level]} {WORDS[level]}") for level in SIGNS if level in met]


def widest(health: HealthMap) -> int:
    """How many cells the longest row has: rows of different series have as many as their checkpoints."""
    return max(len(row.cells) for row in health.rows)


def heads(health: HealthMap) -> list[Head]:
    """The labels of the columns: the ends and those at which the first row gets worse, as far as they fit."""
    order = ("", "pass", "info", "warn", "fail")
    ranks = [order.index(cell.level) for cell in health.rows[0].cells]
    last = len(health.columns) - 1
    wanted = [0, *(i for i in range(1, last + 1) if ranks[i] > ranks[i - 1]), last]
    room = next(room for most, room in ROOM if len(health.columns) <= most)
    shown: list[int] = []
    for at in sorted(set(wanted), key=lambda i: (i != 0, i != last, i)):
        if all(abs(at - other) >= room for other in shown):
            shown.append(at)
    return [Head(text, i in shown) for i, text in enumerate(health.columns)]


def spans(health: HealthMap) -> Iterator[tuple[str, int]]:
    """The labels that are shown, each with the number of columns up to the next one."""
    known = heads(health)
    at = [i for i, head in enumerate(known) if head.shown]
    yield from ((known[i].text, after - i) for i, after in zip(at, [*at[1:], len(known)], strict=True))


def stretches(row: HealthRow) -> Iterator[tuple[HealthCell, int, str]]:
    """The first of each stretch of cells that are alike, how many there are, and their sign."""
    for level, of in groupby(row.cells, key=lambda cell: cell.level):
        cells = list(of)
        yield cells[0], len(cells), SIGNS[level]
