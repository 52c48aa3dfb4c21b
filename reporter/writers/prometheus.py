"""Numbers of a run for the textfile collector of Prometheus's node exporter.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reporter.model.finding import Severity, Verdict
from reporter.model.report import Report

SUCCESS = "ckpt_report_last_success_timestamp_seconds"

_VERDICTS = {Verdict.PASS: 0, Verdict.WARN: 1, Verdict.FAIL: 2}


def write_metrics(report: Report, seconds: float, before: Path) -> bytes:
    """The file as bytes.

    Args:
        report: what was found.
        seconds: from the start of the run to its end.
        before: the file of the run before, whose time of success stays where this run measured nothing.
    """
    started = report.created.timestamp()
    success = started if report.tensors else _success(before)
    lines: list[str] = []
    lines += _gauge("ckpt_report_info", "Version of the program.", {report.version: 1}, "version")
    lines += _gauge("ckpt_report_last_run_timestamp_seconds", "When the last run started.", {"": started})
    if success is not None:
        lines += _gauge(SUCCESS, "When the last run started that measured something and published it.", {"": success})
    lines += _gauge("ckpt_report_duration_seconds", "How long the run took.", {"": round(seconds, 3)})
    lines += _gauge("ckpt_report_verdict", "0 PASS, 1 WARN, 2 FAIL.", {"": _VERDICTS[report.verdict]})
    findings = report.judgement.findings
    by_severity = {s.name.lower(): sum(f.severity is s for f in findings) for s in Severity}
    lines += _gauge("ckpt_report_findings", "Findings by severity.", by_severity, "severity")
    if report.news is not None:
        counts = report.news.counts(findings)
        standings = {name: getattr(counts, name) for name in ("new", "worse", "still", "resolved")}
        lines += _gauge(
            "ckpt_report_findings_since_last", "Warnings and failures beside the last report.", standings, "standing"
        )
    lines += _gauge("ckpt_report_checkpoints", "Measured checkpoints.", {"": report.checkpoints})
    lines += _gauge("ckpt_report_unmeasured_files", "Files that could not be measured.", {"": len(report.unmeasured)})
    if report.newest_age is not None:
        lines += _gauge(
            "ckpt_report_checkpoint_age_seconds", "Age of the newest checkpoint.", {"": round(report.newest_age, 3)}
        )
    return "".join(f"{line}\n" for line in lines).encode()


def _gauge(name: str, what: str, samples: Mapping[str, float], label: str = "") -> Iterator[str]:
    """A metric: of several numbers by the values of a label, or one under "" without any."""
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} gauge"
    for text, value in samples.items():
        yield f'{name}{{{label}="{_escaped(text)}"}} {value!r}' if label else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _success(before: Path) -> float | None:
    try:
        found = re.search(rf"^{SUCCESS} ([0-9.]+)$", before.read_text("utf-8")[:100_000], re.MULTILINE)
        return float(found[1]) if found else None
    except (OSError, ValueError):
        return None
