"""The report as plain data, before it becomes pages, JSON and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reporter.frozen import dataclass
from reporter.model.checkpoint import ASIDE, CheckpointRef, FileEntry, State
from reporter.model.comparison import Comparison
from reporter.model.figures import Runs, SeriesFigures
from reporter.model.finding import Judgement, Verdict
from reporter.model.histogram import SeriesHistograms
from reporter.model.look import PLAIN, Look
from reporter.model.news import News
from reporter.model.shown import Shown

SCHEMA_VERSION = 1
"""Of report.json; raised when a name in it changes its meaning."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is published.

    Attributes:
        title: heading.
        version: of this program.
        created: when the run started, with its time zone.
        settings: name -> value as text, everything the numbers depend on; to be shown, not to be read back.
        variables: what statistics of the whole model speak of, see :class:`reporter.settings.model.Settings`.
        series: compared series, in natural order of their names.
        histograms, figures: one per series, same order; figures are empty where nothing is drawn.
        files: every checkpoint and every other file that was met, with its state.
        timings: stage -> seconds; the only part that differs between runs over the same input.
        runs: groups of series that are runs of one model.
        details: one per series: which checkpoints are shown one by one.
        look: what the user chose for how it looks.
        news: what is new since the last report; None where nobody has looked.
    """

    title: str
    version: str
    created: datetime
    settings: Mapping[str, str]
    variables: str
    series: tuple[Comparison, ...]
    histograms: tuple[SeriesHistograms, ...]
    figures: tuple[SeriesFigures, ...]
    judgement: Judgement
    files: tuple[FileEntry, ...]
    timings: Mapping[str, float]
    runs: tuple[Runs, ...] = ()
    details: tuple[Shown, ...] = ()
    look: Look = PLAIN
    news: News | None = None

    @property
    def checkpoints(self) -> int:
        """Number of measured checkpoints."""
        return sum(len(s.refs) for s in self.series)

    @property
    def tensors(self) -> int:
        """Number of measured tensors, over all checkpoints that hold any number."""
        return sum(len(m.tensors) for s in self.series for m in s.measured if not m.empty)

    @property
    def newest(self) -> CheckpointRef | None:
        """The measured checkpoint that was written last, of several the last of its series; None if there is none."""
        refs = [ref for series in self.series for ref in reversed(series.refs)]
        return max(refs, key=lambda ref: ref.mtime_ns, default=None)

    @property
    def newest_age(self) -> float | None:
        """Seconds from when that was written to when the run started."""
        return None if self.newest is None else self.created.timestamp() - self.newest.mtime_ns / 1e9

    @property
    def unmeasured(self) -> tuple[FileEntry, ...]:
        """Checkpoints, and what may hide some, of which there are no numbers, the worst first."""
        known = {ref.name for s in self.series for ref in s.refs if not ref.is_there}
        found = (f for f in self.files if f.state not in {State.MEASURED, *ASIDE} and f.path not in known)
        return tuple(sorted(found, key=lambda entry: entry.urgency))

    @property
    def verdict(self) -> Verdict:
        """That of the findings; but nothing passes where nothing was measured, or something could not be."""
        return self.judgement.verdict_where(bool(self.tensors) and not any(entry.harmful for entry in self.files))
