"""Judge: what is wrong with the weights, by an explicit list of rules. A new rule is one file and one line."""

from __future__ import annotations

from collections.abc import Iterable

from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Judgement, Outcome
from reporter.rules.all_zero import ALL_ZERO
from reporter.rules.base import Check, Rule
from reporter.rules.dead_units import DEAD_UNITS
from reporter.rules.duplicate_outputs import DUPLICATE_OUTPUTS
from reporter.rules.float16_overflow import FLOAT16_OVERFLOW
from reporter.rules.float16_underflow import FLOAT16_UNDERFLOW
from reporter.rules.frozen import FROZEN
from reporter.rules.incomplete import INCOMPLETE
from reporter.rules.int8_ready import INT8_READY
from reporter.rules.non_finite import NON_FINITE
from reporter.rules.norm_jump import NORM_JUMP
from reporter.rules.structure import STRUCTURE

RULES: tuple[Rule, ...] = (
    NON_FINITE,
    ALL_ZERO,
    INCOMPLETE,
    STRUCTURE,
    NORM_JUMP,
    FROZEN,
    DEAD_UNITS,
    INT8_READY,
    FLOAT16_OVERFLOW,
    FLOAT16_UNDERFLOW,
    DUPLICATE_OUTPUTS,
)
"""In the order of the report's table of checks."""


def judge(comparisons: Iterable[Comparison]) -> Judgement:
    """Apply every rule to every series; findings come worst first, then by the share of parameters concerned."""
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    for series in comparisons:
        for rule in RULES:
            checks = list(rule.check(series))
            fired = [_finding(rule, series, check) for check in checks if check.severity is not None]
            worst = max(checks, key=lambda c: c.excess, default=None)
            findings += fired
            outcomes.append(
                Outcome(
                    rule=rule.name,
                    title=rule.title,
                    series=series.name,
                    checked=len(checks),
                    worst=worst.value if worst else None,
                    where=(worst.tensor or worst.layer) if worst else "",
                    threshold=rule.threshold,
                    fired=len(fired),
                    formula=rule.formula,
                    source=rule.source,
                )
            )
    rank = {rule.name: i for i, rule in enumerate(RULES)}
    findings.sort(key=lambda f: (-f.severity, -f.weight, rank[f.rule]))
    return Judgement(tuple(findings), tuple(outcomes))


def _finding(rule: Rule, series: Comparison, check: Check) -> Finding:
    assert check.severity is not None
    parameters = max((m.whole.parameters for m in series.measured), default=0)
    return Finding(
        rule=rule.name,
        severity=check.severity,
        series=series.name,
        checkpoint=series.refs[check.place].name if series.refs else "",
        layer=check.layer,
        tensor=check.tensor,
        value=check.value,
        threshold=rule.threshold,
        message=check.message,
        previous=check.previous,
        weight=min(1.0, check.parameters / parameters) if parameters else 0.0,
    )
