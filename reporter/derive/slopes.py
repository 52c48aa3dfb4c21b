"""Slopes of courses: numbers over the checkpoints of a series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def slope(x: Array, table: Array) -> Array:
    """Slope of the least-squares line through the finite numbers of each row; NaN where there are fewer than two.

    Args:
        x: positions of the columns, shape (columns,).
        table: shape (rows, columns); NaN and infinities are gaps.

    >>> slope(np.array([0.0, 10.0, 20.0]), np.array([[1.0, 2.0, 3.0], [np.nan, 5.0, np.nan]])).tolist()
    [0.1, nan]
    """
    known = np.isfinite(table)
    count = known.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        dx = np.where(known, x - (x * known).sum(axis=1, keepdims=True) / count, 0.0)
        values = np.where(known, table, 0.0)
        dy = np.where(known, values - values.sum(axis=1, keepdims=True) / count, 0.0)
        rise = (dx * dy).sum(axis=1) / (dx * dx).sum(axis=1)
    return np.where((count[:, 0] >= 2) & np.isfinite(rise), rise, np.nan)
