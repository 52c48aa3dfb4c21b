"""Pixels, words and captions say what the numbers say."""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reporter import plots
from reporter.model.blocks import Figure
from reporter.model.histogram import Histogram
from reporter.plots.colours import BLUE, MISSING, OKABE_ITO, STRIPE, VERMILLION, ramp, rgb
from reporter.plots.lettering import shorten
from tests.plots.cases import bell, even, labels, series, spread

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def pixels(figure: Figure) -> Pixels:
    return np.asarray(Image.open(BytesIO(figure.png)).convert("RGB"))


def where(image: Pixels, colour: str | npt.NDArray[np.uint8], tolerance: int = 0) -> Mask:
    target = np.array(rgb(colour)) if isinstance(colour, str) else colour.astype(int)
    found: Mask = (abs(image.astype(int) - target) <= tolerance).all(axis=-1)
    return found


def box(mask: Mask) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of everything in a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_bars_are_as_high_as_their_counts() -> None:
    counts = [100, 300, 0, 1, 200]
    blue = where(pixels(plots.global_histogram("g", "t", even(-1.0, 1.0, counts))), BLUE)
    half = blue.shape[1] // 2
    linear, log = blue[:, :half], blue[:, half:]

    def heights(side: Mask) -> npt.NDArray[np.int64]:
        left, _, right, _ = box(side)
        middles = [round(left + (right - left) * (i + 0.5) / 5) for i in range(5)]
        return side.sum(axis=0)[middles]

    tall = heights(linear)
    assert tall / tall[1] == pytest.approx(np.array(counts) / 300, abs=0.01)
    tall = heights(log)
    assert tall[2] == 0, "an empty bin is not drawn"
    steps = np.log10(np.array([100, 300, 1, 200]) / 0.5)
    assert tall[[0, 1, 3, 4]] / tall[1] == pytest.approx(steps / steps[1], abs=0.01)


def test_a_heat_map_has_the_colour_of_each_number() -> None:
    values = [[None, 0.0, 1.0, 10.0], [math.nan, math.inf, 100.0, 0.1]]
    image = pixels(plots.change_heat("c", "t", ["a", "b"], labels(4), values, "1", log=True))
    red = where(image, VERMILLION)
    red[:90] = False  # The key in the legend.
    left, top, right, bottom = box(red)
    wide, high = (right - left) // 2, bottom - top
    centre_y = (top + bottom) // 2

    def cell(row: int, column: int) -> Pixels:
        x, y = left + wide * column + wide // 2, centre_y + (row - 1) * high
        patch: Pixels = image[y - 4 : y + 5, x - 12 : x + 13].reshape(-1, 3)
        return patch

    assert {tuple(c) for c in cell(0, 0).tolist()} == {rgb(STRIPE), rgb(MISSING)}
    assert (cell(0, 1) == 255).all()
    for row, column, fraction in ((0, 2, 1 / 3), (0, 3, 2 / 3), (1, 2, 1.0), (1, 3, 0.0)):
        assert (cell(row, column) == ramp(fraction)).all(), (row, column)
    for column in (0, 1):
        assert (cell(1, column) == rgb(VERMILLION)).all()


def test_a_distribution_map_puts_values_at_their_height() -> None:
    low, high = even(0.0, 1.0, [9, 0, 0, 0]), even(0.0, 1.0, [0, 0, 0, 9])
    image = pixels(plots.distribution_heat("d", "t", labels(3), [low, None, high]))
    yellow = where(image, ramp(1.0))
    columns = np.flatnonzero(yellow.any(axis=0))
    columns = columns[columns < columns[0] + 0.6 * image.shape[1]]  # Without the colour bar.
    _, first_top, _, first_bottom = box(yellow[:, columns[0] : columns[0] + 20])
    _, last_top, _, last_bottom = box(yellow[:, columns[-1] - 20 : columns[-1]])
    assert last_bottom < first_top, "higher values are drawn higher"
    assert first_bottom - first_top == pytest.approx(last_bottom - last_top, abs=2)
    assert where(image, STRIPE).any()


