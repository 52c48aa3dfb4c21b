"""Matplotlib's Agg renderer without the rest of matplotlib, which takes a quarter of a second to import.

``matplotlib.backends.backend_agg`` brings artists, fonts and mathematical notation with it: of the 1.5 s of processor
time of a small report 0.23. The renderer itself is a class in C++, which reads the attributes of a pen; neither is
public. So it is tried out once: where another version of matplotlib has made something else of it, the public class
paints, which is the same to the pixel.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform


def painter(width: int, height: int, dpi: float) -> Any:
    """A transparent bitmap, with the methods of ``matplotlib.backends.backend_agg.RendererAgg`` that are used here."""
    return _class()(width, height, dpi)


class Pen:
    """How lines are painted: those attributes and methods of ``GraphicsContextBase`` that Agg reads, and are set."""

    def __init__(self) -> None:
        self._alpha = 1.0
        self._forced_alpha = False
        self._antialiased = 1
        self._capstyle = "butt"
        self._cliprect = None
        self._joinstyle = "round"
        self._linewidth = 1.0
        self._rgb: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0)
        self._dashes: tuple[float, Any] = (0, None)
        self._snap: bool | None = None

    def set_antialiased(self, smooth: bool) -> None:
        """Whether edges are smoothed."""
        self._antialiased = int(smooth)

    def set_capstyle(self, style: str) -> None:
        """How lines end."""
        self._capstyle = str(style)

    def set_joinstyle(self, style: str) -> None:
        """How the parts of a line meet."""
        self._joinstyle = str(style)

    def set_linewidth(self, width: float) -> None:
        """In points."""
        self._linewidth = float(width)

    def set_foreground(self, colour: tuple[float, ...], isRGBA: bool = True) -> None:
        """Red, green, blue and how much they cover, each from 0 to 1."""
        self._rgb = colour

    def set_dashes(self, offset: float, lengths: Any) -> None:
        """Lengths of dashes and gaps in points; None for a solid line."""
        self._dashes = offset, lengths

    def set_snap(self, snap: bool | None) -> None:
        """Whether lines are moved onto whole pixels; None: those that are upright or level."""
        self._snap = snap

    def get_dashes(self) -> tuple[float, Any]:
        """As set."""
        return self._dashes

    def get_snap(self) -> bool | None:
        """As set."""
        return self._snap

    def get_clip_path(self) -> tuple[None, None]:
        """Nothing is cut off."""
        return None, None

    def get_hatch_path(self) -> None:
        """Nothing is hatched."""

    def get_hatch_color(self) -> tuple[float, ...]:
        """Of no hatching."""
        return self._rgb

    def get_hatch_linewidth(self) -> float:
        """Of no hatching."""
        return 1.0

    def get_sketch_params(self) -> None:
        """Lines are not drawn as by hand."""


@cache
def _class() -> Any:
    """The renderer that can be used."""
    try:
        plain = _plain()
        pen, one = Pen(), plain(4, 4, 72.0)
        line, still = Path(np.array([[0.0, 2.0], [4.0, 2.0]])), IdentityTransform()
        one.draw_path(pen, line, still)
        one.draw_markers(pen, line, still, line, still, (0.0, 0.0, 0.0, 1.0))
        if not np.asarray(one.buffer_rgba()).any():
            raise ValueError("it paints nothing")
    except Exception:
        from matplotlib.backends.backend_agg import RendererAgg

        return RendererAgg
    return plain


def _plain() -> Any:
    """The class in C++, with the methods that the public one adds to it."""
    base: Any = import_module("matplotlib.backends._backend_agg").RendererAgg

    class Plain(base):  # type: ignore[misc]
        def __init__(self, width: int, height: int, dpi: float) -> None:
            super().__init__(width, height, dpi)
            self._dpi = dpi

        def new_gc(self) -> Pen:
            return Pen()

        def buffer_rgba(self) -> memoryview:
            return memoryview(self)

        def points_to_pixels(self, points: float) -> float:
            return points * self._dpi / 72

    return Plain
