"""Which layer stands directly behind which, where a format tells."""

from __future__ import annotations

from itertools import pairwise

from reporter.model.tensor import LayerInfo
from reporter.rules.timeline import Timeline

RELUS = frozenset({"ReLU", "ReLU6"})
"""Classes of layers that pass on nothing of what is below zero."""


def behind(timeline: Timeline) -> dict[str, LayerInfo]:
    """Name of a layer -> the layer behind it in the last checkpoint; nothing where the model's order is not known."""
    last = timeline.series.measured[-1] if timeline.series.measured else None
    return {a.name: b for a, b in pairwise(last.model_layers)} if last is not None and last.layers_ordered else {}


def relu_behind(timeline: Timeline, layer: str) -> bool:
    """Whether a layer of that kind is known to stand behind one."""
    found = behind(timeline).get(layer)
    return found is not None and found.kind in RELUS
