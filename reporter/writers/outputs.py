"""All outputs: the files of every run, and what is written or sent elsewhere where a setting asks for it.

A new one is a file in this folder and a line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from reporter.errors import ReportError, SettingError
from reporter.frozen import dataclass
from reporter.model.finding import Severity
from reporter.model.report import Report
from reporter.settings.model import Settings
from reporter.writers import findings_json, github, junit, notify, prometheus, summary_json, summary_md
from reporter.writers.publish import write_file
from reporter.writers.report_json import write_json
from reporter.writers.tensors_csv import write_csv

FILES: tuple[tuple[str, Callable[[Report], Iterable[bytes]]], ...] = (
    ("report.json", write_json),
    ("tensors.csv", write_csv),
    (summary_json.NAME, lambda report: (summary_json.write_summary(report),)),
    (summary_md.NAME, lambda report: (summary_md.write_summary(report),)),
)
"""Of every run, piece by piece; beside its documents, and what :mod:`reporter.writers.findings_json` hands on."""


@dataclass(frozen=True, slots=True)
class Published:
    """A run that was published.

    Attributes:
        page: the path that people open.
        seconds: how long it took.
    """

    report: Report
    page: Path
    seconds: float
    settings: Settings


def _junit(run: Published) -> None:
    if run.settings.junit is not None:
        write_file(run.settings.junit, junit.write_junit(run.report, least_failing(run.settings.fail_on)))


def _prometheus(run: Published) -> None:
    if (path := run.settings.prom_textfile) is not None:
        write_file(path, prometheus.write_metrics(run.report, run.seconds, path))


def _github(run: Published) -> None:
    if run.settings.github_summary:
        try:
            github.append_summary(Path(os.environ[github.VARIABLE]), summary_md.write_summary(run.report))
        except OSError as error:
            raise SettingError(f"${github.VARIABLE} cannot be written: {error.strerror or error}") from error
        for line in github.commands(run.report):
            print(line)


def _notify(run: Published) -> None:
    if run.settings.notify and (run.settings.notify_always or notify.changed(run.report)):
        notify.notify(run.settings.notify, run.report, run.page)


ELSEWHERE: tuple[Callable[[Published], None], ...] = (_junit, _prometheus, _github, _notify)
"""What is written or sent beside the report, where settings ask for it."""


def require_possible(settings: Settings) -> None:
    """Check before measuring, which may take an hour, what can be known of :data:`ELSEWHERE`.

    Raises:
        SettingError: naming the setting and what is missing.
    """
    if settings.github_summary and not os.environ.get(github.VARIABLE):
        raise SettingError(f"github-summary: ${github.VARIABLE} is not set, as it is in a step of GitHub Actions")
    if settings.notify:
        notify.require_address(settings.notify)
    for key, path in (("junit", settings.junit), ("prom-textfile", settings.prom_textfile)):
        if path is not None and not path.absolute().parent.is_dir():
            raise SettingError(f"{key}: {path} is in no folder that exists")


def deliver(run: Published) -> Iterator[str]:
    """Write and send what settings ask for; what fails costs the others nothing.

    Returns:
        what could not be written or sent, a sentence each.
    """
    for output in ELSEWHERE:
        try:
            output(run)
        except ReportError as error:
            yield str(error)


def least_failing(fail_on: str) -> Severity | None:
    """The severity from which on a finding fails a run; None where none does.

    >>> least_failing("new-warn"), least_failing("none")
    (<Severity.WARN: 2>, None)
    """
    kind = fail_on.removeprefix("new-")
    return None if kind == "none" else Severity[kind.upper()]


HANDED_ON = findings_json.NAME
"""The file for the next run."""
