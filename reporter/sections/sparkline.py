"""Sparklines: the course of a number as block characters, which look alike on paper and on a screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
"""The characters of numbers, from the lowest to the highest."""
GAP = "·"
"""The character of a missing number."""
WIDEST = 16
"""Most characters of a sparkline. If there are more checkpoints, evenly spread ones are shown, with both ends."""


def sparkline(values: Sequence[float | None]) -> str:
    """One character per checkpoint, the lowest for the smallest number and the highest for the largest.

    >>> sparkline([0.0, 1.0, 7.0, None]), sparkline([2.0, 2.0]), len(sparkline([float(i) for i in range(1000)]))
    ('▁▂█·', '▄▄', 16)
    """
    if len(values) > WIDEST:
        values = [values[round(i * (len(values) - 1) / (WIDEST - 1))] for i in range(WIDEST)]
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return GAP * len(values)
    low, half = min(known), max(known) / 2 - min(known) / 2
    return "".join(GAP if v is None or not math.isfinite(v) else _block(v / 2 - low / 2, half) for v in values)


def _block(above: float, half: float) -> str:
    """The character of a number; both its distance from the smallest number and the range are given as halves."""
    return BLOCKS[min(len(BLOCKS) - 1, int(above / half * len(BLOCKS)))] if half > 0 else BLOCKS[3]
