"""summary.md: the result of a run for a comment on a merge request, or a page of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reporter.derive.news_words import since_last, standing, tally
from reporter.model.finding import Finding
from reporter.model.news import Told
from reporter.model.report import Report
from reporter.numerals import NO_DATA, counted
from reporter.printable import visible

NAME = "summary.md"

FINDINGS = 20
"""Most findings in the table."""

MESSAGE = 300
"""Most characters of a message, and of a name: so the whole stays below the 65,536 of a comment on GitHub."""


def write_summary(report: Report) -> bytes:
    """The file as bytes."""
    return "\n".join(_lines(report)).encode("utf-8", "backslashreplace")


def _lines(report: Report) -> Iterator[str]:
    findings = report.judgement.findings
    yield f"### {escaped(report.title)}: {report.verdict}"
    yield ""
    parts = [f"{tally(report)} in {counted(report.checkpoints, 'checkpoint')}"]
    if report.unmeasured:
        parts.append(f"{counted(len(report.unmeasured), 'file')} could not be measured")
    yield escaped(f"{'; '.join(parts)}. {since_last(report)}".strip())
    told: tuple[Told | None, ...] = report.news.findings if report.news else (None,) * len(findings)
    if findings:
        yield ""
        yield "| severity | finding | where | since checkpoint | standing |"
        yield "|---|---|---|---|---|"
        for finding, one in list(zip(findings, told, strict=True))[:FINDINGS]:
            yield _row(finding, one)
    if len(findings) > FINDINGS:
        yield ""
        yield f"and {counted(len(findings) - FINDINGS, 'more finding')}, in the report."
    if report.news and report.news.resolved:
        gone = report.news.resolved[:FINDINGS]
        yield ""
        yield "Resolved: " + "; ".join(escaped(f"{one.rule}: {one.message}") for one in gone)
    yield ""
    yield f"{report.created:%Y-%m-%d %H:%M} UTC, ckpt-report {escaped(report.version)}"
    yield ""


def _row(finding: Finding, told: Told | None) -> str:
    place = finding.tensor if len(finding.tensors) == 1 else ", ".join(finding.layers[:2])
    where = " · ".join(part for part in (finding.series, place) if part)
    cells = (
        finding.severity.name,
        f"**{escaped(finding.rule.title)}**: {escaped(finding.summary)}",
        escaped(where),
        escaped(finding.first_bad or finding.checkpoint or NO_DATA),
        escaped(standing(told)[1:-1]) if told else "",
    )
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Text of others for Markdown: no markup, and no mention of a user, an issue or an address becomes a link.

    >>> escaped("a_b|c <img> @team #1")
    'a\\\\_b\\\\|c \\\\<img\\\\> @\\u2060team \\\\#\\u20601'
    """
    text = visible(text)
    text = text if len(text) <= MESSAGE else text[: MESSAGE - 1] + "…"
    text = re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", text)
    return re.sub(r"(@|#|https?|ftp|www)(?=[\w:.])", "\\1\u2060", text)
