"""How numbers of each unit are headed and written on an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reporter.plots.scale import count_labels, share_labels, tick_labels

HEADINGS = {"": "weight units", "1": "number without unit", "share": "share", "values": "number of values"}
"""For the units of :data:`reporter.derive.statistics.STATISTICS`; any other text stands for itself."""

LABELS: dict[str, Callable[[Sequence[float]], list[str]]] = {"share": share_labels, "values": count_labels}


def heading(unit: str) -> str:
    """What is printed at an axis.

    >>> heading("share"), heading("× first")
    ('share', '× first')
    """
    return HEADINGS.get(unit, unit)


def labels(unit: str, ticks: Sequence[float]) -> tuple[list[float], list[str]]:
    """Ticks that make sense for the unit, and their labels.

    >>> labels("values", [0.0, 0.5, 1.0]), labels("share", [0.25])
    (([0.0, 1.0], ['0', '1']), ([0.25], ['25 %']))
    """
    kept = [t for t in ticks if unit != "values" or t == round(t)]
    return kept, LABELS.get(unit, tick_labels)(kept)
