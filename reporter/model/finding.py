"""Findings: what the rules say, and the verdict they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is; the worst one is the verdict."""

    INFO = 1
    WARN = 2
    FAIL = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a reviewer should know: one cause, however many tensors it shows in.

    Attributes:
        rule: name of the rule.
        series, checkpoint, layer, tensor: where it shows worst; "" where it does not apply.
        value: what was measured there, None where there is no single number.
        threshold: what it was held against.
        previous: the value before, None where there is none.
        message: what happened, with the numbers in it.
        weight: share of the model's parameters that it concerns, for ranking.
        tensors, layers: all that it concerns, worst first.
        checkpoints: names of those in which it shows first in one of its tensors, in order.
        first_bad: name of the first checkpoint in which it shows.
        last_good: name of the last checkpoint before that one, "" where there is none.
        evidence: how sure it is, in words.
        meaning: what it usually means.
        next_step: what to look at next.
        explains: (title of another rule, how often) for what the same cause also set off.
        note: a remark of the judge, such as that its acceptance has expired.
    """

    rule: str
    severity: Severity
    series: str
    checkpoint: str
    layer: str
    tensor: str
    value: float | None
    threshold: float | None
    message: str
    previous: float | None = None
    weight: float = 0.0
    tensors: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    first_bad: str = ""
    last_good: str = ""
    evidence: str = ""
    meaning: str = ""
    next_step: str = ""
    explains: tuple[tuple[str, int], ...] = ()
    note: str = ""


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
        checked: number of values held against the threshold.
        worst: the value nearest to or furthest beyond the threshold, None if nothing was checked.
        where: tensor or layer of the worst value.
        fired: number of values that went beyond it.
        explained: how many of those another finding explains.
    """

    rule: str
    title: str
    series: str
    checked: int
    worst: float | None
    where: str
    threshold: float | None
    fired: int
    formula: str
    source: str
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
    def verdict(self) -> str:
        """PASS, WARN or FAIL: the worst finding decides; INFO passes."""
        worst = max((f.severity for f in self.findings), default=Severity.INFO)
        return worst.name if worst > Severity.INFO else "PASS"
