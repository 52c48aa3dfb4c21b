"""The first section: the verdict, the key figures, and the findings that led to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reporter.model.finding import Finding, Severity, Unit, Verdict
from reporter.model.measured import GroupMeasure
from reporter.model.page import (
    Banner,
    Block,
    Cell,
    Column,
    Facts,
    FindingItem,
    FindingList,
    Level,
    Paragraph,
    Row,
    Section,
    Table,
)
from reporter.model.report import Report
from reporter.numerals import counted, decibels, integer, number, share, size
from reporter.sections.base import LEVELS, Medium, bounded, page_href, series_href
from reporter.sections.narrative import headline, listed_explains, paragraphs
from reporter.sections.paired import update_cell

SHOWN = {"html": 200, "pdf": 15, "index": 100}
"""Most findings that are described in full. The others are counted, and are in report.json; the first page of a report
over many series has a table of them."""

MESSAGE = 300
"""Most characters of a finding in that table."""

CAUTIONS = 5
"""Most cautions about how files were combined into series; the others are only in the sections of their series."""

_WORDS: dict[Verdict, Level] = {Verdict.PASS: "pass", Verdict.WARN: "warn", Verdict.FAIL: "fail"}


def subtitle(report: Report) -> str:
    """What the report covers, in one line."""
    names = [s.name for s in report.series]
    if len(names) == 1:
        return f"{names[0]}: {counted(len(report.series[0].refs), 'checkpoint')}"
    return f"{counted(report.checkpoints, 'checkpoint')} in {counted(len(names), 'series', 'series')}"


def build(report: Report, medium: Medium) -> Iterator[Section]:
    """The section: the banner, the text, cautions, key figures, files that could not be measured, and findings."""
    verdict = report.verdict
    unreadable = report.unmeasured
    blocks: list[Block] = [Banner(_WORDS[verdict], verdict, headline(report))]
    blocks += [Paragraph(text) for text in paragraphs(report)]
    blocks += _cautions(report)
    blocks.append(Facts(_tiles(report), "tiles"))
    if unreadable:
        named = ", ".join(f"{f.path} ({f.state})" for f in unreadable[:3])
        rest = f" and {len(unreadable) - 3} more" if len(unreadable) > 3 else ""
        blocks.append(
            Paragraph(f"{counted(len(unreadable), 'file')} could not be measured: {named}{rest}. See Files.", "warning")
        )
    findings = [f for f in report.judgement.findings if not about_deployment(f)]
    if findings:
        blocks.append(finding_list(report, findings, medium))
    if medium == "index" and len(findings) > SHOWN[medium]:
        blocks.append(_further(report, findings[SHOWN[medium] :]))
    yield Section("verdict", "Verdict", tuple(blocks))


def _cautions(report: Report) -> Iterator[Paragraph]:
    """Cautions about how files were combined into series, without which the verdict could be misread."""
    cautions = list(dict.fromkeys(text for series in report.series for text in series.cautions))
    yield from (Paragraph(text) for text in cautions[:CAUTIONS])
    if len(cautions) > CAUTIONS:
        more = counted(len(cautions) - CAUTIONS, "remark")
        yield Paragraph(f"{more} more of this kind: see each series.", "note")


def _tiles(report: Report) -> tuple[tuple[str, str], ...]:
    last = [s.measured[-1] for s in report.series if s.measured]
    tiles = [
        ("Series", integer(len(report.series))),
        ("Checkpoints", integer(report.checkpoints)),
        ("Tensors measured", integer(sum(len(m.tensors) for s in report.series for m in s.measured))),
    ]
    if len(last) == 1:
        series, numbers = report.series[0], last[0]
        tiles += [
            ("Parameters", integer(numbers.whole.parameters)),
            ("Parameters trained", integer(numbers.trained.parameters)),
            ("Layers", integer(len(series.layers))),
            ("Steps", series.labels[0] if len(series.refs) == 1 else f"{series.labels[0]} – {series.labels[-1]}"),
            ("Norm of trained weights", norm_of(numbers.trained)),
        ]
        if series.pairs:
            tiles.append(("Relative update, last", update_cell(series.pairs[-1].trained).text))
    read = sum(m.nbytes for s in report.series for m in s.measured)
    tiles.append(("Weights read", size(read)))
    return tuple(tiles)


def norm_of(group: GroupMeasure) -> str:
    """The L2 norm of some values; where not all of them are finite there is none."""
    return "NaN/Inf" if group.summary.non_finite else number(group.statistics["l2_norm"])


def about_deployment(finding: Finding) -> bool:
    """Whether it is a remark about using the model elsewhere, which stands in the section about that."""
    return finding.rule.deployment and finding.severity is Severity.INFO


def finding_list(report: Report, findings: Sequence[Finding], medium: Medium) -> FindingList:
    """Findings in full, as many as the medium shows."""
    shown = findings[: SHOWN[medium]]
    items = tuple(item(report, f, medium) for f in shown)
    where = {"pdf": "the attached report.json", "html": "report.json", "index": "the table below"}[medium]
    return FindingList(items, len(findings) - len(shown), where)


def _further(report: Report, findings: Sequence[Finding]) -> Table:
    """A table of findings that are not described in full, one row for each."""
    series = {one.name: one for one in report.series}
    rows = [
        Row(
            (
                Cell(f.series, href=series_href(series[f.series], "index")),
                Cell(f.severity.name, level=LEVELS[f.severity], sort=float(f.severity)),
                Cell(f.rule.title),
                Cell(f.first_bad or f.checkpoint),
                Cell(f.message if len(f.message) <= MESSAGE else f.message[: MESSAGE - 1] + "…"),
            )
        )
        for f in findings
    ]
    columns = tuple(Column(title, numeric=False) for title in ("Series", "Severity", "Finding", "Since", "What"))
    note = "Each is told in full on the page of its series."
    return bounded("Further findings", columns, rows, "index", note=note)


def item(report: Report, finding: Finding, medium: Medium) -> FindingItem:
    """A finding in full, with a link to where it was first seen."""
    rule = finding.rule
    many = len(finding.tensors) > 1
    place = counted(len(finding.tensors), "tensor") if many else finding.tensor or finding.layer
    where = " · ".join(part for part in (finding.first_bad or finding.checkpoint, place) if part)
    href = _href(report, finding, medium)
    share_text = f"; concerns {share(finding.weight)} of the parameters" if finding.weight else ""
    also = f" The same cause also set off: {listed_explains(finding)}." if finding.explains else ""
    note = f" Note: {finding.note}." if finding.note else ""
    return FindingItem(
        level=LEVELS[finding.severity],
        severity=finding.severity.name,
        title=rule.title,
        where=where,
        message=finding.message + share_text + "." + also + note,
        value=_value(finding),
        threshold=_threshold(finding),
        basis=f"{rule.formula}. Source: {rule.source}. Evidence: {finding.evidence}. {rule.calibration}".rstrip(),
        href=href,
        advice=f"{finding.meaning} {finding.next_step}".strip(),
    )


def in_unit(value: float | None, unit: Unit) -> str:
    """A value of a rule as text."""
    if value is None or not math.isfinite(value) or unit is Unit.NUMBER:
        return number(value)
    if unit is Unit.POINTS:
        return f"{'+' if value > 0 else ''}{number(100 * value)} points"
    return share(value) if unit is Unit.SHARE else decibels(value)


def _value(finding: Finding) -> str:
    """What was measured, and what it was before."""
    unit, value, before = finding.rule.unit, finding.value, finding.previous
    text = in_unit(value, unit)
    if before is None:
        return text
    if unit is Unit.POINTS and value is not None:
        return f"{share(before)} → {share(before + value)}, {text}"
    return f"{text}, before: {in_unit(before, unit)}"


def _threshold(finding: Finding) -> str:
    """The threshold, and on which side of it values are bad."""
    if finding.threshold is None:
        return number(None)
    side = f"; {finding.rule.bad} is bad" if finding.rule.bad else ""
    return in_unit(finding.threshold, finding.rule.unit) + side


def _href(report: Report, finding: Finding, medium: Medium) -> str:
    """The link to the checkpoint where a finding was first seen, or to its series if that has no page."""
    name = finding.first_bad or finding.checkpoint
    for at, series in enumerate(report.series):
        if series.name == finding.series:
            place = next((i for i, ref in enumerate(series.refs) if ref.name == name), None)
            page = "" if place is None else page_href(report, at, place, medium)
            return page or series_href(series, medium)
    return ""
