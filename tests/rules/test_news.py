"""Findings keep their identity from run to run: what is new, worse, as before, resolved, or was not looked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reporter.model.finding import Accepted, Finding, Judgement, Outcome, Severity, Verdict
from reporter.model.news import Memory, News, Run, Standing
from reporter.model.report import Report
from reporter.rules import RULES
from reporter.rules.news import FORGOTTEN, news
from reporter.writers.findings_json import NAME, read_memory, write_memory

RULE = {rule.name: rule for rule in RULES}
START = datetime(2026, 1, 1, 3, tzinfo=UTC)


def found(rule: str = "norm-jump", severity: Severity = Severity.WARN, *tensors: str, first: str = "m-3") -> Finding:
    layers = tuple(name.split(".")[0] for name in tensors)
    return Finding(
        RULE[rule], severity, "m-*", first, "", "", 1.0, 1.0, f"{len(tensors)} tensors", tensors=tensors, layers=layers,
        checkpoints=(first,), first_bad=first,
    )  # fmt: skip


class Nights:
    """Runs one after the other, a night each."""

    def __init__(self) -> None:
        self.memory: Memory | None = None
        self.night = 0

    def __call__(
        self,
        *findings: Finding,
        accepted: tuple[Finding, ...] = (),
        looked: tuple[str, ...] = tuple(RULE),
        explained: tuple[str, ...] = (),
        later: timedelta = timedelta(days=1),
    ) -> News:
        self.night += 1
        created = START + self.night * later
        outcomes = tuple(Outcome(RULE[n], "m-*", 5, 1.0, "", 1.0, 1, int(n in explained)) for n in looked)
        taken = tuple(Accepted(finding, "r", "2999-01-01") for finding in accepted)
        report = Report("t", "0", created, {}, "model", (), (), (), Judgement(findings, outcomes, taken), (), {})
        told, self.memory = news(report, self.memory, Run(f"night-{self.night}", created.isoformat()))
        return told


@pytest.fixture
def nights() -> Nights:
    return Nights()


def standings(told: News) -> list[str]:
    return [one.standing for one in told.findings]


def test_a_finding_is_new_once_and_then_as_before(nights: Nights) -> None:
    first = nights(found("norm-jump", Severity.WARN, "a.kernel"))
    assert standings(first) == ["new"]
    assert first.before is None
    second = nights(found("norm-jump", Severity.WARN, "a.kernel"))
    assert standings(second) == ["still"]
    assert second.before is not None and second.before.name == "night-1"
    third = nights(found("norm-jump", Severity.WARN, "a.kernel"))
    assert third.findings == second.findings
    assert (third.findings[0].since.name, third.findings[0].id) == ("night-1", first.findings[0].id)


def test_neither_the_text_nor_the_checkpoint_it_is_dated_to_makes_it_another(nights: Nights) -> None:
    """The first bad checkpoint is rotated away, and the count in the text changes with every checkpoint."""
    nights(found("norm-jump", Severity.WARN, "a.kernel", "b.kernel", first="m-3"))
    told = nights(replace(found("norm-jump", Severity.WARN, "b.kernel", first="m-9"), summary="17 of 40"))
    assert standings(told) == ["still"]
    assert not told.resolved


def test_what_spreads_is_worse_but_not_what_comes_back(nights: Nights) -> None:
    nights(found("non-finite", Severity.FAIL, "a.kernel"))
    told = nights(found("non-finite", Severity.FAIL, "b.kernel", "a.kernel"))
    assert [(one.standing, one.more) for one in told.findings] == [(Standing.WORSE, 1)]
    assert standings(nights(found("non-finite", Severity.FAIL, "a.kernel"))) == ["still"]
    assert standings(nights(found("non-finite", Severity.FAIL, "a.kernel", "b.kernel"))) == ["still"]


def test_a_warning_that_becomes_a_failure_is_worse(nights: Nights) -> None:
    nights(found("frozen", Severity.WARN, "a.kernel"), found("frozen", Severity.FAIL, "b.kernel"))
    told = nights(found("frozen", Severity.FAIL, "b.kernel", "a.kernel"))
    assert standings(told) == ["worse"]
    assert not told.resolved, "it is a part of the failure"
    calmer = nights(found("frozen", Severity.FAIL, "b.kernel"), found("frozen", Severity.WARN, "a.kernel"))
    assert standings(calmer) == ["still", "still"]
    assert len({one.id for one in calmer.findings}) == 2


def test_resolved_is_only_what_was_looked_for(nights: Nights) -> None:
    nights(found("norm-jump", Severity.WARN, "a.kernel"))
    away = nights(looked=("frozen",))
    assert (len(away.resolved), [one.rule for one in away.unseen]) == (0, ["norm-jump"])
    folded = nights(explained=("norm-jump",))
    assert (len(folded.resolved), len(folded.unseen)) == (0, 1)
    back = nights(found("norm-jump", Severity.WARN, "a.kernel"))
    assert [(one.standing, one.since.name) for one in back.findings] == [("still", "night-1")]
    gone = nights()
    assert [one.first_bad for one in gone.resolved] == ["m-3"]
    assert gone.counts(()).resolved == 1
    assert nights().resolved == ()
    assert standings(nights(found("norm-jump", Severity.WARN, "a.kernel"))) == ["new"]


def test_what_nobody_looks_for_is_forgotten_in_the_end(nights: Nights) -> None:
    nights(found("norm-jump", Severity.WARN, "a.kernel"), later=timedelta(days=1))
    assert nights(looked=(), later=FORGOTTEN / 2).unseen
    assert not nights(looked=(), later=FORGOTTEN).unseen
    assert nights.memory is not None and not nights.memory.findings


def test_accepting_resolves_nothing_and_an_acceptance_that_expires_is_worse(nights: Nights) -> None:
    one = found("frozen", Severity.WARN, "a.kernel")
    nights(one)
    told = nights(accepted=(one,))
    assert ([a.standing for a in told.accepted], told.resolved, told.unseen) == (["still"], (), ())
    assert told.counts(()).accepted == 1
    expired = nights(one)
    assert [(e.standing, e.since.name) for e in expired.findings] == [("worse", "night-1")]


def test_remarks_are_not_counted(nights: Nights) -> None:
    remark = found("int8-ready", Severity.INFO, "a.kernel")
    told = nights(remark)
    assert told.counts((remark,)).new == told.alarming((remark,), Severity.WARN) == 0
    assert told.alarming((remark,), Severity.INFO) == 1


def test_without_tensors_there_is_one_for_each_rule_and_series(nights: Nights) -> None:
    """A layer that is missing in ever more checkpoints, and a finding about checkpoints as such."""
    by_checkpoint = replace(found("shrunken"), layers=(), checkpoints=("m-3",))
    nights(by_checkpoint)
    moved = replace(by_checkpoint, checkpoints=("m-5",), first_bad="m-5")
    assert standings(nights(moved)) == ["worse"]
    by_layer = replace(found("incomplete"), layers=("head",))
    assert standings(nights(moved, by_layer)) == ["still", "new"]
    assert standings(nights(moved, replace(by_layer, layers=("head", "neck")))) == ["still", "worse"]


def test_a_checkpoint_that_was_there_before_is_no_news(nights: Nights) -> None:
    """The one that it was dated to is rotated away, and the next one takes its place."""
    finding = replace(found("shrunken"), checkpoints=("m-3",))
    nights(finding)
    assert nights.memory is not None
    nights.memory = replace(nights.memory, checkpoints={"m-*": ("m-3", "m-4")})
    assert standings(nights(replace(finding, checkpoints=("m-4",), first_bad="m-4"))) == ["still"]


def test_a_rule_that_could_not_be_applied_is_not_what_it_found_before(nights: Nights) -> None:
    nights(found("norm-jump", Severity.WARN, "a.kernel"))
    told = nights(replace(found("norm-jump"), checkpoints=(), first_bad=""), looked=("frozen",))
    assert standings(told) == ["new"]
    assert len(told.unseen) == 1


def test_the_memory_survives_its_file(nights: Nights, tmp_path: Path) -> None:
    nights(found("norm-jump", Severity.WARN, "a.kernel", "b.kernel"), accepted=(found("frozen", Severity.FAIL, "c"),))
    assert nights.memory is not None
    memory = replace(nights.memory, verdict=Verdict.WARN, checkpoints={"m-*": ("m-1", "m-2")})
    assert read_memory(tmp_path) == (None, "")
    latest = tmp_path / "latest"
    latest.mkdir()
    (latest / NAME).write_bytes(write_memory(memory))
    assert read_memory(tmp_path) == (None, ""), "no run of this program"
    (latest / ".ckpt-report").touch()
    assert read_memory(tmp_path) == (memory, "")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b"null", b'{"version": 99}', b"\xff", b"[" * 100_000, b'{"version":1,"run":3}',
     b'{"version":1,"run":{"name":"a","created":"yesterday"},"verdict":"PASS","checkpoints":{},"findings":[]}',
     b'{"version":1,"run":{"name":"a","created":"2026-01-01"},"verdict":"PASS","checkpoints":{},"findings":[]}'],
    ids=lambda content: repr(content[:30]),
)  # fmt: skip
def test_a_damaged_memory_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / ".ckpt-report").touch()
    (tmp_path / "latest" / NAME).write_bytes(content)
    memory, problem = read_memory(tmp_path)
    assert memory is None
    assert problem.startswith(f"{tmp_path / 'latest' / NAME}: is damaged")
