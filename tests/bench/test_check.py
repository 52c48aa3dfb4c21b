"""``make bench-check`` compares ratios with the last ones recorded."""

from __future__ import annotations

from typing import Any

import pytest

from bench import check
from bench.row import Measurement


def recorded(**ratios: float) -> dict[str, Any]:
    return {"rows": [{"name": name, "against": "numpy", "ratio": ratio} for name, ratio in ratios.items()]}


def row(name: str, ratio: float, against: str = "numpy") -> Measurement:
    return Measurement(name, 1.0, 1.0, against, ratio)


RECORDS = [recorded(sum=9.0, sketch=4.0, import_time=0.0), recorded(sum=2.0)]


def test_a_ratio_is_compared_with_the_last_one_of_its_name_and_reference() -> None:
    rows = [row("sum", 2.2), row("sketch", 4.0), row("new", 5.0), row("sum", 1.0, "cat"), row("import_time", 0.0)]
    assert check.compared(rows, RECORDS) == [
        check.Compared("sum [numpy]", 2.0, 2.2),
        check.Compared("sketch [numpy]", 4.0, 4.0),
    ]


def test_what_has_grown_by_more_than_15_percent_is_named_the_worst_first() -> None:
    found = check.compared([row("sum", 2.35), row("sketch", 5.0)], RECORDS)
    assert [one.name for one in check.regressions(found)] == ["sketch [numpy]", "sum [numpy]"]
    assert not check.regressions(check.compared([row("sum", 2.29), row("sketch", 1.0)], RECORDS))


@pytest.mark.parametrize(("second", "slower"), [(2.0, 0), (2.6, 1)])
def test_what_seems_slower_is_measured_once_more(second: float, slower: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([[row("sum", 2.5), row("sketch", 4.0)], [row("sum", second), row("sketch", 9.0)]])
    monkeypatch.setitem(check.FAMILIES, "few", lambda context: iter(next(runs)))
    assert len(check.regressions(check.checked("few", RECORDS))) == slower
    assert next(runs, None) is None
