"""Headings and labels of an axis, by the unit of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reporter.plots.scale import count_labels, share_labels, tick_labels

HEADINGS = {"": "weight units", "1": "number without unit", "share": "share", "values": "number of values"}
"""Headings for the units of :data:`reporter.derive.statistics.STATISTICS`; any other unit is its own heading."""

FROM_ZERO = frozenset({"share", "values", "‖ΔW‖ / ‖W‖"})
"""Units whose axes begin at 0: counts and ratios, of which only the size of the whole tells much from little."""

LABELS: dict[str, Callable[[Sequence[float]], list[str]]] = {"share": share_labels, "values": count_labels}
"""Functions that make labels of ticks, for units whose numbers are not written in the usual way."""


def heading(unit: str) -> str:
    """The heading of an axis whose numbers have a unit.

    >>> heading("share"), heading("× first")
    ('share', '× first')
    """
    return HEADINGS.get(unit, unit)


def labels(unit: str, ticks: Sequence[float]) -> tuple[list[float], list[str]]:
    """Those ticks that make sense for a unit (only whole numbers for counts), and their labels.

    >>> labels("values", [0.0, 0.5, 1.0]), labels("share", [0.25])
    (([0.0, 1.0], ['0', '1']), ([0.25], ['25 %']))
    """
    kept = [t for t in ticks if unit != "values" or t == round(t)]
    return kept, LABELS.get(unit, tick_labels)(kept)
