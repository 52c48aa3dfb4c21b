"""Laws of scales, text and bins, for any input."""

from __future__ import annotations

import math
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from reporter.model.evenly import evenly
from reporter.model.histogram import Histogram
from reporter.plots import colours, lettering, png
from reporter.plots.bins import bins_of
from reporter.plots.legend import Item, legend
from reporter.plots.scale import Linear, Log, tick_labels
from reporter.plots.steps import Steps

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False)


def number_of(label: str) -> float:
    return float(label.replace("−", "-").replace("\u202f", ""))


@given(finite, finite, st.integers(1, 8))
@example(1.7976931348623155e308, -2.9937604643020797e292, 1)
def test_linear_ticks_are_few_within_the_range_and_labelled_apart(a: float, b: float, wanted: int) -> None:
    scale = Linear(min(a, b), max(a, b), 0.0, 100.0)
    ticks = scale.ticks(wanted)
    assert 0 < len(ticks) <= max(wanted + 1, 3)
    slack = 1e-6 * (scale.high / 2 - scale.low / 2)
    assert all(scale.low / 2 - slack <= t / 2 <= scale.high / 2 + slack for t in ticks)
    assert all(x < y for x, y in pairwise(ticks))
    texts = tick_labels(ticks)
    assert len(set(texts)) == len(texts)
    gap = min((y / 2 - x / 2 for x, y in pairwise(ticks)), default=math.inf)
    assert all(abs(number_of(t) / 2 - v / 2) <= gap / 50 for t, v in zip(texts, ticks, strict=True))


@given(finite, finite, st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_linear_places_keep_order_and_stay_inside(a: float, b: float, shares: list[float]) -> None:
    scale = Linear(min(a, b), max(a, b), 0.0, 100.0)
    inside = sorted(scale.low * (1 - s) + scale.high * s for s in shares)
    places = scale(np.clip(inside, scale.low, scale.high))
    assert np.isfinite(places).all()
    assert (np.diff(places) >= -1e-9).all()
    assert places.min() >= -1e-6
    assert places.max() <= 100 + 1e-6
    assert scale([scale.low, scale.high]) == pytest.approx([0.0, 100.0])


@given(positive, positive, st.integers(1, 8))
def test_log_ticks_are_few_and_within_the_range(a: float, b: float, wanted: int) -> None:
    scale = Log(min(a, b), max(a, b), 0.0, 100.0)
    ticks = scale.ticks(wanted)
    assert 0 < len(ticks) <= 3 * wanted + 3
    assert all(0 < t < math.inf for t in ticks)
    assert all(x < y for x, y in pairwise(ticks))
    places = scale(ticks)
    assert (places >= -1e-6).all()
    assert (places <= 100 + 1e-6).all()


def test_log_needs_a_positive_start() -> None:
    with pytest.raises(ValueError, match="cannot start at 0"):
        Log(0.0, 1.0, 0.0, 1.0)


@given(st.text(max_size=300), st.floats(0, 700), st.booleans())
def test_any_text_fits_and_has_glyphs(text: str, room: float, bold: bool) -> None:
    short = lettering.shorten(text, room, bold)
    assert lettering.width(short, bold) <= room
    assert lettering.drawable(short, bold) == short
    assert "\n" not in short
    whole = lettering.drawable(text, bold)
    if lettering.width(whole, bold) <= room:
        assert short == whole


@pytest.mark.parametrize("bold", [False, True])
def test_a_character_without_a_glyph_would_be_noticed(bold: bool) -> None:
    empty_box = lettering.font(bold).getmask("\U0010ffff").getbbox()
    assert empty_box is not None, "the font draws a box for what it has no glyph for"
    assert lettering.drawable("a\U0010ffffb层", bold) == "a?b?"


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.integers(0, 9), st.integers(0, 9), st.floats(0, 1))
def test_a_quantile_lies_where_its_rank_says(counts: list[int], below: int, above: int, p: float) -> None:
    histogram = Histogram(tuple(float(i) for i in range(len(counts) + 1)), tuple(counts), below, above)
    bins = bins_of(histogram)
    if bins is None:
        assert histogram.total == 0
        return
    place = bins.quantile(p)
    ends = below + np.concatenate([[0], np.cumsum(counts)])
    rank = p * histogram.total
    if place is None:
        assert not sum(counts) or not ends[0] <= rank <= ends[-1]
    else:
        assert np.interp(place, bins.edges, ends) == pytest.approx(rank, abs=1e-6)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any))
