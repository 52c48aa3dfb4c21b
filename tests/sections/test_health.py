"""What the health map shows, and which checkpoint the first screen tells to use."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Severity, Spot
from reporter.model.hero import HealthCell, HealthMap, HealthRow, Link
from reporter.render.health import heads, spans, stretches
from reporter.rules import RULES
from reporter.rules.judging import Policy, judge
from reporter.sections.health import NOBODY, State, health
from reporter.sections.narrative import in_a_line, use_of
from tests.rules.build import BIAS, KERNEL, Arrays, healthy, series

SIGNS = {State.NO_DATA: "-", State.FINE: ".", State.REMARK: "i", State.WARNING: "w", State.FAILURE: "F"}


def found(of: Comparison) -> tuple[Finding, ...]:
    return judge([of], Policy(RULES)).findings


def signs(states: np.ndarray) -> str:
    return "".join(SIGNS[State(int(state))] for state in states)


def broken(n: int = 6, **at: float) -> list[Arrays]:
    """Healthy checkpoints; in those named ``c3`` and so on, a value of the kernel is another one."""
    arrays = healthy(n)
    for name, value in at.items():
        arrays[int(name[1:])][KERNEL][0, 0] = value
    return arrays


def finding(of: Comparison, severity: Severity, *spots: Spot) -> Finding:
    return Finding(
        RULES[0],
        severity,
        of.name,
        of.refs[spots[0].first].name,
        spots[0].layer,
        "",
        None,
        None,
        "it is bad",
        spots=spots,
    )


def test_what_is_not_finite_is_a_failure_from_then_on_where_it_is() -> None:
    of = series(broken(c3=np.nan, c4=np.nan, c5=np.nan))
    findings = found(of)
    known = health(of, findings)
    row = known.layers.index("dense")
    assert signs(known.states[row]) == "...FFF"
    assert signs(known.whole) == "...FFF"
    assert {findings[i].rule.name for i in known.causes[row, 3:]} == {"non-finite"}
    assert set(known.causes[row, :3]) == {NOBODY}
    assert set(signs(known.states[known.layers.index("head")])) == {"."}
    assert use_of(of, findings) == "Use step 3: the last checkpoint without a failure."


def test_what_passes_is_bad_only_there() -> None:
    of = series(broken(c3=np.nan))
    findings = found(of)
    assert signs(health(of, findings).whole).replace("w", ".").replace("i", ".") == "...F.."
    assert use_of(of, findings).startswith(
        "Use step 6: the newest checkpoint has no failure, though an earlier one has"
    )


def test_a_layer_that_is_gone_has_no_data_and_the_warning_of_the_checkpoint_that_lacks_it() -> None:
    arrays = healthy()
    for place in (2, 3, 4, 5):
        del arrays[place]["head/kernel"], arrays[place]["head/bias"]
    of = series(arrays)
    known = health(of, found(of))
    assert signs(known.states[known.layers.index("head")]) == "..wwww"
    assert signs(health(of, ()).states[known.layers.index("head")]) == "..----"


def test_nothing_is_told_to_be_used_that_is_not_known_to_be_good() -> None:
    of = series(healthy())
    late = finding(of, Severity.FAIL, Spot("dense", 4, 5, 1))
    assert health(of, (late,)).doubtful.tolist() == [False, False, True, True, False, False]
    assert use_of(of, (late,)) == "Use step 2: the last checkpoint without a failure."
    assert (
        use_of(of, (finding(of, Severity.FAIL, Spot("", 0, 5, None)),)) == "Use none: every checkpoint has a failure."
    )


@pytest.mark.parametrize(
    ("severity", "spot", "told"),
    [
        (None, None, "Use any: no checkpoint has a failure; the newest is step 6."),
        (
            Severity.WARN,
            Spot("dense", 4, 5, 3),
            "Use any: no checkpoint has a failure; the newest is step 6, and the last one without a warning step 4.",
        ),
        (
            Severity.WARN,
            Spot("dense", 0, 5, None),
            "Use any: no checkpoint has a failure; the newest is step 6, and all of them have a warning.",
        ),
        (Severity.INFO, Spot("dense", 0, 5, None), "Use any: no checkpoint has a failure; the newest is step 6."),
    ],
)
def test_warnings_and_remarks_keep_no_checkpoint_from_being_used(
    severity: Severity | None, spot: Spot | None, told: str
) -> None:
    of = series(healthy())
    findings = () if severity is None or spot is None else (finding(of, severity, spot),)
    assert use_of(of, findings) == told


def test_alternatives_have_no_last_one() -> None:
    of = replace(series(healthy(3)), kind=SeriesKind.ALTERNATIVES)
    assert use_of(of, ()) == "Use any: none of the 3 alternatives has a failure."
    bad = finding(of, Severity.FAIL, Spot("dense", 1, 1, None))
    assert use_of(of, (bad,)) == "Use one of the 2 of 3 alternatives without a failure."


def test_one_checkpoint() -> None:
    of = series(healthy(1))
    assert use_of(of, ()) == "The only checkpoint has no failure."
    bad = finding(of, Severity.FAIL, Spot("dense", 0, 0, None))
    assert use_of(of, (bad,)) == "Use none: the only checkpoint has a failure."


def test_a_finding_in_a_line_says_what_where_and_since_when() -> None:
    of = series(broken(c4=np.nan, c5=np.nan))
    report: Any = SimpleNamespace(series=(of,))
    first = next(f for f in found(of) if f.rule.name == "non-finite")
    assert in_a_line(report, first) == "Non-finite values in dense from step 5 on"


def test_spots_are_those_of_every_tensor_by_layer() -> None:
    arrays = broken(c2=np.nan, c3=np.nan, c4=np.nan, c5=np.nan)
    for place in (4, 5):
        arrays[place]["head/kernel"][0, 0] = np.inf
        arrays[place][BIAS][0] = np.nan
    of = series(arrays)
    (first,) = (f for f in found(of) if f.rule.name == "non-finite")
    assert set(first.spots) == {Spot("dense", 2, 5, 1), Spot("head", 4, 5, 3), Spot("dense", 4, 5, 3)}


def cells(levels: str) -> tuple[HealthCell, ...]:
    known: dict[str, Any] = {"F": "fail", "w": "warn", ".": "pass", "-": ""}
    return tuple(HealthCell(known[sign], "") for sign in levels)


def test_labels_stand_where_it_gets_worse_and_at_the_ends_as_far_as_they_fit() -> None:
    columns = tuple(str(i) for i in range(16))
    found = HealthMap("", columns, (HealthRow(Link("all"), cells("......w...F....."), ""),))
    assert [head.text for head in heads(found) if head.shown] == ["0", "6", "10", "15"]
    assert list(spans(found)) == [("0", 6), ("6", 4), ("10", 5), ("15", 1)]
    close = replace(found, rows=(HealthRow(Link("all"), cells("w.w............F"), ""),))
    assert [head.text for head in heads(close) if head.shown] == ["0", "15"]


def test_what_is_alike_is_one_cell_on_paper() -> None:
    row = HealthRow(Link("all"), cells("...FF-."), "")
    assert [(cell.level, count, sign) for cell, count, sign in stretches(row)] == [
        ("pass", 3, "·"),
        ("fail", 2, "✕"),
        ("", 1, "–"),
        ("pass", 1, "·"),
    ]
