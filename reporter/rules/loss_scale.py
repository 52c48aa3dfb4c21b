"""Mixed precision whose loss scale has collapsed: every step is skipped, and nothing is trained any more."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.role import Role, last_part
from reporter.numerals import counted, number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.movement import halted
from reporter.rules.timeline import Timeline, Track

NAMES = frozenset({"loss_scale", "current_loss_scale", "dynamic_scale"})
"""Of the variable in Keras 2, in its older mixed precision, and in Keras 3."""


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per loss scale: has it fallen to its floor, and do all weights stand still at the end?

    A gradient that is not finite halves the scale, and its step is skipped. A scale of 1 or less has no more to give:
    gradients are not finite whatever it is. A scale that is fixed at 1 never fell.
    """
    still = halted(timeline, timeline.weights)
    for track in _scales(timeline):
        values = track.values("mean")
        if len(values) < 2 or track.places[-1] != len(timeline.labels) - 1:
            continue
        lowest, highest = float(values[-1]), float(values.max())
        tail = 0
        while track.places[-1] - tail in still:
            tail += 1
        fired = lowest <= limits["threshold"] and highest > lowest and tail > 0
        since = len(timeline.labels) - tail
        advancing = all(place in timeline.advancing for place in range(since, len(timeline.labels)))
        severity = Severity.FAIL if tail >= limits["pairs"] and advancing else Severity.WARN
        yield Check(
            lowest,
            highest / lowest if lowest > 0 else float("inf"),
            severity if fired else None,
            max(1, since) - (tail == len(timeline.labels) - 1),
            tensor=track.info.name,
            previous=highest,
            good=since - 1 if fired and since > 1 else None,
            tensors=(track.info.name, *(t.info.name for t in timeline.weights)) if fired else (),
            whole=fired,
            parameters=sum(t.info.size for t in timeline.weights),
            message=f"the loss scale has fallen from {number(highest)} to {number(lowest)}, and no weight has changed "
            f"in the last {counted(tail, 'pair')} of checkpoints: every step is skipped because gradients are not "
            "finite",
        )


def _scales(timeline: Timeline) -> list[Track]:
    return [
        t
        for t in timeline.tracks
        if t.info.role == Role.HYPERPARAMETER and t.info.size == 1 and last_part(t.info.name) in NAMES
    ]


_CONSEQUENCES = ("nothing-moves", "stopped", "frozen", "fading", "dead-layers", "dead-units", "untrained")

LOSS_SCALE = Rule(
    name="loss-scale",
    title="Loss scale that collapses",
    threshold=1.0,
    limits=(Limit("pairs", 2, "pairs of checkpoints without any change at which it is a failure"),),
    formula="loss scale of mixed precision in the last checkpoint, if it was larger before and all weights are equal "
    "to the bit from then on",
    source="P. Micikevicius et al., Mixed precision training, 2018: a step whose gradients are not finite is skipped",
    check=check,
    follows=True,
    compares=True,
    many="have collapsed",
    noun="loss scales",
    meaning="Gradients are NaN or infinite in every step whatever they are scaled by, so that the optimizer is never "
    "applied: the model stays as it is while the step goes on.",
    next_step="Find the first step with a loss that is not finite, and look at its batch; go back to the checkpoint "
    "before the weights stopped.",
    evidence="very likely: the scale is stored, and every weight was compared with the checkpoint before",
    covers=_CONSEQUENCES,
    covers_elsewhere=_CONSEQUENCES,
    covers_before=_CONSEQUENCES,
)
