"""What a report says in circumstances that no single folder has: golden texts of the rich report, changed a little."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reporter.compare import difference, difference_of_reports
from reporter.model.checkpoint import Found, Series
from reporter.model.difference import Difference
from reporter.model.finding import Finding, Severity
from reporter.model.report import Report
from reporter.rules.base import Rule
from reporter.sections import report_page, runs
from reporter.sections.difference import difference_page
from reporter.sections.narrative import counts, in_a_line, sentence, use
from reporter.terminal import differences, tables
from reporter.writers.differences import record as difference_record
from reporter.writers.report_json import report_record
from tests.make.rich import Rich
from tests.make.text import as_text, in_full, scrub
from tests.writers.test_golden import compare, laid_out, rounded


def judged(report: Report, *findings: Finding, **changes: Any) -> Report:
    return replace(report, judgement=replace(report.judgement, findings=findings, **changes))


def silent(finding: Finding, **without: str) -> Rule:
    """The rule of a finding, as one that says less."""
    return replace(cast(Rule, finding.rule), **without)


def stories(report: Report) -> Iterator[tuple[str, Report]]:
    """Reports that lead to another narrative, and what is special about them."""
    found = report.judgement.findings
    fail, warn, info = (next(f for f in found if f.severity is s) for s in sorted(Severity, reverse=True))
    other = replace(warn, severity=Severity.FAIL, layers=tuple("abcde"), summary="tensors differ", worst="it does")
    yield "nothing found", judged(report, accepted=())
    yield "remarks alone", judged(report, info, info)
    yield "one warning", judged(report, warn, accepted=())
    yield "a warning with a last good checkpoint", judged(report, replace(warn, last_good="b", explains=()))
    yield "one failure", judged(report, fail, accepted=report.judgement.accepted * 2)
    yield "two kinds of failures", judged(report, fail, other, warn)
    yield "the same failure twice, and a remark", judged(report, fail, fail, info)
    one = replace(report, series=report.series[1:2])
    yield "one series", judged(one, replace(fail, layers=(), weight=0.0, rule=silent(fail, evidence="", next_step="")))
    yield (
        "nothing known",
        judged(one, replace(fail, rule=silent(fail, meaning=""), first_bad="", weight=0.5, explains=fail.explains * 2)),
    )
    yield "a sentence", judged(report, replace(fail, summary="the norm of a.b grew"))
    yield "a name first", judged(report, replace(fail, summary="encoder.bias died"))
    yield "one checkpoint alone", judged(replace(report, series=report.series[5:6]))
    yield "estimates", judged(replace(report, series=report.series[3:4]))
    yield "nothing measured", judged(replace(report, series=()))


def test_narratives(rich: Rich, golden: Path) -> None:
    lines = []
    for title, report in stories(rich.report):
        findings = [in_a_line(report, f) for f in report.judgement.findings]
        lines += [f"## {title}", counts(report), sentence(report), use(report), *findings, ""]
    compare(golden / "rich" / "narratives.txt", "\n".join(lines))


def test_many_series(rich: Rich, golden: Path) -> None:
    """Those without a warning are folded, and the PDF shows twelve."""
    report = rich.report
    chosen = [1, *[3] * 13]

    def name(i: int, name: str) -> str:
        return name if i == 0 else f"{name} {i}"

    series = [replace(report.series[at], name=name(i, report.series[at].name)) for i, at in enumerate(chosen)]
    many = replace(
        report,
        series=tuple(series),
        histograms=tuple(report.histograms[at] for at in chosen),
        figures=tuple(report.figures[at] for at in chosen),
        details=tuple(report.details[at] for at in chosen),
        runs=(),
    )
    lines = []
    for medium in ("html", "pdf"):
        page = report_page(many, medium)  # type: ignore[arg-type]
        lines += [f"## {medium}", page.subtitle]
        lines += [f"{s.title} {s.folded} {s.listed} {s.depth} {len(s.blocks)}" for s in page.sections]
        lines += [as_text(replace(page, sections=(s,))) for s in page.sections if s.anchor == "series-more"]
    compare(golden / "rich" / "many-series.txt", scrub("\n".join(lines) + "\n", *rich.folder.parents[:1]))


@pytest.fixture(scope="module")
def paired(rich: Rich) -> Difference:
    """The second checkpoint of a series against the third, between which a tensor changed its shape."""
    series = rich.report.series[1]
    before, after = series.measured[-2:]
    return difference(before, after, series.pairs[-1].tensors, ("a/x.keras", "b/y.keras"), ("names were matched",))


@pytest.fixture(scope="module")
def unpaired(rich: Rich) -> Difference:
    """Two reports, of which one lacks a series."""
    record = report_record(rich.report)
    series = {s["name"]: s for s in record["series"]}
    main = series["main/m-*"]
    earlier = {**main, "checkpoints": main["checkpoints"][:1]}
    return difference_of_reports({"series": [earlier, series["wide/w"]]}, {"series": [main]}, ("old.json", "new.json"))


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_differences(kind: str, golden: Path, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(kind)
    folder = golden / "difference"
    compare(folder / f"{kind}.txt", differences.text(found) + "\n")
    compare(folder / f"{kind}-page.txt", scrub(as_text(difference_page(found, "1"), in_full)))
    record = rounded(json.loads(json.dumps(difference_record(found))))
    compare(folder / f"{kind}.json", laid_out(record) + "\n")


def test_differences_say_what_they_leave_out(paired: Difference) -> None:
    (changed, *_) = (t for t in paired.tensors if t.state == "changed")
    unknown = replace(changed, state="unknown", change=None)
    many = replace(paired, tensors=(unknown, *[changed] * differences.SHOWN), notes=("a note",))
    lines = differences.text(many).splitlines()
    assert len(lines) == 1 + differences.SHOWN + differences.EXPLAINED + 6
    assert lines[1 + differences.SHOWN] == "and 1 more; --json and --html have all of them"
    assert lines[-5:-3] == [f"and {101 - differences.EXPLAINED} more of such kinds", "a note"]
    assert lines[-3].startswith("NaN or infinite: ")
    assert lines[-2].startswith("9 of 11 changed: ")
    assert lines[-1].startswith(
        "101 tensors: 100 changed, 1 unknown; trained weights: relative update 20.6, cosine 0.0608189 of the "
    )
    assert lines[1].split()[:2] == [changed.name, "unknown"]
    assert "≥ " in lines[1]
    nothing = replace(paired, tensors=(), whole=None, trained=None, notes=(), kinds=None)
    assert differences.text(nothing) == "0 tensors: none"


def test_terminal(rich: Rich, golden: Path) -> None:
    """What ``inspect`` and ``scan`` print."""
    report = rich.report
    words, main, incomplete = report.series[6], report.series[1], report.series[2].measured[-1]
    assert incomplete.missing_layers
    parts = [
        tables.tensors(SimpleNamespace(format="numpy", step=None, step_source=""), words.measured[0]),  # type: ignore[arg-type]
        tables.tensors(SimpleNamespace(format="keras", step=7, step_source="in-file"), main.measured[-1]),  # type: ignore[arg-type]
        tables.tensors(SimpleNamespace(format="keras", step=150, step_source="in-file"), incomplete),  # type: ignore[arg-type]
    ]
    series = tuple(
        Series(s.name, s.slug, s.format, s.refs, s.ordered_by, ("a note",) if s is main else ()) for s in report.series
    )
    parts.append(tables.files(Found((rich.folder,), series, report.files)))
    parts.append(tables.files(Found((rich.folder,), (), report.files[11:12])))
    compare(golden / "rich" / "terminal.txt", scrub("\n\n".join(parts) + "\n"))


@pytest.mark.parametrize(("at", "pictures"), [(4, 2), (5, 0)])
def test_runs_have_pictures_from_two_checkpoints_on(rich: Rich, at: int, pictures: int) -> None:
    (group,) = rich.report.runs
    (section,) = runs.build(replace(rich.report, runs=(replace(group, series=(at, at)),)), "html")
    assert sum(figure in section.blocks for figure in group.figures) == pictures
