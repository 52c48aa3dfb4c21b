"""Numbers as they are drawn: what is not finite is marked, and what is not there is left out."""

from __future__ import annotations

import math

from reporter.model.change import Change
from reporter.model.value import Absent, Value


def update(change: Change) -> float | None:
    """The relative update to draw; NaN if some values are not finite, as that of the others would look harmless."""
    return math.nan if change.left_out else change.relative_update


def drawn(value: Value | None) -> float | None:
    """A number to draw: NaN, which is marked, where it is not finite, and None where there is none."""
    if value is None or isinstance(value, Absent):
        return None
    return float(value) if math.isfinite(value) else math.nan


def plain(value: Value | None) -> float | None:
    """A finite number to draw, else None."""
    if value is None or isinstance(value, Absent) or not math.isfinite(value):
        return None
    return float(value)
