"""The section of findings: each cause told in full once, with its evidence, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reporter.derive.kind_words import evidence
from reporter.derive.kinds import kind_of
from reporter.frozen import dataclass
from reporter.model.blocks import Paragraph
from reporter.model.comparison import Comparison
from reporter.model.figures import evidence_key
from reporter.model.finding import Finding, Severity, Unit
from reporter.model.finding_list import FindingItem, FindingList
from reporter.model.hero import Link
from reporter.model.kind import ChangeKind
from reporter.model.page import Block, Section
from reporter.model.report import Report
from reporter.model.table import Cell, Column, Row, Table
from reporter.numerals import NO_DATA, decibels, integer, number, share
from reporter.sections.base import LEVELS, Medium, bounded, page_href, series_href
from reporter.sections.card_anchors import name_links
from reporter.sections.narrative import capital, extent, listed_explains, place_of, since

SHOWN = {"html": 200, "pdf": 15, "index": 100}
"""Most findings that are told in full. The others are counted, and are in report.json; the first page of a report over
many series has a table of them."""

OTHERS = {"html": 200, "pdf": 5, "index": 20}
"""Most further findings of the same rule that are told in a line each."""

PLACES = 12
"""Most layers that a finding links to."""

PICTURES = {"html": 200, "pdf": 6, "index": 12}
"""Most findings that are shown with a picture."""

MESSAGE = 300
"""Most characters of a finding in the table of further ones."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one rule that mean the same, worst first.

    Attributes:
        copies: the first, and those that say the same of another series: copies of one run.
        others: the rest.
        anchor: of the element that tells of them, "" where they are not told in full.
    """

    copies: tuple[Finding, ...]
    others: tuple[Finding, ...]
    anchor: str

    @property
    def worst(self) -> Finding:
        """The one that is told in full."""
        return self.copies[0]

    @property
    def all(self) -> tuple[Finding, ...]:
        """Every finding of the group."""
        return (*self.copies, *self.others)


def about_deployment(finding: Finding) -> bool:
    """Whether it is a remark about using the model elsewhere, which stands in the section about that."""
    return finding.rule.deployment and finding.severity is Severity.INFO


def groups(findings: Sequence[Finding], medium: Medium, name: str = "finding") -> list[Group]:
    """Findings of one rule, severity and meaning together, worst first.

    Args:
        findings: worst first.
        medium: says how many are told in full, and so have an anchor.
        name: that anchors begin with.
    """
    members: dict[tuple[str, Severity, str, str], list[Finding]] = {}
    for finding in findings:
        key = finding.rule.name, finding.severity, finding.meaning, finding.next_step
        members.setdefault(key, []).append(finding)
    found = []
    for at, of in enumerate(members.values()):
        copies = [f for f in of if (f.message, f.tensors) == (of[0].message, of[0].tensors)]
        anchor = f"{name}-{at + 1}" if at < SHOWN[medium] else ""
        found.append(Group(tuple(copies), tuple(f for f in of if f not in copies), anchor))
    return found


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section; none where nothing was found."""
    findings = [f for f in report.judgement.findings if not about_deployment(f)]
    if not findings:
        return
    blocks: list[Block] = [finding_list(report, findings, medium)]
    if medium == "index":
        left = [f for group in groups(findings, medium)[SHOWN[medium] :] for f in group.all]
        blocks += [_further(report, left)] if left else []
    if all(f.severity is Severity.INFO for f in findings):
        blocks.insert(0, Paragraph("No warning and no failure; the remarks below are no part of the verdict."))
    yield Section("findings", "Findings", tuple(blocks))


def finding_list(report: Report, findings: Sequence[Finding], medium: Medium, name: str = "finding") -> FindingList:
    """Findings in full, as many as the medium shows; remarks apart."""
    found = groups(findings, medium, name)
    told = [group for group in found if group.anchor]
    items = []
    for at, group in enumerate(told):
        one = item(report, group.worst, medium, group)
        items.append(one if at < PICTURES[medium] else replace(one, evidence=None))
    loud = tuple(one for one, group in zip(items, told, strict=True) if group.worst.severity > Severity.INFO)
    quiet = tuple(one for one, group in zip(items, told, strict=True) if group.worst.severity is Severity.INFO)
    where = "the table below" if medium == "index" else "report.json"
    return FindingList(loud, len(found) - len(told), where, quiet)


