"""Single values on their way into JSON and CSV, and tables at their limits."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from reporter.model.finding import Finding, Severity
from reporter.model.kind import ChangeKind, KindOfChange
from reporter.model.table import Cell, Column, Row
from reporter.model.value import Absent
from reporter.rules import RULES
from reporter.sections.base import HTML_ROWS, PDF_ROWS, bounded, sortable, statistic_cell, unrounded
from reporter.sections.sparkline import sparkline
from reporter.writers.differences import kind
from reporter.writers.records import finding, plain
from reporter.writers.report_json import to_bytes, with_timings
from reporter.writers.tensors_csv import inert


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (Absent.NO_DATA, None),
        (Absent.NOT_APPLICABLE, None),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (0, 0),
        (-0.5, -0.5),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_a_finding_that_says_nothing_has_no_numbers() -> None:
    record = finding(Finding(RULES[0], Severity.INFO, "s", "c", "l", "t", math.nan, math.inf, "m", "", -math.inf, 0.25))
    assert (record["value"], record["threshold"], record["previous"]) == ("NaN", "Infinity", "-Infinity")
    assert (record["parameter_share"], record["severity"], record["message"]) == (0.25, "INFO", "m")
    assert (record["rule"], record["series"], record["checkpoint"]) == (RULES[0].name, "s", "c")
    assert (record["layer"], record["tensor"]) == ("l", "t")


def test_each_piece_of_evidence_of_a_kind_of_change_has_its_own_name() -> None:
    found = KindOfChange(
        ChangeKind.REORDERED, proven=True, factor=2.0, residual=0.25, axes=(1,), reversed=True, signs=True, origin="o",
        dtype="float16", levels=3, by_unit=True, changed=4, slices=(5, 6), rank=7, captured=0.125, stable_rank=1.5,
    )  # fmt: skip
    numbers = {"factor": 2.0, "residual": 0.25, "levels": 3, "changed": 4, "rank": 7, "captured": 0.125}
    told = {"axes": [1], "slices": [5, 6], "stable_rank": 1.5, "origin": "o", "dtype": "float16"}
    flags = {"proven": True, "reversed": True, "negated": True, "by_unit": True}
    record = kind(found, (8, 9))
    assert record == {"kind": "reordered", "text": record["text"], **numbers, **told, **flags}
    flag = kind(KindOfChange(ChangeKind.REORDERED, reversed=True), (8, 9))
    assert flag == {"kind": "reordered", "proven": False, "text": flag["text"], "reversed": True}


def test_json_is_never_nan_and_the_same_piece_by_piece() -> None:
    record = {"a": [[{"b": {"c": [1, {}, [], {"d": "é\udcff"}]}}], 2], "e": {}, "timings": {}}
    written = to_bytes(record)
    assert (
        written
        == json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
    )
    assert json.loads(with_timings(written, {"draw": 0.12345}))["timings"] == {"draw": 0.123}
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_bytes({"a": math.nan})


@pytest.mark.parametrize("sign", list("=+-@"))
def test_no_name_is_a_formula(sign: str) -> None:
    assert inert(f"{sign}1") == f"'{sign}1"
    assert inert(f"a{sign}1") == f"a{sign}1"


@pytest.mark.parametrize("control", ["\t", "\r"])
def test_a_name_that_begins_with_a_control_character_is_no_formula(control: str) -> None:
    assert inert(f"{control}=1") == "'" + repr(control)[1:-1] + "=1"


@pytest.mark.parametrize(("control", "spelled"), [("\t", "\\t"), ("\r", "\\r"), ("\n", "\\n"), ("\x1b", "\\x1b")])
def test_control_characters_are_spelled_out(control: str, spelled: str) -> None:
    """A line break or a tab would begin another cell, which could be a formula."""
    for name in (f"{control}=1", f"a{control}=1"):
        assert control not in inert(name) and spelled in inert(name)
        assert not inert(name).startswith("=")


def rows(count: int) -> list[Row]:
    return [Row((Cell(str(i)),)) for i in range(count)]


@pytest.mark.parametrize(("medium", "limit"), [("html", HTML_ROWS), ("pdf", PDF_ROWS)])
def test_tables_at_their_limit(medium: Any, limit: int) -> None:
    columns = (Column("a"),)
    whole = bounded("t", columns, rows(limit), medium, note="n")
    assert (len(whole.rows), whole.more, whole.note, whole.more_where) == (limit, 0, "n", "")
    cut = bounded("t", columns, rows(limit + 5), medium, note="n")
    assert [r.cells[0].text for r in cut.rows] == [str(i) for i in range(limit)]
    assert (cut.more, cut.note) == (5, "n")
    assert cut.more_where == "report.json"
    assert bounded("t", columns, rows(limit + 5), medium, where="elsewhere").more_where == "elsewhere"
    ends = bounded("t", columns, rows(limit + 5), medium, keep="ends")
    assert [ends.rows[i].cells[0].text for i in (0, -1)] == ["0", str(limit + 4)]
    assert (len(ends.rows), ends.more) == (limit, 5)
    assert ends.note.endswith("rows, evenly spaced.")
    assert bounded("t", columns, rows(limit + 5), medium, note="n", keep="ends").note.startswith("n ")


def test_what_cells_sort_by_and_say() -> None:
    assert [sortable(v) for v in (None, math.nan, Absent.NO_DATA, 3, math.inf)] == [None, None, None, 3.0, math.inf]
    assert [unrounded(v) for v in (0.5, 1 / 3, 3, None, math.nan)] == ["", repr(1 / 3), "", "", ""]
    assert [statistic_cell("nan_count", n).level for n in (0, 1)] == ["", "fail"]
    assert statistic_cell("zero_count", 1).level == ""
    assert [statistic_cell(f"{sign}inf_count", 1).level for sign in ("pos", "neg")] == ["fail", "fail"]


def test_courses() -> None:
    assert sparkline([None, math.nan]) == "··"
    assert sparkline([0.0, math.inf, 8.0]) == "▁·█"
    assert sparkline([float(i) for i in range(17)])[0::15] == "▁█"
    assert sparkline([0.0] * 31 + [7.0]) == "▁" * 15 + "█", "the last is among those that are chosen"
    assert len(sparkline([1.0] * 16)) == len(sparkline([1.0] * 17)) == 16
    assert sparkline([-1.7e308, 0.0, 1.7e308]) == "▁▅█"
    assert sparkline([1.0, 2.0, 3.0, 4.0]) == "▁▃▆█"
