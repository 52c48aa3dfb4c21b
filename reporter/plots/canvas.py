"""A canvas collects what a picture consists of, and then draws it: shapes first, then bitmaps, then text.

Positions are in CSS pixels from the top left corner. Shapes are drawn by matplotlib's Agg renderer, and text by Pillow
in matplotlib's font: with matplotlib 3.11, a line of text takes 4 ms, with Pillow 0.1 ms, which matters for a sheet of
40 histograms. Drawing text with Pillow also means that no name from a checkpoint is interpreted as mathematical
notation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from reporter.frozen import dataclass
from reporter.model.blocks import Figure
from reporter.model.reading import Area
from reporter.plots import lettering, png
from reporter.plots.agg import NONE, Agg, Points, as_shipped
from reporter.plots.colours import INK, PAPER
from reporter.plots.lettering import DENSITY

MARGIN = 6
"""CSS pixels that are left free around everything, so that a picture on a white card does not touch the card's edge."""
FULL = 720 - 2 * MARGIN
"""Width, within the margins and in CSS pixels, of a picture as wide as the text."""
HALF = 350 - 2 * MARGIN
"""Width, within the margins and in CSS pixels, of one of two pictures side by side."""


@dataclass(frozen=True, slots=True)
class Letters:
    """A line of text to be drawn.

    Attributes:
        text: what is drawn.
        box: what it covers, in CSS pixels: left, top, right, bottom.
        colour: as ``#rrggbb``.
        bold: whether it is bold.
    """

    text: str
    box: tuple[float, float, float, float]
    colour: str
    bold: bool


class Canvas:
    """Collects what to draw; nothing is drawn before :meth:`figure`.

    Attributes:
        width: in CSS pixels, without the margins.
        height: in CSS pixels, without the margins. Positions count from the corner within the margins.
        letters: all lines of text so far; tests look up where they are.
        areas: the areas so far that tell their numbers to whoever points at them.
        shaded: whether colours stand for numbers or order, as those of heat maps and ridges do.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.letters: list[Letters] = []
        self.areas: list[Area] = []
        self.shaded = False
        self._shapes: list[Callable[[Agg], None]] = []
        self._pictures: list[tuple[int, int, Image.Image]] = []

    def polygons(
        self, outlines: Sequence[Points], fill: str | Sequence[str], edge: str = NONE, thickness: float = 0.0
    ) -> None:
        """Add filled polygons, painted one after the other.

        Args:
            outlines: the corners of each, shape (corners, 2).
            fill: one colour for all, or one for each.
            edge: colour of the outlines.
            thickness: of the outlines, in CSS pixels.
        """
        if outlines:
            self._shapes.append(lambda agg: agg.polygons(outlines, fill, edge, thickness))

    def segments(self, ends: npt.ArrayLike, colour: str, thickness: float = 1.0) -> None:
        """Add straight lines, which are moved onto whole pixels so that they are crisp.

        Args:
            ends: both ends of each line, shape (lines, 2, 2).
            colour: of all lines.
            thickness: in CSS pixels.
        """
        lines = list(np.asarray(ends, np.float64))
        if lines:
            self._shapes.append(lambda agg: agg.segments(lines, colour, thickness))

    def curve(
        self,
        x: Points,
        y: Points,
        colour: str,
        thickness: float = 1.5,
        dashes: tuple[float, ...] = (),
        marker: str = "",
    ) -> None:
        """Add a line through points, with a gap where a coordinate is NaN.

        Args:
            x: horizontal positions, shape (points,).
            y: vertical positions, shape (points,).
            colour: of line and markers.
            thickness: of the line in CSS pixels; 0 for markers without a line.
            dashes: lengths of dashes and gaps, in multiples of the thickness; none for a solid line.
            marker: matplotlib's name of the marker at each point, "" for none.
        """
        self._shapes.append(lambda agg: agg.curve(x, y, colour, thickness, dashes, marker, PAPER))

    def picture(self, left: float, top: float, picture: Image.Image) -> None:
        """Add a bitmap, which covers shapes. Its size is in bitmap pixels, its position in CSS pixels."""
        self.shaded = True
        self._pictures.append((round(left * DENSITY), round(top * DENSITY), picture))

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        align: str = "left",
        *,
        colour: str = INK,
        bold: bool = False,
        room: float | None = None,
    ) -> float:
        """Add a line of text, moved sideways if it would leave the canvas.

        Args:
            x: horizontal position in CSS pixels.
            baseline: vertical position of the baseline in CSS pixels.
            text: is shortened to ``room``.
            align: what of the text is at ``x``: its ``left``, ``centre`` or ``right``.
            colour: as ``#rrggbb``.
            bold: whether it is bold.
            room: most CSS pixels that it may take; the width of the canvas if None.

        Returns:
            Its width in CSS pixels.
        """
        short = lettering.shorten(text, min(self.width, self.width if room is None else room), bold)
        wide = lettering.width(short, bold)
        left = x - {"left": 0.0, "centre": wide / 2, "right": wide}[align]
        left = max(0.0, min(left, self.width - wide))
        size = lettering.SIZES[bold]
        if short:
            box = (left, baseline - 0.76 * size, left + wide, baseline + 0.24 * size)
            self.letters.append(Letters(short, box, colour, bold))
        return wide

    def read(self, area: Area | None) -> None:
        """Let an area tell its numbers to whoever points at it; None for one that has none."""
        if area is not None:
            self.areas.append(area)

    def figure(self, name: str, alt: str, caption: str) -> Figure:
        """Draw everything, and return the picture.

        Args:
            name: of its file, without suffix.
            alt: the alternative text, for readers who do not see it.
            caption: the text below it.
        """
        areas = tuple(area.moved(MARGIN) for area in self.areas)
        return Figure(name, png.encode(self._draw()), *self._size, alt, caption, self.shaded, areas)

    @property
    def _size(self) -> tuple[int, int]:
        return self.width + 2 * MARGIN, self.height + 2 * MARGIN

    def _draw(self) -> Image.Image:
        with as_shipped():
            agg = Agg(*self._size, MARGIN)
            for paint in self._shapes:
                paint(agg)
        image = agg.image()
        for x, y, picture in self._pictures:
            image.paste(picture, (x + MARGIN * DENSITY, y + MARGIN * DENSITY))
        pen = ImageDraw.Draw(image)
        for line in self.letters:
            left, baseline = line.box[0] + MARGIN, line.box[3] - 0.24 * lettering.SIZES[line.bold] + MARGIN
            stamp = lettering.stamp(line.text, line.bold)
            at = (round(left * DENSITY) + stamp.left, round(baseline * DENSITY) + stamp.top)
            pen.bitmap(at, stamp.mask, fill=line.colour)
        return image
