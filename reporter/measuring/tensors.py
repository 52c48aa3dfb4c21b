"""One tensor: summary, statistics, exact quantiles, output units, sketch, and what changed since earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import ml_dtypes
import numpy as np

from reporter.derive.statistics import statistics
from reporter.measuring.accumulate import Accumulator, Part
from reporter.measuring.channels import Channels
from reporter.measuring.exact_quantiles import from_codes, from_sorted, from_values
from reporter.measuring.pairs import change
from reporter.measuring.pieces import Array, pieces
from reporter.measuring.threads import ALONE, Pool
from reporter.model.change import Change
from reporter.model.changes import merge
from reporter.model.measured import Quantiles, TensorMeasure
from reporter.model.summary import NOTHING
from reporter.model.tensor import TensorInfo, TensorSource

KEPT_BYTES = 64 << 20
"""Tensors up to this size stay in memory for the sweep behind exact quantiles; larger ones are read a second time."""

SORTED_AT_ONCE = 1 << 14
"""Tensors up to this many values are simply sorted."""

Partners = Sequence[TensorSource | None]
Paired = tuple[TensorMeasure, tuple[Change | None, ...]]


def measure_tensor(source: TensorSource, probabilities: Iterable[float]) -> TensorMeasure:
    """Measure one tensor.

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    return measure_paired(source, (), probabilities)[0]


def measure_paired(
    source: TensorSource, partners: Partners, probabilities: Iterable[float], pool: Pool = ALONE, kept: int = KEPT_BYTES
) -> Paired:
    """Measure a tensor, and pair each piece with that of the same tensor in earlier checkpoints while it is in cache.

    Args:
        source: the tensor.
        partners: the same tensor in earlier checkpoints, of equal shape and dtype; None where there is none.
        probabilities: of the quantiles.
        pool: works on the pieces; the result is the same for any number of threads.
        kept: as :data:`KEPT_BYTES`.

    Raises:
        reporter.errors.CheckpointError: from reading; its path is that of the file concerned.
    """
    info = source.info
    present = [partner for partner in partners if partner is not None]
    taken = Accumulator(dtype_of(info), info.size, Channels.of(info))
    held: list[Array] = []

    def work() -> Iterator[Callable[[], tuple[Part, list[Change]]]]:
        start = 0
        for piece, *earlier in _side_by_side([source, *present]):
            if info.nbytes <= kept:
                held.append(piece)
            yield partial(_measure, taken, piece, start, earlier)
            start += piece.size

    changes: list[list[Change]] = []
    for part, further in pool.in_order(work()):
        taken.merge(part)
        changes.append(further)
    paired = (merge(of_pieces) for of_pieces in zip(*changes, strict=True)) if changes else repeat(Change())
    in_place = tuple(None if partner is None else next(paired) for partner in partners)
    if not info.size:
        return TensorMeasure(info, NOTHING, statistics(NOTHING), Quantiles({})), in_place
    if info.size <= SORTED_AT_ONCE and len(held) == 1 and not taken.coded:
        summary, ordered = taken.close_small(held[0])
        quantiles = from_sorted(ordered, probabilities)
    elif taken.coded:
        summary = taken.close()
        quantiles = from_codes(taken, summary, probabilities)
    else:
        summary = taken.close()
        again = (lambda: held) if held else (lambda: pieces(source.blocks()))
        quantiles = from_values(again, dtype_of(info), summary, probabilities, pool)
    return TensorMeasure(info, summary, statistics(summary), quantiles, taken.units(), taken.sketch()), in_place


def _measure(taken: Accumulator, piece: Array, start: int, earlier: Sequence[Array]) -> tuple[Part, list[Change]]:
    return taken.measure(piece, start), [change(before, piece) for before in earlier]


def _side_by_side(sources: Sequence[TensorSource]) -> Iterator[tuple[Array, ...]]:
    """The same piece of each."""
    return zip(*(pieces(source.blocks()) for source in sources), strict=True)


def dtype_of(info: TensorInfo) -> np.dtype[Any]:
    """The dtype of the values."""
    return np.dtype(getattr(ml_dtypes, info.dtype, info.dtype))
