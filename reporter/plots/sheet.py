"""Sheets of small histograms, one for each layer of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reporter.model.blocks import Figure
from reporter.model.histogram import Histogram
from reporter.numerals import in_full, integer, number
from reporter.plots.bins import Array, Bins, bins_of, outline, readable
from reporter.plots.canvas import FULL, Canvas
from reporter.plots.colours import AXIS, BLUE, FAINT_INK, VERMILLION
from reporter.plots.lettering import width
from reporter.plots.scale import Linear
from reporter.plots.words import listing, plural, quoted, sentence

ROWS = 3
"""Most rows of panels on a sheet, so that three of them fill a page of paper: a tall one, which does not fit below the
text before it, would leave half of the page empty."""
HEAD = 20.0
"""CSS pixels above the first row of panels."""
CELL = 84.0
"""Distance of two rows of panels in CSS pixels."""
NAME = 13.0
"""CSS pixels for the name above a panel."""
PLOT = 48.0
"""Height of a panel in CSS pixels."""
GAP = 14.0
"""CSS pixels between two columns of panels."""
APART = 4.0
"""Least CSS pixels between the two numbers below a panel."""


def small_multiples(
    name: str, titles: Sequence[str], histograms: Sequence[Histogram | None], columns: int = 5
) -> list[Figure]:
    """Draw a small histogram for each layer, each with a range of values and a height scale of its own.

    Args:
        name: of the pictures' files, without suffix and number.
        titles: names of the layers, in the order of the panels.
        histograms: of the layers, None for one without any finite value.
        columns: number of panels side by side, 1 to 6.

    Returns:
        As many sheets as are needed, of few rows each; none if there is no layer.
    """
    columns = max(1, min(columns, 6))
    per_sheet = columns * ROWS
    starts = range(0, len(titles), per_sheet)
    sheets = []
    for number_, start in enumerate(starts, 1):
        stop = min(start + per_sheet, len(titles))
        part = slice(start, stop)
        name_ = name if len(starts) == 1 else f"{name}-{number_}"
        which = f"layers {start + 1} to {stop}" if stop - start > 1 else f"layer {stop}"
        where = f"{which} of {len(titles)}" if len(starts) > 1 else plural(len(titles), "layer")
        sheets.append(_sheet(name_, where, titles[part], [bins_of(h) for h in histograms[part]], columns))
    return sheets


def _ends(low: float, high: float, room: float) -> tuple[str, str]:
    """The ends of a range, with as many of three digits as there is room for both: a number is never cut, as what is
    left of it would be another one.

    >>> _ends(-1.02e6, 1.02e6, 120.0), _ends(-1.02e6, 1.02e6, 100.0)
    (('−1\\u202f020\\u202f000', '1\\u202f020\\u202f000'), ('−1e+06', '1e+06'))
    """
    pairs = [(in_full(low, 3), in_full(high, 3)), *((number(low, n), number(high, n)) for n in (3, 2, 1))]
    return next((pair for pair in pairs if width(pair[0]) + width(pair[1]) <= room), pairs[-1])


def _sheet(name: str, where: str, titles: Sequence[str], bins: Sequence[Bins | None], columns: int) -> Figure:
    rows = -(-len(titles) // columns)
    canvas = Canvas(FULL, round(HEAD + CELL * rows))
    told = f"{where[:1].upper()}{where[1:]}: each panel has its own range, printed below it, and its own height."
    canvas.text(0, 12, told)
    wide = (FULL - GAP * (columns - 1)) / columns
    outlines: list[Array] = []
    lines, zeros = [], []
    for i, (title, sample) in enumerate(zip(titles, bins, strict=True)):
        left, top = (wide + GAP) * (i % columns), HEAD + CELL * (i // columns) + NAME
        base = top + PLOT
        canvas.text(left, top - 3, quoted(title), room=wide)
        lines.append(((left, base), (left + wide, base)))
        if sample is None:
            canvas.text(left + wide / 2, base - PLOT / 2 + 4, "no finite values", "centre", colour=FAINT_INK, room=wide)
            continue
        if len(sample.counts) == 1:  # As wide as the panel, it would look like a flat distribution.
            x = Linear(sample.low, sample.high, left + wide / 3, left + 2 * wide / 3)
            both = f"{in_full(sample.low, 3)} … {in_full(sample.high, 3)}"
            canvas.text(left + wide / 2, base + 13, both, "centre", colour=FAINT_INK, room=wide)
        else:
            x = Linear(sample.low, sample.high, left, left + wide)
            low, high = _ends(sample.low, sample.high, wide - APART)
            canvas.text(left, base + 13, low, colour=FAINT_INK)
            canvas.text(left + wide, base + 13, high, "right", colour=FAINT_INK)
        hidden = sample.below + sample.above
        y = Linear(0.0, max(float(sample.counts.max()), 1.0), base, top + (14 if hidden else 3))
        outlines.append(outline(x(sample.edges), y(sample.counts), base))
        ends = (float(x(sample.low)), top, float(x(sample.high)), base)
        canvas.read(readable(ends, (sample.low, sample.high), [title], [sample]))
        if sample.low < 0 < sample.high:
            at = float(x(0.0))
            zeros.append(((at, top + 3), (at, base + 3)))
        if hidden:
            canvas.text(left + wide, top + 8, f"+{integer(hidden)} outside", "right", colour=FAINT_INK, room=wide)
    canvas.segments(zeros, VERMILLION)
    canvas.polygons(outlines, BLUE)
    canvas.segments(lines, AXIS)
    return canvas.figure(name, _alt(where, titles, bins), _caption(bins))


def _alt(where: str, titles: Sequence[str], bins: Sequence[Bins | None]) -> str:
    shown = [(b, title) for b, title in zip(bins, titles, strict=True) if b]
    empty = [title for b, title in zip(bins, titles, strict=True) if b is None]
    ranges = ""
    if shown:
        widths = [b.high / 2 - b.low / 2 for b, _ in shown]
        widest, narrowest = shown[int(np.argmax(widths))], shown[int(np.argmin(widths))]
        ranges = f"The widest range is that of {_range(*widest)}"
        if widest is not narrowest:
            ranges += f", the narrowest that of {_range(*narrowest)}"
    return sentence(
        f"Small histograms of {where}: {listing(titles)}",
        ranges,
        f"No finite values in {listing(empty)}" if empty else "",
    )


def _range(bins: Bins, title: str) -> str:
    return f"{quoted(title)}, {number(bins.low, 3)} to {number(bins.high, 3)}"


def _caption(bins: Sequence[Bins | None]) -> str:
    zero = any(b and b.low < 0 < b.high for b in bins)
    hidden = any(b and b.below + b.above for b in bins)
    return sentence(
        "Weight values of each layer, in model order; the numbers below a panel are the ends of its range, and its "
        "fullest bin is as high as the panel",
        "The upright line marks 0" if zero else "",
        "“+n outside”: so many values lie outside that range" if hidden else "",
    )
