"""The result of a run on standard output: the verdict, what is new, the worst findings, and where the report is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reporter.derive.news_words import since_last, standing, tally
from reporter.model.finding import Finding
from reporter.model.news import Standing, Told
from reporter.model.report import Report
from reporter.numerals import counted, integer
from reporter.places import shown
from reporter.printable import brief, visible
from reporter.terminal.colours import Paint

WORST = 10
"""Most findings that are listed; all are in the report."""

MESSAGE = 160
"""Most characters of what is said of one."""

NAME = 48
"""Most characters of a layer, a tensor or a checkpoint."""


def results(report: Report, page: Path, paint: Paint) -> str:
    """The text, whose last line is the path of the page.

    Args:
        report: that was published.
        page: that people open.
    """
    return "\n".join([*_lines(report, paint), shown(page)])


def _lines(report: Report, paint: Paint) -> Iterator[str]:
    findings = report.judgement.findings
    yield f"{paint(report.verdict, report.verdict)}  {tally(report)} in {counted(report.checkpoints, 'checkpoint')}"
    if news := since_last(report):
        yield paint("dim", news)
    told = report.news.findings if report.news else (None,) * len(findings)
    shown = list(zip(findings, told, strict=True))[:WORST]
    wide = max((len(f.rule.name) for f, _ in shown), default=0)
    for finding, one in shown:
        yield _finding(report, finding, one, wide, paint)
    if len(findings) > WORST:
        yield paint("dim", f"and {counted(len(findings) - WORST, 'more finding')}, in the report")


def _finding(report: Report, finding: Finding, told: Told | None, wide: int, paint: Paint) -> str:
    """Two lines: what and where and since when, then what happened."""
    place = finding.tensor if len(finding.tensors) == 1 else _several(finding)
    where = [brief(name, NAME) for name in (place, finding.first_bad or finding.checkpoint) if name]
    if len(report.series) > 1:
        where.insert(0, brief(finding.series, NAME))
    named = f"{finding.rule.name.ljust(wide)}  {' · '.join(where)}".rstrip()  # a rule that failed is about no place
    head = f"{paint(finding.severity.name, finding.severity.name)}  {named}"
    if told is not None:
        head += "  " + (paint("bold", standing(told)) if told.standing is not Standing.STILL else standing(told))
    message = visible(finding.summary)
    return f"{head}\n      {message if len(message) <= MESSAGE else message[: MESSAGE - 1] + '…'}"


def _several(finding: Finding) -> str:
    """The layer of a finding about several tensors, or how many layers they belong to."""
    if len(finding.layers) == 1:
        return finding.layers[0]
    return f"{integer(len(finding.layers))} layers" if finding.layers else ""
