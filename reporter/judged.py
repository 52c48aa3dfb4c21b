"""Everything up to the verdict: discover → read → measure → compare → judge. A report draws and writes what this finds;
a test of a build, and a model that is being trained, need no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime

from reporter.ahead import Copies
from reporter.cache import Cache
from reporter.frozen import dataclass
from reporter.gather.account import Account
from reporter.gather.all_series import Clock, file_entries, gather_all
from reporter.gather.catalog import scan
from reporter.gather.stretches import further_processors
from reporter.metrics import with_metrics
from reporter.model.checkpoint import FileEntry, Found
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Judgement, Severity, Verdict
from reporter.readers.isolation import end_children
from reporter.rules.judging import judge
from reporter.rules.policy import policy
from reporter.settings.model import Settings
from reporter.terminal.progress import Progress


@dataclass(frozen=True, slots=True)
class Judged:
    """What a report would say, before it is drawn and written.

    Attributes:
        found: what lies below the roots.
        series: measured and compared.
        account: what became of every checkpoint.
        files: what became of every file.
        judgement: the findings.
    """

    found: Found
    series: tuple[Comparison, ...]
    account: Account
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


def judged(
    settings: Settings,
    found: Found | None = None,
    *,
    cache: Cache | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
    clock: Clock = lambda stage: nullcontext(),
    when_measured: Callable[[Account], None] = lambda account: None,
) -> Judged:
    """Find, measure, compare and judge what the settings name: every stage once, in order.

    Args:
        settings: as of a report; those of its pages and pictures do not count.
        found: in place of what lies below ``settings.roots``.
        cache: what earlier runs measured; that of the settings unless given.
        now: against which acceptances expire and checkpoints age; the present unless given.
        progress: is told how far it is.
        clock: see :data:`reporter.gather.all_series.Clock`.
        when_measured: is called when every checkpoint has been read, before anything is judged.

    Raises:
        reporter.errors.SettingError: a folder does not exist, or a rule's settings cannot be used.
    """
    cache, now = cache or Cache(settings.cache), now or datetime.now(UTC)
    progress = progress or Progress(quiet=True)
    rules = policy(settings, now.date(), now)

    with clock("discover"):
        progress.stage("looking")
        found = scan(settings, cache) if found is None else found

    progress.stage("measuring")
    if settings.scheduler:
        from reporter.cluster import measure_on_cluster  # dask takes most of a second to import

        with clock("measure"):
            measure_on_cluster(found, settings, cache, progress)
    series, account = gather_all(found, settings, cache, progress, clock)  # read, measure and compare
    when_measured(account)
    end_children()  # TensorFlow's takes 700 MB, which what follows may need

    with clock("metrics"):
        series = with_metrics(series, settings)

    with clock("judge"):
        progress.stage("judging")
        judgement = judge(series, rules, Copies(further_processors(settings)))
    return Judged(found, series, account, file_entries(found, series, account), judgement)


def listed(findings: Sequence[Finding], files: Sequence[FileEntry] = ()) -> list[str]:
    """A line for each finding, and for each file that could not be looked at."""
    lines = [f"{f.severity.name} {f.rule.name}: {f.message}" + (f" (first in {f.first_bad})" if f.first_bad else "")
             for f in findings]  # fmt: skip
    return lines + [f"{entry.state}: {entry.path}: {entry.reason}" for entry in files]
