"""Small pictures hold the numbers that they were made from: their paths are read back."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from reporter.model.table import Cell, Column, Row, Spark, Thumbnail
from reporter.render.cells import cells
from reporter.render.links import Links
from reporter.render.marks import HIGH, MOST, WIDE, svg


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def drawn(mark: Spark | Thumbnail, name: str = "") -> str:
    found = re.search(rf'<path{f" class=.{name}." if name else ""} d="([^"]*)"', svg(mark))
    return found[1] if found else ""


def test_a_line_has_the_heights_of_its_numbers() -> None:
    values = np.random.default_rng(0).standard_normal(20)
    found = np.array(points(drawn(Spark(tuple(values.tolist())))))
    assert np.allclose(np.diff(found[:, 0]), (WIDE - 4) / 19, atol=0.11)
    heights = (HIGH - 2 - found[:, 1]) / (HIGH - 4)
    assert np.allclose(heights, (values - values.min()) / np.ptp(values), atol=0.004)


def test_a_gap_is_no_line_and_nan_is_marked() -> None:
    mark = Spark((1.0, 2.0, None, 3.0, math.nan, 2.0))
    path = drawn(mark)
    assert len(points(path)) == 4
    assert re.findall("[MLh]", path) == ["M", "L", "M", "h", "M", "h"]
    assert re.findall(r"M([\d.]+) 0V", drawn(mark, "odd")) == [str(round(2 + (WIDE - 4) * 4 / 5, 1))]
    assert "odd" not in svg(Spark((1.0, None)))
    assert points(drawn(Spark((math.nan, math.inf)))) == []


@pytest.mark.parametrize("values", [(5.0, 5.0), (0.0, 0.0), (1.0, 1.0 + 1e-9), (1e308, -1e308)])
def test_noise_is_no_drama_and_nothing_overflows(values: tuple[float, ...]) -> None:
    heights = [y for _, y in points(drawn(Spark(values)))]
    assert all(0 <= y <= HIGH for y in heights)
    assert (max(heights) - min(heights) < 1) == (abs(values[1] - values[0]) < 1)


def test_many_checkpoints_keep_both_ends() -> None:
    found = points(drawn(Spark(tuple(float(i) for i in range(1000)))))
    assert len(found) == MOST
    assert (found[0], found[-1]) == ((2.0, HIGH - 2.0), (WIDE - 2.0, 2.0))


def bars(path: str) -> list[float]:
    """The height of the outline in the middle of each of four bins."""
    x, y, heights = 0.0, float(HIGH), []
    corners = []
    for letter, number in re.findall(r"([HV])([\d.]+)", path):
        x, y = (float(number), y) if letter == "H" else (x, float(number))
        corners.append((x, y))
    for middle in (12, 36, 60, 84):
        heights.append(next(y for x, y in corners if x > middle))
    return [(HIGH - y) / HIGH for y in heights]


def test_histograms_share_their_scale() -> None:
    mark = Thumbnail((0.1, 0.4, 0.4, 0.1), (0.0, 0.2, 0.8, 0.0))
    assert bars(drawn(mark, "first")) == pytest.approx([0.125, 0.5, 0.5, 0.125], abs=0.003)
    assert bars(drawn(mark, "last")) == pytest.approx([0.0, 0.25, 1.0, 0.0], abs=0.003)
    assert "path" not in svg(Thumbnail((), ()))
    assert drawn(Thumbnail((), (1.0,)), "first") == ""


@pytest.mark.parametrize("files", [False, True])
def test_paper_has_the_text_and_html_the_picture(files: bool) -> None:
    columns = (Column("A", numeric=False), Column("Course", numeric=False, course=True))
    row = Row((Cell("a"), Cell("▁█", mark=Spark((0.0, 1.0)))))
    text = cells(row, columns, Links(frozenset(), files=files))
    assert ("<svg" in text, "▁█" in text) == (files, not files)


def test_names_break_after_strokes_on_paper_only() -> None:
    row = Row((Cell("encoder/block_one/BatchNormalization"),))
    on_paper, in_html = (cells(row, (Column("A", numeric=False),), Links(frozenset(), files=f)) for f in (False, True))
    assert "encoder/<wbr>block_<wbr>one/<wbr>BatchNormalization" in on_paper
    assert "wbr" not in in_html