def _further(report: Report, findings: Sequence[Finding]) -> Table:
    """A table of findings that are not described in full, one row for each."""
    series = {one.name: one for one in report.series}
    rows = [
        Row(
            (
                Cell(f.series, href=series_href(series[f.series], "index")),
                Cell(f.severity.name, level=LEVELS[f.severity], sort=float(f.severity)),
                Cell(f.rule.title),
                Cell(f.first_bad or f.checkpoint or NO_DATA),
                Cell(f.message if len(f.message) <= MESSAGE else f.message[: MESSAGE - 1] + "…"),
            )
        )
        for f in findings
    ]
    columns = tuple(Column(title, numeric=False) for title in ("Series", "Severity", "Finding", "Since", "What"))
    note = "Each is told in full on the page of its series."
    return bounded("Further findings", columns, rows, "index", note=note)


def item(report: Report, finding: Finding, medium: Medium, group: Group | None = None) -> FindingItem:
    """A finding in full, with a link to where it was first seen.

    Args:
        report: the report.
        finding: the finding.
        medium: what it is told for.
        group: of findings, the worst of which it is.
    """
    rule = finding.rule
    at = next((i for i, s in enumerate(report.series) if s.name == finding.series), None)
    series = None if at is None else report.series[at]
    also = f" The same cause also set off: {listed_explains(finding)}." if finding.explains else ""
    note = f" Note: {finding.note}." if finding.note else ""
    return FindingItem(
        level=LEVELS[finding.severity],
        severity=finding.severity.name,
        title=rule.title,
        where=finding.first_bad or finding.checkpoint,
        message=f"{sentence_of(finding)}.{also}{note}",
        value=_value(finding),
        threshold=_threshold(finding),
        basis=f"{finding.evidence}. {rule.calibration}".strip(". "),
        href=_href(report, finding, medium),
        meaning=finding.meaning,
        next_step=finding.next_step,
        since=since(finding, series),
        extent=extent(finding),
        formula=rule.formula,
        source=rule.source,
        anchor=group.anchor if group else "",
        evidence=None if at is None else report.figures[at].evidence.get(evidence_key(finding)),
        places=tuple(_places(report, finding, series, medium, group)),
        others=tuple(_others(report, group, medium)) if group else (),
        change=_change(finding, series),
    )


def sentence_of(finding: Finding) -> str:
    """What a finding says, as a sentence without its full stop."""
    return capital(finding.message, {*finding.tensors, *finding.layers})


def _places(
    report: Report, finding: Finding, series: Comparison | None, medium: Medium, group: Group | None
) -> Iterator[Link]:
    """The series of copies of one run, or the layers of one."""
    if group and len(group.copies) > 1:
        of = {one.name: one for one in report.series}
        for copy in group.copies:
            yield Link(copy.series, series_href(of[copy.series], medium) if copy.series in of else "")
        return
    if series is None:
        return
    if len(report.series) > 1:
        yield Link(finding.series, series_href(series, medium))
    layers = [name for name in finding.layers if name]
    links = name_links(series, medium)
    href = "" if medium == "index" else f"#layers-{series.slug}"
    yield from (Link(name, links.get(name, href)) for name in layers[:PLACES])
    if len(layers) > PLACES:
        yield Link(f"{integer(len(layers) - PLACES)} more layers")


def _others(report: Report, group: Group, medium: Medium) -> Iterator[Link]:
    """A line for each further finding of the group; of copies one."""
    told: dict[tuple[str, tuple[str, ...]], list[Finding]] = {}
    for finding in group.others:
        told.setdefault((finding.message, finding.tensors), []).append(finding)
    several = len(report.series) > 1
    for members in list(told.values())[: OTHERS[medium]]:
        named = ", ".join(f.series for f in members[:3])
        more = f" and {integer(len(members) - 3)} more" if len(members) > 3 else ""
        of = f"{named}{more}: " if several else ""
        yield Link(f"{of}{members[0].message}.", _href(report, members[0], medium), LEVELS[members[0].severity])
    if len(told) > OTHERS[medium]:
        yield Link(f"{integer(len(told) - OTHERS[medium])} more of this kind: see report.json.")


