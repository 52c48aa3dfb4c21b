"""Changes in columns: what is exact and what is estimated side by side, under other names, and merged."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reporter.model.change import Change
from reporter.model.changes import NO_CHANGES, Changes, MergedChanges, columns, merge

A = Change(4, 1, 3.0, 5.0, 6.0, -2.0, largest=0.5, left_out=1, bad_before=1)
B = Change(10, 2, 4.0, 12.0, 8.0, 1.0, largest=2.0, bad_after=3)
ESTIMATE = Change(7, 0, 1.0, 2.0, 2.0, 1.5, largest=math.nan, exact=False)


def test_what_was_taken_down_is_what_is_asked_for() -> None:
    changes = Changes.of({"b": B, "a": A})
    assert dict(changes) == {"b": B, "a": A}
    assert list(changes) == ["b", "a"]
    assert "c" not in changes
    assert not NO_CHANGES


def test_exact_ones_merge() -> None:
    merged = merge([A, B])
    assert merged == Changes.of({"a": A, "b": B}).merged(["a", "gone", "b"])
    assert (merged.count, merged.equal, merged.left_out, merged.bad_before, merged.bad_after) == (14, 3, 1, 1, 3)
    assert (merged.distance, merged.norm_before, merged.norm_after, merged.largest) == (5.0, 13.0, 10.0, 2.0)
    assert merged.overlap == pytest.approx(-math.sqrt(3.0))
    assert merged.exact


def test_nothing_changes_nothing() -> None:
    assert merge([]) == Change() == NO_CHANGES.merged(["a"])
    assert merge([Change(), A, Change()]) == A


def test_with_an_estimate_the_whole_is_one() -> None:
    merged = Changes.of({"a": A, "e": ESTIMATE}).merged(["a", "e"])
    assert not merged.exact
    assert math.isnan(merged.largest)
    assert merged.distance == pytest.approx(math.sqrt(10.0))


def test_further_ones_are_told_from_the_exact() -> None:
    known = Changes.of({"gone": B, "a": A})
    both = known.with_further({"e": ESTIMATE}, ["e", "nowhere", "a"])
    assert list(both) == ["e", "a"]
    assert both["a"] == A
    assert not both["e"].exact
    assert columns(both)[:, 4].tolist() == [0.0, 1.0]
    assert list(known) == ["gone", "a"]


def test_names_change_and_numbers_do_not() -> None:
    changes = Changes.of({"a": A, "b": B})
    other = changes.renamed({"a": "x"})
    assert dict(other) == {"x": A, "b": B}
    assert other.norms is changes.norms
    assert dict(other.only(["b", "a"])) == {"b": B}


def test_norms_beyond_float64_stay_infinite_without_a_warning() -> None:
    far = Change(1, 0, math.inf, 1.0, math.inf, -math.inf)
    merged = merge([far, far, replace(far, overlap=math.inf)])
    assert (merged.distance, merged.norm_after) == (math.inf, math.inf)
    assert merged.cosine is None


def test_relative_to_an_infinite_norm_there_is_no_update() -> None:
    """Of one group and of all groups at once."""
    groups = MergedChanges(Changes.of({"a": Change(1, 0, 1.0, math.inf, 1.0), "b": B}), {"g": ("a",), "h": ("b",)})
    assert groups.relative_updates() == {"g": None, "h": B.relative_update}
    assert groups["g"].relative_update is None
