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
    """One thing that a reviewer should know.

    Attributes:
        rule: name of the rule.
        series, checkpoint, layer, tensor: where; "" where it does not apply.
        value: what was measured, None where there is no single number.
        threshold: what it was held against.
        previous: the value before, None where there is none.
        message: one sentence with the numbers in it.
        weight: share of the model's parameters that it concerns, for ranking.
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule saw in one series, whether it fired or not.

    Attributes:
        checked: number of values held against the threshold.
        worst: the value nearest to or furthest beyond the threshold, None if nothing was checked.
        where: tensor or layer of the worst value.
        fired: number of findings.
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


@dataclass(frozen=True, slots=True)
class Judgement:
    """The findings of a run, worst first, and what every rule saw."""

    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def verdict(self) -> str:
        """PASS, WARN or FAIL: the worst finding decides; INFO passes."""
        worst = max((f.severity for f in self.findings), default=Severity.INFO)
        return worst.name if worst > Severity.INFO else "PASS"
