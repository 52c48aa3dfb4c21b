"""A saved model that is not the one being trained: its weights stay the same while the step goes on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from reporter.model.finding import Severity
from reporter.model.role import SLOTS
from reporter.numerals import counted, integer
from reporter.rules.base import Check, Limit, Limits, Rule, Unit
from reporter.rules.movement import halted
from reporter.rules.timeline import UNTRAINED_ROLES, Timeline, Track

TWICE_MEANING = (
    "One of the two is a second save of the other, such as a final or best checkpoint; or nothing was trained between "
    "them."
)
TWICE_NEXT = (
    "If training was meant to go on between the two, look at what was saved and at the learning rate; else keep one of "
    "them."
)
"""Of two checkpoints that hold the same weights: a series of more would have to repeat itself to say any more."""


def subjects(timeline: Timeline) -> tuple[Track, ...]:
    """The weights; where the format calls every one of them fixed, these."""
    fixed = (
        t
        for t in timeline.tracks
        if t.info.collection == "model" and "float" in t.info.dtype and t.info.role not in UNTRAINED_ROLES
    )
    return timeline.weights or tuple(fixed)


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check of the series; and one per stretch in which nothing moves although something did before and after."""
    tracks = subjects(timeline)
    compared = sorted({place for t in tracks for place in t.updates.places.tolist()} - timeline.same_step)
    if not compared:
        return
    still = halted(timeline, tracks, limits["threshold"])
    unnamed = tuple(
        t
        for t in timeline.tracks
        if t.may_learn and t not in tracks and len(t.updates.places) and t.updates.still.all()
    )
    values = sum(t.info.size for t in tracks + unnamed)
    if len(still) < len(compared):
        equal = max((p.whole.equal_share or 0.0 for p in timeline.series.pairs if p.after in compared), default=0.0)
        yield Check(min(equal, 1.0), equal, place=compared[-1], parameters=values)
        yield from _stretches(timeline, compared, still, values)
        return
    first, last = compared[0] - 1, compared[-1]
    advances = all(place in timeline.advancing for place in compared)
    long = len(compared) + 1 >= limits["checkpoints"]
    steps = (
        f"while the step went from {timeline.labels[first]} to {timeline.labels[last]}"
        if advances and timeline.counts_steps
        else f"from {timeline.step(first)} to {timeline.labels[last]}"
    )
    one_pair = len(compared) == 1
    what = f"{counted(values, 'value')} in {counted(len(tracks + unnamed), 'tensor')} are the same"
    same = (
        f"both checkpoints hold the same weights: {what}, {steps}"
        if one_pair
        else f"the saved weights never change: {what} in all {integer(len(compared) + 1)} checkpoints {steps}"
    )
    yield Check(
        value=1.0,
        excess=2.0,
        severity=Severity.FAIL if long and advances else Severity.WARN,
        place=first,
        tensors=tuple(t.info.name for t in tracks + unnamed),
        parameters=values,
        whole=True,
        message=same + _besides(timeline, tracks + unnamed),
        meaning=TWICE_MEANING if one_pair else "",
        next_step=TWICE_NEXT if one_pair else "",
    )


def _besides(timeline: Timeline, tracks: tuple[Track, ...]) -> str:
    """What does change, which tells where to look."""
    names = {t.info.name for t in tracks}
    moving = [t for t in timeline.tracks if t.info.name not in names and not t.updates.still.all()]
    statistics = sum(t.info.role in ("moving_mean", "moving_variance") for t in moving)
    slots = sum(t.info.collection == "optimizer" and t.info.role in SLOTS and t.info.size > 1 for t in moving)
    parts = []
    if statistics:
        parts.append("batch normalisation's moving statistics do change, so the model runs but is not updated")
    if slots:
        parts.append("the optimizer's state does change, so something else is being trained")
    return "; " + " and ".join(parts) if parts else ""


def _stretches(timeline: Timeline, compared: list[int], still: frozenset[int], values: int) -> Iterator[Check]:
    """Stretches of stillness; the one at the end is the business of the stopped rule."""
    for quiet, run in groupby(compared, key=lambda place: place in still):
        places = list(run)
        if quiet and places[-1] != compared[-1]:
            first, last = places[0] - 1, places[-1]
            yield Check(
                value=1.0,
                excess=1.0 + len(places),
                severity=Severity.WARN,
                place=places[0],
                good=first,
                parameters=values,
                group="stretch",
                message=f"no weight changed from {timeline.step(first)} to {timeline.labels[last]}, although they did "
                "before and after",
            )


NOTHING_MOVES = Rule(
    name="nothing-moves",
    title="Nothing moves",
    threshold=1.0,
    unit=Unit.SHARE,
    limits=(Limit("checkpoints", 3, "checkpoints that have to agree before it is a failure"),),
    formula="share of all weights that are equal to the bit in neighbouring checkpoints (or differ by less than "
    "10⁻⁸ of their norm)",
    source="SageMaker Debugger, unchanged tensor, over 3 checkpoints; here for the whole model, and to the bit",
    check=check,
    follows=True,
    compares=True,
    many="repeat the weights of the checkpoint before, although others changed",
    noun="stretches",
    meaning="The saved model is not the one being trained: another copy of it is updated, the optimizer holds none of "
    "its variables, or the learning rate is zero.",
    next_step="Check that the object given to the checkpoint is the one in the training loop, that the optimizer "
    "applies gradients to its variables, and that the learning rate is above zero.",
    evidence="certain: every value was compared with the checkpoint before",
    covers=("frozen", "stopped", "dead-units", "dead-layers", "fading", "adam-state", "untrained", "no-gradient"),
)
