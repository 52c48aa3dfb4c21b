"""Courses taken from whole columns are those of each tensor at each checkpoint; other views tell the same."""

from __future__ import annotations

import math
from dataclasses import replace

from reporter.model.comparison import Comparison
from reporter.sections.compare_view import numbers_of
from reporter.sections.tensor_courses import norms, updates
from tests.make import built


def _same(a: float | None, b: float | None) -> bool:
    return a is b or (a is not None and b is not None and (a == b or (math.isnan(a) and math.isnan(b))))


def _norm(series: Comparison, place: int, name: str) -> float | None:
    tensor = series.measured[place].by_name.get(name)
    if tensor is None or tensor.info.collection != "model":
        return None
    norm = tensor.statistics["l2_norm"]
    return math.nan if tensor.summary.non_finite or not isinstance(norm, float) else norm


def _update(series: Comparison, place: int, name: str) -> float | None:
    change = series.pairs[place].tensors.get(name)
    if change is None:
        return None
    return math.nan if change.left_out else change.relative_update


def test_they_are_those_of_each_tensor() -> None:
    for series in built.rich().report.series:
        _check(series)


def _check(series: Comparison) -> None:
    found = norms(series)
    assert set(found) == {info.name for m in series.measured for info in m.model_infos}
    for name, course in found.items():
        expected = [_norm(series, place, name) for place in range(len(series.refs))]
        assert all(map(_same, course, expected)), (name, course, expected)
    for name, course in updates(series).items():
        expected = [_update(series, place, name) for place in range(len(series.pairs))]
        assert all(map(_same, course, expected)), (name, course, expected)
    leads = {m.lead_of(layer) for m in series.measured[-1:] for layer in series.layers} - {None}
    assert leads <= updates(series).keys()


def test_histograms_to_compare_are_of_one_tensor_whether_a_picture_shows_them_or_not() -> None:
    """A picture has room for sixty checkpoints; histograms of the others were those of a layer's kernel and bias."""
    report = built.story()
    (drawn,) = report.histograms
    few = replace(drawn, shown=drawn.shown[:1], layers={name: of[:1] for name, of in drawn.layers.items()})
    every, some = (numbers_of(replace(report, histograms=(of,)), 0, "html") for of in (drawn, few))
    assert every is not None
    assert some is not None
    assert some.histograms == every.histograms
