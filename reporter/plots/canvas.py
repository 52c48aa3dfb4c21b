"""A picture in the making, in CSS pixels from its top left corner: shapes through Agg, then bitmaps, then text.

Text is drawn by Pillow, with the same font: measured on matplotlib 3.11, one text artist costs 4 ms, and one line of
text in Pillow 0.1 ms, which decides what a sheet of 40 histograms costs. It also means that nothing from a checkpoint
is ever read as mathematical notation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D
from PIL import Image, ImageDraw

from reporter.model.page import Figure
from reporter.plots import lettering, png
from reporter.plots.colours import INK, PAPER
from reporter.plots.lettering import DENSITY

MARGIN = 6
"""CSS pixels left free around everything, so that a picture on a card of the same white does not touch its edge."""
FULL = 720 - 2 * MARGIN
"""CSS pixels within the margins of a picture as wide as the text."""
HALF = 350 - 2 * MARGIN
"""The same for one of two pictures side by side."""

DPI = 64 * DENSITY
"""For matplotlib only: a power of two, so that figure sizes in inches are exact."""
POINTS = 72 / 64
"""Matplotlib's points per CSS pixel at that resolution."""

# A matplotlibrc changes what artists do not say themselves; pictures do not depend on whose machine draws them.
PLAIN: Any = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Letters:
    """A line of text and the box that it takes, in CSS pixels: left, top, right, bottom."""

    text: str
    box: tuple[float, float, float, float]
    colour: str
    bold: bool


class Canvas:
    """Collects what to draw; nothing is drawn before :meth:`figure`.

    Attributes:
        width, height: in CSS pixels, within the margins; places count from there.
        letters: all text, for whoever wants to know where it is.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.letters: list[Letters] = []
        self._shapes: list[Callable[[], Artist]] = []
        self._pictures: list[tuple[int, int, Image.Image]] = []

    def polygons(
        self, outlines: Sequence[Points], fill: str | Sequence[str], edge: str = "none", thickness: float = 0.0
    ) -> None:
        """Filled polygons, each of shape ``(points, 2)``, painted one after the other."""
        if outlines:
            self._shapes.append(
                lambda: PolyCollection(outlines, facecolors=fill, edgecolors=edge, linewidths=thickness * POINTS)
            )

    def segments(self, ends: npt.ArrayLike, colour: str, thickness: float = 1.0) -> None:
        """Straight lines, moved onto whole pixels; ``ends`` has shape ``(lines, 2, 2)``."""
        lines = list(np.asarray(ends, np.float64))
        if lines:
            self._shapes.append(
                lambda: LineCollection(lines, colors=colour, linewidths=thickness * POINTS, capstyle="butt", snap=True)
            )

    def curve(
        self,
        x: Points,
        y: Points,
        colour: str,
        thickness: float = 1.5,
        dashes: tuple[float, ...] = (),
        marker: str = "",
    ) -> None:
        """A line through points; NaN leaves a gap. ``dashes`` are in multiples of the thickness."""
        self._shapes.append(
            lambda: Line2D(
                x,
                y,
                color=colour,
                linewidth=thickness * POINTS,
                linestyle=(0, dashes) if dashes else "solid" if thickness else "none",
                solid_capstyle="round",
                marker=marker or "none",
                markersize=5 * POINTS,
                markeredgecolor=PAPER,
                markeredgewidth=0.5 * POINTS,
            )
        )

    def picture(self, left: float, top: float, picture: Image.Image) -> None:
        """A bitmap in bitmap pixels, over all shapes."""
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
        """One line of text at most ``room`` wide, moved so that it stays on the canvas.

        Args:
            align: what ``x`` is of the text: its ``left``, ``centre`` or ``right``.

        Returns:
            The width taken.
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

    def figure(self, name: str, alt: str, caption: str) -> Figure:
        """Draw everything."""
        return Figure(name, png.encode(self._draw()), *self._size, alt, caption)

    @property
    def _size(self) -> tuple[int, int]:
        return self.width + 2 * MARGIN, self.height + 2 * MARGIN

    def _draw(self) -> Image.Image:
        image = self._agg()
        for x, y, picture in self._pictures:
            image.paste(picture, (x + MARGIN * DENSITY, y + MARGIN * DENSITY))
        pen = ImageDraw.Draw(image)
        for line in self.letters:
            left, baseline = line.box[0] + MARGIN, line.box[3] - 0.24 * lettering.SIZES[line.bold] + MARGIN
            at = (round(left * DENSITY), round(baseline * DENSITY))
            pen.text(at, line.text, fill=line.colour, font=lettering.font(line.bold), anchor="ls")
        return image

    def _agg(self) -> Image.Image:
        width, height = self._size
        with matplotlib.rc_context(PLAIN):
            drawing = Drawing(figsize=(width / 64, height / 64), dpi=DPI, facecolor=PAPER, edgecolor="none")
            agg: Any = FigureCanvasAgg(drawing)
            to_bitmap = Affine2D().translate(MARGIN, MARGIN - height).scale(DENSITY, -DENSITY)
            for order, make in enumerate(self._shapes):
                artist = make()
                artist.set_transform(to_bitmap)
                artist.set_zorder(order + 1)
                drawing.add_artist(artist)
            agg.draw()
        size = (width * DENSITY, height * DENSITY)
        return Image.frombuffer("RGBA", size, agg.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
