"""The verdict in words, for a reader who did not run anything and knows nothing of weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from reporter.model.checkpoint import SeriesKind
from reporter.model.common_folder import common_folder
from reporter.model.comparison import Comparison
from reporter.model.finding import Finding, Severity, Verdict
from reporter.model.report import Report
from reporter.numerals import counted, integer, share
from reporter.printable import brief
from reporter.sections.base import worst_series
from reporter.sections.health import State, health
from reporter.sections.series_names import endings

NAMED = 3
"""Most layers or series that a sentence names."""

NAME = 50
"""Most characters of a name in it; of a longer one the middle is left out."""

WORDS = {Severity.FAIL: "failure", Severity.WARN: "warning", Severity.INFO: "remark"}


def counts(report: Report) -> str:
    """How much was found in how many checks, in one line."""
    judgement = report.judgement
    found = [
        counted(n, WORDS[s])
        for s in sorted(Severity, reverse=True)
        if (n := sum(f.severity is s for f in judgement.findings))
    ]
    checked = sum(o.checked for o in judgement.outcomes)
    rules = len({o.rule.name for o in judgement.outcomes})
    accepted = [counted(len(judgement.accepted), "finding") + " accepted"] if judgement.accepted else []
    return " · ".join([*found, *accepted, f"{counted(checked, 'check')} by {counted(rules, 'rule')}"])


def sentence(report: Report) -> str:
    """What happened, where and since when, in one sentence."""
    if not report.tensors:
        return "No checkpoint could be measured, so nothing was judged."
    loud = [f for f in report.judgement.findings if f.severity > Severity.INFO]
    if not loud:
        hidden = sum(entry.harmful for entry in report.files)
        if report.verdict is not Verdict.PASS and hidden:
            return (
                f"{counted(hidden, 'file')} could not be measured; in the "
                f"{counted(report.checkpoints, 'checkpoint')} that could, no rule raised a warning."
            )
        return "Nothing looks wrong: " + _clean(report)
    worst = loud[0]
    failed = worst.severity is Severity.FAIL
    series = next((s for s in report.series if s.name == worst.series), None)
    begun = "Something is wrong" if failed else "Nothing failed, but something needs a look"
    if series is None:
        return f"{begun}: {lowered(worst.meaning or worst.summary)}".rstrip(".") + "."
    told = f"{begun}{_scope(report, worst)}{_where(worst, series)}{_since(worst, series)}".rstrip(",")
    why = first_sentence(worst.meaning)
    return f"{told}: {lowered(why)}." if why else f"{told}."


def _scope(report: Report, worst: Finding) -> str:
    """In how many of several series there are findings as bad as the worst, and which of them is told of."""
    if len(report.series) == 1:
        return ""
    hit = {f.series for f in report.judgement.findings if f.severity >= worst.severity}
    named = _short(report)[worst.series]
    which = named if len(hit) == 1 else f"worst in {named}"
    return f" in {integer(len(hit))} of {counted(len(report.series), 'series', 'series')}, {which},"


def _where(finding: Finding, series: Comparison) -> str:
    layers = [name for name in finding.layers if name in series.layers]
    if not layers:
        return ""
    if len(layers) == 1:
        return f" in layer {_named(layers[0], series)}" if len(series.layers) > 1 else ""
    if len(layers) == len(series.layers):
        return f" in all {integer(len(layers))} layers"
    return f" in {integer(len(layers))} of {integer(len(series.layers))} layers"


def _named(layer: str, series: Comparison) -> str:
    """The name of a layer; of a long one without what the names of all layers begin with, as that tells nothing."""
    return brief(layer if len(layer) <= NAME else layer.removeprefix(common_folder(series.layers)), NAME)


def _since(finding: Finding, series: Comparison) -> str:
    place = place_of(series, finding.first_bad)
    if place is None or len(series.refs) == 1:
        return ""
    if series.kind is SeriesKind.ALTERNATIVES:
        return f", first in {series.labels[place]}"
    lasting = not finding.spots or any(spot.last == len(series.refs) - 1 for spot in finding.spots)
    if not lasting:
        return f" at {series.moment(place)}"
    return " from the first checkpoint on" if place == 0 else f" from {series.moment(place)} on"


def place_of(series: Comparison, name: str) -> int | None:
    """The place of a checkpoint, given its name; None where it is not of the series."""
    return next((i for i, ref in enumerate(series.refs) if ref.name == name), None) if name else None


def use(report: Report) -> str:
    """Which checkpoint to use, as far as the weights tell: true to the last good one of each failure."""
    if not report.tensors:
        return ""
    findings = report.judgement.findings
    if len(report.series) > 1:
        return _use_of_several(report)
    return use_of(report.series[0], findings)


def use_of(series: Comparison, findings: Sequence[Finding]) -> str:
    """The same of one series."""
    known, last = health(series, findings), len(series.refs) - 1
    if series.kind is SeriesKind.ALTERNATIVES:
        sound = int(((known.whole < State.FAILURE) & ~known.doubtful).sum())
        if sound == len(series.refs):
            return f"Use any: none of the {counted(len(series.refs), 'alternative')} has a failure."
        return f"Use one of the {integer(sound)} of {counted(len(series.refs), 'alternative')} without a failure."
    place = known.last_below(State.FAILURE)
    if series.recorded:
        return _of_recorded(series, place)
    if place is None:
        alone = "the only checkpoint has a failure" if last == 0 else "every checkpoint has a failure"
        return f"Use none: {alone}."
    if place < last:
        return f"Use {series.moment(place)}: the last checkpoint without a failure."
    failed = bool((known.whole == State.FAILURE).any() or known.doubtful.any())
    calm = known.last_below(State.WARNING)
    if last == 0:
        return "The only checkpoint has no failure" + (", but a warning." if calm is None else ".")
    usable = (
        f"Use {series.moment(last)}: the newest checkpoint has no failure, though an earlier one has"
        if failed
        else f"Use any: no checkpoint has a failure; the newest is {series.moment(last)}"
    )
    if calm is None:
        return f"{usable}, and all of them have a warning."
    return f"{usable}." if calm == last else f"{usable}, and the last one without a warning {series.moment(calm)}."


def _of_recorded(series: Comparison, place: int | None) -> str:
    """The same of states that nobody can go back to, as there are no files of them.

    Args:
        place: of the last state without a failure.
    """
    if place is None:
        return "No recorded state is without a failure."
    if place < len(series.refs) - 1:
        return f"The last recorded state without a failure is {series.moment(place)}; there is no file of it."
    return "The last recorded state has no failure; there are no files of what was recorded in memory."


def _use_of_several(report: Report) -> str:
    failed = {f.series for f in report.judgement.findings if f.severity is Severity.FAIL}
    if not failed:
        return "Use any: no series has a failure."
    sound = len(report.series) - len(failed)
    rest = f"{counted(sound, 'series', 'series')} {'has' if sound == 1 else 'have'} no failure; " if sound else ""
    named = [s for at in worst_series(report) if (s := report.series[at]).name in failed]
    if len(named) > NAMED:
        return f"{rest}{_of_many(named, report.judgement.findings)}."
    short, alike = _short(report), dict[str, list[str]]()
    for one in named:
        alike.setdefault(lowered(use_of(one, report.judgement.findings)).rstrip("."), []).append(short[one.name])
    told = [f"{listed(names)}: {what}" for what, names in alike.items()]
    return capital(f"{rest}{'; '.join(told)}.", [name for names in alike.values() for name in names])


def _short(report: Report) -> dict[str, str]:
    """What each series is called in a sentence: long paths by their ends."""
    return _short_names(tuple(series.name for series in report.series))


@lru_cache(maxsize=4)  # a report asks for each of its findings
def _short_names(names: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(names, endings(names, NAME), strict=True))


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _of_many(failed: Sequence[Comparison], findings: Sequence[Finding]) -> str:
    """Of more series with a failure than a sentence names: how many of them have a checkpoint without one."""
    usable = sum(health(series, findings).last_below(State.FAILURE) is not None for series in failed)
    some = "none" if usable == 0 else "each" if usable == len(failed) else integer(usable)
    have = "have" if 1 < usable < len(failed) else "has"
    told = f"{some} of these {have} a checkpoint without one"
    return f"{integer(len(failed))} series have a failure, and {told}: see Series"


def last_usable(series: Comparison, findings: Sequence[Finding]) -> str:
    """In a word: the last checkpoint without a failure."""
    place = health(series, findings).last_below(State.FAILURE)
    if place is None:
        return "none"
    return series.labels[place]


def in_a_line(report: Report, finding: Finding, *, series_named: bool = True) -> str:
    """A finding in one line: what, where, since when; what is about no layer and no checkpoint, in its own words.

    Args:
        report: the report.
        finding: the finding.
        series_named: whether its series is named first, where there are several.
    """
    series = next((s for s in report.series if s.name == finding.series), None)
    if series is None:
        return finding.rule.title
    layers = [name for name in finding.layers if name in series.layers]
    named = ", ".join(_named(name, series) for name in layers[:NAMED]) + (
        f" and {integer(len(layers) - NAMED)} more" if len(layers) > NAMED else ""
    )
    of = f"{_short(report)[series.name]}: " if len(report.series) > 1 and series_named else ""
    where = (f" in {named}" if named else "") + _since(finding, series)
    return f"{of}{finding.rule.title}{where or f': {finding.summary}'}"


def since(finding: Finding, series: Comparison | None) -> str:
    """When a finding shows first, and which checkpoint is the last one without it."""
    place = None if series is None else place_of(series, finding.first_bad)
    if series is None or place is None:
        return ""
    if len(series.refs) == 1:
        return ""
    good = place_of(series, finding.last_good)
    before = "" if good is None else f"; {series.moment(good)} is the last one without it"
    return f"{series.moment(place)}{before}"


def extent(finding: Finding) -> str:
    """How much of the model a finding concerns."""
    if not finding.weight:
        return ""
    layers = f", in {counted(len(finding.layers), 'layer')}" if finding.layers else ""
    return f"{share(finding.weight)} of the model's parameters{layers}"


def listed_explains(finding: Finding) -> str:
    """The other rules that fired for the same cause, and how often."""
    return ", ".join(f"{also.rule.title.lower()} ({integer(also.count)})" for also in finding.explains)


def _clean(report: Report) -> str:
    """How much was read and compared without a warning."""
    pairs = [p for s in report.series for p in s.pairs]
    estimated = sum(not p.whole.exact for p in pairs)
    moment = "state" if report.series and all(s.recorded for s in report.series) else "checkpoint"
    compared = f"; {counted(len(pairs), 'pair')} of neighbouring {moment}s were compared value by value"
    if estimated:
        compared += f", {integer(estimated)} of them in part by estimates"
    tensors = sum(len(m.tensors) for s in report.series for m in s.measured)
    beside = any(s.kind is SeriesKind.ALTERNATIVES for s in report.series)
    limit = "" if pairs or beside else f" With one {moment} per series nothing can be said about change."
    return (
        f"every value of {counted(tensors, 'tensor')} in {counted(report.checkpoints, moment)} was read"
        f"{compared if pairs else ''}. Whether the model is any good, only its metrics can tell.{limit}"
    )


def first_sentence(text: str) -> str:
    """The first sentence, without its full stop.

    >>> first_sentence("It broke. Look at it."), first_sentence("v1.5 broke")
    ('It broke', 'v1.5 broke')
    """
    return text.split(". ")[0].rstrip(".")


def lowered(text: str) -> str:
    """A sentence as it goes on after a colon: its first letter small, unless the word is one of capitals.

    >>> lowered("It broke"), lowered("NaN stays"), lowered("A bit")
    ('it broke', 'NaN stays', 'a bit')
    """
    first = text.split(" ", 1)[0]
    return text if any(c.isupper() for c in first[1:]) else text[:1].lower() + text[1:]


def capital(text: str, names: Collection[str] = ()) -> str:
    """The text with a capital first letter, unless it begins with one of the names, which must not change.

    >>> capital("dead since step 3"), capital("encoder died", {"encoder"}), capital("a.b died")
    ('Dead since step 3', 'encoder died', 'a.b died')
    """
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first not in names else text
