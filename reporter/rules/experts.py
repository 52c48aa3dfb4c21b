"""Experts that no input is sent to: they stand still, as one of several that a router chooses from may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from reporter.model.finding import Severity
from reporter.rules.base import Check
from reporter.rules.timeline import Timeline

STILLNESS = frozenset({"frozen", "stopped", "fading", "untrained", "no-gradient", "dead-units"})
"""Rules about weights that do not move, or hardly."""

NUMBERED = re.compile(r"(?<![a-z])(experts?)([._/]?)\d+", re.IGNORECASE)
"""How mixtures call their experts: ``expert_3/up``, ``experts.3.w1``, ``moe/expert3``."""

ROUTER = "; as many units as there are experts: a router has no gradient for those that it does not choose"

WHY = "; it is one of several experts of which others still learn, so perhaps the router no longer chooses it"


def spared(timeline: Timeline, rule: str, checks: Iterable[Check]) -> list[Check]:
    """The checks of a rule; those that fired about experts alone are remarks, as long as another expert moves.

    Whether the router neglects an expert or the expert was left out of training is not in the weights. Source: N.
    Shazeer et al., *Outrageously large neural networks: the sparsely-gated mixture-of-experts layer*, 2017, section 4.
    """
    found = list(checks)
    if rule not in STILLNESS or not any(check.severity for check in found):
        return found
    lively = _lively(timeline)
    return [_spared(timeline, check, lively) if check.severity and lively else check for check in found]


def _spared(timeline: Timeline, check: Check, lively: frozenset[str]) -> Check:
    names = check.concerned or ("",)
    if all(_group(name) in lively for name in names):
        return replace(check, severity=Severity.INFO, message=check.message + WHY, whole=False)
    if all(name in _routers(timeline) for name in names):
        return replace(check, severity=Severity.INFO, message=check.message + ROUTER, whole=False)
    return check


def _routers(timeline: Timeline) -> frozenset[str]:
    """Weights that are called so, or gates, and have a unit for each expert."""
    experts = {found[0].lower() for t in timeline.weights if (found := NUMBERED.search(t.info.name))}
    return frozenset(
        t.info.name
        for t in timeline.weights
        if len(t.info.shape)
        and t.info.shape[t.info.output_axis] == len(experts)
        and re.search(r"router|gate", t.info.name, re.IGNORECASE)
    )


def _group(tensor: str) -> str | None:
    """The name without the number of the expert; None where there is none."""
    name, count = NUMBERED.subn(r"\1\2", tensor, count=1)
    return name if count else None


def _lively(timeline: Timeline) -> frozenset[str]:
    """The groups of experts one of which moves up to the last checkpoint."""
    last = len(timeline.labels) - 1
    return frozenset(
        group
        for track in timeline.weights
        if (group := _group(track.info.name)) is not None
        and len(track.updates.places)
        and track.updates.places[-1] == last
        and not track.updates.still[-1]
    )
