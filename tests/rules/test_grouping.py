"""One cause is one finding: merged, explained, accepted, ranked; settings and rules of the user's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from reporter.errors import SettingError
from reporter.installed import Group
from reporter.model.finding import Severity
from reporter.rules import RULES
from reporter.rules.acceptance import Acceptance, read_acceptances
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.external import with_external
from reporter.rules.judging import Policy
from reporter.rules.timeline import Timeline
from tests.rules.build import BIAS, GAMMA, KERNEL, SLOT, Arrays, findings, healthy, series, verdict

TODAY = date(2026, 5, 1)

HEAD = "head/bias"


def diverged() -> list[Arrays]:
    """Everything is NaN from the fourth checkpoint on, after one norm has exploded."""
    checkpoints = healthy(6)
    checkpoints[2][KERNEL] = checkpoints[2][KERNEL] * np.float32(5)
    for arrays in checkpoints[3:]:
        for name in arrays:
            arrays[name] = np.full_like(arrays[name], np.nan)
    return checkpoints


def test_nan_everywhere_is_one_finding_and_what_came_before_stays() -> None:
    found = findings(series(diverged()))
    assert [(f.rule.name, f.severity, f.first_bad, f.last_good) for f in found] == [
        ("non-finite", Severity.FAIL, "c-3", "c-2"),
        ("norm-jump", Severity.WARN, "c-2", "c-1"),
    ]
    assert len(found[0].tensors) == 8
    assert found[0].weight == 1.0
    assert "8 tensors hold NaN or infinite values, from step 4 on" in found[0].message
    assert "step 3 was the last good one" in found[0].message
    assert found[0].meaning and found[0].next_step and found[0].evidence
    resting = ("nothing-moves", "stopped", "frozen", "dead-layers", "fading")
    assert not sum(o.fired for o in verdict(series(diverged())).outcomes if o.rule.name in resting), "NaN tells no rest"


def test_many_slots_are_one_finding() -> None:
    checkpoints = healthy(2)
    for arrays in checkpoints:
        for i in range(48):
            arrays[f"optimizer/l{i}/kernel/velocity"] = np.zeros((4, 4), "f4")
    (finding,) = findings(series(checkpoints))
    assert (finding.rule.name, len(finding.tensors), len(finding.layers)) == ("adam-state", 48, 48)
    assert "48 tensors" in finding.message and "and 44 more" in finding.message


def test_ranked_by_severity_then_by_the_share_of_parameters() -> None:
    checkpoints = healthy(4)
    checkpoints[3][SLOT] = np.full((64, 32), np.nan, "f4")
    checkpoints[3][KERNEL] = checkpoints[2][KERNEL]
    checkpoints[2]["head/kernel"] = checkpoints[1]["head/kernel"]
    judgement = verdict(series(checkpoints))
    assert [f.rule.name for f in judgement.findings] == ["non-finite", "stopped", "frozen"]
    assert judgement.findings[1].weight > judgement.findings[2].weight
    assert judgement.verdict == "FAIL"
    outcomes = {o.rule.name: o for o in judgement.outcomes}
    assert (outcomes["non-finite"].fired, outcomes["non-finite"].explained) == (1, 0)


def test_explained_checks_are_counted() -> None:
    checkpoints = healthy()
    for arrays in checkpoints[3:]:
        arrays[KERNEL] = arrays[KERNEL] * np.float32(-5)
    outcomes = {o.rule.name: o for o in verdict(series(checkpoints)).outcomes}
    assert outcomes["violent-update"].fired == outcomes["violent-update"].explained > 0


def test_rules_that_cover_each_other_do_not_hide_each_other() -> None:
    def always(timeline: Timeline, limits: Limits) -> Iterator[Check]:
        yield Check.of(timeline.tracks[0].info, 1.0, 1.0, Severity.WARN, message="m")

    a = Rule("a", "A", 0.0, "f", "s", always, covers=("b",))
    b, c = replace(a, name="b", title="B", covers=("c",)), replace(a, name="c", title="C", covers=("a",))
    judgement = verdict(series(healthy(1)), Policy((a, b, c)))
    assert len(judgement.findings) == 1
    assert sum(also.count for also in judgement.findings[0].explains) == 2


def test_severities_and_limits_of_the_settings() -> None:
    checkpoints = healthy(4)
    checkpoints[2][GAMMA] = checkpoints[1][GAMMA]
    comparison = series(checkpoints)
    for severity, expected in (("info", "PASS"), ("warn", "WARN"), ("fail", "FAIL")):
        assert verdict(comparison, Policy(RULES, severities={"frozen": severity})).verdict == expected
    off = verdict(comparison, Policy(RULES, severities={"frozen": "off"}))
    assert off.verdict == "PASS" and "frozen" not in [o.rule.name for o in off.outcomes]
    checkpoints = healthy(2)
    checkpoints[1][KERNEL] = checkpoints[0][KERNEL] * np.float32(1.9)
    assert verdict(series(checkpoints)).verdict == "PASS"
    strict = verdict(series(checkpoints), Policy(RULES, limits={"norm-jump": {"threshold": 1.5}}))
    (finding,) = strict.findings
    assert (finding.rule.name, finding.threshold) == ("norm-jump", 1.5)


def accepted(tensor: str, until: date = date(2026, 6, 1), rule: str = "frozen") -> Acceptance:
    return Acceptance(rule, tensor, "on purpose", until)


def test_accepted_findings_leave_the_verdict_and_are_listed() -> None:
    checkpoints = healthy(5)
    for arrays in checkpoints:
        arrays[GAMMA], arrays[HEAD] = checkpoints[0][GAMMA], checkpoints[0][HEAD]
    comparison = series(checkpoints)
    (finding,) = findings(comparison)
    assert set(finding.tensors) == {GAMMA, HEAD}
    judgement = verdict(comparison, Policy(RULES, acceptances=(accepted("*"),), today=TODAY))
    assert (judgement.verdict, judgement.findings, judgement.notes) == ("PASS", (), ())
    (one,) = judgement.accepted
    assert (set(one.finding.tensors), one.reason, one.until) == ({GAMMA, HEAD}, "on purpose", "2026-06-01")
    judgement = verdict(comparison, Policy(RULES, acceptances=(accepted("bn/*"), accepted("no/*")), today=TODAY))
    assert [f.tensors for f in judgement.findings] == [(HEAD,)]
    assert [a.finding.tensors for a in judgement.accepted] == [(GAMMA,)]
    assert judgement.notes == ("accepted, but nothing matches it: rule frozen, tensor no/* (until 2026-06-01)",)


def test_an_expired_acceptance_brings_its_finding_back_with_a_note() -> None:
    checkpoints = healthy(5)
    for arrays in checkpoints:
        arrays[GAMMA] = checkpoints[0][GAMMA]
    judgement = verdict(
        series(checkpoints), Policy(RULES, acceptances=(accepted("*", date(2026, 4, 30)),), today=TODAY)
    )
    (finding,) = judgement.findings
    assert "accepted until 2026-04-30 (on purpose); that has expired" in finding.note
    assert judgement.accepted == ()
    last_day = Policy(RULES, acceptances=(accepted("*", TODAY),), today=TODAY)
    assert verdict(series(checkpoints), last_day).findings == ()


def test_an_acceptance_of_an_explained_finding_is_of_use() -> None:
    checkpoints = healthy(6)
    for arrays in checkpoints[3:]:
        arrays[KERNEL] = arrays[KERNEL] * np.float32(-5)
    judgement = verdict(
        series(checkpoints), Policy(RULES, acceptances=(accepted("*", rule="violent-update"),), today=TODAY)
    )
    assert judgement.notes == ()


def test_reading_accept_toml(tmp_path: Path) -> None:
    path = tmp_path / "accept.toml"
    path.write_text('[[accept]]\nrule = "a"\ntensor = "x/*"\nseries = "s"\nreason = "r"\nuntil = "2026-02-03"\n')
    assert read_acceptances(path, ["a"]) == (Acceptance("a", "x/*", "r", date(2026, 2, 3), "s"),)
    path.write_text("")
    assert read_acceptances(path, ["a"]) == ()


ENTRY = {"rule": '"a"', "tensor": '"*"', "reason": '"r"', "until": "2026-02-03"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": None}, "until is missing"),
        ({"reason": None}, "reason is missing"),
        ({"reason": '" "'}, "reason has to be text, and not empty"),
        ({"until": '"soon"'}, "until: 'soon' is no date"),
        ({"until": "3"}, "until: 3 is no date"),
        ({"rule": '"b"'}, "'b' is no rule; there are a"),
        ({"tensors": '"*"'}, "'tensors' is not one of rule, tensor"),
    ],
)
def test_entries_that_are_wrong_are_named(tmp_path: Path, change: dict[str, str | None], message: str) -> None:
    path = tmp_path / "accept.toml"
    lines = [f"{key} = {value}" for key, value in {**ENTRY, **change}.items() if value is not None]
    path.write_text("[[accept]]\n" + "\n".join(lines))
    with pytest.raises(SettingError) as caught:
        read_acceptances(path, ["a"])
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["x = 1", "accept = 3", "[["])
def test_files_that_are_no_acceptances(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accept.toml"
    path.write_text(text)
    with pytest.raises(SettingError):
        read_acceptances(path, ["a"])
    with pytest.raises(SettingError, match="cannot be read"):
        read_acceptances(tmp_path / "none.toml", ["a"])


def example() -> str:
    """The rule of the manual, exactly as it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "rule.md").read_text("utf-8")
    return text.split("```python\n# my_rules.py\n")[1].split("```")[0]


