"""summary.json: what a script wants to know of a run, small and under a version of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from reporter.model.finding import Finding, Severity
from reporter.model.report import Report
from reporter.writers import news
from reporter.writers.records import Record
from reporter.writers.report_json import timestamp, to_bytes

NAME = "summary.json"

VERSION = 1
"""Raised when a name in it changes its meaning, or is gone. New names may be added at any time."""

FINDINGS = 100
"""Most findings, and most findings that are gone, that are listed; the others are counted, and are in report.json."""

SERIES = 100
"""Most series that are listed."""


def write_summary(report: Report) -> bytes:
    """The file as bytes; it holds no path but those that are relative to its folder, and no timings."""
    findings, accepted = report.judgement.findings, report.judgement.accepted
    return to_bytes(
        {
            "schema_version": VERSION,
            "generator": {"name": "ckpt-report", "version": report.version},
            "created": timestamp(report.created),
            "title": report.title,
            "verdict": report.verdict,
            "counts": {s.name: sum(f.severity is s for f in findings) for s in reversed(Severity)}
            | {"accepted": len(accepted)},
            "since_last": _since_last(report),
            "findings": [_finding(f) | news.told(report.news, at) for at, f in enumerate(findings[:FINDINGS])],
            "findings_left_out": max(0, len(findings) - FINDINGS),
            "accepted": [
                _finding(a.finding) | news.told(report.news, at, accepted=True) | {"reason": a.reason, "until": a.until}
                for at, a in enumerate(accepted[:FINDINGS])
            ],
            "checkpoints": {
                "measured": report.checkpoints,
                "unmeasured": len(report.unmeasured),
                "newest": _newest(report),
            },
            "series": [
                {"name": s.name, "checkpoints": len(s.refs), "last": s.refs[-1].name, "step": s.refs[-1].step.value}
                for s in report.series[:SERIES]
                if s.refs
            ],
            "series_left_out": max(0, len(report.series) - SERIES),
            "page": "index.html",
        }
    )


def _since_last(report: Report) -> Record | None:
    record, before = news.since_last(report), report.news.before if report.news else None
    if record is None:
        return None
    for name in ("resolved", "unseen"):
        record[name] = record[name][:FINDINGS]
    return {"run": before.name if before else None, "created": before.created if before else None, **record}


def _finding(found: Finding) -> Record:
    return {
        "rule": found.rule.name,
        "title": found.rule.title,
        "severity": found.severity.name,
        "series": found.series,
        "layer": found.layer,
        "tensor": found.tensor,
        "tensors": len(found.tensors),
        "first_bad": found.first_bad,
        "last_good": found.last_good,
        "message": found.message,
    }


def _newest(report: Report) -> Record | None:
    ref, age = report.newest, report.newest_age
    if ref is None or age is None:
        return None
    written = datetime.fromtimestamp(ref.mtime_ns // 10**9, UTC)
    return {"name": ref.name, "step": ref.step.value, "written": timestamp(written), "age_seconds": round(age)}
