"""Outlines of histograms as paths of inline SVG, which follow the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence

from reporter.model.side_by_side import HistogramPair

WIDE, HIGH = 240, 60
"""Size of the coordinates of the path of a histogram that stands alone."""


def outline(counts: Sequence[float], wide: int = WIDE, high: int = HIGH, top: float = 0.0) -> str:
    """The outline of a histogram from left to right; equal neighbours are one step.

    Args:
        counts: of its bins, or their shares.
        wide, high: the size of its coordinates.
        top: what is as high as there is room; 0 for the fullest bin.

    >>> outline([1, 0, 2]), outline([0.25, 0.75], 96, 22)
    ('M0 60V30H80V60H160V0H240V60', 'M0 22V14.7H48V0H96V22')
    """
    top = top or max(*counts, 0) or 1
    parts, height = [], ""
    for i, count in enumerate(counts):
        new = coordinate(high * (1 - count / top))
        if new != height:
            parts.append(f"H{coordinate(wide * i / len(counts))}V{new}" if i else f"V{new}")
            height = new
    return f"M0 {high}{''.join(parts)}H{wide}V{high}"


def coordinate(value: float) -> str:
    """A coordinate to a tenth of a unit.

    >>> coordinate(12.04), coordinate(12.06), coordinate(-0.01)
    ('12', '12.1', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def used(pair: HistogramPair) -> tuple[int, int]:
    """The first bin that holds a value of either sample, and the one after the last."""
    full = [i for i, both in enumerate(zip(pair.before.counts, pair.after.counts, strict=True)) if any(both)]
    return (full[0], full[-1] + 1) if full else (0, len(pair.before.counts))
