"""Findings hold on to their identity from run to run, so that each run can say what is new and what is resolved.

A finding of this run is one of the last report's if rule and series are the same, and a tensor that it concerns was
concerned before. Neither the number of tensors nor the worst of them matters, nor the checkpoint that it is dated to,
which moves when the first one is rotated away. Where a finding has no tensors, its layers count, and where it has
neither, there is one for its rule and series.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from reporter.model.finding import Finding, Judgement, Severity
from reporter.model.news import Memory, News, Part, Remembered, Run, Standing, Told
from reporter.model.report import Report

FORGOTTEN = timedelta(days=90)
"""After this time without having been looked for, a finding of a series that is gone is remembered no more."""


def news(report: Report, memory: Memory | None, run: Run, problem: str = "") -> tuple[News, Memory]:
    """What is new since the last report, and what the next run has to remember.

    Args:
        report: of this run.
        memory: what the last report left, None where there is none.
        run: this one.
        problem: why what the last report left could not be read, "" if it could.
    """
    judgement = report.judgement
    places = {one.name: tuple(ref.name for ref in one.refs) for one in report.series}
    before = memory.findings if memory else ()
    known = {name for names in memory.checkpoints.values() for name in names} if memory else set()
    used: set[str] = set()
    remembered: list[Remembered] = []
    ancestors: set[str] = set()
    told: list[list[Told]] = [[], []]
    accepted = [entry.finding for entry in judgement.accepted]
    for at, findings in enumerate((judgement.findings, accepted)):
        for finding in findings:
            earlier = [one for one in before if _same(one, finding)]
            ancestors |= {one.id for one in earlier}
            one, entry = _told(finding, earlier, run, known, used, accepted=bool(at))
            told[at].append(one)
            remembered.append(entry)
    looked_for = _looked_for(judgement)
    gone = [one for one in before if one.id not in ancestors]
    resolved = tuple(one for one in gone if (one.rule, one.series) in looked_for and not one.accepted)
    unseen = tuple(one for one in gone if (one.rule, one.series) not in looked_for and not _forgotten(one, run))
    result = News(
        run,
        memory.run if memory else None,
        memory.verdict if memory else None,
        tuple(told[0]),
        tuple(told[1]),
        resolved,
        unseen,
        sum(name not in known for names in places.values() for name in names),
        problem,
    )
    return result, Memory(run, report.verdict, places, (*remembered, *unseen))


def _parts(finding: Finding) -> tuple[Part, tuple[str, ...]]:
    if finding.tensors:
        return Part.TENSOR, finding.tensors
    return (Part.LAYER, finding.layers) if finding.layers else (Part.CHECKPOINT, finding.checkpoints)


def _same(one: Remembered, finding: Finding) -> bool:
    """Whether a finding of this run is one that is remembered."""
    kind, parts = _parts(finding)
    if (one.rule, one.series, one.kind) != (finding.rule.name, finding.series, kind):
        return False
    return kind is Part.CHECKPOINT or not set(one.parts).isdisjoint(parts)


def _told(
    finding: Finding, earlier: Sequence[Remembered], run: Run, known: set[str], used: set[str], *, accepted: bool
) -> tuple[Told, Remembered]:
    """How a finding stands to the earlier ones that it continues, and how it is remembered.

    Args:
        known: checkpoints of the last report: that another of these is named now is no news.
        used: identities that findings of this run have already; the one that is taken is added.
    """
    kind, parts = _parts(finding)
    as_bad = [one for one in earlier if _weight(one) >= (Severity.INFO if accepted else finding.severity)]
    seen = {part for one in as_bad for part in one.parts}
    fresh = [part for part in parts if part not in seen]
    if kind is Part.CHECKPOINT:
        fresh = [part for part in fresh if part not in known]
    standing = Standing.NEW
    if earlier:
        standing = Standing.WORSE if fresh or not as_bad else Standing.STILL
    closest = sorted(earlier, key=lambda one: (-len(set(one.parts) & set(parts)), one.since.created))
    identity = next((one.id for one in closest if one.id not in used), "") or _identity(finding, run)
    used.add(identity)
    since = min((one.since for one in earlier), key=lambda first: first.created, default=run)
    entry = Remembered(
        identity,
        finding.rule.name,
        finding.rule.title,
        finding.severity,
        finding.series,
        finding.first_bad,
        finding.message,
        kind,
        tuple(sorted(seen.union(parts))),
        since,
        run.created,
        accepted,
    )
    return Told(identity, standing, since, len(fresh) if standing is Standing.WORSE else 0), entry


def _weight(one: Remembered) -> Severity:
    """What it counted for: what was accepted was no part of the verdict, so that it is worse once that expires."""
    return Severity.INFO if one.accepted else one.severity


def _identity(finding: Finding, run: Run) -> str:
    facts = (run.created, finding.rule.name, finding.severity.name, finding.series, *_parts(finding)[1])
    return hashlib.sha256("\0".join(facts).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _looked_for(judgement: Judgement) -> set[tuple[str, str]]:
    """Rules and series whose earlier findings are resolved unless they were found again.

    Not where a rule failed or had nothing to look at, nor where another finding explains some of what it found.
    """
    failed = set(judgement.unapplied)
    return {
        (o.rule.name, o.series)
        for o in judgement.outcomes
        if o.checked and not o.explained and o.rule.name not in failed
    }


def _forgotten(one: Remembered, run: Run) -> bool:
    return datetime.fromisoformat(run.created) - datetime.fromisoformat(one.seen) > FORGOTTEN
