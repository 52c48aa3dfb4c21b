"""Small pictures within text, as inline SVG: sparklines, and histograms of the first and the last checkpoint.

They have no colours of their own: style sheets give them those of the page. Numbers stand beside them as text, so they
are hidden from screen readers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from markupsafe import Markup

from reporter.model.evenly import evenly
from reporter.model.table import Spark, Thumbnail
from reporter.render.outlines import coordinate, outline

WIDE, HIGH = 96, 22
"""Size in CSS pixels."""

MOST = 48
"""Most points of a sparkline, two CSS pixels apart. Of more checkpoints, evenly spread ones are drawn."""

LEVEL = 0.01
"""A sparkline spans at least ± this share of its level, so that noise in the last digits does not fill it."""

_TOP, _BOTTOM = 2.0, HIGH - 2.0


def svg(mark: Spark | Thumbnail) -> str:
    """The markup of a mark.

    >>> svg(Thumbnail((), (0.25, 0.75)))
    '<svg class="thumb" viewBox="0 0 96 22" aria-hidden="true"><path class="last" d="M0 22V14.7H48V0H96V22Z"/></svg>'
    """
    name, inner = ("spark", _spark(mark)) if isinstance(mark, Spark) else ("thumb", _thumbnail(mark))
    return f'<svg class="{name}" viewBox="0 0 {WIDE} {HIGH}" aria-hidden="true">{inner}</svg>'


_THUMB = re.compile(r'(<svg class="thumb"[^>]*>)(<path.*?)(</svg>)')


def drawn_once(card: Markup, anchor: str) -> Markup:
    """A card in which a histogram that stands there twice is drawn once: of most layers, the picture beside the name is
    that of their only kernel as well.

    >>> twice = svg(Thumbnail((), (0.25, 0.75))) * 2
    >>> print(str(drawn_once(Markup(twice), "layer-a")).replace("><", ">\\n<"))
    <svg class="thumb" viewBox="0 0 96 22" aria-hidden="true">
    <g class="thumb" id="layer-a.values">
    <path class="last" d="M0 22V14.7H48V0H96V22Z"/>
    </g>
    </svg>
    <svg class="thumb" viewBox="0 0 96 22" aria-hidden="true">
    <use href="#layer-a.values"/>
    </svg>
    """
    # What is drawn again is styled without its ancestors, so the class is on the part that is.
    first, *others = _THUMB.findall(card) or [("", "", "")]
    if not any(inner == first[1] for _, inner, _ in others):
        return card
    seen = False

    def draw(found: re.Match[str]) -> str:
        nonlocal seen
        if found[2] != first[1]:
            return found[0]
        again, seen = seen, True
        inner = f'<use href="#{anchor}.values"/>' if again else f'<g class="thumb" id="{anchor}.values">{found[2]}</g>'
        return found[1] + inner + found[3]

    return Markup(_THUMB.sub(draw, card))


def _spark(mark: Spark) -> str:
    values = [mark.values[i] for i in evenly(len(mark.values), MOST)]
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return _bad(values)
    low, high = _range(known)
    parts, joined = [], False
    for i, value in enumerate(values):
        if value is None or not math.isfinite(value):
            joined = False
            continue
        y = _BOTTOM - (_BOTTOM - _TOP) * ((value / 2 - low / 2) / (high / 2 - low / 2))
        parts.append(f"{'L' if joined else 'M'}{_x(i, len(values))} {coordinate(y)}")
        lone = i + 1 == len(values) or values[i + 1] is None or not math.isfinite(values[i + 1])  # type: ignore[arg-type]
        if lone and not joined:
            parts.append("h0")  # with round caps, a dot
        joined = True
    return f'<path d="{"".join(parts)}"/>' + _bad(values)


def _range(known: Sequence[float]) -> tuple[float, float]:
    """The ends of the vertical scale; never equal."""
    low, high = min(known), max(known)
    least = LEVEL * max(abs(low), abs(high))
    if high / 2 - low / 2 >= least > 0:
        return low, high
    return (low - least, high + least) if least else (-1.0, 1.0)


def _bad(values: Sequence[float | None]) -> str:
    """Upright lines at numbers that are NaN or infinite: they never look like a decline."""
    places = [i for i, v in enumerate(values) if v is not None and not math.isfinite(v)]
    return f'<path class="odd" d="{"".join(f"M{_x(i, len(values))} 0V{HIGH}" for i in places)}"/>' if places else ""


def _x(i: int, count: int) -> str:
    return coordinate(2 + (WIDE - 4) * (i / (count - 1) if count > 1 else 0.5))


def _thumbnail(mark: Thumbnail) -> str:
    """Both histograms on one scale of heights, the fullest bin of both as high as the mark."""
    top = max([*mark.first, *mark.last], default=0.0)
    paths = []
    if mark.last and top > 0:
        paths.append(f'<path class="last" d="{outline(mark.last, WIDE, HIGH, top)}Z"/>')
    if mark.first and top > 0:
        paths.append(f'<path class="first" d="{outline(mark.first, WIDE, HIGH, top)}"/>')
    return "".join(paths)
