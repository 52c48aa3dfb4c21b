"""From what was measured of samples to their columns: with every registered statistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from reporter.derive.statistics import STATISTICS
from reporter.model.cells import Cells
from reporter.model.columns import Columns
from reporter.model.summary import Summary
from reporter.model.value import Quantiles


def columns(
    summaries: Sequence[Summary],
    quantiles: Sequence[Quantiles],
    probabilities: Sequence[float],
) -> Columns:
    """The numbers of samples side by side.

    Args:
        summaries: of each.
        quantiles: of each; those of all ``probabilities``, or none where there is no finite value.
        probabilities: ascending.
    """
    statistics = {s.name: [s.compute(one) for one in summaries] for s in STATISTICS}
    return Columns.of(summaries, quantiles, statistics, probabilities)


def with_all_statistics(known: Columns, cells: Callable[[int], Cells]) -> Columns:
    """With statistics that were registered after these columns were kept, and without those that are no longer.

    Args:
        known: the columns; returned as they are where they have just the registered statistics.
        cells: those of a sample, by its row.
    """
    names = [s.name for s in STATISTICS]
    if list(known.names) == names:
        return known
    further = [s for s in STATISTICS if s.name not in known.names]
    summaries = [known.summary(row, partial(cells, row)) for row in range(len(known))] if further else []
    return known.with_statistics({s.name: [s.compute(one) for one in summaries] for s in further}, names)
