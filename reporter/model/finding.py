"""Findings: what the rules say, and the verdict they add up to."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal, NamedTuple, Protocol

from reporter.frozen import dataclass


class Severity(IntEnum):
    """How bad a finding is; the worst one is the verdict."""

    INFO = 1
    WARN = 2
    FAIL = 3


class Verdict(StrEnum):
    """What the findings of a report, or the differences of two checkpoints, add up to."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"

    @classmethod
    def of(cls, worst: Severity) -> Verdict:
        """The verdict of the worst finding: remarks pass.

        >>> str(Verdict.of(Severity.WARN)), str(Verdict.of(Severity.INFO))
        ('WARN', 'PASS')
        """
        return cls[worst.name] if worst > Severity.INFO else cls.PASS


class Unit(StrEnum):
    """What the value and the threshold of a rule are, and so how they are printed."""

    NUMBER = ""
    SHARE = "share"
    POINTS = "points"
    """The difference of two shares; the value before is the share before."""
    DECIBEL = "dB"
    FACTOR = "factor"
    """What the value before was multiplied by."""
    RATIO = "ratio"
    """What a size was multiplied by, corrected for what is usual; the value before is that size."""


Side = Literal["", "less", "more"]
"""The side of a threshold that is bad."""


class Judging(Protocol):
    """What a finding says of the rule that made it; :class:`reporter.rules.base.Rule` is one.

    Attributes:
        name: key in JSON and settings, kebab-case.
        title: in words.
        formula: what is computed, in the report's words.
        source: where the rule and its threshold come from.
        unit: of the value and the threshold.
        bad: the side of the threshold that is, "" where it is not always the same.
        meaning, next_step, evidence: see :class:`Finding`.
        deployment: whether it is about using the model elsewhere, and says nothing of its training.
        calibration: how often it fired on runs of which it is known what is wrong, in words; "" where nobody counted.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 (described above)
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def formula(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def unit(self) -> Unit: ...  # noqa: D102
    @property
    def bad(self) -> Side: ...  # noqa: D102
    @property
    def meaning(self) -> str: ...  # noqa: D102
    @property
    def next_step(self) -> str: ...  # noqa: D102
    @property
    def evidence(self) -> str: ...  # noqa: D102
    @property
    def deployment(self) -> bool: ...  # noqa: D102
    @property
    def calibration(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Explained:
    """What the cause of a finding also set off: how many checks of another rule."""

    rule: Judging
    count: int


class Spot(NamedTuple):
    """Where a finding shows: in which layer, and in which checkpoints.

    Attributes:
        layer: "" for the checkpoint as a whole.
        first, last: places of the first and the last checkpoint that show it.
        good: place of the last one before that is known not to, None where there is none.
    """

    layer: str
    first: int
    last: int
    good: int | None


_ESTIMATED = "; but some of these comparisons are estimates from the fingerprints of checkpoints that are gone"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a reviewer should know: one cause, however many tensors it shows in.

    Attributes:
        rule: what made it; it has the texts that all of its findings share.
        series, checkpoint, layer, tensor: where it shows worst; "" where it does not apply.
        value: what was measured there, None where there is no single number.
        threshold: what it was held against.
        previous: the value before, None where there is none.
        summary: what happened; of several tensors, how many, which, and since when. No full stop.
        worst: of several, the sentence about the worst of them; "" where the summary says it.
        weight: share of the model's parameters that it concerns, for ranking.
        beyond: how many times the value is beyond the limit, for ranking; 1 where that cannot be said.
        tensors, layers: all that it concerns, worst first.
        checkpoints: names of those in which it shows first in one of its tensors, in order.
        first_bad: name of the first checkpoint in which it shows.
        last_good: name of the last checkpoint before that one, "" where there is none.
        own_meaning, own_next_step, own_evidence: in place of the rule's, where this finding knows better.
        estimated: whether it rests on estimates of changes, as the earlier checkpoint is deleted.
        explains: what the same cause also set off.
        note: a remark of the judge, such as that its acceptance has expired.
        spots: where it shows, layer by layer.
    """

    rule: Judging
    severity: Severity
    series: str
    checkpoint: str
    layer: str
    tensor: str
    value: float | None
    threshold: float | None
    summary: str
    worst: str = ""
    previous: float | None = None
    weight: float = 0.0
    beyond: float = 1.0
    tensors: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    first_bad: str = ""
    last_good: str = ""
    own_meaning: str = ""
    own_next_step: str = ""
    own_evidence: str = ""
    estimated: bool = False
    explains: tuple[Explained, ...] = ()
    note: str = ""
    spots: tuple[Spot, ...] = ()

    @property
    def message(self) -> str:
        """What happened, with the numbers in it; no full stop."""
        return f"{self.summary}. Worst: {self.worst}" if self.worst else self.summary

    @property
    def meaning(self) -> str:
        """What it usually means, in sentences."""
        return self.own_meaning or self.rule.meaning

    @property
    def next_step(self) -> str:
        """What to look at next, in sentences."""
        return self.own_next_step or self.rule.next_step

    @property
    def evidence(self) -> str:
        """How sure it is, in words; no full stop."""
        return (self.own_evidence or self.rule.evidence) + (_ESTIMATED if self.estimated else "")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding that a reviewed entry of ``accept.toml`` takes out of the verdict.

    Attributes:
        reason: the reviewer's words.
        until: last day of the acceptance, ISO 8601.
    """

    finding: Finding
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule saw in one series, whether it fired or not.

    Attributes:
        rule: what looked; it says by which formula.
        series: name of the series.
        checked: number of values held against the threshold.
        worst: the value nearest to or furthest beyond the threshold, None if nothing was checked.
        where: tensor or layer of the worst value.
        fired: number of values that went beyond it.
        explained: how many of those another finding explains.
    """

    rule: Judging
    series: str
    checked: int
    worst: float | None
    where: str
    threshold: float | None
    fired: int
    explained: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """The findings of a run, worst first, and what every rule saw.

    Attributes:
        accepted: findings that were reviewed and accepted; they are no part of the verdict.
        notes: about the acceptances themselves: expired, or matching nothing.
        unapplied: names of rules that failed in a series, each of them a finding, too.
    """

    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    accepted: tuple[Accepted, ...] = ()
    notes: tuple[str, ...] = ()
    unapplied: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst finding decides."""
        return Verdict.of(max((f.severity for f in self.findings), default=Severity.INFO))

    def verdict_where(self, looked: bool) -> Verdict:
        """That of the findings; but nothing passes unless something was measured, and nothing could not be."""
        return self.verdict if looked or self.verdict is not Verdict.PASS else Verdict.WARN
