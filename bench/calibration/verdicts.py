"""Compare what the report says of a case with what is known of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.calibration.case import Case
from reporter.judged import judged
from reporter.model.finding import Finding, Severity
from reporter.settings.model import Settings


class Mark(StrEnum):
    """How right a report is about a case."""

    QUIET = "quiet"
    REMARK = "remark"
    NOISE = "noise"
    FALSE = "false alarm"
    FIRST = "named first"
    NAMED = "named"
    MISSED = "missed"

    @property
    def right(self) -> bool:
        """Whether the report is as it should be."""
        return self in (Mark.QUIET, Mark.REMARK, Mark.FIRST)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case, and what the report says of it.

    Attributes:
        case: the case.
        verdict: of the report: PASS, WARN or FAIL.
        first: the first finding above INFO in short, or the state of the bad file.
        fails: number of findings that are failures.
        warns: number of findings that are warnings.
        mark: a healthy run is quiet, or has remarks, a warning or a failure; the defect of a sick one is named
            first, with its layer and its first bad checkpoint, named by another finding or so in part, or missed.
        fired: rule -> the highest severity of its findings, explained ones left out.
    """

    case: Case
    verdict: str
    first: str
    fails: int
    warns: int
    mark: Mark
    fired: Mapping[str, int]

    def line(self) -> str:
        """The verdict on one line, for a terminal."""
        return f"{self.mark:11} {self.case.name:24} {self.verdict:5} {self.fails} FAIL {self.warns} WARN  {self.first}"


def judge_case(case: Case, folder: Path) -> Verdict:
    """Compare the findings about the folder of a case with what is known of the case."""
    report = judged(Settings(roots=(folder,), cache=None, settle=0.0))
    findings = report.findings
    loud = [f for f in findings if f.severity > Severity.INFO]
    shown = [f for f in findings if f.rule.name in case.rules] if case.remark and not loud else loud
    fails = sum(f.severity is Severity.FAIL for f in loud)
    first = _short(shown[0]) if shown else ""
    if case.healthy:
        mark = Mark.FALSE if fails else Mark.NOISE if loud else Mark.REMARK if findings else Mark.QUIET
    elif case.state:
        bad = [f for f in report.files if f.state == case.state and _epoch(f.path) == case.epoch]
        first = f"{bad[0].state}: {bad[0].reason}" if bad else first
        mark = Mark.FIRST if bad and not loud and report.verdict != "PASS" else Mark.NAMED if bad else Mark.MISSED
    else:
        right = [_is_named(case, f) for f in shown]
        part = any(f.rule.name in case.rules for f in shown)
        mark = Mark.FIRST if right[:1] == [True] else Mark.NAMED if part else Mark.MISSED
    return Verdict(case, report.verdict, first, fails, len(loud) - fails, mark, _fired(findings))


def _is_named(case: Case, finding: Finding) -> bool:
    """Whether a finding names the defect of a case."""
    at = finding.first_bad or finding.checkpoint
    places = (finding.layer, finding.tensor, *finding.tensors)
    return (
        finding.rule.name in case.rules
        and (case.epoch is None or _epoch(at) == case.epoch)
        and (not case.layers or any(layer in place for layer in case.layers for place in places))
    )


def _fired(findings: Iterable[Finding]) -> Mapping[str, int]:
    highest: Counter[str] = Counter()
    for finding in findings:
        highest[finding.rule.name] = max(highest[finding.rule.name], int(finding.severity))
    return dict(highest)


def _epoch(name: str) -> int | None:
    """The last number in a file name, which is that of its epoch."""
    found = re.search(r"(\d+)(?=[^/\d]*$)", re.sub(r"\.h5$|\.data-.*$", "", name))
    return int(found[1]) if found else None


def _short(finding: Finding) -> str:
    return f"{finding.rule.name} @ {finding.first_bad or finding.checkpoint}: {finding.summary}"
