"""No new checkpoint for longer than was asked for: the training has stopped, or saves elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from reporter.model.finding import Severity
from reporter.numerals import number
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline

HOUR = 3600.0


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check, of the series that holds the newest checkpoint of all; an older training beside it may be finished."""
    if timeline.age is None:
        return
    times = [ref.mtime_ns for ref in timeline.series.refs]
    newest, hours = max(range(len(times)), key=lambda place: (times[place], place)), timeline.age / HOUR
    fired = hours > limits["threshold"]
    written = datetime.fromtimestamp(times[newest] // 10**9, UTC)
    yield Check(
        value=hours,
        excess=hours / limits["threshold"] if limits["threshold"] else hours,
        severity=Severity.WARN if fired else None,
        place=newest,
        beyond=hours / limits["threshold"] if limits["threshold"] else 1.0,
        message=f"no new checkpoint since {written:%Y-%m-%d %H:%M} UTC, {number(hours, 3)} hours before this run",
    )


STALE = Rule(
    name="stale",
    title="No new checkpoint",
    threshold=24.0,
    formula="hours from the time of the newest file to the start of this run",
    source="the setting max-age, without which it is not applied",
    check=check,
    bad="more",
    noun="checkpoints",
    meaning="The training has ended, hangs or has crashed, or its checkpoints go to another folder.",
    next_step="Look whether the training still runs, and where it saves.",
    evidence="the time that the file system has for the newest checkpoint, which copying may change",
)
