"""Everything up to the verdict, without pictures and pages: for a test of a build, and while a model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from reporter.cache import Cache
from reporter.gather.all_series import file_entries, gather_all
from reporter.gather.catalog import scan
from reporter.metrics import with_metrics
from reporter.model.checkpoint import FileEntry, Found
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Judgement, Severity, Verdict
from reporter.rules.judging import judge
from reporter.rules.policy import policy
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress


@dataclass(frozen=True, slots=True)
class Judged:
    """What a report would say, before it is drawn and written.

    Attributes:
        series: measured and compared.
        files: what became of every file.
        judgement: the findings.
    """

    series: tuple[Comparison, ...]
    files: tuple[FileEntry, ...]
    judgement: Judgement

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Worst first."""
        return self.judgement.findings

    @property
    def harmful(self) -> tuple[FileEntry, ...]:
        """Files that may hide something: nothing is healthy that could not be looked at."""
        return tuple(entry for entry in self.files if entry.harmful)

    @property
    def measured(self) -> int:
        """Number of checkpoints with numbers."""
        return sum(len(one.refs) for one in self.series)

    @property
    def verdict(self) -> Verdict:
        """That of the findings; but nothing passes where nothing was measured, or something could not be."""
        return self.judgement.verdict_where(bool(self.measured) and not self.harmful)

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings that are as bad, worst first."""
        return tuple(finding for finding in self.findings if finding.severity >= severity)


def judged(settings: Settings, found: Found | None = None) -> Judged:
    """Find, measure, compare and judge what the settings name.

    Args:
        settings: as of a report; those of its pages and pictures do not count.
        found: in place of what lies below ``settings.roots``.

    Raises:
        reporter.errors.SettingError: a folder does not exist, or a rule's settings cannot be used.
    """
    cache, now = Cache(settings.cache), datetime.now(UTC)
    rules = policy(settings, now.date(), now)
    found = scan(settings, cache) if found is None else found
    series, account = gather_all(found, settings, cache, Progress(quiet=True), lambda stage: nullcontext())
    series = with_metrics(series, settings)
    return Judged(tuple(series), file_entries(found, series, account), judge(series, rules))


def listed(findings: Sequence[Finding], files: Sequence[FileEntry] = ()) -> list[str]:
    """A line for each finding, and for each file that could not be looked at."""
    lines = [f"{f.severity.name} {f.rule.name}: {f.message}" + (f" (first in {f.first_bad})" if f.first_bad else "")
             for f in findings]  # fmt: skip
    return lines + [f"{entry.state}: {entry.path}: {entry.reason}" for entry in files]
