"""Shapes painted on a bitmap, by the primitives of matplotlib's Agg renderer.

Its figures and artists are left out: each takes half a millisecond, whatever it draws, and a picture has about ten.
What is painted is the same, pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, IdentityTransform
from PIL import Image

from reporter.plots.lettering import DENSITY
from reporter.plots.painter import painter

DPI = 64 * DENSITY
"""The resolution for matplotlib, which takes sizes in inches: with a power of two these are exact numbers."""
POINTS = 72 / 64
"""Points, matplotlib's unit for the width of lines, per CSS pixel."""
MARKER = 5 * POINTS
"""Size of a marker in points."""
NONE = "none"
"""The colour of what is not painted."""

_DECIDING = ("path.simplify", "path.simplify_threshold", "agg.path.chunksize", "markers.fillstyle")
"""The settings of matplotlib that decide about these primitives. A user's matplotlibrc may change them, and pictures
must not depend on the machine."""

Points = npt.NDArray[np.float64]


class Agg:
    """A white bitmap, painted on at once."""

    def __init__(self, width: int, height: int, margin: int) -> None:
        """Of a size in CSS pixels; positions count from the corner within the margin."""
        self._size = width * DENSITY, height * DENSITY
        self._agg = painter(*self._size, DPI)
        np.asarray(self._agg.buffer_rgba())[:] = 255
        self._to_bitmap = Affine2D().translate(margin, margin - height).scale(DENSITY, -DENSITY)

    def polygons(self, outlines: Sequence[Points], fill: str | Sequence[str], edge: str, thickness: float) -> None:
        """Paint filled polygons, see :meth:`reporter.plots.canvas.Canvas.polygons`."""
        closed = [Path(np.concatenate([o, o[:1]]), closed=True) for o in map(np.asarray, outlines)]
        pen, fills, edges = self._agg.new_gc(), to_rgba_array(fill), to_rgba_array(edge)
        if len(closed) == 1 and len(edges):  # as matplotlib does: the edges of a marker are on whole pixels
            pen.set_linewidth(thickness * POINTS)
            pen.set_foreground(tuple(edges[0]), isRGBA=True)
            origin = Path(np.zeros((1, 2)))
            self._agg.draw_markers(pen, closed[0], self._to_bitmap, origin, IdentityTransform(), tuple(fills[0]))
        else:
            self._collection(pen, closed, fills, edges, thickness)

    def segments(self, ends: Sequence[Points], colour: str, thickness: float) -> None:
        """Paint straight lines, see :meth:`reporter.plots.canvas.Canvas.segments`."""
        pen = self._agg.new_gc()
        pen.set_snap(True)
        pen.set_capstyle("butt")
        self._collection(pen, [Path(line) for line in ends], to_rgba_array(NONE), to_rgba_array(colour), thickness)

    def curve(
        self, x: Points, y: Points, colour: str, thickness: float, dashes: Sequence[float], marker: str, around: str
    ) -> None:
        """Paint a line and its markers, see :meth:`reporter.plots.canvas.Canvas.curve`.

        Args:
            around: the colour of the outline of a marker.
        """
        path = Path(np.column_stack([x, y]))
        if thickness or dashes:
            wide = thickness * POINTS
            pen = self._agg.new_gc()
            pen.set_antialiased(True)
            pen.set_linewidth(wide)
            pen.set_joinstyle("round")
            pen.set_capstyle("butt" if dashes else "round")
            pen.set_foreground(to_rgba(colour), isRGBA=True)
            pen.set_dashes(0, [dash * wide for dash in dashes] or None)
            self._agg.draw_path(pen, path, self._to_bitmap)
        if marker:
            self._markers(path, marker, colour, around)

    def image(self) -> Image.Image:
        """What was painted, without its transparency."""
        return Image.frombuffer("RGBA", self._size, self._agg.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")

    def _markers(self, path: Path, marker: str, colour: str, around: str) -> None:
        style = _style(marker)
        pen = self._agg.new_gc()
        pen.set_linewidth(0.5 * POINTS)
        pen.set_antialiased(True)
        pen.set_foreground(to_rgba(around), isRGBA=True)
        size = self._agg.points_to_pixels(MARKER)
        least = style.get_snap_threshold()
        pen.set_snap(None if least is None else size >= least)
        pen.set_joinstyle(style.get_joinstyle())
        pen.set_capstyle(style.get_capstyle())
        scaled = Affine2D(style.get_transform().get_matrix()).scale(size)
        self._agg.draw_markers(pen, style.get_path(), scaled, path, self._to_bitmap, to_rgba(colour))

    def _collection(self, pen: Any, paths: Sequence[Path], fills: Any, edges: Any, thickness: float) -> None:
        self._agg.draw_path_collection(
            pen,
            self._to_bitmap,
            paths,
            np.empty((0, 3, 3)),  # no further transformation of any
            np.zeros((1, 2)),  # no offset
            IdentityTransform(),
            fills,
            edges,
            np.array([thickness * POINTS]),
            [(0, None)],  # solid lines
            np.array([True]),  # smoothed
            [None],  # without addresses
            "screen",
        )


def as_shipped() -> AbstractContextManager[Any]:
    """A context in which matplotlib draws as it does without any settings of the user's."""
    now: Any = matplotlib.rcParams
    default: Any = matplotlib.rcParamsDefault
    if all(now[name] == default[name] for name in _DECIDING):
        return nullcontext()
    plain: Any = {name: default[name] for name in _DECIDING}
    return matplotlib.rc_context(plain)


@lru_cache
def _style(marker: str) -> MarkerStyle:
    return MarkerStyle(marker)
