"""One cause is one finding: checks that fired are merged, and those that another one explains are folded into it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from reporter.model.finding import Explained, Finding, Severity, Spot
from reporter.numerals import integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline

PARTS = 2
"""Tensors named of a layer that is not concerned as a whole."""

NAMED = 4
"""Tensors or layers named in a message; a finding lists all of them."""


@dataclass(eq=False, slots=True)
class Fired:
    """A check that fired, and the rules whose checks it explains."""

    rule: Rule
    check: Check
    explains: Counter[str] = field(default_factory=Counter)
    note: str = ""


def explained(fired: Sequence[Fired]) -> list[Fired]:
    """Those that no other one explains; the others are counted with the one that explains them.

    A check is explained by one of a rule that covers its rule, at least as severe, from its checkpoint on: by a check
    about the whole series, or if each tensor that it concerns has one.
    """
    covering: dict[str, list[Fired]] = defaultdict(list)
    whole: list[Fired] = []
    for one in fired:
        if one.rule.covers or one.rule.covers_elsewhere:
            for name in one.check.concerned:
                covering[name].append(one)
            if one.check.whole:
                whole.append(one)
    causes: dict[Fired, Fired] = {}
    for one in fired:
        elsewhere = (c for c in whole if one.rule.name in c.rule.covers_elsewhere)
        cause = _first(elsewhere, one, causes) or _on_every_tensor(covering, one, causes)
        if cause is not None:
            causes[one] = cause
    for one in causes:
        _root(causes, one).explains[one.rule.name] += 1
    return [one for one in fired if one not in causes]


def _root(causes: Mapping[Fired, Fired], one: Fired) -> Fired:
    """What explains what explains it, and so on."""
    while one in causes:
        one = causes[one]
    return one


def _on_every_tensor(
    covering: Mapping[str, Sequence[Fired]], one: Fired, causes: Mapping[Fired, Fired]
) -> Fired | None:
    """What explains a check on its first tensor, if something does on all others as well."""
    found = [
        _first((c for c in covering.get(name, ()) if one.rule.name in c.rule.covers), one, causes)
        for name in one.check.concerned
    ]
    return found[0] if found and None not in found else None


def _first(candidates: Iterable[Fired], one: Fired, causes: Mapping[Fired, Fired]) -> Fired | None:
    return next((c for c in candidates if _explains(c, one) and _root(causes, c) is not one), None)


def _explains(cause: Fired, other: Fired) -> bool:
    """Whether a check of a rule that covers another's is as severe, and the other begins no earlier."""
    name, rule = other.rule.name, cause.rule
    if _severe(cause) < _severe(other):
        return False
    if cause.check.until is not None and other.check.place > cause.check.until:
        return False
    # What shows from the first pair of checkpoints on is dated to the first checkpoint.
    shown = max(other.check.place, 1) if other.rule.compares else other.check.place
    return shown >= cause.check.place or name in rule.covers_before


def _severe(one: Fired) -> Severity:
    assert one.check.severity is not None
    return one.check.severity


def grouped(
    timeline: Timeline,
    fired: Iterable[Fired],
    checked: Counter[str],
    rules: Iterable[Rule],
    limits: Mapping[str, Limits],
) -> list[Finding]:
    """One finding per rule, severity and group.

    Args:
        timeline: the series.
        fired: the checks that no other one explains.
        checked: rule name -> number of checks made.
        rules: all that were applied, for those that a finding explains.
        limits: rule name -> its limits.
    """
    groups: dict[tuple[str, int, str, str], list[Fired]] = defaultdict(list)
    for one in fired:
        groups[one.rule.name, _severe(one), one.check.group, one.note].append(one)
    by_name = {rule.name: rule for rule in rules}
    return [
        _finding(timeline, _worst_first(members), checked[members[0].rule.name], by_name, limits[members[0].rule.name])
        for members in groups.values()
    ]


def _worst_first(members: Iterable[Fired]) -> list[Fired]:
    return sorted(members, key=lambda m: (-m.check.excess, -m.check.parameters))


def _finding(
    timeline: Timeline, members: list[Fired], checked: int, rules: Mapping[str, Rule], limits: Limits
) -> Finding:
    """One finding about checks of one rule, the worst of which comes first."""
    rule, checks = members[0].rule, [m.check for m in members]
    shown = [check for check in checks if check.shown]
    worst, first = checks[0], min(shown or checks, key=lambda check: check.place)
    tensors = tuple(dict.fromkeys(name for check in checks for name in check.concerned))
    names = tuple(ref.name for ref in timeline.series.refs) or ("",)  # nothing is said of where, if there is nowhere
    summary, sentence = _told(timeline, rule, checks, tensors, checked)
    return Finding(
        rule=rule,
        severity=_severe(members[0]),
        series=timeline.series.name,
        checkpoint=names[worst.place] if worst.shown else "",
        layer=worst.layer,
        tensor=worst.tensor,
        value=worst.value,
        threshold=limits.get(worst.limit),
        summary=summary,
        worst=sentence,
        previous=worst.previous,
        weight=_weight(timeline, checks),
        beyond=max(check.beyond for check in checks),
        tensors=tensors,
        layers=_layers(_layer_of(timeline), checks, tensors),
        checkpoints=tuple(names[place] for place in sorted({check.place for check in shown}) if timeline.series.refs),
        first_bad=names[first.place] if shown else "",
        last_good="" if first.good is None else names[first.good],
        own_meaning=worst.meaning,
        own_next_step=worst.next_step,
        estimated=rule.compares and _estimated(timeline, tensors),
        explains=_explained_by(members, rules),
        note=members[0].note,
        spots=_spots(timeline, shown),
    )


