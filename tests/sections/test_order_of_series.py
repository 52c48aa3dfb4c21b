"""Which series are told first, and which checkpoints of a long one are embedded."""

from __future__ import annotations

from dataclasses import replace

from reporter.model.finding import Severity
from reporter.sections.base import worst_series
from reporter.sections.compare_view import LEAST, _places
from tests.make import built
from tests.rules.build import healthy, series


def test_series_with_a_warning_come_first_and_remarks_count_for_nothing() -> None:
    report = built.story()
    (one,) = report.series
    told = [replace(f, series=name, severity=severity) for f in report.judgement.findings[:1]
            for name, severity in (("d", Severity.FAIL), ("b", Severity.WARN), ("c", Severity.INFO))]  # fmt: skip
    several = replace(
        report,
        series=tuple(replace(one, name=name) for name in "abcd"),
        judgement=replace(report.judgement, findings=tuple(told)),
    )
    assert worst_series(several) == [3, 1, 0, 2]


def test_as_many_checkpoints_as_there_is_room_for_and_those_around_the_first_bad_one() -> None:
    places = _places(series(healthy(20)), (11, 12), 0)
    assert len(places) == LEAST == 6
    assert {0, 11, 12, 18, 19} <= set(places), "the first, what went wrong, the last two"
