"""The result of a run in GitHub Actions: the page of the job, and annotations.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reporter.model.finding import Finding, Severity
from reporter.model.report import Report
from reporter.printable import visible

VARIABLE = "GITHUB_STEP_SUMMARY"

MOST_BYTES = 1_048_576
"""Of the page of a job; GitHub drops one that is larger."""

ANNOTATIONS = 10
"""GitHub shows no more warnings, and no more errors, of one step."""

_LEVELS = {Severity.FAIL: "error", Severity.WARN: "warning"}


def append_summary(path: Path, summary: bytes) -> None:
    """Append text to the page of a job, as much as it still takes.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("ab") as file:
        room = MOST_BYTES - 1 - file.tell()
        fitting = summary[: max(0, room)]
        if len(fitting) < len(summary):  # whole lines, so that no table and no character is cut
            fitting = fitting[: fitting.rfind(b"\n") + 1]
        file.write(fitting)


def commands(report: Report) -> Iterator[str]:
    """Workflow commands, one for each failure and warning, the worst first."""
    for severity, level in _LEVELS.items():
        found = [f for f in report.judgement.findings if f.severity is severity]
        for finding in found[:ANNOTATIONS]:
            yield f"::{level} title={_property(finding.rule.title)}::{_data(_told(finding))}"


def _told(finding: Finding) -> str:
    since = f" (since {finding.first_bad})" if finding.first_bad else ""
    return f"{finding.series}: {finding.message}{since}"


def _data(text: str) -> str:
    """The text of a command.

    >>> _data("100 %\\n")
    '100 %25\\\\n'
    """
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
