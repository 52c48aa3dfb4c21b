"""The first screen of a report as one picture, for a chat, a mail or a comment: verdict, sentence, map of health."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from reporter.model.blocks import Figure
from reporter.model.hero import SIGNS, WORDS, HealthMap, Hero
from reporter.model.table import Level
from reporter.plots import lettering
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import FAINT_INK, PAPER
from reporter.plots.panel import gutter

LINE = 17
"""Height of a line of text in CSS pixels."""
ROW = 14
"""Height of a row of the map in CSS pixels."""
WIDEST = 24.0
"""Most CSS pixels that a cell is wide."""
NAMES = 200.0
"""CSS pixels that the name of a row may take at least; where there are few cells, it may take what they leave."""

ALT = 1000
"""Most characters of the alternative text and of the caption."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in CSS pixels."""

COLOURS: dict[Level, tuple[str, str]] = {
    "pass": ("#E3F1EA", "#1B6B45"),
    "info": ("#DCE9F5", "#0B5394"),
    "warn": ("#B45309", PAPER),
    "fail": ("#B3261E", PAPER),
    "": ("#EEEEEE", FAINT_INK),
}
"""Ground and sign of each level; white on the dark ones has a contrast of at least 5 : 1."""


def first_screen(name: str, title: str, hero: Hero) -> Figure:
    """Draw the verdict, what it means, and the map.

    Args:
        name: of the picture's file, without suffix.
        title: of the report.
        hero: what the first screen says.
    """
    told = [hero.sentence, hero.use, *(f"{SIGNS[one.level]} {one.text}" for one in hero.findings)]
    lines = [line for text in told if text for line in wrapped(text, FULL)]
    top = 2 * LINE + 8 + LINE * len(lines) + 8
    known = hero.health
    canvas = Canvas(FULL, round(top + (_height(known) if known else 0)))
    canvas.text(0, 13, title, bold=True)
    _verdict(canvas, hero)
    for i, line in enumerate(lines):
        canvas.text(0, 2 * LINE + 8 + LINE * i + 13, line)
    if known:
        _draw(canvas, top, known)
    caption = known.caption if known else "Nothing was measured."
    return canvas.figure(
        name, lettering.one_line(f"{hero.word}: {hero.sentence}", ALT), lettering.one_line(caption, ALT)
    )


def wrapped(text: str, room: float) -> Iterator[str]:
    """A text in lines of at most ``room`` CSS pixels; a word that is longer than a line has one of its own.

    >>> list(wrapped("one two three", 50))
    ['one two', 'three']
    """
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and lettering.width(lettering.drawable(longer)) > room:
            yield line
            longer = word
        line = longer
    yield line


def _verdict(canvas: Canvas, hero: Hero) -> None:
    """The word on its colour, and what was counted beside it."""
    ground, ink = COLOURS[hero.level]
    wide = lettering.width(hero.word, bold=True) + 12
    top, bottom = LINE + 3, 2 * LINE + 4
    canvas.polygons([np.array([(0, top), (wide, top), (wide, bottom), (0, bottom)], np.float64)], ground)
    canvas.text(6, bottom - 4, hero.word, colour=ink, bold=True)
    canvas.text(wide + 8, bottom - 4, hero.counts, colour=FAINT_INK, room=FULL - wide - 8)


def _height(known: HealthMap) -> int:
    """Of the map, with the labels of its columns, its key and its caption."""
    return LINE + ROW * len(known.rows) + LINE * (1 + len(list(wrapped(known.caption, FULL))))


def _draw(canvas: Canvas, top: float, known: HealthMap) -> None:
    """The labels of the first and the last column, a row of cells for each place, the key and the caption."""
    most = max(len(row.cells) for row in known.rows)
    names = lettering.shorten_apart([row.name.text for row in known.rows], max(NAMES, FULL - WIDEST * most - 12))
    left = gutter(names)
    wide = min(WIDEST, (FULL - left) / most)
    if known.columns:
        room = max(wide * most / 2 - 4, wide)
        canvas.text(left, top + 12, known.columns[0], colour=FAINT_INK, room=room)
    if len(known.columns) > 1:
        canvas.text(left + wide * most, top + 12, known.columns[-1], "right", colour=FAINT_INK, room=room)
    top += LINE
    cells: list[tuple[Box, Level]] = []
    for i, row in enumerate(known.rows):
        above = top + ROW * i
        canvas.text(left - 8, above + 11, names[i], "right")
        cells += [
            ((left + wide * j, above, left + wide * (j + 1), above + ROW), cell.level)
            for j, cell in enumerate(row.cells)
        ]
    _cells(canvas, cells)
    below = top + ROW * len(known.rows)
    _key(canvas, below, {level for _, level in cells})
    for i, line in enumerate(wrapped(known.caption, FULL)):
        canvas.text(0, below + LINE * (i + 1) + 13, line, colour=FAINT_INK)


def _cells(canvas: Canvas, cells: Sequence[tuple[Box, Level]]) -> None:
    """All at once: a call for each would take most of the time of the picture."""
    outlines = [np.array([(x, y), (right, y), (right, end), (x, end)], np.float64) for (x, y, right, end), _ in cells]
    canvas.polygons(outlines, [COLOURS[level][0] for _, level in cells], edge=PAPER, thickness=1.0)
    for (left, _, right, bottom), level in cells:
        centre = (left + right) / 2
        canvas.text(centre, bottom - 3, SIGNS[level], "centre", colour=COLOURS[level][1], room=right - left)


def _key(canvas: Canvas, top: float, levels: set[Level]) -> None:
    """What the colours mean, of those that occur."""
    at, cells = 0.0, list[tuple[Box, Level]]()
    for level in (level for level in WORDS if level in levels):
        cells.append(((at, top + 3, at + ROW, top + LINE), level))
        at += ROW + 4
        at += canvas.text(at, top + 14, WORDS[level]) + 14
    _cells(canvas, cells)
