"""Judging: every rule over every series; what fired is explained, accepted, grouped and ranked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import date, datetime
from functools import partial

from reporter.ahead import NONE, Copies, made_ahead
from reporter.errors import ReportError
from reporter.frozen import dataclass
from reporter.model.checkpoint import SeriesKind
from reporter.model.comparison import Comparison
from reporter.model.finding import Accepted, Finding, Judgement, Outcome, Severity
from reporter.numerals import integer
from reporter.rules.acceptance import Acceptance, matching
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.experts import spared
from reporter.rules.external import UnusableRule
from reporter.rules.grouping import Fired, explained, grouped
from reporter.rules.timeline import Timeline

OFF = "off"

MANY = 16
"""Series from which on other processors judge some: each takes about 40 ms, and a copy of this process 20 ms."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is judged by, and how.

    Attributes:
        rules: in the order of the table of checks.
        limits: rule name -> the limits that differ from its defaults.
        severities: rule name -> ``off``, or the severity that its warnings and failures get; remarks stay remarks.
        acceptances: reviewed findings.
        today: against which acceptances expire; None: none does.
        now: against which checkpoints age; None: none does.
    """

    rules: tuple[Rule, ...]
    limits: Mapping[str, Limits] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    acceptances: tuple[Acceptance, ...] = ()
    today: date | None = None
    now: datetime | None = None


def judge(comparisons: Iterable[Comparison], policy: Policy, copies: Copies = NONE) -> Judgement:
    """Apply every rule to every series; findings come worst first, see :func:`_rank`.

    Args:
        comparisons: the series.
        policy: what they are judged by.
        copies: of this process, which judge some of many series meanwhile.
    """
    comparisons = tuple(comparisons)
    newest = max((ref.mtime_ns for series in comparisons for ref in series.refs), default=0)
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    accepted: list[Accepted] = []
    used: set[int] = set()
    failed: dict[str, _Failed] = {}
    with made_ahead(
        comparisons, partial(_of_series, policy, newest), copies if len(comparisons) >= MANY else NONE
    ) as judged:
        for series, one in zip(comparisons, judged, strict=True):
            findings += one.findings
            outcomes += one.outcomes
            accepted += one.accepted
            used |= one.used
            for name, reason in one.failed.items():
                failed.setdefault(name, _Failed(reason)).series.append(series.name)
    findings += [_not_applied(rule, failed[rule.name]) for rule in policy.rules if rule.name in failed]
    order = {rule.name: i for i, rule in enumerate(policy.rules)}
    findings.sort(key=lambda f: (*_rank(f), order[f.rule.name]))
    unused = tuple(
        f"accepted, but nothing matches it: {entry}" for at, entry in enumerate(policy.acceptances) if at not in used
    )
    return Judgement(tuple(findings), tuple(outcomes), tuple(accepted), unused, tuple(failed))


@dataclass(slots=True)
class _OfSeries:
    """What is judged of one series.

    Attributes:
        used: indices of the acceptances that matched something.
        failed: rules that could not be applied, and what happened.
    """

    findings: list[Finding] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


def _of_series(policy: Policy, newest: int, series: Comparison) -> _OfSeries:
    """Every rule over one series.

    Args:
        newest: when the newest checkpoint of all series was written.
    """
    timeline, judged = Timeline(series, _age(series, newest, policy.now)), _OfSeries()
    fired: list[Fired] = []
    checked: Counter[str] = Counter()
    rows: list[tuple[Rule, Limits, Check | None, int]] = []
    for rule in policy.rules:
        severity = policy.severities.get(rule.name, "")
        if severity == OFF or (rule.follows and series.kind is SeriesKind.ALTERNATIVES):
            continue
        limits = rule.defaults | dict(policy.limits.get(rule.name, {}))
        found = spared(timeline, rule.name, _checks(rule, timeline, limits, judged.failed))
        checks = [_rated(check, severity) for check in found]
        checked[rule.name] = len(checks)
        worst = max(checks, key=lambda c: c.excess, default=None)
        fired += [Fired(rule, check) for check in checks if check.severity is not None]
        rows.append((rule, limits, worst, len(checks)))
    left = explained(fired)
    judged.outcomes += [
        _outcome(series, rule, limits, worst, n, fired=_count(fired, rule), left=_count(left, rule))
        for rule, limits, worst, n in rows
    ]
    taken: dict[int, list[Fired]] = {}
    standing: list[Fired] = []
    for one in left:
        at, expired = matching(policy.acceptances, series.name, one.rule.name, one.check.concerned, policy.today)
        if at is None or expired:
            if at is not None:
                entry = policy.acceptances[at]
                one.note = f"it was accepted until {entry.until} ({entry.reason}); that has expired"
            standing.append(one)
        else:
            taken.setdefault(at, []).append(one)
    # An entry whose finding another one explains is still of use.
    for one in fired:
        at, _ = matching(policy.acceptances, series.name, one.rule.name, one.check.concerned, policy.today)
        judged.used |= set() if at is None else {at}
    held = {rule.name: limits for rule, limits, _, _ in rows}
    judged.findings += grouped(timeline, standing, checked, policy.rules, held)
    for at, members in sorted(taken.items()):
        entry = policy.acceptances[at]
        judged.accepted += [
            Accepted(finding, entry.reason, entry.until.isoformat())
            for finding in grouped(timeline, members, checked, policy.rules, held)
        ]
    return judged


def _age(series: Comparison, newest: int, now: datetime | None) -> float | None:
    """Seconds since the newest checkpoint of all was written, if this series holds it."""
    if now is None or not any(ref.mtime_ns == newest for ref in series.refs):
        return None
    return now.timestamp() - newest / 1e9


def _rank(finding: Finding) -> tuple[int, float, float]:
    """The worst first: by severity, by how far beyond its limit it is, and by the share of parameters concerned.

    How far beyond is a matter of powers of ten: limits of different rules are not comparable to the percent.
    """
    beyond = math.floor(math.log10(finding.beyond)) if 1 <= finding.beyond < math.inf else finding.beyond
    return -finding.severity, -beyond, -finding.weight


@dataclass(slots=True)
class _Failed:
    """A rule that could not be applied, one of the user's own perhaps.

    Attributes:
        series: names of those on which it failed.
        reason: what happened on the first of them.
    """

    reason: str
    series: list[str] = field(default_factory=list)


def _checks(rule: Rule, timeline: Timeline, limits: Limits, failed: dict[str, str]) -> list[Check]:
    """A rule's checks; of one that fails there are none, and the failure is noted."""
    try:
        checks = list(rule.check(timeline, limits))
        other = next((c for c in checks if not isinstance(c, Check)), None)
        if other is not None:
            raise UnusableRule(f"it yields {type(other).__name__}, not a Check")
        return checks
    except ReportError:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, UnusableRule) else f"{type(error).__name__}: {error}"
        failed[rule.name] = reason
        return []


