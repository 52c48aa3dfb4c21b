"""What moved most in the last checkpoint of a series, and what did not move at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reporter.model.change import Change
from reporter.model.comparison import Comparison
from reporter.model.trend import Movement


def moved(series: Comparison) -> Comparison:
    """Add to a comparison what moved up to its last checkpoint: since the previous one, the first and the baseline."""
    if not series.refs:
        return series
    names = series.measured[-1].trained.tensors
    apart = [info.name for info in series.measured[-1].model_infos if info.name not in set(names)]
    found = []
    for since, pair in series.latest.items():
        layers, still_layers = _ranked(series.layers, pair.layers)
        tensors, still_tensors = _ranked(names, pair.tensors)
        found.append(Movement(since, layers, still_layers, tensors, still_tensors, *_ranked(apart, pair.tensors)))
    return replace(series, moved=tuple(found))


def _ranked(names: Iterable[str], changes: Mapping[str, Change]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that moved, the largest relative update first, and those that are equal to the bit."""
    compared = [(name, changes[name]) for name in names if name in changes and changes[name].count]
    moving = [(name, change.relative_update, change.left_out) for name, change in compared if not change.unchanged]
    # Values that are not finite may have moved any distance, so these tensors come first. Tensors that were all zero
    # before, mostly biases after initialisation, have no relative update and come last.
    moving.sort(key=lambda m: (m[2], -1.0 if m[1] is None else m[1]), reverse=True)
    return tuple(name for name, _, _ in moving), tuple(name for name, change in compared if change.unchanged)
