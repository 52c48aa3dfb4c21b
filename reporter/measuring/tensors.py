"""Measure one tensor: its summary, statistics, quantiles, output units and sketch, and its change since earlier
ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import ml_dtypes
import numpy as np

from reporter.derive.columns import columns
from reporter.frozen import dataclass
from reporter.measuring.accumulate import Accumulator, Part
from reporter.measuring.channels import Channels
from reporter.measuring.codes import is_coded, widened
from reporter.measuring.exact_quantiles import from_counted, from_sorted, from_values
from reporter.measuring.pairs import change
from reporter.measuring.pieces import Array, pieces
from reporter.measuring.threads import ALONE, Pool
from reporter.model.change import Change
from reporter.model.changes import merge
from reporter.model.measured import TensorMeasure
from reporter.model.rows import TensorRows
from reporter.model.sketch import Sketch
from reporter.model.summary import NOTHING, Summary
from reporter.model.tensor import TensorInfo, TensorSource
from reporter.model.units import Units
from reporter.model.value import Quantiles

KEPT_BYTES = 64 << 20
"""Tensors up to this size stay in memory for the second pass, behind exact quantiles; larger ones are read again."""

SORTED_AT_ONCE = 1 << 14
"""Tensors up to this many values are sorted, which gives exact quantiles at once."""

Partners = Sequence[TensorSource | None]
"""A tensor in each of several earlier checkpoints, None where one has no tensor of its name, shape and dtype."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was measured of one tensor, before it is put beside the others."""

    summary: Summary
    quantiles: Quantiles
    units: Units | None = None
    sketch: Sketch | None = None


Paired = tuple[Numbers, tuple[Change | None, ...]]
"""What was measured of a tensor, and its change since each earlier checkpoint, None where that has no partner."""


def measure_tensor(source: TensorSource, probabilities: Iterable[float]) -> TensorMeasure:
    """Measure one tensor, without comparing it to others.

    Args:
        source: the tensor.
        probabilities: of the quantiles, each in [0, 1].

    Raises:
        reporter.errors.CheckpointError: from reading.
    """
    chosen = tuple(probabilities)
    rows = side_by_side([measure_paired(source, (), chosen)[0]], chosen)
    return TensorMeasure(source.info, rows, 0)


def side_by_side(numbers: Sequence[Numbers], probabilities: Iterable[float]) -> TensorRows:
    """The numbers of several tensors in columns.

    Args:
        numbers: of each, with the same quantiles.
        probabilities: of these quantiles.
    """
    read = [one.summary.read_cells for one in numbers]
    units, sketches = [one.units for one in numbers], [one.sketch for one in numbers]
    ascending = sorted(set(probabilities))
    derived = columns([one.summary for one in numbers], [one.quantiles for one in numbers], ascending)
    return TensorRows(
        lambda: derived, lambda row: read[row](), lambda rows: [units[row] for row in rows], sketches.__getitem__
    )


def measure_paired(
    source: TensorSource,
    partners: Partners,
    probabilities: Iterable[float],
    pool: Pool = ALONE,
    kept: int = KEPT_BYTES,
    *,
    comparable: bool = True,
) -> Paired:
    """Measure a tensor, and compare it to itself in earlier checkpoints.

    Each piece is compared right after it was measured, while it is still in the processor's cache.

    Args:
        source: the tensor.
        partners: the same tensor in earlier checkpoints.
        probabilities: of the quantiles, each in [0, 1].
        pool: works on the pieces; the result is the same for any number of threads.
        kept: tensors up to this number of bytes stay in memory for a second pass, as :data:`KEPT_BYTES`.
        comparable: whether it gets output units and a sketch.

    Returns:
        What was measured, and a change for each of ``partners``, None where that is None.

    Raises:
        reporter.errors.CheckpointError: from reading; its path is that of the file concerned.
    """
    info = source.info
    present = [partner for partner in partners if partner is not None]
    dtype = dtype_of(info)
    small = info.size <= SORTED_AT_ONCE
    if widen := small and is_coded(dtype):  # for a few values, tables of all codes would take most of the time
        dtype = np.dtype(np.float32)
    accumulator = Accumulator(dtype, *((info.size, Channels.of(info)) if comparable else ()))
    held: list[Array] = []

    def work() -> Iterator[Callable[[], tuple[Part, list[Change]]]]:
        start = 0
        for piece, *earlier in _side_by_side([source, *present]):
            values = widened(piece)[0] if widen else piece
            if info.nbytes <= kept:
                held.append(values)
            yield partial(_measure, accumulator, values, start, piece, earlier)
            start += piece.size

    changes: list[list[Change]] = []
    for part, further in pool.in_order(work()):
        accumulator.merge(part)
        changes.append(further)
    paired = (merge(of_pieces) for of_pieces in zip(*changes, strict=True)) if changes else repeat(Change())
    in_place = tuple(None if partner is None else next(paired) for partner in partners)
    if not info.size:
        return Numbers(NOTHING, Quantiles({})), in_place
    if small and len(held) == 1:
        summary, ordered = accumulator.close_small(held[0])
        quantiles = from_sorted(ordered, probabilities)
    elif accumulator.coded:
        counted = accumulator.counted()
        summary, quantiles = counted.summary(), from_counted(counted, probabilities)
    else:
        summary = accumulator.close()
        again = (lambda: held) if held else (lambda: pieces(source.blocks()))
        quantiles = from_values(again, dtype_of(info), summary, probabilities, pool)
    return Numbers(summary, quantiles, accumulator.units(), accumulator.sketch() if comparable else None), in_place


def _measure(
    accumulator: Accumulator, values: Array, start: int, piece: Array, earlier: Sequence[Array]
) -> tuple[Part, list[Change]]:
    """Measure the values of a piece, and compare it to the same piece of earlier checkpoints; runs in any thread."""
    return accumulator.measure(values, start), [change(before, piece) for before in earlier]


def _side_by_side(sources: Sequence[TensorSource]) -> Iterator[tuple[Array, ...]]:
    """The first piece of each tensor, then the second of each, and so on."""
    return zip(*(pieces(source.blocks()) for source in sources), strict=True)


def dtype_of(info: TensorInfo) -> np.dtype[Any]:
    """The numpy or ml_dtypes dtype of a tensor's values."""
    return np.dtype(getattr(ml_dtypes, info.dtype, info.dtype))