def _weight(timeline: Timeline, checks: Iterable[Check]) -> float:
    """Share of the model's parameters, at their most, that the checks concern; without any tensor, as they say."""
    sizes = {track.info.name: track.info.size for track in timeline.tracks}
    portions: dict[str, float] = {}
    unnamed = 0.0
    for check in checks:
        for name in check.concerned:
            portions[name] = max(portions.get(name, 0.0), check.portion)
        unnamed += check.parameters
    concerned = sum(sizes.get(name, 0) * portion for name, portion in portions.items()) or unnamed
    parameters = max((measured.whole.parameters for measured in timeline.series.measured), default=0)
    return min(1.0, concerned / parameters) if parameters else 0.0


def _layer_of(timeline: Timeline) -> dict[str, str]:
    """The layer of each tensor."""
    return {track.info.name: track.info.layer for track in timeline.tracks}


def _layers(layer_of: Mapping[str, str], checks: Iterable[Check], tensors: Iterable[str]) -> tuple[str, ...]:
    """Layers that the checks name, then those of the tensors, each once."""
    named = [*(check.layer for check in checks), *(layer_of.get(name, "") for name in tensors)]
    return tuple(dict.fromkeys(name for name in named if name))


def _spots(timeline: Timeline, checks: Iterable[Check]) -> tuple[Spot, ...]:
    """Where the checks show, each layer and stretch of checkpoints once."""
    end, layer_of = len(timeline.labels) - 1, _layer_of(timeline)
    spots = [
        Spot(layer, check.place, end if check.last is None else check.last, check.good)
        for check in checks
        for layer in _layers(layer_of, [check], check.concerned) or ("",)
        if timeline.labels
    ]
    return tuple(dict.fromkeys(spots))


def _estimated(timeline: Timeline, tensors: Iterable[str]) -> bool:
    """Whether a change of one of the tensors was estimated instead of computed value by value."""
    concerned = set(tensors)
    return any(t.info.name in concerned and not t.updates.exact.all() for t in timeline.tracks)


def _explained_by(members: Iterable[Fired], rules: Mapping[str, Rule]) -> tuple[Explained, ...]:
    counts: Counter[str] = sum((m.explains for m in members), Counter())
    return tuple(Explained(rules[name], count) for name, count in sorted(counts.items()))


def _told(
    timeline: Timeline, rule: Rule, checks: list[Check], tensors: tuple[str, ...], checked: int
) -> tuple[str, str]:
    """The summary of a finding, and the sentence about its worst check where the summary is about several."""
    if len(checks) == 1 or (rule.noun == "tensors" and len(tensors) == 1):
        return "; ".join(dict.fromkeys(check.message for check in checks)), ""
    if rule.noun == "tensors":
        listed, places = _named(timeline, checks)
        first = "" if len({check.place for check in checks}) == 1 else "the first "
        since = f", {first}from {timeline.step(places[0])} on" if len(places) == 1 and len(timeline.labels) > 1 else ""
        text = f"{integer(len(tensors))} tensors {rule.many}{since}: {listed}"
    else:
        text = f"{integer(len(checks))} of {integer(checked)} {rule.noun} {rule.many}"
    good = min(checks, key=lambda check: check.place).good
    if good is not None and len(timeline.labels) > 1:
        text += f"; {timeline.step(good)} was the last good one"
    return text, checks[0].message


def _named(timeline: Timeline, checks: list[Check]) -> tuple[str, list[int]]:
    """The worst by name; where they did not all begin at once, in order of time. And the places where these began.

    Where those that are named began at different times, each has its step.
    """
    ordered = sorted(checks, key=lambda c: c.place) if len({c.place for c in checks}) > 1 else checks
    shown: dict[str, int] = {}
    concerned = {name for c in checks for name in c.concerned}
    by_layer = len(concerned) > NAMED
    parts = _parts(timeline, concerned) if by_layer else {}
    for check in ordered:
        names = (parts.get(check.layer, check.layer),) if by_layer and check.layer else check.concerned
        for name in names:
            shown.setdefault(name, check.place)
    listed = list(shown.items())[:NAMED]
    places = sorted({place for _, place in listed})
    told = [name if len(places) == 1 else f"{name} ({timeline.step(place)})" for name, place in listed]
    word = "layers " if by_layer and len(shown) > 1 else "layer " if by_layer else ""
    rest = f" and {integer(len(shown) - NAMED)} more" if len(shown) > NAMED else ""
    return f"{word}{', '.join(told)}{rest}", places


def _parts(timeline: Timeline, concerned: Set[str]) -> dict[str, str]:
    """How to call each layer of which only some of the tensors are concerned: ``d1 (only bias)``."""
    members: dict[str, list[str]] = defaultdict(list)
    for track in timeline.tracks:
        if track.info.collection == "model":
            members[track.info.layer].append(track.info.name)
    called = {}
    for layer, names in members.items():
        own = [name for name in names if name in concerned]
        if own and len(own) < len(names):
            short = [name.removeprefix(layer).lstrip("/.") or name for name in own]
            which = ", ".join(short) if len(short) <= PARTS else f"{integer(len(own))} of {integer(len(names))} tensors"
            called[layer] = f"{layer} (only {which})"
    return called
