"""Fewer values that draw the same curve: of each stretch the first, smallest, largest, and first that is not finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST = 2000
"""Values kept of a curve; a picture is 700 pixels wide."""


def thinned(values: Sequence[float], most: int = MOST) -> list[int]:
    """Places of the values to keep, ascending: all of up to ``most``, else at most that many of them.

    >>> thinned([1.0, 2.0, 3.0]), thinned([0.0, 5.0, 1.0, 2.0, 9.0, 3.0, 3.0, 3.0, 3.0, 4.0], 9)
    ([0, 1, 2], [0, 4, 5, 9])
    """
    count = len(values)
    if count <= most:
        return list(range(count))
    numbers = np.asarray(values, np.float64)
    kept = {0, count - 1}
    for part in np.array_split(np.arange(count), max(1, (most - 1) // 4)):
        of = numbers[part]
        finite = np.isfinite(of)
        kept.add(int(part[0]))
        if finite.any():
            kept |= {
                int(part[np.argmin(np.where(finite, of, np.inf))]),
                int(part[np.argmax(np.where(finite, of, -np.inf))]),
            }
        if not finite.all():
            kept.add(int(part[np.argmin(finite)]))
    return sorted(kept)
