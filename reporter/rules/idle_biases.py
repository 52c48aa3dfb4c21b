"""Biases that have no gradient by theory: whatever they add is taken away again, so that they need not move."""

from __future__ import annotations

from collections.abc import Iterable

from reporter.model.role import Role
from reporter.rules.movement import Movement
from reporter.rules.succession import behind
from reporter.rules.timeline import Timeline, Track

KEYS = ("key", "k_proj", "key_proj", "k_lin", "key_dense")
"""Names of the layer in an attention block that computes keys, as Keras, Hugging Face and others have them."""

WHY = "; its gradient is zero in theory, because the layer behind takes away whatever is added to all values"
"""What is added to the message about one, which is a remark then."""


def idle_biases(timeline: Timeline, moves: Iterable[tuple[Track, Movement]]) -> frozenset[str]:
    """Names of the biases whose gradient is zero, up to rounding, though the kernel of their layer learns.

    The bias in front of a batch normalisation is subtracted with the batch's mean (S. Ioffe, C. Szegedy, *Batch
    normalization*, 2015, section 3.2). The bias of the keys adds the same to all scores of a query, which the softmax
    takes away.
    """
    learning = {t.info.layer for t, m in moves if t.is_matrix and m.kind == "moving"}
    means = {t.info.layer: t.info.shape for t in timeline.tracks if t.info.role == Role.MOVING_MEAN}
    normalised = {name: means.get(layer.name) for name, layer in behind(timeline).items()}
    return frozenset(
        t.info.name
        for t in timeline.tracks
        if t.info.role == Role.BIAS
        and t.info.layer in learning
        and (t.info.layer.rsplit("/", 1)[-1] in KEYS or normalised.get(t.info.layer) == t.info.shape)
    )
