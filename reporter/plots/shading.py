"""Heat maps: tables of colours drawn as rectangles, and the colour bar that says what the colours mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from reporter.plots.canvas import Canvas
from reporter.plots.colours import AXIS, FAINT_INK, Pixels, ramp, stripes
from reporter.plots.lettering import DENSITY
from reporter.plots.scale import Scale

BAR = 12.0
"""Width of a colour bar in CSS pixels."""

Array = npt.NDArray[np.float64]


def shade(
    canvas: Canvas, place: tuple[float, float, float, float], colours: Pixels, missing: npt.NDArray[np.bool_]
) -> None:
    """Fill a rectangle with a table of colours, and draw a frame around it.

    Args:
        canvas: where to draw.
        place: the rectangle: left, top, right and bottom in CSS pixels.
        colours: shape (rows, columns, 3).
        missing: shape (rows, columns): the cells that get stripes instead of their colour.
    """
    left, top, right, bottom = place
    size = (round((right - left) * DENSITY), round((bottom - top) * DENSITY))
    picture = Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)
    if missing.any():
        mask = Image.fromarray(missing.astype(np.uint8) * np.uint8(255)).resize(size, Image.Resampling.NEAREST)
        picture.paste(Image.fromarray(stripes(size[1], size[0])), mask=mask)
    canvas.picture(left, top, picture)
    x0, y0, x1, y1 = left - 0.5, top - 0.5, right + 0.5, bottom + 0.5
    frame = [((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)), ((x0, y1), (x0, y0))]
    canvas.segments(frame, AXIS)


def colour_bar(
    canvas: Canvas, left: float, top: float, bottom: float, scale: Scale, ticks: Sequence[float], texts: Sequence[str]
) -> None:
    """Draw an upright colour bar, from dark at the bottom to light at the top, with ticks and labels at its right.

    Args:
        canvas: where to draw.
        left: its left end in CSS pixels.
        top: its upper end in CSS pixels.
        bottom: its lower end in CSS pixels.
        scale: maps numbers to 0 to 1, the range of the colours.
        ticks: the numbers to mark.
        texts: their labels.
    """
    shades = ramp(np.linspace(1.0, 0.0, 256))[:, None]
    shade(canvas, (left, top, left + BAR, bottom), shades, np.zeros((256, 1), np.bool_))
    places = bottom - (bottom - top) * scale(ticks)
    canvas.segments([((left + BAR, p), (left + BAR + 4, p)) for p in places], FAINT_INK)
    for place, text in zip(places, texts, strict=True):
        canvas.text(left + BAR + 7, float(place) + 4, text, colour=FAINT_INK)
