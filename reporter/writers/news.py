"""What is new since the last report, as JSON objects."""

from __future__ import annotations

from dataclasses import asdict

from reporter.model.news import News, Remembered, Told
from reporter.model.report import Report
from reporter.writers.records import Record


def since_last(report: Report) -> Record | None:
    """Counts, and the findings that are no longer there; null where nobody has looked.

    When the last report was made is not among it, as an unchanged report is to keep its PDF, to which this is attached.
    """
    news = report.news
    if news is None:
        return None
    return {
        "compared": news.before is not None,
        "problem": news.problem,
        "verdict_before": news.verdict_before,
        "counts": asdict(news.counts(report.judgement.findings)),
        "new_checkpoints": news.checkpoints if news.before else None,
        "resolved": [remembered(one) for one in news.resolved],
        "unseen": [remembered(one) for one in news.unseen],
    }


def told(news: News | None, at: int, *, accepted: bool = False) -> Record:
    """The identity of the finding at a place of the judgement, its standing, and since which run it is there."""
    one: Told | None = None if news is None else (news.accepted if accepted else news.findings)[at]
    return {
        "id": one.id if one else None,
        "standing": one.standing if one else None,
        "since": one.since.created if one else None,
    }


def remembered(one: Remembered) -> Record:
    """A finding of an earlier run that is no longer there."""
    return {
        "id": one.id,
        "rule": one.rule,
        "severity": one.severity.name,
        "series": one.series,
        "first_bad": one.first_bad,
        "message": one.message,
        "since": one.since.created,
    }