def test_the_example_of_the_document_is_a_rule(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(example())
    rules = with_external(RULES, [path])
    assert [r.name for r in rules[len(RULES) :]] == ["big-bias"]
    assert list(tmp_path.iterdir()) == [path]
    checkpoints = healthy(2)
    assert verdict(series(checkpoints), Policy(rules)).findings == ()
    checkpoints[1][BIAS] = np.full(32, -101.0, "f4")
    (finding,) = [f for f in verdict(series(checkpoints), Policy(rules)).findings if f.rule.name == "big-bias"]
    assert (finding.severity, finding.message) == (Severity.WARN, "dense/bias reaches 101")
    raised = Policy(rules, limits={"big-bias": {"threshold": 200.0}})
    assert "big-bias" not in [f.rule.name for f in verdict(series(checkpoints), raised).findings]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "holds no rule"),
        ("1 / 0", "cannot be run: ZeroDivisionError"),
        ("def", "cannot be run: SyntaxError"),
        ("from reporter.rules import FROZEN", "there already is a rule frozen"),
        (
            "from dataclasses import replace\nfrom reporter.rules import FROZEN\nA = replace(FROZEN, name='Big one')",
            "name",
        ),
    ],
)
def test_rule_files_that_are_wrong_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(SettingError) as caught:
        with_external(RULES, [path])
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_a_rule_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is no Python file"):
        with_external(RULES, [tmp_path / "mine.py"])


