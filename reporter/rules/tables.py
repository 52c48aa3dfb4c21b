"""The numbers of all tensors of a series in tables, from which rules read whole courses at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from reporter.model.changes import COLUMNS, columns
from reporter.model.columns import Floats
from reporter.model.comparison import Comparison

STATISTICS: tuple[str, ...] = (
    "count", "mean", "std", "min", "max", "l2_norm", "rms", "kurtosis", "zero_count", "near_zero_share", "nan_count",
    "posinf_count", "neginf_count",
)  # fmt: skip
"""Statistics that rules may ask a track for."""


class Tables:
    """The numbers of all tensors, fetched checkpoint by checkpoint when a rule first asks for them.

    Attributes:
        rows: by tensor name.
    """

    def __init__(self, series: Comparison) -> None:
        self.series = series
        self.rows = {name: row for row, name in enumerate(series.tensors)}

    @cached_property
    def statistics(self) -> Floats:
        """Shape (statistics, tensors, checkpoints), see :data:`STATISTICS`; NaN where there is no number."""
        found = np.full((len(STATISTICS), len(self.rows), len(self.series.refs)), np.nan)
        for place, measured in enumerate(self.series.measured):
            rows = [self.rows[info.name] for info in measured.infos]
            found[:, rows, place] = measured.tensors.table(STATISTICS).T
        return found

    @cached_property
    def changes(self) -> Floats:
        """Shape (tensors, pairs, columns), see :func:`reporter.model.changes.columns`; NaN where there is no change."""
        found = np.full((len(self.rows), len(self.series.pairs), len(COLUMNS)), np.nan)
        for place, pair in enumerate(self.series.pairs):
            found[[self.rows[name] for name in pair.tensors], place] = columns(pair.tensors)
        return found
