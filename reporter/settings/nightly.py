"""Settings of runs that a scheduler starts: which runs are kept, and who is told of the result."""

from __future__ import annotations

import math
from pathlib import Path

from reporter.frozen import dataclass
from reporter.settings.setting import Flag, Reach, between, declared, number, path, switch, text, whole


def _no_days(days: float) -> str:
    return "" if math.isfinite(days) and days >= 0 else f"{days:g} is not a number of days, 0 or more"


@dataclass(frozen=True, slots=True)
class Nightly:
    """A part of :class:`reporter.settings.model.Settings`, on which no number of a report depends."""

    keep_last: int = declared(
        0,
        parse=whole,
        flag=Flag("delete all but the last N runs in OUT (default: 0, none is deleted)", "N"),
        line=None,
        problem=between(0, 1_000_000),
    )
    """0 for no limit; the run that ``latest`` points to is always kept."""

    keep_days: float = declared(
        0.0,
        parse=number,
        flag=Flag("delete runs in OUT older than D days (default: 0, none is deleted)", "D"),
        line=None,
        problem=_no_days,
    )
    """0 for no limit. Where both are given, a run that either of them keeps is kept."""

    junit: Path | None = declared(
        None, parse=path, flag=Flag("also write the checks as JUnit XML", "FILE"), line=None, reach=Reach.WRITE
    )

    github_summary: bool = declared(
        False,
        parse=switch,
        flag=Flag("append summary.md to $GITHUB_STEP_SUMMARY, and print annotations"),
        line=None,
    )

    prom_textfile: Path | None = declared(
        None,
        parse=path,
        flag=Flag("also write metrics for Prometheus's textfile collector", "FILE"),
        line=None,
        reach=Reach.WRITE,
    )

    notify: str = declared(
        "",
        parse=text,
        flag=Flag("tell when the verdict changes: an address of Apprise, such as slack://…", "URL"),
        line=None,
        reach=Reach.SEND,
        secret=True,
    )
    """It may hold a secret: it is never printed."""

    notify_always: bool = declared(
        False, parse=switch, flag=Flag("tell after every run, not only when the verdict changes"), line=None
    )

    log_format: str = declared(
        "text",
        parse=text,
        flag=Flag("of standard error: lines of text or JSON objects (default: text)"),
        line=None,
        choices=("text", "json"),
    )