def _not_applied(rule: Rule, failed: _Failed) -> Finding:
    """One warning for a rule that failed, whatever severity its findings have: nobody knows what it missed."""
    where = f" to {integer(len(failed.series))} series" if len(failed.series) > 1 else ""
    return Finding(
        rule=rule,
        severity=Severity.WARN,
        series=failed.series[0],
        checkpoint="",
        layer="",
        tensor="",
        value=None,
        threshold=None,
        summary=f"the rule {rule.name} could not be applied{where}: {failed.reason}",
        own_evidence="certain",
        own_meaning="Nothing is known of what this rule looks for.",
        own_next_step="Mend the rule, or leave it out of the settings.",
    )


def _rated(check: Check, severity: str) -> Check:
    if not severity or check.severity is None or check.severity is Severity.INFO:
        return check
    return replace(check, severity=Severity[severity.upper()])


def _count(fired: list[Fired], rule: Rule) -> int:
    return sum(one.rule is rule for one in fired)


def _outcome(
    series: Comparison, rule: Rule, limits: Limits, worst: Check | None, checked: int, *, fired: int, left: int
) -> Outcome:
    return Outcome(
        rule=rule,
        series=series.name,
        checked=checked,
        worst=worst.value if worst else None,
        where=(worst.tensor or worst.layer) if worst else "",
        threshold=limits.get(worst.limit if worst else "threshold"),
        fired=fired,
        explained=fired - left,
    )
