"""Normalisation layers whose scale learns while their statistics stay at their start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per moving variance beside a scale or offset: pairs in which that moves, if the statistics never do."""
    layers: dict[str, dict[str, Track]] = {}
    for track in timeline.tracks:
        if track.info.collection == "model":
            layers.setdefault(track.info.layer, {})[track.info.role] = track
    for layer, roles in layers.items():
        variance, mean = roles.get(Role.MOVING_VARIANCE), roles.get(Role.MOVING_MEAN)
        learned = [roles[role] for role in (Role.GAMMA, Role.BETA) if role in roles]
        if variance is None or not learned:
            continue
        idle = _always(variance, 1.0) and (mean is None or _always(mean, 0.0))
        moved = max(int((~t.updates.still).sum()) for t in learned)
        pairs = moved if idle else 0
        concerned = [variance, *([mean] if mean else [])]
        yield Check(
            float(pairs),
            float(pairs),
            Severity.WARN if pairs >= limits["threshold"] else None,
            variance.places[0],
            layer,
            variance.info.name,
            message=f"the moving statistics of {layer} are mean 0 and variance 1 from "
            f"{timeline.step(variance.places[0])} to {timeline.labels[variance.places[-1]]}, while "
            f"{learned[0].info.name} learns: they were never updated",
            tensors=tuple(t.info.name for t in concerned),
            parameters=sum(t.info.size for t in (*concerned, *learned)),
            limit="threshold",
        )


def _always(track: Track, value: float) -> bool:
    return bool(np.all(track.values("min") == value) and np.all(track.values("max") == value))


IDLE_STATISTICS = Rule(
    name="idle-statistics",
    title="Statistics that are never updated",
    threshold=1.0,
    formula="pairs of checkpoints in which the scale or the offset of a normalisation moves, if its moving variance is "
    "exactly 1 and its moving mean exactly 0 in every checkpoint",
    source="seen in runs with training loops that leave out the updates of moving statistics; 3 of 3 sick runs",
    check=check,
    follows=True,
    compares=True,
    many="stay at their start while the scale of their layer learns",
    meaning="The layer is trained, but its statistics are not: at inference it normalises by a mean of 0 and a "
    "variance of 1, and the model gives other outputs than in training.",
    next_step="Call the model with training=True in a training loop of your own, and with TensorFlow 1 run the update "
    "operations of the graph.",
    evidence="certain: every value is exactly 0 or 1 in every checkpoint",
    covers=("batch-norm",),
)
