"""JUnit XML: each rule on each series is a test case, which continuous integration servers show and follow."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree

from reporter.model.finding import Finding, Severity
from reporter.model.report import Report
from reporter.printable import visible
from reporter.writers.report_json import timestamp


def write_junit(report: Report, least: Severity | None) -> bytes:
    """The file as bytes.

    Args:
        report: what was found.
        least: the severity from which on a finding fails its test case; None: none does.
    """
    root = ElementTree.Element("testsuites", name=visible(report.title))
    found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in report.judgement.findings:
        found[finding.series, finding.rule.name].append(finding)
    for series in report.series:
        suite = ElementTree.SubElement(
            root, "testsuite", name=visible(series.name), timestamp=timestamp(report.created)
        )
        for outcome in report.judgement.outcomes:
            if outcome.series == series.name:
                case = _case(suite, series.name, outcome.rule.title)
                _judged(case, found[series.name, outcome.rule.name], report.judgement.unapplied, least)
        for entry in report.judgement.accepted:
            if entry.finding.series == series.name:
                case = _case(suite, series.name, f"{entry.finding.rule.title} (accepted)")
                ElementTree.SubElement(
                    case, "skipped", message=visible(f"accepted until {entry.until}: {entry.reason}")
                )
        _count(suite)
    if report.unmeasured or not report.tensors:
        _files(root, report)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _files(root: ElementTree.Element, report: Report) -> None:
    """A suite of what could not be measured: an error where it may hide something."""
    suite = ElementTree.SubElement(root, "testsuite", name="files", timestamp=timestamp(report.created))
    for file in report.unmeasured:
        tag = "error" if file.harmful else "skipped"
        problem = ElementTree.SubElement(_case(suite, "files", file.path), tag)
        problem.set("message", visible(f"{file.state}: {file.reason}"))
    if not report.tensors:
        ElementTree.SubElement(_case(suite, "files", "anything to measure"), "error", message="nothing was measured")
    _count(suite)


def _case(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=visible(group), name=visible(name))


def _judged(
    case: ElementTree.Element, findings: list[Finding], unapplied: tuple[str, ...], least: Severity | None
) -> None:
    """Put what a rule found into its case: one failure for all that is grave, and the rest as output."""
    grave = [f for f in findings if least is not None and f.severity >= least]
    kind = "error" if any(f.rule.name in unapplied for f in grave) else "failure"
    if grave:
        problem = ElementTree.SubElement(case, kind, type=grave[0].severity.name, message=visible(grave[0].message))
        problem.text = "\n".join(_told(f) for f in grave)
    rest = [f for f in findings if f not in grave]
    if rest:
        ElementTree.SubElement(case, "system-out").text = "\n".join(_told(f) for f in rest)


def _told(finding: Finding) -> str:
    since = f" First seen in {finding.first_bad}." if finding.first_bad else ""
    return visible(f"{finding.severity.name}: {finding.message}.{since} {finding.meaning} {finding.next_step}".strip())


def _count(suite: ElementTree.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
