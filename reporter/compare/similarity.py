"""Compare each checkpoint of a series with each other one, from sketches, so that no file is needed any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from reporter.model.evenly import evenly
from reporter.model.measured import Measured, TensorMeasure
from reporter.model.norms import exponents
from reporter.model.similarity import Similarity
from reporter.model.sketch import Sketch

MOST = 40
"""Most checkpoints that are compared with each other: 780 pairs, and cells of 10 pixels in a picture of 400."""


def similarity(measured: Sequence[Measured]) -> Similarity | None:
    """Distances and cosines between every two of the chosen checkpoints.

    They are over the trained tensors that all of these checkpoints have, with one shape and dtype. The result is None
    for a single checkpoint, and where there is no such tensor.
    """
    places = chosen(len(measured))
    n = len(places)
    if n < 2:
        return None
    compared = [measured[i] for i in places]
    # Everything is divided by about the largest norm, so that no square overflows.
    unit = -int(exponents(np.array([m.trained.summary.norm for m in compared])))
    squares, difference = np.zeros(n), np.zeros((n, n))
    shared = values = 0
    exact = True
    for tensors, sketches in _shared(compared):
        shared += 1
        values += tensors[0].info.size
        exact = exact and sketches[0].exact
        rows = np.ldexp(np.stack([sketch.values for sketch in sketches]), unit)
        rows = rows[:, np.isfinite(rows).all(axis=0)]
        squares += np.square(np.ldexp([t.summary.norm for t in tensors], unit))
        for i in range(n - 1):
            difference[i, i + 1 :] += ((rows[i + 1 :] - rows[i]) ** 2).sum(axis=1)
    if not shared:
        return None
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
        exact=exact,
        tensors=shared,
        values=values,
    )


def chosen(count: int) -> list[int]:
    """At most :data:`MOST` of ``count`` indices, evenly spread, with the first and the last.

    >>> chosen(3), len(chosen(1000)), chosen(1000)[-1]
    ([0, 1, 2], 40, 999)
    """
    return evenly(count, MOST)


def _shared(measured: Sequence[Measured]) -> Iterator[tuple[list[TensorMeasure], list[Sketch]]]:
    """For each tensor that all checkpoints have with one shape and dtype: its measures and sketches by checkpoint."""
    for name in measured[0].trained.tensors:
        tensors = [t for m in measured if (t := m.by_name.get(name)) is not None]
        forms = {(t.info.shape, t.info.dtype) for t in tensors}
        if len(tensors) == len(measured) and len(forms) == 1 and tensors[0].info.size:
            sketches = [sketch for t in tensors if (sketch := t.sketch) is not None]
            if len(sketches) == len(tensors):
                yield tensors, sketches
