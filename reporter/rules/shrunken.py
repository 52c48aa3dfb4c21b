"""Checkpoints that hold less of the model than earlier ones of their series."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per checkpoint from the second on: model tensors seen before that it lacks."""
    seen: dict[str, int] = {}
    complete = 0
    for place, measured in enumerate(timeline.series.measured):
        here = {info.name: info.size for info in measured.model_infos}
        missing = [name for name in seen if name not in here]
        if place:
            yield _checked(timeline, place, complete, here, seen, missing, limits)
        if not missing:
            complete = place
        seen |= here


def _checked(
    timeline: Timeline,
    place: int,
    complete: int,
    here: dict[str, int],
    seen: dict[str, int],
    missing: list[str],
    limits: Limits,
) -> Check:
    if len(missing) <= limits["threshold"]:
        return Check(float(len(missing)), 0.0, place=place)
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    held, new = len(seen) - len(missing), len(here) - (len(seen) - len(missing))
    besides = f", and {counted(new, 'new one')}" if new else ""
    return Check(
        value=float(len(missing)),
        excess=float(len(missing)),
        severity=Severity.WARN,
        place=place,
        good=complete,
        last=place,
        tensors=tuple(missing),
        previous=0.0,
        parameters=sum(seen[name] for name in missing),
        message=f"the file of {timeline.step(place)} holds {integer(held)} of the {integer(len(seen))} weight "
        f"tensors that the series has had so far{besides}; missing: {shown}; {timeline.step(complete)} was the last "
        "complete one",
    )


SHRUNKEN = Rule(
    name="shrunken",
    title="Shrunken checkpoint",
    threshold=0.0,
    formula="model tensors of earlier checkpoints that this one lacks",
    source="the series against itself",
    check=check,
    follows=True,
    many="hold less of the model than an earlier one",
    noun="checkpoints",
    meaning="Part of the model is no longer saved: a layer was renamed or dropped, or it is hidden from saving.",
    next_step="Do not restore from it before the missing tensors are explained; compare with the last complete one.",
    evidence="certain: names are compared",
    covers=("structure",),
)
