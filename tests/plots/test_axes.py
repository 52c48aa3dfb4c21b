"""Axes magnify nothing into drama: a level is shown with what surrounds it, and steps are whole numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reporter import plots
from reporter.model.figures import Line
from reporter.plots import lines
from reporter.plots.canvas import Canvas
from reporter.plots.curves import begin, clear_of
from reporter.plots.matrix import scale_of
from reporter.plots.panel import Panel
from reporter.plots.scale import LEAST_SPAN, Whole, widened
from reporter.plots.stacked import SMALL, _ticks

LABELS = ["100", "200", "300"]


@pytest.mark.parametrize("level", [0.0009738, 58423.0, -3.0])
def test_a_level_is_shown_with_what_surrounds_it(level: float) -> None:
    low, high = widened(level * 0.999, level * 1.001) if level > 0 else widened(level * 1.001, level * 0.999)
    assert low <= level - 0.99 * LEAST_SPAN * abs(level)
    assert high >= level + 0.99 * LEAST_SPAN * abs(level)
    _, begun = begin("norm", {"norm": np.array([level * 0.9999, level, level * 1.0001])}, "", keys=False)
    assert begun is not None
    _, y, _ = begun
    assert y.high - y.low == pytest.approx(2 * LEAST_SPAN * abs(level), rel=1e-3)


def test_ratios_start_at_nothing() -> None:
    _, begun = begin("update", {"update": np.array([0.10, 0.11])}, "‖ΔW‖ / ‖W‖", keys=False)
    assert begun is not None
    assert begun[1].low == 0.0


def test_a_map_of_one_level_has_no_full_range_of_colours() -> None:
    scale = scale_of(np.array([0.9998, 1.0, 1.0001]), logarithmic=True)
    assert np.ptp(scale([0.9998, 1.0001])) < 0.03


def test_ticks_of_steps_are_whole_numbers() -> None:
    for low, high in ((123.0, 124.0), (1.0, 3.0), (898.0, 99678.0), (7.0, 7.0)):
        ticks = Whole(low, high, 0.0, 600.0).ticks(7)
        assert ticks
        assert all(tick == round(tick) for tick in ticks)


def test_a_checkpoint_that_is_not_finite_is_marked_with_the_word() -> None:
    whole = lines("n", "norm", LABELS, None, {"norm": [1.0, 2.0, 3.0]}, "")
    broken = lines("n", "norm", LABELS, None, {"norm": [1.0, 2.0, math.nan]}, "")
    gap = lines("n", "norm", LABELS, None, {"norm": [1.0, 2.0, None]}, "")
    assert "NaN or infinite at 300" in broken.alt
    assert "NaN or infinite, at 300" in broken.caption
    assert "NaN" not in gap.alt + gap.caption + whole.alt + whole.caption
    assert broken.png != gap.png


@pytest.mark.parametrize(("low", "high"), [(41.9, 79.2), (0.0118, 0.28), (-3.0, 8.0), (98.9, 101.1), (1e-9, 2.7e-9)])
def test_the_smallest_panel_has_a_scale_and_not_only_a_level(low: float, high: float) -> None:
    ticks, labels = _ticks(low, high, SMALL)
    assert 2 <= len(ticks) <= 3
    assert len(set(labels)) == len(labels)
    assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize("logged", [True, False])
def test_only_a_picture_with_metrics_speaks_of_metrics(logged: bool) -> None:
    figure = plots.multiples("m", "Over the training", [{"norm": Line((1.0, 2.0), (3.0, 4.0))}], logged=logged)
    assert ("metrics" in figure.caption) is logged


def test_no_line_runs_through_the_word_for_what_is_no_number() -> None:
    panel = Panel(Canvas(300, 100), 0.0, 0.0, 300.0, 80.0)
    falling = np.array([0.0, 290.0]), np.array([10.0, 70.0])
    assert clear_of(panel, 260.0, 285.0, 72.0, [falling]) < 20.0
    assert clear_of(panel, 5.0, 30.0, 72.0, [falling]) == 72.0
    assert clear_of(panel, 260.0, 285.0, 72.0, [(falling[0], np.array([np.nan, np.nan]))]) == 72.0
    both = [falling, (falling[0], np.array([12.0, 12.0]))]
    assert clear_of(panel, 260.0, 285.0, 72.0, both) == 72.0, "there is room nowhere"
