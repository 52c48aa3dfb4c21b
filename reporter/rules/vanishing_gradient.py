"""Gradients that get smaller from layer to layer on their way back, until the first layers hardly learn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reporter.model.columns import Floats
from reporter.model.finding import Severity
from reporter.model.role import Role
from reporter.numerals import number
from reporter.rules.base import Check, Limit, Limits, Rule
from reporter.rules.timeline import Timeline, Track


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per kernel: its largest relative update, over the usual one of the liveliest kernel.

    It fires where some kernels do move, but never by more than next to nothing: freezing on purpose leaves none of them
    between, and rates that are lower for early layers on purpose stay within a few powers of ten. Then kernels that do
    not move at all belong to it as well if the bias of their layer does. An optimizer that divides by the size of
    gradients, such as Adam, hides it.
    """
    kernels = [t for t in timeline.matrices if _counts(t, timeline, limits["pairs"])]
    most = max((float(np.median(_updates(t, timeline))) for t in kernels), default=0.0)
    if len(kernels) < 2 or most == 0.0:
        return
    ratios = np.array([float(_updates(t, timeline).max()) for t in kernels]) / most
    graded = int(((ratios > 0) & (ratios < limits["threshold"])).sum()) >= limits["layers"]
    learning = {t.info.layer for t in timeline.weights if t.info.role == Role.BIAS and not t.updates.still.all()}
    for track, ratio in zip(kernels, ratios.tolist(), strict=True):
        weak = graded and ratio < limits["threshold"] and (ratio > 0 or track.info.layer in learning)
        yield Check.of(
            track.info,
            ratio,
            1.0 - ratio,
            Severity.WARN if weak else None,
            place=track.places[0],
            beyond=limits["threshold"] / max(ratio, 1e-12) if weak else 1.0,
            message=f"{track.info.name} hardly learns: its largest update is {number(ratio * most, 2)} of its norm, "
            f"the usual one of the liveliest kernel {number(most, 2)}",
        )


def _counts(track: Track, timeline: Timeline, pairs: float) -> bool:
    """Whether a matrix is a kernel that is trained, and enough of its updates are known to say what is usual.

    Not an embedding, whose rows move when their words occur.
    """
    trained = track.trainable is not False and not track.fixed and not track.coarse and track.info.itemsize >= 4
    known = len(_updates(track, timeline)) >= pairs and bool(track.updates.finite.all())
    return trained and track.info.role != Role.EMBEDDING and known


def _updates(track: Track, timeline: Timeline) -> Floats:
    """Its relative updates while the step goes on; without those from zero, which have no measure."""
    counted = ~np.isin(track.updates.places, list(timeline.same_step)) & np.isfinite(track.updates.relative)
    found: Floats = track.updates.relative[counted]
    return found


VANISHING_GRADIENT = Rule(
    name="vanishing-gradient",
    title="Vanishing gradients",
    threshold=1e-5,
    bad="less",
    limits=(
        Limit("pairs", 2, "pairs of checkpoints that are needed to know what is usual"),
        Limit("layers", 2, "kernels that have to move a little, but by less than the threshold"),
    ),
    formula="largest ‖W − W′‖₂ / ‖W′‖₂ of a kernel over all pairs of neighbouring checkpoints / the largest median of "
    "the same of all kernels",
    source="S. Hochreiter, 1991; X. Glorot, Y. Bengio, 2010; the limit is our own proposal: at least 10⁻³ in healthy "
    "runs with lower rates for early layers, 10⁻⁶ and less in sick ones",
    check=check,
    follows=True,
    compares=True,
    many="hardly learn while others do",
    meaning="The gradient gets smaller from layer to layer on its way back, as behind many sigmoids or kernels that "
    "are too small, so the layers in front stay what they were initialised as.",
    next_step="Use ReLUs, residual connections or normalisation, and an initialisation that keeps the size of "
    "activations; or an optimizer that divides by the size of gradients.",
    evidence="very likely: every value was compared with the checkpoint before",
    covers=("frozen", "untrained", "dead-units", "fading"),
)
