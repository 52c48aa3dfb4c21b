"""Compare: from the measured checkpoints of a series to what changed between them. No file is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from reporter.compare.difference import difference, difference_of_reports
from reporter.compare.moved import moved
from reporter.compare.pairs import form, pair
from reporter.compare.runs import runs_of_one_model
from reporter.compare.similarity import similarity
from reporter.compare.successive import alternatives
from reporter.compare.trends import trends
from reporter.model.checkpoint import Series, SeriesKind
from reporter.model.comparison import BASELINE, Comparison
from reporter.model.gathered import Gathered
from reporter.model.tensor import COLLECTIONS
from reporter.numerals import counted

__all__ = ["compare", "difference", "difference_of_reports", "form", "runs_of_one_model"]


def compare(series: Series, gathered: Gathered) -> Comparison:
    """Compare each checkpoint of a series with the one before, the first and the baseline.

    Args:
        series: the series as it was found.
        gathered: what was measured of its checkpoints, and the exact changes between those that could be read side by
            side. All other changes are estimated from sketches.
    """
    # Squares of float64 values above 1e154 overflow. Results that depend on them are infinite or NaN, and are printed
    # as such.
    with np.errstate(over="ignore", invalid="ignore"):
        return _compared(series, gathered)


def _compared(series: Series, gathered: Gathered) -> Comparison:
    refs, measured, baseline = gathered.refs, gathered.measured, gathered.baseline
    last = len(measured) - 1
    kind = SeriesKind.ALTERNATIVES if alternatives(series, measured, gathered.previous) else SeriesKind.SUCCESSIVE
    cautions = (*series.cautions, *([_beside(series)] if kind is SeriesKind.ALTERNATIVES else []))
    pairs = tuple(
        pair(i, i + 1, measured[i], measured[i + 1], known, shifts=i + 1 == last)
        for i, known in enumerate(gathered.previous)
    )
    from_first = tuple(
        pair(0, i, measured[0], measured[i], known, shifts=i == last) if i > 1 else pairs[0]
        for i, known in enumerate(gathered.first, 1)
    )
    from_baseline = tuple(
        pair(BASELINE, i, baseline.measured, measured[i], known, shifts=i == last)
        for i, known in enumerate(gathered.from_baseline)
        if baseline is not None
    )
    layers = _in_order([[g.name for g in m.layers] for m in measured])
    structures = list({id(m.infos): m.infos for m in measured}.values())
    by_collection = [
        _in_order([[info.name for info in infos if info.collection == c] for infos in structures]) for c in COLLECTIONS
    ]
    lined_up = Comparison(
        name=series.name,
        slug=series.slug,
        format=series.format,
        ordered_by=series.ordered_by,
        refs=tuple(refs),
        measured=tuple(measured),
        pairs=pairs,
        layers=layers,
        tensors=tuple(name for names in by_collection for name in names),
        from_first=from_first,
        baseline=baseline.name if baseline is not None else "",
        from_baseline=from_baseline,
        similarity=similarity(measured),
        notes=(*dict.fromkeys((*cautions, *series.notes)), *gathered.notes),
        cautions=cautions,
        kind=kind,
    )
    if kind is SeriesKind.ALTERNATIVES:
        return replace(lined_up, pairs=(), from_first=())  # none of them is a change of another
    return moved(trends(lined_up))


def _beside(series: Series) -> str:
    """The caution for a series whose checkpoints are alternatives."""
    return (
        f"The {counted(len(series.checkpoints), 'checkpoint')} of {series.name} are no successive states of one "
        "training: no two neighbours have anything in common (cosines near 0). They are shown as alternatives beside "
        "each other, and no rule about change is applied to them."
    )


def _in_order(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The names of all lists in one order that agrees with each list: a new name is put behind its predecessor.

    >>> _in_order([["a", "c"], ["a", "b", "c", "d"]])
    ('a', 'b', 'c', 'd')
    """
    merged: list[str] = []
    known: set[str] = set()
    for names in lists:
        if known.issuperset(names):
            continue
        place = 0
        for name in names:
            if name in known:
                place = merged.index(name) + 1
            else:
                merged.insert(place, name)
                known.add(name)
                place += 1
    return tuple(merged)
