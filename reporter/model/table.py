"""Statistics of many samples as one table: fetched whole where they are stored in columns, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from reporter.model.measured import Absent, GroupMeasure, TensorMeasure

Array = npt.NDArray[np.float64]


@runtime_checkable
class Tabular(Protocol):
    """Samples that know a quicker way to their table."""

    def table(self, statistics: Sequence[str]) -> Array:
        """See :func:`table`."""
        ...


def table(samples: Sequence[TensorMeasure | GroupMeasure], statistics: Sequence[str]) -> Array:
    """Shape (samples, statistics), float64; NaN where there is no number."""
    if isinstance(samples, Tabular):
        return samples.table(statistics)
    rows = [[np.nan if isinstance(v := s.statistics[name], Absent) else v for name in statistics] for s in samples]
    return np.array(rows, np.float64).reshape(len(samples), len(statistics))
