"""Choose the dozen layers whose distributions a document of a few pages shows."""

from __future__ import annotations

from reporter.model.comparison import Comparison
from reporter.model.finding import Judgement, Severity
from reporter.model.role import WEIGHT_MATRICES

MOST = 12
"""Layers that are shown: two columns of six pictures, a page and a bit."""

WORST, MOVED = 6, 8
"""Most of them that findings name, and that moved most, before others fill up what is left."""


def telling(series: Comparison, judgement: Judgement) -> tuple[str, ...]:
    """Layers in model order: those of warnings and failures, the first and the last, and those that moved most.

    Layers with a kernel come before those with only scales and shifts. None of a single checkpoint.
    """
    if len(series.refs) < 2:
        return ()
    kernels = [name for name in series.layers if _has_kernel(series, name)]
    loud = [f for f in judgement.findings if f.series == series.name and f.severity > Severity.INFO]
    worst = dict.fromkeys(name for f in loud for name in (f.layers or (f.layer,)) if name in series.layers)
    moved = dict.fromkeys(name for movement in series.moved for name in movement.layers)
    wanted = [
        *list(worst)[:WORST],
        *(kernels[:1] + kernels[-1:]),
        *[name for name in moved if name in set(kernels)][:MOVED],
        *kernels,
        *moved,
        *series.layers,
    ]
    kept = set(list(dict.fromkeys(wanted))[:MOST])
    return tuple(name for name in series.layers if name in kept)


def _has_kernel(series: Comparison, layer: str) -> bool:
    held = next((m for m in reversed(series.measured) if layer in m.layer_members), None)
    lead = held and held.lead_of(layer)
    return bool(held and lead and held.layout.infos[held.layout.places[lead]].role in WEIGHT_MATRICES)