def test_half_of_the_values_lie_where_the_words_say(counts: list[int]) -> None:
    bins = bins_of(Histogram(tuple(float(i) for i in range(len(counts) + 1)), tuple(counts)))
    assert bins is not None
    left, right, held = bins.half
    assert held == pytest.approx(sum(counts[int(left) : int(right)]) / sum(counts))
    assert held >= 0.5 - 1e-9


@given(st.integers(1, 400), st.integers(2, 60))
def test_a_subset_is_even_and_keeps_both_ends(count: int, limit: int) -> None:
    chosen = evenly(count, limit)
    assert len(chosen) == min(count, limit)
    assert chosen[0] == 0
    assert chosen[-1] == count - 1
    gaps = np.diff(chosen)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


@given(st.lists(st.floats(), min_size=1, max_size=9))
def test_steps_are_true_or_evenly_spaced(x: list[float]) -> None:
    steps = Steps([str(v) for v in x], x)
    usable = all(math.isfinite(v) for v in x) and all(a < b for a, b in pairwise(x))
    assert steps.spaced == usable
    assert steps.positions.tolist() == (x if usable else list(range(len(x))))


@given(st.lists(st.text(max_size=80), max_size=12), st.floats(60, 700))
def test_a_legend_loses_nothing_and_fits(texts: list[str], room: float) -> None:
    rows = legend([Item(t, colours.BLUE, "line") for t in texts], room).rows
    assert sum(len(row) for row in rows) == len(texts)
    assert all(row and sum(item.width for item in row) <= room + 1e-6 for row in rows)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 256), st.integers(0, 2**32 - 1))
def test_png_is_what_pillow_reads_back(width: int, height: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 256, (most, 3), dtype=np.uint8)[rng.integers(0, most, (height, width))]
    for pixels in (few, rng.integers(0, 256, (height, width, 3), dtype=np.uint8)):
        read = Image.open(BytesIO(png.encode(Image.fromarray(pixels))))
        exact = len(np.unique(pixels.reshape(-1, 3), axis=0)) <= png.PALETTE
        moved = np.abs(np.asarray(read.convert("RGB")).astype(int) - pixels).max()
        assert moved < (1 if exact or read.mode == "RGB" else 1 << png.ALIKE)
        assert read.mode == "P" or not exact


def test_a_palette_keeps_areas_and_rare_marks_and_moves_edges_a_little() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)  # as of the edges of letters
    warm = np.stack([np.full(256, 255, np.uint8), *(ramp.T[:2])], axis=1)  # and of a line
    pixels = np.full((40, 700, 3), 255, np.uint8)
    pixels[0, :256], pixels[1, :256] = ramp, warm
    pixels[10:20, 10:200] = (0, 114, 178)
    pixels[30, 30] = (0, 255, 0)
    read = Image.open(BytesIO(png.encode(Image.fromarray(pixels))))
    assert read.mode == "P"
    back = np.asarray(read.convert("RGB")).astype(int)
    assert (back[10:20, 10:200] == (0, 114, 178)).all()
    assert tuple(back[30, 30]) == (0, 255, 0)
    assert (back[3:10] == 255).all()
    assert 0 < np.abs(back - pixels).max() < 1 << png.ALIKE


def test_the_colours_of_a_heat_map_stay_next_to_those_of_its_scale() -> None:
    """They stand for numbers; letters beside it have 200 shades of grey, and the cells of some colours are small."""
    shades = colours.ramp(np.linspace(0.0, 1.0, 256))
    places = np.clip(np.random.default_rng(0).normal(128, 30, (70, 200)), 0, 255).astype(int)
    pixels = np.full((100, 520, 3), 255, np.uint8)
    pixels[10:14, :256] = shades
    pixels[20:90, 300:500] = shades[places]
    pixels[0:3, :200] = np.arange(34, 234)[:, None]
    read = Image.open(BytesIO(png.encode(Image.fromarray(pixels))))
    assert read.mode == "P"
    assert np.abs(np.asarray(read.convert("RGB")).astype(int) - pixels).max() < 4


def contrast(colour: str, ground: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(name: str) -> float:
        parts = [c / 255 for c in colours.rgb(name)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read() -> None:
    for ink in (colours.INK, colours.FAINT_INK):
        assert contrast(ink, colours.PAPER) >= 4.5
        assert contrast(ink, colours.GRID) >= 4.5


def test_lines_are_told_apart_from_the_ground_and_from_each_other() -> None:
    assert len(set(colours.OKABE_ITO)) == 8
    assert all(contrast(c, colours.PAPER) >= 2 for c in colours.OKABE_ITO)


def test_the_ramp_gets_lighter_all_the_way() -> None:
    shades = colours.ramp(np.linspace(0, 1, 64)).astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(shades) > 0).all()
