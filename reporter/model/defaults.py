"""Numbers that a setting and the code which it steers have to agree on."""

from __future__ import annotations

QUANTILES: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Probabilities of the quantiles that are reported where nobody asks for others."""

MAX_BINS = 512
"""Most bins of a histogram: as many as there are edges k·2^e with |k| ≤ 256, which have 8 significant bits."""
