"""One cause is one finding: checks that fired are merged, and those that another one explains are folded into it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from reporter.model.finding import Finding, Severity
from reporter.numerals import integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import History

PARTS = 2
"""Tensors named of a layer that is not concerned as a whole."""

NAMED = 4
"""Tensors or layers named in a message; a finding lists all of them."""


_ESTIMATED = "; but some of these comparisons are estimates from the fingerprints of checkpoints that are gone"


@dataclass(eq=False, slots=True)
class Fired:
    """A check that fired, and the rules whose checks it explains."""

    rule: Rule
    check: Check
    explains: Counter[str] = field(default_factory=Counter)
    note: str = ""


def explained(fired: Sequence[Fired]) -> list[Fired]:
    """Those that no other one explains; the others are counted with the one that explains them.

    A check is explained by one of a rule that covers its rule, at least as severe, on every tensor that it concerns,
    from its checkpoint on.
    """
    covering: dict[str, list[Fired]] = defaultdict(list)
    whole: list[Fired] = []
    for one in fired:
        if one.rule.covers:
            for name in one.check.concerned:
                covering[name].append(one)
            if one.check.whole:
                whole.append(one)
    causes: dict[Fired, Fired] = {}
    for one in fired:
        names = one.check.concerned
        candidates = [*whole, *(covering[names[0]] if names else ())]
        cause = next((c for c in candidates if _explains(c, one) and _root(causes, c) is not one), None)
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


def _explains(cause: Fired, other: Fired) -> bool:
    if other.rule.name not in cause.rule.covers or not _severe(cause) >= _severe(other):
        return False
    if not cause.rule.covers_before and other.check.place < cause.check.place:
        return False
    return cause.check.whole or set(other.check.concerned) <= set(cause.check.concerned)


def _severe(one: Fired) -> Severity:
    assert one.check.severity is not None
    return one.check.severity


def grouped(
    history: History,
    fired: Iterable[Fired],
    checked: Counter[str],
    titles: Mapping[str, str],
    limits: Mapping[str, Limits],
) -> list[Finding]:
    """One finding per rule, severity and group.

    Args:
        checked: rule name -> number of checks made.
        titles: rule name -> its title.
        limits: rule name -> its limits.
    """
    groups: dict[tuple[str, int, str, str], list[Fired]] = defaultdict(list)
    for one in fired:
        groups[one.rule.name, _severe(one), one.check.group, one.note].append(one)
    return [_finding(history, members, checked, titles, limits) for members in groups.values()]


def _finding(
    history: History,
    members: list[Fired],
    checked: Counter[str],
    titles: Mapping[str, str],
    limits: Mapping[str, Limits],
) -> Finding:
    members = sorted(members, key=lambda m: (-m.check.excess, -m.check.parameters))
    rule, worst = members[0].rule, members[0].check
    refs = history.series.refs
    first = min(members, key=lambda m: m.check.place).check
    explains: Counter[str] = sum((m.explains for m in members), Counter())
    tensors = tuple(dict.fromkeys(name for m in members for name in m.check.concerned))
    layer_of = {track.info.name: track.info.layer for track in history.tracks}
    layers = [m.check.layer for m in members] + [layer_of.get(name, "") for name in tensors]
    sizes = {track.info.name: track.info.size for track in history.tracks}
    parameters = sum(sizes.get(name, 0) for name in tensors) or sum(m.check.parameters for m in members)
    all_parameters = max((m.whole.parameters for m in history.series.measured), default=0)
    named = set(tensors)
    estimated = rule.compares and any(
        track.info.name in named and not track.updates.exact.all() for track in history.tracks
    )
    one = len(members) == 1 or (rule.noun == "tensors" and len(tensors) == 1)
    said = list(dict.fromkeys(m.check.message for m in members))
    return Finding(
        rule=rule.name,
        severity=_severe(members[0]),
        series=history.series.name,
        checkpoint=refs[worst.place].name if refs else "",
        layer=worst.layer,
        tensor=worst.tensor,
        value=worst.value,
        threshold=limits[rule.name].get(worst.limit),
        message="; ".join(said) if one else _message(history, rule, [m.check for m in members], tensors, checked),
        previous=worst.previous,
        weight=min(1.0, parameters / all_parameters) if all_parameters else 0.0,
        tensors=tensors,
        layers=tuple(dict.fromkeys(name for name in layers if name)),
        checkpoints=tuple(refs[place].name for place in sorted({m.check.place for m in members})) if refs else (),
        first_bad=refs[first.place].name if refs else "",
        last_good=refs[first.good].name if refs and first.good is not None else "",
        evidence=rule.evidence + (_ESTIMATED if estimated else ""),
        meaning=worst.meaning or rule.meaning,
        next_step=worst.next_step or rule.next_step,
        explains=tuple((titles[name], n) for name, n in sorted(explains.items())),
        note=members[0].note,
    )


def _message(history: History, rule: Rule, checks: list[Check], tensors: tuple[str, ...], checked: Counter[str]) -> str:
    """How many, which, since when, and the worst of them in its own words."""
    count = len(checks)
    if rule.noun == "tensors":
        count = len(tensors)
        names = _named(history, checks)
        places = sorted({c.place for c in checks})
        since = "" if len(places) > 1 or len(history.labels) == 1 else f", from {history.step(places[0])} on"
        text = f"{integer(count)} tensors {rule.many}{since}: {names}"
    else:
        text = f"{integer(count)} of {integer(checked[rule.name])} {rule.noun} {rule.many}"
    good = min(checks, key=lambda c: c.place).good
    if good is not None and len(history.labels) > 1:
        text += f"; {history.step(good)} was the last good one"
    return f"{text}. Worst: {checks[0].message}"


def _named(history: History, checks: list[Check]) -> str:
    """The worst by name; where they did not all begin at once, in order of time and with their steps."""
    several = len({c.place for c in checks}) > 1
    ordered = sorted(checks, key=lambda c: c.place) if several else checks
    shown: dict[str, str] = {}
    concerned = {name for c in checks for name in c.concerned}
    by_layer = len(concerned) > NAMED
    parts = _parts(history, concerned) if by_layer else {}
    for check in ordered:
        names = (parts.get(check.layer, check.layer),) if by_layer and check.layer else check.concerned
        for name in names:
            shown.setdefault(name, f"{name} ({history.step(check.place)})" if several else name)
    listed = list(shown.values())
    word = "layers " if by_layer and len(listed) > 1 else "layer " if by_layer else ""
    rest = f" and {integer(len(listed) - NAMED)} more" if len(listed) > NAMED else ""
    return f"{word}{', '.join(listed[:NAMED])}{rest}"


def _parts(history: History, concerned: Set[str]) -> dict[str, str]:
    """How to call each layer of which only some of the tensors are concerned: ``d1 (only bias)``."""
    members: dict[str, list[str]] = defaultdict(list)
    for track in history.tracks:
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
