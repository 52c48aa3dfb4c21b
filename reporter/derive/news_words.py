"""The result of a run, and what is new since the last report, in words."""

from __future__ import annotations

from reporter.model.finding import Severity
from reporter.model.news import Standing, Told
from reporter.model.report import Report
from reporter.numerals import counted, integer


def since_last(report: Report) -> str:
    """A sentence; "" where nobody has looked.

    It names no date, so that an unchanged report stays word for word as it is, and keeps its PDF.
    """
    news = report.news
    if news is None:
        return ""
    if news.problem:
        return "What is new cannot be said: what the last report left for this one cannot be read."
    if news.before is None:
        return "This is the first report here."
    counts = news.counts(report.judgement.findings)
    parts = [
        f"{integer(number)} {word}"
        for number, word in (
            (counts.new, "new"),
            (counts.worse, "worse"),
            (counts.still, "as before"),
            (counts.resolved, "resolved"),
            (counts.unseen, "not looked for"),
            (counts.accepted, "accepted"),
        )
        if number
    ]
    found = ", ".join(parts) or "no warnings or failures, as before"
    grown = f" {counted(news.checkpoints, 'new checkpoint')}." if news.checkpoints else " No new checkpoint."
    return f"Since the last report: {found}.{grown}"


def tally(report: Report) -> str:
    """How many findings of which severity there are."""
    findings = report.judgement.findings
    counts = {s: sum(f.severity is s for f in findings) for s in Severity}
    words = ((Severity.FAIL, "failure"), (Severity.WARN, "warning"), (Severity.INFO, "remark"))
    return ", ".join(counted(counts[s], word) for s, word in words if counts[s]) or "no findings"


def standing(told: Told) -> str:
    """Since when a finding is there.

    >>> from reporter.model.news import Run
    >>> then = Run("20260102T030405Z-1a2b3c4d", "2026-01-02T03:04:05+00:00")
    >>> standing(Told("a", Standing.NEW, then)), standing(Told("a", Standing.STILL, then))
    ('(new)', '(as before, since 2026-01-02 03:04)')
    >>> standing(Told("a", Standing.WORSE, then, 2)), standing(Told("a", Standing.WORSE, then))
    ('(worse: in 2 more; since 2026-01-02 03:04)', '(worse; since 2026-01-02 03:04)')
    """
    if told.standing is Standing.NEW:
        return "(new)"
    if told.standing is Standing.WORSE:
        more = f": in {integer(told.more)} more" if told.more else ""
        return f"(worse{more}; since {told.since.day})"
    return f"(as before, since {told.since.day})"
