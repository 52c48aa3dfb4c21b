"""Each checkpoint of a series held against each, from the sketches: no file needs to be there any more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reporter.model.measured import Measured, TensorMeasure
from reporter.model.similarity import Similarity

MOST = 40
"""Checkpoints compared each to each: 780 pairs, what a picture of 400 pixels shows."""


def similarity(measured: Sequence[Measured]) -> Similarity | None:
    """Distances and cosines over the selected model tensors that all chosen checkpoints have in one shape and dtype."""
    places = chosen(len(measured))
    shared = _shared([measured[i] for i in places])
    if len(places) < 2 or not shared:
        return None
    n = len(places)
    squares, difference = np.zeros(n), np.zeros((n, n))
    for tensors in shared:
        rows = np.stack([t.sketch.values for t in tensors if t.sketch is not None])
        rows = rows[:, np.isfinite(rows).all(axis=0)]
        squares += [t.summary.sum_of_squares for t in tensors]
        for i in range(n - 1):
            difference[i, i + 1 :] += ((rows[i + 1 :] - rows[i]) ** 2).sum(axis=1)
    difference += difference.T
    norms = np.sqrt(squares)
    known = np.outer(norms, norms)
    product = (squares[:, None] + squares[None, :] - difference) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.sqrt(difference) / norms[np.minimum.outer(np.arange(n), np.arange(n))]
        cosine = np.clip(product / known, -1.0, 1.0)
    cosine[known == 0] = np.nan
    distance[~np.isfinite(distance)] = np.nan
    return Similarity(
        places=tuple(places),
        distance=distance,
        cosine=cosine,
        exact=all(t.sketch is not None and t.sketch.exact for tensors in shared for t in tensors[:1]),
        tensors=len(shared),
        values=sum(tensors[0].info.size for tensors in shared),
    )


def chosen(count: int) -> list[int]:
    """At most :data:`MOST` of ``count`` places, evenly spread, the first and the last among them.

    >>> chosen(3), len(chosen(1000)), chosen(1000)[-1]
    ([0, 1, 2], 40, 999)
    """
    if count <= MOST:
        return list(range(count))
    return [round(i * (count - 1) / (MOST - 1)) for i in range(MOST)]


def _shared(measured: Sequence[Measured]) -> list[tuple[TensorMeasure, ...]]:
    """For each tensor that all have: its measures, one per checkpoint."""
    if not measured:
        return []
    found = []
    for name in measured[0].whole.tensors:
        tensors = [t for m in measured if (t := m.by_name.get(name)) is not None and t.sketch is not None]
        forms = {(t.info.shape, t.info.dtype) for t in tensors}
        if len(tensors) == len(measured) and len(forms) == 1 and tensors[0].info.size:
            found.append(tuple(tensors))
    return found
