"""What is painted without matplotlib's artists is what these paint, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D

from reporter.plots import painter
from reporter.plots.agg import DPI, POINTS, Agg
from reporter.plots.lettering import DENSITY

WIDTH, HEIGHT, MARGIN = 200, 120, 6
X = np.linspace(3.0, 180.0, 300)
Y = 50 + 40 * np.sin(X / 9)
SHAPES = [np.column_stack([X[i : i + 40], Y[i : i + 40]]) for i in (0, 80, 160)]
ENDS = [np.array([[5.3, 7.2], [5.3, 99.9]]), np.array([[0.0, 20.0], [150.7, 20.0]])]


def line(dashes: tuple[float, ...] = (), thickness: float = 1.5, marker: str = "", places: Any = slice(None)) -> Line2D:
    style: Any = (0, dashes) if dashes else "solid" if thickness else "none"
    return Line2D(
        X[places],
        Y[places],
        color="#0072b2",
        linewidth=thickness * POINTS,
        linestyle=style,
        solid_capstyle="round",
        marker=marker or "none",
        markersize=5 * POINTS,
        markeredgecolor="#ffffff",
        markeredgewidth=0.5 * POINTS,
    )


CASES: dict[str, tuple[Callable[[Agg], None], Callable[[], Artist]]] = {
    "polygons": (
        lambda agg: agg.polygons(SHAPES, "#0072b2", "none", 0.0),
        lambda: PolyCollection(SHAPES, facecolors="#0072b2", edgecolors="none", linewidths=0.0),
    ),
    "outlined": (
        lambda agg: agg.polygons(SHAPES, ["#0072b2", "#e69f00", "#009e73"], "#ffffff", 0.8),
        lambda: PolyCollection(
            SHAPES, facecolors=["#0072b2", "#e69f00", "#009e73"], edgecolors="#ffffff", linewidths=0.8 * POINTS
        ),
    ),
    "one outlined": (
        lambda agg: agg.polygons(SHAPES[:1], "#0072b2", "#000000", 0.6),
        lambda: PolyCollection(SHAPES[:1], facecolors="#0072b2", edgecolors="#000000", linewidths=0.6 * POINTS),
    ),
    "segments": (
        lambda agg: agg.segments(ENDS, "#555555", 1.0),
        lambda: LineCollection(ENDS, colors="#555555", linewidths=POINTS, capstyle="butt", snap=True),
    ),
    "one segment": (
        lambda agg: agg.segments(ENDS[:1], "#555555", 4.0),
        lambda: LineCollection(ENDS[:1], colors="#555555", linewidths=4 * POINTS, capstyle="butt", snap=True),
    ),
    "curve": (lambda agg: agg.curve(X, Y, "#0072b2", 1.5, (), "", "#ffffff"), line),
    "dashes": (
        lambda agg: agg.curve(X, Y, "#0072b2", 1.2, (1.5, 2.0), "", "#ffffff"),
        lambda: line((1.5, 2.0), 1.2),
    ),
    **{
        f"marker {marker}": (
            lambda agg, m=marker: agg.curve(X[::9], Y[::9], "#0072b2", 1.8, (), m, "#ffffff"),
            lambda m=marker: line((), 1.8, m, slice(None, None, 9)),
        )
        for marker in "osDX^v"
    },
    "only markers": (
        lambda agg: agg.curve(X[::9], Y[::9], "#0072b2", 0.0, (), "X", "#ffffff"),
        lambda: line((), 0.0, "X", slice(None, None, 9)),
    ),
}


def by_artist(artist: Artist) -> np.ndarray[Any, Any]:
    drawing = Figure(figsize=(WIDTH / 64, HEIGHT / 64), dpi=DPI, facecolor="#ffffff", edgecolor="none")
    canvas: Any = FigureCanvasAgg(drawing)
    artist.set_transform(Affine2D().translate(MARGIN, MARGIN - HEIGHT).scale(DENSITY, -DENSITY))
    drawing.add_artist(artist)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.fixture(params=["without the rest of matplotlib", "by the public class"])
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both renderers; the second as where another version of matplotlib has another private one."""
    painter._class.cache_clear()
    if request.param == "by the public class":
        monkeypatch.setattr(painter.Pen, "get_snap", None)
    assert painter._class().__name__ == ("RendererAgg" if request.param == "by the public class" else "Plain")
    yield
    painter._class.cache_clear()


@pytest.mark.usefixtures("renderer")
@pytest.mark.parametrize("case", CASES)
def test_pixels_are_those_of_an_artist(case: str) -> None:
    paint, artist = CASES[case]
    agg = Agg(WIDTH, HEIGHT, MARGIN)
    paint(agg)
    painted = np.asarray(agg.image())
    assert painted.min() < 255
    np.testing.assert_array_equal(painted, by_artist(artist()))
