"""What is new since the last report: findings as they are remembered from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from reporter.frozen import dataclass
from reporter.model.finding import Finding, Severity, Verdict


class Part(StrEnum):
    """What a finding consists of: the tensors that it concerns, else its layers, else its checkpoints."""

    TENSOR = "tensor"
    LAYER = "layer"
    CHECKPOINT = "checkpoint"


class Standing(StrEnum):
    """How a finding of this run stands to those of the last report."""

    NEW = "new"
    WORSE = "worse"
    """Known, but more severe than before, or in tensors in which it never was."""
    STILL = "still"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was published.

    Attributes:
        name: of its folder in ``runs``.
        created: when it started, ISO 8601 with the time zone, to the second.
    """

    name: str
    created: str

    @property
    def day(self) -> str:
        """The date and the minute, for people.

        >>> Run("20260102T030405Z-1a2b3c4d", "2026-01-02T03:04:05+00:00").day
        '2026-01-02 03:04'
        """
        return self.created[:16].replace("T", " ")


@dataclass(frozen=True, slots=True)
class Remembered:
    """A finding as one run hands it on to the next.

    Attributes:
        id: the same in all runs in which it shows.
        since: the first of these runs.
        seen: when the last of these runs started, ISO 8601.
        kind: what it consists of.
        parts: names of all in which it ever was.
        accepted: whether it was reviewed and is no part of the verdict.
        rule, series, severity, first_bad: as in :class:`reporter.model.finding.Finding`.
        title: of its rule.
        message: what was said of it when it was last seen.
    """

    id: str
    rule: str
    title: str
    severity: Severity
    series: str
    first_bad: str
    message: str
    kind: Part
    parts: tuple[str, ...]
    since: Run
    seen: str
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run leaves for the next one.

    Attributes:
        checkpoints: names of the measured checkpoints of each series.
        findings: those of the run, and those that it could not look for.
    """

    run: Run
    verdict: Verdict
    checkpoints: Mapping[str, tuple[str, ...]]
    findings: tuple[Remembered, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a finding of this run.

    Attributes:
        id: the same in all runs in which it shows.
        since: the first of these runs.
        more: number of its parts in which it is for the first time, where it is worse than before.
    """

    id: str
    standing: Standing
    since: Run
    more: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """The findings of a run beside those of the last report in the same folder.

    Attributes:
        run: this one.
        before: the run of the last report, None where there is none, or what it left cannot be read.
        verdict_before: its verdict.
        findings, accepted: one for each of those of the judgement, same order.
        resolved: findings of before that were looked for and not found.
        unseen: findings of before that nobody looked for this time, or that another finding explains now.
        checkpoints: number of measured checkpoints that the last report did not have.
        problem: why nothing could be compared though there is an earlier report; "" if it could.
    """

    run: Run
    before: Run | None = None
    verdict_before: Verdict | None = None
    findings: tuple[Told, ...] = ()
    accepted: tuple[Told, ...] = ()
    resolved: tuple[Remembered, ...] = ()
    unseen: tuple[Remembered, ...] = ()
    checkpoints: int = 0
    problem: str = ""

    def counts(self, findings: Iterable[Finding]) -> Counts:
        """How many warnings and failures are what; remarks do not count.

        Args:
            findings: those of the judgement.
        """
        pairs = zip(self.findings, findings, strict=True)
        standings = [told.standing for told, finding in pairs if finding.severity > Severity.INFO]
        return Counts(
            new=standings.count(Standing.NEW),
            worse=standings.count(Standing.WORSE),
            still=standings.count(Standing.STILL),
            resolved=sum(one.severity > Severity.INFO for one in self.resolved),
            unseen=sum(one.severity > Severity.INFO for one in self.unseen),
            accepted=len(self.accepted),
        )

    def alarming(self, findings: Iterable[Finding], least: Severity) -> int:
        """Number of findings of some severity or worse that the last report did not have, or not as bad."""
        pairs = zip(self.findings, findings, strict=True)
        return sum(told.standing is not Standing.STILL and finding.severity >= least for told, finding in pairs)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of warnings and failures; ``accepted`` counts those that were reviewed, whatever their severity."""

    new: int = 0
    worse: int = 0
    still: int = 0
    resolved: int = 0
    unseen: int = 0
    accepted: int = 0