def _change(finding: Finding, series: Comparison | None) -> str:
    """What kind of change made the finding, where it begins between two neighbouring checkpoints and is one to name.

    Summaries tell that without reading a weight again.
    """
    place = None if series is None else place_of(series, finding.checkpoint)
    if series is None or not place or not finding.tensor or not series.pairs:
        return ""
    began = any(spot.first == place and spot.good == place - 1 for spot in finding.spots)
    before, after = (series.measured[i].by_name for i in (place - 1, place))
    if not began or finding.tensor not in before or finding.tensor not in after:
        return ""
    a, b = before[finding.tensor], after[finding.tensor]
    kind = kind_of(a, b, series.pairs[place - 1].tensors.get(finding.tensor))
    if kind.kind in (ChangeKind.NON_FINITE, ChangeKind.UPDATED):  # these the message tells, or nothing
        return ""
    return f"{capital(evidence(kind, b.info.shape))}."


def in_unit(value: float | None, unit: Unit, digits: int = 4) -> str:
    """A value of a rule as text.

    >>> in_unit(0.09549, Unit.POINTS), in_unit(0.0003, Unit.POINTS), in_unit(3.4331, Unit.FACTOR)
    ('+9.5 points', '+0.03 points', '× 3.433')
    """
    if value is None or not math.isfinite(value) or unit is Unit.NUMBER:
        return number(value, digits)
    if unit is Unit.POINTS:
        points = 100 * value
        text = f"{points:.1f}".replace("-", "−") if abs(points) >= 0.1 else number(points, 2)
        return f"{'+' if value > 0 else ''}{text.removesuffix('.0')} points"
    if unit in (Unit.FACTOR, Unit.RATIO):
        return f"× {number(value, digits)}"
    return share(value) if unit is Unit.SHARE else decibels(value)


def _value(finding: Finding) -> str:
    """What was measured, and what it was before."""
    unit, value, before = finding.rule.unit, finding.value, finding.previous
    text = in_unit(value, unit)
    if before is None or value is None:
        return text
    if unit is Unit.POINTS:
        return f"{share(before + value)}, was {share(before)} ({text})"
    if unit is Unit.FACTOR:
        return f"{text}, was {number(before)} → {number(before * value)}"
    return f"{text}, was {number(before) if unit is Unit.RATIO else in_unit(before, unit)}"


def _threshold(finding: Finding) -> str:
    """The threshold, and on which side of it values are bad."""
    limit, unit = finding.threshold, finding.rule.unit
    if limit is None:
        return ""
    if unit in (Unit.FACTOR, Unit.RATIO) and not finding.rule.bad and limit:
        return f"bad beyond × {number(limit)} or below × {number(1 / limit)}"
    text = in_unit(limit, unit)
    return f"bad if {finding.rule.bad} than {text}" if finding.rule.bad else text


def _href(report: Report, finding: Finding, medium: Medium) -> str:
    """The link to the checkpoint where a finding was first seen, or to its series if that has no page."""
    name = finding.first_bad or finding.checkpoint
    for at, series in enumerate(report.series):
        if series.name == finding.series:
            place = place_of(series, name)
            page = "" if place is None else page_href(report, at, place, medium)
            return page or series_href(series, medium)
    return ""


def anchors(report: Report, medium: Medium) -> Mapping[int, str]:
    """The link to where each finding is told, by its index in the judgement; none where it is not told in full."""
    findings = [f for f in report.judgement.findings if not about_deployment(f)]
    told = {id(f): group.anchor for group in groups(findings, medium) if group.anchor for f in group.all}
    return {i: f"#{told[id(f)]}" for i, f in enumerate(report.judgement.findings) if id(f) in told}
