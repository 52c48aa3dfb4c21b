"""The verdict in words, for a reviewer who did not run anything."""

from __future__ import annotations

from reporter.model.checkpoint import SeriesKind
from reporter.model.finding import Finding, Severity
from reporter.model.report import Report
from reporter.numerals import counted, integer, share

OTHERS = 3
"""Most kinds of further findings that are named; all findings are listed below the text."""


def headline(report: Report) -> str:
    """The sentence of the banner: how much was found in how many checks, and the worst finding."""
    judgement = report.judgement
    if not report.tensors:
        return "No checkpoint could be measured, so nothing was judged."
    checked = sum(o.checked for o in judgement.outcomes)
    counts = {s: sum(f.severity is s for f in judgement.findings) for s in Severity}
    accepted = f"; {counted(len(judgement.accepted), 'finding')} accepted" if judgement.accepted else ""
    if counts[Severity.FAIL] or counts[Severity.WARN]:
        found = [
            counted(counts[s], word)
            for s, word in ((Severity.FAIL, "failure"), (Severity.WARN, "warning"), (Severity.INFO, "remark"))
            if counts[s]
        ]
        listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
        return f"{listed} from {counted(checked, 'check')}{accepted}. {_capital(judgement.findings[0].summary)}."
    remarks = f"; {counted(counts[Severity.INFO], 'remark')}" if counts[Severity.INFO] else ""
    rules = counted(len({o.rule.name for o in judgement.outcomes}), "rule")
    quiet = f"None of {counted(checked, 'check')} by {rules} found a problem{remarks}{accepted}."
    hidden = sum(entry.harmful for entry in report.files)
    if not hidden:
        return quiet
    could = counted(report.checkpoints, "checkpoint")
    return f"{counted(hidden, 'file')} could not be measured, {could} could. {quiet}"


def paragraphs(report: Report) -> list[str]:
    """The paragraphs below the banner: the worst finding in full, a second failure if there is one, and the rest."""
    if not report.tensors:
        return []
    findings = [f for f in report.judgement.findings if f.severity > Severity.INFO]
    if not findings:
        return [_clean(report)]
    worst = findings[0]
    result = [_story(report, worst, told=True)]
    second = next((f for f in findings[1:] if f.severity is Severity.FAIL and f.rule.name != worst.rule.name), None)
    if second is not None:
        result.append(_story(report, second, told=False))
    rest = [f for f in findings if f is not worst and f is not second]
    if rest:
        titles = list(dict.fromkeys(f.rule.title.lower() for f in rest))
        more = f" and {integer(len(titles) - OTHERS)} more kinds" if len(titles) > OTHERS else ""
        result.append(
            f"Beyond that: {counted(len(rest), 'finding')} ({', '.join(titles[:OTHERS])}{more}), listed below."
        )
    return result


def _story(report: Report, finding: Finding, *, told: bool) -> str:
    """A finding in full: what it is, what it means, how much it concerns, since when, how sure it is, and what to do.

    Args:
        report: the report.
        finding: the finding.
        told: whether the banner has said already what it is.
    """
    parts = [] if told else [f"{_capital(finding.summary)}."]
    if len(report.series) > 1:
        parts.append(f"Series: {finding.series}.")
    if finding.meaning:
        parts.append(f"What this usually means: {finding.meaning}")
    if finding.weight:
        layers = ""
        if finding.layers:
            named = ", ".join(finding.layers[:OTHERS]) + (" …" if len(finding.layers) > OTHERS else "")
            layers = f", in {counted(len(finding.layers), 'layer')} ({named})"
        parts.append(f"It concerns {share(finding.weight)} of the model's parameters{layers}.")
    parts.append(_since(finding))
    if finding.explains:
        parts.append(f"The same cause also set off: {listed_explains(finding)}.")
    if finding.evidence:
        parts.append(f"How sure this is: {finding.evidence}.")
    if finding.next_step:
        parts.append(f"What to look at next: {finding.next_step}")
    return " ".join(part for part in parts if part)


def _since(finding: Finding) -> str:
    if finding.first_bad and finding.last_good:
        good = "the last good one is" if finding.severity is Severity.FAIL else "the last one without it is"
        return f"First seen in checkpoint {finding.first_bad}; {good} {finding.last_good}."
    return f"First seen in checkpoint {finding.first_bad}." if finding.first_bad else ""


def listed_explains(finding: Finding) -> str:
    """The other rules that fired for the same cause, and how often."""
    return ", ".join(f"{also.rule.title.lower()} ({integer(also.count)})" for also in finding.explains)


def _clean(report: Report) -> str:
    """The paragraph of a report without warnings: how much was read and compared."""
    pairs = [p for s in report.series for p in s.pairs]
    estimated = sum(not p.whole.exact for p in pairs)
    compared = f"; {counted(len(pairs), 'pair')} of neighbouring checkpoints were compared value by value"
    if estimated:
        compared += f", {integer(estimated)} of them in part by estimates"
    tensors = sum(len(m.tensors) for s in report.series for m in s.measured)
    beside = any(s.kind is SeriesKind.ALTERNATIVES for s in report.series)
    limit = "" if pairs or beside else " With one checkpoint per series nothing can be said about change."
    return (
        f"Every value of {counted(tensors, 'tensor')} in {counted(report.checkpoints, 'checkpoint')} was read"
        f"{compared if pairs else ''}. No rule raised a warning. This speaks of the stored numbers alone: whether the "
        f"model is any good, only its metrics can tell.{limit}"
    )


def _capital(text: str) -> str:
    """The text with a capital first letter, unless it begins with the name of a tensor, which must not change."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text
