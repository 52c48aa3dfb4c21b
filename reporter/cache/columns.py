"""Columns of numbers as bytes and back, without loss: hundreds of bytes a sample."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from reporter.cache.container import Unusable
from reporter.model.columns import COUNTS, INTEGER, MOMENTS, VALUES, Columns


def to_bytes(columns: Columns) -> bytes:
    """The arrays one after the other, little-endian, each column by column; every statistic has a column of its own."""
    coded = [columns.coded(name) for name in columns.names]
    values = [np.where(codes > INTEGER, 0.0, values) for values, codes in coded]
    arrays = (columns.counts, columns.moments, *values, columns.quantiles, columns.codes, columns.exact)
    return b"".join(a.astype(a.dtype.newbyteorder("<")).tobytes("F") for a in arrays)


def from_bytes(
    data: bytes, n: int, names: Sequence[str], probabilities: Sequence[float], wanted: Collection[float]
) -> Columns:
    """The inverse, without a copy of what is in the bytes; of the quantiles only those that are wanted.

    Raises:
        Unusable: the length does not fit.
    """
    arrays: list[Any] = []
    start = 0
    layout = (("<i8", len(COUNTS)), ("<f8", len(MOMENTS)), ("<f8", len(names)), ("<f8", len(probabilities)),
              ("u1", len(names)), ("u1", 1))  # fmt: skip
    if len(data) != n * sum(np.dtype(kind).itemsize * width for kind, width in layout):
        raise Unusable("columns")
    for kind, width in layout:
        flat = np.frombuffer(data, kind, n * width, start)
        arrays.append(flat.reshape((n, width), order="F"))
        start += flat.nbytes
    counts, moments, values, quantiles, codes, exact = arrays
    chosen = [i for i, p in enumerate(probabilities) if p in wanted]
    return Columns(
        names={name: i for i, name in enumerate(names)},
        sources=[(VALUES, i) for i in range(len(names))],
        probabilities={probabilities[i]: at for at, i in enumerate(chosen)},
        counts=counts,
        moments=moments,
        values=values,
        codes=codes,
        quantiles=quantiles[:, chosen],
        exact=exact[:, 0],
    )