def test_steps_are_placed_by_their_numbers() -> None:
    x = [0.0, 10.0, 15.0, 100.0]
    figure = plots.lines("l", "t", labels(4), x, {"a": [1.0, 1.0, 1.0, 2.0]}, "")
    blue = where(pixels(figure), BLUE)
    row = blue[box(blue)[3] - 3]  # Near the feet of the markers of the first three.
    starts = np.flatnonzero(np.diff(np.r_[0, row.astype(int)]) == 1)
    ends = np.flatnonzero(np.diff(np.r_[row.astype(int), 0]) == -1)
    centres = (starts + ends) / 2
    assert len(centres) == 3
    assert (centres[2] - centres[0]) / (centres[1] - centres[0]) == pytest.approx(1.5, abs=0.02)
    assert "placed by their steps" in figure.caption
    assert "evenly spaced" in plots.lines("l", "t", labels(4), None, {"a": [1.0] * 4}, "").caption


def test_gaps_stay_gaps() -> None:
    whole = where(pixels(plots.lines("l", "t", labels(50), None, {"a": [1.0] * 50}, "")), BLUE, 40)
    gap: list[float | None] = [1.0] * 20 + [None] * 10 + [1.0] * 20
    holed = where(pixels(plots.lines("l", "t", labels(50), None, {"a": gap}, "")), BLUE, 40)
    drawn_whole, drawn_holed = int(whole.any(axis=0).sum()), int(holed.any(axis=0).sum())
    assert drawn_holed / drawn_whole == pytest.approx(38 / 49, abs=0.02)


def test_every_line_has_a_look_of_its_own() -> None:
    values = {f"layer_{i}": [float(i), float(i)] for i in range(8)}
    image = pixels(plots.lines("l", "t", labels(2), None, values, ""))
    for colour in OKABE_ITO:
        assert where(image, colour).sum() > 200, colour


