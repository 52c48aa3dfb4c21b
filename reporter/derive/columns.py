"""From what was measured of samples to their columns: with every registered statistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from reporter.derive.samples import Samples
from reporter.derive.statistic import Statistic
from reporter.derive.statistics import STATISTICS
from reporter.model.cells import Cells
from reporter.model.columns import Coded, Columns, Floats, coded
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
    samples = Samples.of(summaries)
    return Columns.sharing(
        probabilities={p: i for i, p in enumerate(probabilities)},
        counts=samples.counts,
        moments=samples.moments,
        statistics={s.name: _of_all(s, samples, summaries) for s in STATISTICS},
        quantiles=_quantiles(quantiles, probabilities),
        exact=np.array([q.exact for q in quantiles], np.uint8),
    )


def _of_all(statistic: Statistic, samples: Samples, summaries: Sequence[Summary]) -> Coded:
    """One statistic of all samples."""
    if statistic.together is not None:
        return statistic.together(samples)
    return coded([statistic.compute(one) for one in summaries])


def _quantiles(of: Sequence[Quantiles], probabilities: Sequence[float]) -> Floats:
    """Shape (samples, probabilities); NaN where there is no finite value."""
    rows = [[q.values.get(p, np.nan) for p in probabilities] for q in of]
    return np.array(rows, np.float64).reshape(len(of), len(probabilities))


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
    samples = Samples.of(summaries)
    return known.with_statistics({s.name: _of_all(s, samples, summaries) for s in further}, names)
