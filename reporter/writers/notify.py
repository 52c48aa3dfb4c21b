"""Tell people through Apprise, which knows a hundred services, that the verdict has changed."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reporter.derive.news_words import since_last, tally
from reporter.errors import OutputError, SettingError
from reporter.model.report import Report
from reporter.numerals import counted
from reporter.places import shown
from reporter.printable import visible

WORST = 5
"""Most findings in a message."""


def require_address(url: str) -> None:
    """Check an address before the run, without sending anything.

    Raises:
        SettingError: Apprise is not installed, or does not know such an address, which may be secret and is not named.
    """
    if find_spec("apprise") is None:
        raise SettingError("notify: needs Apprise; run: pip install 'ckpt-report[notify]'")
    _service(url)


def changed(report: Report) -> bool:
    """Whether the verdict differs from that of the last report, or there is none."""
    return report.news is None or report.news.verdict_before != report.verdict


def message(report: Report, page: Path) -> tuple[str, str]:
    """Title and text."""
    before = report.news.verdict_before if report.news else None
    was = f" (was {before})" if before not in (None, report.verdict) else ""
    lines = [f"{tally(report)} in {counted(report.checkpoints, 'checkpoint')}. {since_last(report)}".strip()]
    for finding in report.judgement.findings[:WORST]:
        since = f" (since {finding.first_bad})" if finding.first_bad else ""
        lines.append(f"{finding.severity.name} {finding.rule.title}: {finding.summary}{since}")
    return visible(f"{report.verdict}{was}: {report.title}"), "\n".join(map(visible, [*lines, shown(page)]))


def notify(url: str, report: Report, page: Path) -> None:
    """Send the message.

    Raises:
        SettingError: as :func:`require_address`.
        OutputError: it could not be sent. Why is not told, as what services say may hold the address and its secrets.
    """
    title, text = message(report, page)
    try:
        sent = _service(url).notify(title=title, body=text)
    except SettingError:
        raise
    except Exception as error:
        raise OutputError(f"notify: the message could not be sent ({type(error).__name__})") from None
    if not sent:
        raise OutputError("notify: the service did not take the message")


def _service(url: str) -> Any:
    import apprise

    logging.getLogger("apprise").disabled = True  # its log holds addresses
    service = apprise.Apprise()
    try:
        known = service.add(url)
    except Exception:
        known = False
    if not known:
        raise SettingError("notify: this is no address that Apprise knows; see https://github.com/caronc/apprise")
    return service