def test_bands_nest() -> None:
    image = pixels(plots.bands("b", "t", labels(3), None, spread([1.0, 1.0, 1.0]), [-3.0] * 3, [3.0] * 3))
    column = image[:, image.shape[1] // 2 + 37].astype(int)
    shades = [tuple(c) for c in column if c[2] > c[0] + 20]
    runs = [shade for i, shade in enumerate(shades) if i == 0 or shade != shades[i - 1]]
    solid = [r for r in runs if shades.count(r) > 10]
    assert len(set(solid)) == 2
    assert solid[0] == solid[-1] != solid[1]
    assert sum(solid[0]) > sum(solid[1]), "the inner band is darker"


def test_extremes_far_out_are_named_and_do_not_flatten_the_bands() -> None:
    figure = plots.bands("b", "t", labels(3), None, spread([1.0] * 3), [-3.0] * 3, [1000.0] * 3)
    assert "Maximum, up to 1000, not shown." in figure.caption
    assert "Minimum" not in figure.caption
    assert "largest value is 1000" in figure.alt


def test_ridges_move_from_left_to_right() -> None:
    figure = plots.ridge("r", "t", labels(5), series(5))
    image = pixels(figure)
    first, last = box(where(image, ramp(0.0))), box(where(image, ramp(1.0)))
    assert first[0] < last[0]
    assert first[2] < last[2]
    assert first[1] < last[1], "old at the top"
    assert "median rises from about −0.5 (0) to about 0.3 (4000)" in figure.alt


def test_a_spike_does_not_flatten_the_other_ridges() -> None:
    spike = even(-1.0, 1.0, [0] * 25 + [10_000] + [0] * 24)
    caption = plots.ridge("r", "t", labels(6), [spike, *series(5)]).caption
    assert "height scale of its own" in caption
    assert "same scale for all" in plots.ridge("r", "t", labels(5), series(5)).caption


def test_what_is_thinned_or_left_out_is_said() -> None:
    assert "30 of 100 checkpoints are drawn" in plots.ridge("r", "t", labels(100), series(100)).caption
    assert "230 of 500 checkpoints" in plots.distribution_heat("d", "t", labels(500), series(500)).caption
    assert "12 more are not drawn" in plots.lines("l", "t", ["1"], None, {str(i): [1.0] for i in range(20)}, "").caption
    tails = bell(below=12, above=1)
    for text in (plots.global_histogram("g", "t", tails).caption, plots.global_histogram("g", "t", tails).alt):
        assert "12 values below −1 not shown." in text
        assert "1 value above 1 not shown." in text
    assert "+n outside" in plots.small_multiples("s", ["a"], [tails])[0].caption
    assert "up to 13 values" in plots.distribution_heat("d", "t", ["1"], [tails]).caption.lower()


def test_the_worst_of_many_layers_are_kept_in_order() -> None:
    values = [[float(i % 100) + 1] for i in range(150)]
    figure = plots.change_heat("c", "t", [f"layer_{i}" for i in range(150)], ["1"], values, "1", log=False)
    assert "The 60 layers with the largest numbers, of 150." in figure.caption
    assert "60 of 150 layers" in figure.alt
    assert "largest number is 100 (layer_99, 1)" in figure.alt
    # 1 … 50 come twice, 51 … 100 once: the 60 largest are 51 … 100 and the five greatest pairs below.
    assert "smallest number is 46 (layer_45, 1)" in figure.alt


def test_not_finite_outranks_every_number() -> None:
    values = [[float(i)] for i in range(100)]
    values[3] = [math.nan]
    figure = plots.change_heat("c", "t", [f"layer_{i}" for i in range(100)], ["1"], values, "1", log=False)
    assert "1 cell with NaN or infinity" in figure.alt


def test_neighbours_that_share_a_column_show_the_largest() -> None:
    values: list[float | None] = [1.0] * 2000
    values[777] = 50.0
    figure = plots.change_heat("c", "t", ["a"], labels(2000), [values], "1", log=False)
    assert "largest number is 50" in figure.alt
    assert "2\u202f000 checkpoints share 500 columns" in figure.caption


@pytest.mark.parametrize("columns", [1, 5, 6])
def test_no_number_below_a_panel_is_cut(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is shortened in its middle; of a number, what is left would be another one."""
    drawn: list[str] = []

    def noting(text: str, room: float, bold: bool = False) -> str:
        drawn.append(shorten(text, room, bold))
        return drawn[-1]

    monkeypatch.setattr("reporter.plots.lettering.shorten", noting)
    ends = [(-1.5e-5, 1.5e-5), (-405504.0, 497664.0), (-1.02e6, 2.75e6), (-2.5e38, 3.5e38), (-1.25e-103, 1.25e-103)]
    histograms = [Histogram((low, 0.0, high), (3, 4), 0, 0) for low, high in ends]
    plots.small_multiples("s", [f"layer {i}" for i in range(len(ends))], histograms, columns)
    assert len(drawn) > 2 * len(ends)
    assert not [text for text in drawn if "…" in text]


def test_sheets_keep_the_order_and_name_each_part() -> None:
    sheets = plots.small_multiples("s", [f"layer_{i}" for i in range(95)], series(95))
    assert [sheet.name for sheet in sheets] == [f"s-{i}" for i in range(1, 8)]
    assert "layers 16 to 30 of 95: layer_15, layer_16, layer_17 and 12 more" in sheets[1].alt
    assert sheets[-1].alt.startswith("Small histograms of layers 91 to 95 of 95:")
    alone = plots.small_multiples("s", [f"layer_{i}" for i in range(16)], series(16))[1]
    assert alone.alt.startswith("Small histograms of layer 16 of 16:")
    assert plots.small_multiples("s", [], []) == []


def test_a_number_from_bins_is_given_no_better_than_its_bin() -> None:
    histograms = [Histogram((0.0, 1.0, 2.0), (10 + i, 10)) for i in range(3)]
    assert "within 1, the width of a bin" in plots.ridge("r", "t", labels(3), histograms).alt


def test_shares_and_counts_have_axes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from reporter.plots.canvas import Canvas

    seen: list[str] = []
    finish = Canvas.figure

    def watch(self: Canvas, name: str, alt: str, caption: str) -> Figure:
        seen.extend(line.text for line in self.letters)
        return finish(self, name, alt, caption)

    monkeypatch.setattr(Canvas, "figure", watch)
    plots.lines("l", "Zeros", labels(2), None, {"zeros": [0.0, 1.0]}, "share")
    assert {"0 %", "100 %"} <= set(seen)
    seen.clear()
    plots.lines("l", "NaN", labels(2), None, {"nan": [0.0, 1.0]}, "values")
    assert {"0", "1", "number of values"} <= set(seen)
    assert "0.5" not in seen
