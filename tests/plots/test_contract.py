"""What every picture promises, whatever it is given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from PIL import Image

from reporter import plots
from reporter.model.blocks import Figure
from reporter.plots import lettering
from reporter.plots.canvas import Canvas
from tests.plots.cases import CASES, Draw

SLACK = 0.5
"""CSS pixels by which boxes of text, which include room for accents, may touch."""


def drawn(draw: Draw) -> list[Figure]:
    result = draw()
    return result if isinstance(result, list) else [result]


@pytest.fixture
def canvases(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Canvas]]:
    """Every canvas that becomes a figure during the test."""
    seen: list[Canvas] = []
    finish = Canvas.figure

    def watch(self: Canvas, name: str, alt: str, caption: str) -> Figure:
        seen.append(self)
        return finish(self, name, alt, caption)

    monkeypatch.setattr(Canvas, "figure", watch)
    yield seen
    assert seen, "the test drew nothing"


def test_every_public_picture_has_cases() -> None:
    assert {case.split()[0] for case in CASES} == set(plots.__all__) == set(plots.MODULES)


@pytest.mark.parametrize("case", CASES)
def test_contract(case: str, canvases: list[Canvas]) -> None:
    figures = drawn(CASES[case])
    for figure in figures:
        png_is_small_and_twice_the_declared_size(figure, of_all_colours="hostile" in case)
        words_are_fit_to_print(figure)
    assert len({figure.name for figure in figures}) == len(figures)
    for canvas in canvases:
        text_is_legible(canvas)
    assert drawn(CASES[case]) == figures, "the same input gave different bytes"


def png_is_small_and_twice_the_declared_size(figure: Figure, *, of_all_colours: bool) -> None:
    image = Image.open(BytesIO(figure.png))
    image.load()
    assert image.format == "PNG"
    assert image.mode == "P" or of_all_colours, "three bytes for each pixel: the picture is twice as large"
    assert image.size == (2 * figure.width, 2 * figure.height)
    assert figure.width in (350, 500, 720)  # half, beside the first screen, and full
    assert 90 <= figure.height <= 1000
    assert image.info == {}, "metadata makes bytes differ between machines"
    pixels = np.asarray(image.convert("RGB"))
    assert (pixels[[0, -1]] == 255).all()
    assert (pixels[:, [0, -1]] == 255).all(), "something touches the edge of the card"
    assert (pixels != 255).any(), "the picture is blank"


def words_are_fit_to_print(figure: Figure) -> None:
    for text in (figure.alt, figure.caption):
        assert text
        assert text == text.strip()
        assert text.endswith(".")
        assert all(c.isprintable() or c in "\u202f\u2009\xa0" for c in text)
        assert "None" not in text
        assert "nan" not in text
        assert "inf" not in text.replace("infin", "")
        assert len(text) < 1500


def text_is_legible(canvas: Canvas) -> None:
    for line in canvas.letters:
        left, top, right, bottom = line.box
        assert left >= 0, line
        assert top >= -1, line
        assert right <= canvas.width + 1e-6, line
        assert bottom <= canvas.height + 1, line
        assert line.text == lettering.drawable(line.text, line.bold), "a character without a glyph"
    for a, b in combinations(canvas.letters, 2):
        wide = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
        high = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
        assert wide <= SLACK or high <= 2.5, f"{a.text!r} and {b.text!r} overlap"


@pytest.mark.parametrize("name", plots.__all__)
def test_where_colours_stand_for_numbers_light_and_dark_are_not_exchanged(name: str) -> None:
    """A dark page turns the other pictures round."""
    case = next(
        case for case in CASES if case.split()[0] == name and case.split()[-1] in ("9", "bell", "30", "hostile")
    )
    figure = drawn(CASES[case])[0]
    assert figure.shaded is ("heat map" in figure.alt or name == "ridge")


@pytest.mark.parametrize("case", [f"{name} hostile" for name in plots.__all__ if name != "global_histogram"])
def test_user_settings_change_nothing(case: str) -> None:
    plain = drawn(CASES[case])
    wild = {
        "text.usetex": True,
        "path.sketch": (9.0, 9.0, 9.0),
        "lines.linewidth": 9.0,
        "lines.dash_capstyle": "round",
        "lines.scale_dashes": False,
        "lines.markeredgewidth": 5.0,
        "lines.antialiased": False,
        "patch.antialiased": False,
        "patch.force_edgecolor": True,
        "figure.facecolor": "black",
        "figure.dpi": 31.0,
        "savefig.dpi": 31.0,
        "figure.autolayout": True,
        "image.cmap": "jet",
        "font.family": ["cursive"],
        "markers.fillstyle": "none",
    }
    with matplotlib.rc_context(wild):
        assert drawn(CASES[case]) == plain


def test_matplotlib_waits_for_the_first_picture_and_pyplot_for_ever() -> None:
    code = """
import sys
from reporter import plots
assert not {'matplotlib', 'numpy', 'PIL'} & set(sys.modules)
figure = plots.lines('n', 't', ['1', '2'], None, {'a': [1.0, 2.0]}, '')
assert figure.png and 'matplotlib' in sys.modules
assert 'matplotlib.pyplot' not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_an_unknown_picture_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="pie_chart"):
        plots.pie_chart  # noqa: B018