def install(folder: Path, point: str) -> None:
    """A package with the rule of the manual, of which one entry point is as given."""
    (folder / "their_rules.py").write_text(example())
    info = folder / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{Group.RULES}]\nbig = their_rules:{point}\n")


def test_rules_of_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "BIG_BIAS")
    monkeypatch.delitem(sys.modules, "their_rules", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [r.name for r in with_external(RULES, [])[len(RULES) :]] == ["big-bias"]


def test_a_rule_of_an_installed_package_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "MISSING")
    monkeypatch.delitem(sys.modules, "their_rules", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SettingError, match="cannot be loaded: AttributeError"):
        with_external(RULES, [])


def test_a_rule_that_fails_is_a_warning_and_no_crash() -> None:
    def broken(timeline: Timeline, limits: Limits) -> Iterator[Check]:
        yield Check(0.0, 0.0)
        raise ZeroDivisionError("oh")

    def wrong(timeline: Timeline, limits: Limits) -> Iterator[Check]:
        yield 3  # type: ignore[misc]

    base = Rule("broken", "Broken", 1.0, "f", "s", broken)
    judgement = verdict(series(healthy(2)), Policy((*RULES, base, replace(base, name="wrong", check=wrong))))
    assert [(f.rule.name, f.severity) for f in judgement.findings] == [
        ("broken", Severity.WARN),
        ("wrong", Severity.WARN),
    ]
    assert "the rule broken could not be applied: ZeroDivisionError: oh" in judgement.findings[0].message


def test_a_finding_holds_the_rule_that_made_it() -> None:
    judgement = verdict(series(diverged()))
    finding = judgement.findings[0]
    assert finding.rule in RULES
    assert {outcome.rule.name for outcome in judgement.outcomes} <= {rule.name for rule in RULES}
    assert finding.worst and finding.message == f"{finding.summary}. Worst: {finding.worst}"
    assert (finding.meaning, finding.next_step) == (finding.rule.meaning, finding.rule.next_step)
    better = replace(finding, own_meaning="m", own_next_step="n", own_evidence="e", estimated=True, worst="")
    assert (better.meaning, better.next_step, better.message) == ("m", "n", finding.summary)
    assert better.evidence.startswith("e; but some of these comparisons are estimates")
