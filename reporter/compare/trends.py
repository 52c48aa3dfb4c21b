"""Follow the statistics of every layer over the checkpoints: first and last value, slope, and sudden changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.derive.slopes import slope
from reporter.model.comparison import Comparison
from reporter.model.trend import PART, SHORTEST, THRESHOLD, ChangePoint, Trend

STATISTICS: tuple[str, ...] = (
    "mean", "std", "min", "max", "l2_norm", "skewness", "kurtosis", "zero_share", "near_zero_share",
)  # fmt: skip
"""The statistics that are followed."""

Array = npt.NDArray[np.float64]


def trends(series: Comparison) -> Comparison:
    """Add the trends of every layer to a comparison of two or more checkpoints."""
    n = len(series.refs)
    if n < 2 or not series.layers:
        return series
    keys = [(layer, statistic) for layer in series.layers for statistic in STATISTICS]
    rows = series.layer_courses(STATISTICS).reshape(len(keys), n)
    positions = np.array(series.positions or range(n), np.float64)
    slopes, steps = slope(positions, rows), list(change_points(positions, rows))
    found = []
    for (layer, statistic), row, rise, step in zip(keys, rows, slopes, steps, strict=True):
        finite = row[np.isfinite(row)]
        if len(finite):
            steepness = None if np.isnan(rise) else float(rise)
            found.append(Trend(layer, statistic, float(finite[0]), float(finite[-1]), steepness, step))
    return replace(series, trends=tuple(found))


def change_points(x: Array, table: Array) -> Iterator[ChangePoint | None]:
    """The sudden change of each row, if it has one.

    A row is split into two parts so that the variance around their means is least. That is the maximum-likelihood split
    for a single change of the mean in normal noise of equal variance (D. V. Hinkley, *Inference about the change-point
    in a sequence of random variables*, 1970). The split is a sudden change if the means differ by :data:`THRESHOLD`
    standard deviations within the parts, and if it leaves less than half the variance that a straight line leaves,
    since steady growth is no sudden change.

    Args:
        x: positions of the columns, shape (columns,).
        table: shape (rows, columns); numbers that are not finite are skipped.

    >>> row = [0.0, 0.1, 0.0, 0.1, 5.0, 5.1, 5.0, 5.1]
    >>> [change.place for change in change_points(np.arange(8.0), np.array([row])) if change]
    [4]
    """
    for row in table:
        known = np.flatnonzero(np.isfinite(row))
        found = _change_point(x[known], row[known]) if len(known) >= SHORTEST else None
        yield None if found is None else replace(found, place=int(known[found.place]))


def _change_point(x: Array, y: Array) -> ChangePoint | None:
    """The sudden change of finite numbers ``y`` at positions ``x``, if there is one."""
    n = len(y)
    scale = float(np.abs(y).max())  # numbers are divided by it, so that no square overflows
    z = y / scale - y[0] / scale if scale > 0 else y
    if not np.ptp(z) > 1e-12:
        return None  # constant except for rounding
    k = np.arange(PART, n - PART + 1)
    sums = np.cumsum(z)
    before, after = sums[k - 1] / k, (sums[-1] - sums[k - 1]) / (n - k)
    place = int(k[np.argmax((after - before) ** 2 * k * (n - k))])
    first, second = z[:place], z[place:]
    a, b = float(first.mean()), float(second.mean())
    left = float(((first - a) ** 2).sum() + ((second - b) ** 2).sum())
    within = math.sqrt(left / (n - 2))
    effect = abs(b - a) / within if within > 1e-12 else math.inf
    if not effect >= THRESHOLD or left > _about_line(x, z) / 2:
        return None
    start = float(y[0]) / scale
    return ChangePoint(place, (a + start) * scale, (b + start) * scale, effect)


def _about_line(x: Array, y: Array) -> float:
    """The sum of squared distances from the least-squares line."""
    dx, dy = x - x.mean(), y - y.mean()
    return float((dy**2).sum() - (dx * dy).sum() ** 2 / (dx**2).sum())
