"""Compare what the report says of a case with what is known of it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.calibration.case import Case
from reporter.model.finding import Finding, Severity
from reporter.pipeline import run
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case, and what the report says of it.

    Attributes:
        case: the case.
        verdict: of the report: PASS, WARN or FAIL.
        first: the first finding above INFO in short, or the state of the bad file.
        fails: number of findings that are failures.
        warns: number of findings that are warnings.
        right: whether the report is right: it does not fail a healthy run, and its first finding names the defect of a
            sick one, with checkpoint and layer.
    """

    case: Case
    verdict: str
    first: str
    fails: int
    warns: int
    right: bool

    def line(self) -> str:
        """The verdict on one line, for a terminal."""
        mark = "ok   " if self.right else "WRONG"
        return f"{mark} {self.case.name:20} {self.verdict:5} {self.fails:2} FAIL {self.warns:2} WARN  {self.first}"


def judge_case(case: Case, folder: Path) -> Verdict:
    """Make a report on the folder of a case, and compare it with what is known of the case."""
    with tempfile.TemporaryDirectory() as out:
        report = run(Settings(roots=(folder,), out=Path(out), settle=0.0, pdf=False), Progress(quiet=True)).report
    loud = [f for f in report.judgement.findings if f.severity > Severity.INFO]
    findings = [f for f in report.judgement.findings if f.rule.deployment] if case.remark and not loud else loud
    fails = sum(f.severity is Severity.FAIL for f in findings)
    first = _short(findings[0]) if findings else ""
    if case.healthy:
        right = not fails and len(findings) <= 3
    elif case.state:
        bad = [f for f in report.files if f.state == case.state and _epoch(f.path) == case.epoch]
        first = f"{bad[0].state}: {bad[0].reason}" if bad else first
        right = bool(bad) and not findings and report.verdict != "PASS"
    else:
        right = bool(findings) and _is_named(case, findings[0])
    return Verdict(case, report.verdict, first, fails, len(loud) - fails, right)


def _is_named(case: Case, finding: Finding) -> bool:
    """Whether a finding names the defect of a case."""
    at = finding.first_bad or finding.checkpoint
    places = (finding.layer, finding.tensor, *finding.tensors)
    return (
        finding.rule.name in case.rules
        and (case.epoch is None or _epoch(at) == case.epoch)
        and (not case.layers or any(layer in place for layer in case.layers for place in places))
    )


def _epoch(name: str) -> int | None:
    """The last number in a file name, which is that of its epoch."""
    found = re.search(r"(\d+)(?=[^/\d]*$)", re.sub(r"\.h5$|\.data-.*$", "", name))
    return int(found[1]) if found else None


def _short(finding: Finding) -> str:
    return f"{finding.rule.name} @ {finding.first_bad or finding.checkpoint}: {finding.summary}"


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown: a table of verdicts for healthy and for sick runs, and one with a row for each case."""
    healthy, sick = [v for v in verdicts if v.case.healthy], [v for v in verdicts if not v.case.healthy]
    rows = [
        "| run | n | PASS | WARN | FAIL | named first |",
        "|---|---|---|---|---|---|",
        _counts("healthy", healthy, "–"),
        _counts("sick", sick, str(sum(v.right for v in sick))),
        "",
        "| run | what happened | verdict | FAIL / WARN | first on page one |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {v.case.name}{'' if v.right else ' ✗'} | {v.case.story} | {v.verdict} | {v.fails} / {v.warns} | {v.first} |"
        for v in verdicts
    ]
    return "\n".join(rows)


def _counts(title: str, verdicts: Sequence[Verdict], named: str) -> str:
    counts = " | ".join(str(sum(v.verdict == word for v in verdicts)) for word in ("PASS", "WARN", "FAIL"))
    return f"| {title} | {len(verdicts)} | {counts} | {named} |"
