"""Areas lie where the picture shows their numbers, and hold these exactly."""

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
from reporter.model.reading import Area, BinsArea, CellsArea, LinesArea, of_record, record
from tests.plots.cases import CASES
from tests.plots.test_contract import drawn

EDGES = tuple(float(i) for i in range(9))
LOW, HIGH = Histogram(EDGES, (0, 40, 5, 0, 0, 0, 0, 0)), Histogram(EDGES, (0, 0, 0, 0, 0, 0, 30, 0), below=2)


def pixels(figure: Figure) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(figure.png)).convert("RGB"))


def bins_of(figure: Figure) -> BinsArea:
    (area,) = figure.reading
    assert isinstance(area, BinsArea)
    return area


def inside(figure: Figure, left: float, top: float, right: float, bottom: float) -> npt.NDArray[np.uint8]:
    """The pixels of a rectangle, given in CSS pixels, without those at its rim."""
    return pixels(figure)[round(2 * top) + 2 : round(2 * bottom) - 2, round(2 * left) + 2 : round(2 * right) - 2]


@pytest.mark.parametrize("case", CASES)
def test_areas_lie_within_the_picture_and_survive_the_cache(case: str) -> None:
    for figure in drawn(CASES[case]):
        for area in figure.reading:
            left, top, right, bottom = area.box
            assert 0 <= left < right <= figure.width
            assert 0 <= top < bottom <= figure.height
            assert of_record(*record(area)) == area
            assert area.nbytes > 0
            complete(area)


def complete(area: Area) -> None:
    if isinstance(area, BinsArea):
        assert len(area.labels) == len(area.counts) == len(area.outside)
        assert {len(c) for c in area.counts if c} == {len(area.edges) - 1}
    elif isinstance(area, LinesArea):
        assert {len(values) for _, values in area.lines} == {len(area.places)} == {len(area.labels)}
        assert all(area.box[0] <= x <= area.box[2] for x in area.places)
    else:
        assert len(area.values) == len(area.rows) * len(area.columns)


def test_a_column_of_the_heat_map_is_where_its_bin_is() -> None:
    figure = plots.distribution_heat("d", "dense", ["1", "2"], [LOW, HIGH])
    area = bins_of(figure)
    assert area.counts == (LOW.counts, HIGH.counts)
    assert area.outside == ((0, 0), (2, 0))
    left, top, right, bottom = area.box
    middle = (left + right) / 2

    def cell(sample: int, bin_: int) -> npt.NDArray[np.uint8]:
        ends = [bottom + (top - bottom) * (EDGES[i] - area.low) / (area.high - area.low) for i in (bin_ + 1, bin_)]
        return inside(figure, (left, middle)[sample], ends[0], (middle, right)[sample], ends[1])

    assert (cell(0, 1) != 255).any(axis=2).all(), "40 values"
    assert (cell(1, 1) == 255).all(), "none"
    assert (cell(1, 6) != 255).any(axis=2).all(), "30 values"


def test_a_cell_of_the_heat_map_is_where_its_number_is() -> None:
    table = [[1.0, None, 4.0], [2.0, math.nan, 1.0]]
    figure = plots.change_heat("m", "norms", ["a", "b"], ["1", "2", "3"], table, "× first", log=False)
    (area,) = figure.reading
    assert isinstance(area, CellsArea)
    assert area.values == (1.0, None, 4.0, 2.0, math.inf, 1.0)
    left, top, right, bottom = area.box
    wide, high = (right - left) / 3, (bottom - top) / 2

    def colour(row: int, column: int) -> set[tuple[int, ...]]:
        x, y = left + column * wide, top + row * high
        return {tuple(p) for p in inside(figure, x, y, x + wide, y + high).reshape(-1, 3).tolist()}

    assert colour(0, 0) == colour(1, 2), "the same number"
    assert len(colour(0, 0)) == len(colour(1, 1)) == 1
    assert len({*colour(0, 0), *colour(0, 2), *colour(1, 0), *colour(1, 1)}) == 4
    assert len(colour(0, 1)) > 1, "hatched"


def test_lines_are_at_the_places_of_their_checkpoints() -> None:
    values = [1.0, math.nan, 3.0, None]
    figure = plots.lines("l", "norm", ["1", "2", "5", "9"], [1.0, 2.0, 5.0, 9.0], {"norm": values}, "")
    (area,) = figure.reading
    assert isinstance(area, LinesArea)
    assert area.lines == (("norm", (1.0, math.inf, 3.0, None)),)
    assert np.diff(area.places) / np.diff([1.0, 2.0, 5.0, 9.0]) == pytest.approx([np.diff(area.places)[0]] * 3)
    x = round(2 * area.places[2])
    column = pixels(figure)[round(2 * area.box[1]) : round(2 * area.box[3]), x - 2 : x + 2]
    blue = (column[..., 2].astype(int) - column[..., 0] > 80).any()
    assert blue, "the marker of the third checkpoint"


def test_a_ridge_tells_every_checkpoint() -> None:
    figure = plots.ridge("r", "moving", ["1", "2", "3"], [LOW, None, HIGH])
    area = bins_of(figure)
    assert area.labels == ("1", "2", "3")
    assert area.counts == (LOW.counts, None, HIGH.counts)
    left, top, right, bottom = area.box
    row = (bottom - top) / 3
    place = left + (right - left) * (6.5 - area.low) / (area.high - area.low)
    there = pixels(figure)[round(2 * (top + 2 * row)) + 2 : round(2 * bottom) - 4, round(2 * place)]
    assert (there != 255).any(axis=1).all(), "the ridge of the third checkpoint stands in its own row"


def test_panels_of_a_sheet_tell_their_own_layer() -> None:
    (figure,) = plots.small_multiples("s", ["a", "b", "c"], [LOW, None, HIGH])
    assert [area.labels for area in figure.reading if isinstance(area, BinsArea)] == [("a",), ("c",)]
