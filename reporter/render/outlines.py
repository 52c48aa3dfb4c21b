"""Outlines of histograms as paths of inline SVG, which follow the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.model.side_by_side import HistogramPair

WIDE, HIGH = 240, 60
"""Size of the coordinates of a path."""


def outline(counts: Sequence[int]) -> str:
    """The outline of a histogram, whose fullest bin is as high as there is room.

    >>> outline([1, 0, 2])
    'M0 60V30H80V60H160V0H240V60'
    """
    most, step = max(*counts, 1), WIDE / len(counts)
    bars = (f"V{HIGH - HIGH * n / most:.4g}H{(i + 1) * step:.4g}" for i, n in enumerate(counts))
    return f"M0 {HIGH}{''.join(bars)}V{HIGH}"


def used(pair: HistogramPair) -> tuple[int, int]:
    """The first bin that holds a value of either sample, and the one after the last."""
    full = [i for i, both in enumerate(zip(pair.before.counts, pair.after.counts, strict=True)) if any(both)]
    return (full[0], full[-1] + 1) if full else (0, len(pair.before.counts))
