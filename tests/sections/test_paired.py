"""How a change is printed: exact as it is, estimated with its error, and never a number where there is none."""

from __future__ import annotations

import math

import pytest

from reporter.model.change import Change
from reporter.model.comparison import Pair
from reporter.model.shift import UNMOVED, Shift
from reporter.sections.paired import (
    cosine_cell,
    exactness,
    finiteness,
    js_cell,
    largest_cell,
    non_finite_cell,
    per_step_cell,
    psi_cell,
    unchanged_cell,
    update_cell,
    wasserstein_cell,
)

NORMS = (0.2, 2.0, math.sqrt(4.2), math.sqrt(4.08))
EXACT = Change(4, 1, *NORMS, largest=0.2)
ESTIMATE = Change(4000, 0, *NORMS, largest=math.nan, exact=False)
FROM_ZERO = Change(4, 0, 0.2, 0.0, 0.2, 0.0, 0.2)
EQUAL_ZEROS = Change(4, 4, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "update", "cosine", "unchanged", "largest"),
    [
        (EXACT, "0.1", "0.995418", "25.00 %", "0.2"),
        (ESTIMATE, "0.1 ± 2.2 %", "0.99542 ± 0.0002", "—", "—"),
        (FROM_ZERO, "from 0", "—", "0 %", "0.2"),
        (EQUAL_ZEROS, "—", "—", "100 %", "0"),
        (None, "—", "—", "—", "—"),
        (Change(), "—", "—", "—", "—"),
    ],
)
def test_cells(change: Change | None, update: str, cosine: str, unchanged: str, largest: str) -> None:
    assert update_cell(change).text == update
    assert cosine_cell(change).text == cosine
    assert unchanged_cell(change).text == unchanged
    assert largest_cell(change).text == largest


@pytest.mark.parametrize(("steps", "text"), [(100, "0.001 … 0.01"), (1, "0.1"), (None, "—"), (0, "—")])
def test_bounds_per_step(steps: int | None, text: str) -> None:
    assert per_step_cell(EXACT, steps).text == text
    assert per_step_cell(FROM_ZERO, steps).text == "—"


@pytest.mark.parametrize(
    ("shift", "text"),
    [
        (Shift(0.04123, 0.0), "0.0412"),
        (Shift(0.04123, 0.004), "0.041 ± 0.004"),
        (Shift(0.04123, 1e-6), "0.0412"),
        (Shift(2.5, 0.3), "2.5 ± 0.3"),
        (Shift(None), "—"),
        (UNMOVED, "0"),
        (None, "—"),
    ],
)
def test_wasserstein_with_its_error(shift: Shift | None, text: str) -> None:
    assert wasserstein_cell(shift).text == text


def test_bins_are_stated() -> None:
    shift = Shift(0.1, 0.0, 0.25, 0.1, 34, -0.5, 0.5)
    assert (psi_cell(shift).text, js_cell(shift).text) == ("0.25", "0.1")
    assert psi_cell(shift).title == js_cell(shift).title == "34 bins: 32 from −0.5 to 0.5, and one open at either end"
    assert psi_cell(Shift(0.1)).text == "—"


def test_which_comparisons_are_exact() -> None:
    exact, estimate = Pair(0, 1, {}, {}, EXACT, EXACT), Pair(0, 1, {}, {}, ESTIMATE, ESTIMATE)
    assert exactness([exact, exact]).startswith("Every comparison is exact")
    assert exactness([exact, estimate, exact]).startswith("1 of 3 comparisons are estimated")
    assert exactness([exact, estimate]).endswith("The others are exact.")
    assert exactness([estimate]).startswith("All comparisons are estimated")
    assert "2.2 % on the distance" in exactness([estimate])


PARTLY = Change(10, 9, 0.0, 4.0, 4.0, 4.0, 0.0, left_out=1, bad_after=1)
NOTHING_FINITE = Change(4, 4, left_out=4, bad_before=4, bad_after=4)


def test_what_is_not_of_all_values_says_so() -> None:
    assert update_cell(PARTLY).text == "0 (finite)"
    assert "9 of 10 values that are finite in both" in update_cell(PARTLY).title
    assert update_cell(NOTHING_FINITE).text == "—"
    assert (non_finite_cell(PARTLY).text, non_finite_cell(PARTLY).level) == ("0 → 1", "fail")
    assert (non_finite_cell(EXACT).text, non_finite_cell(EXACT).level) == ("0", "")
    assert non_finite_cell(Change(3, left_out=1, bad_before=1)).level == "warn"
    assert finiteness([Pair(0, 1, {}, {}, EXACT, EXACT)]) == "No value compared is NaN or infinite."
    assert finiteness([Pair(0, 1, {}, {}, EXACT, EXACT), Pair(1, 2, {}, {}, PARTLY, PARTLY)]).startswith(
        "1 of 2 comparisons meet"
    )
