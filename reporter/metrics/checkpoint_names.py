"""Metrics in the names of checkpoints: ``weights.12-0.47.hdf5`` and ``ckpt-12-val_loss=0.47``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from reporter.discover.tokens import Kind, split
from reporter.metrics.goals import base, goal
from reporter.model.comparison import Comparison
from reporter.model.metrics import Axis, Metric

TITLE = "names of the checkpoints"

UNNAMED = "number in the names"
"""What a metric is called of which the names give only the value."""

_WORD = re.compile(r"([A-Za-z][A-Za-z_]*?)[-_.=: ]*$")


def in_names(series: Comparison) -> Iterator[Metric]:
    """Decimals in the names that differ from checkpoint to checkpoint; the step is a whole number, and is none."""
    if len(series.refs) < 2:
        return
    names = split([ref.path.name for ref in series.refs])
    first = names[0]
    if any(name.pattern != first.pattern for name in names):
        return
    places = [at for at, token in enumerate(first.tokens) if token.kind is Kind.METRIC]
    positions = series.positions or tuple(map(float, range(len(series.refs))))
    unnamed = 0
    for at in places:
        values = tuple(float(name.tokens[at].text) for name in names)
        if len({repr(value) for value in values}) < 2:
            continue
        bad = [p for p, v in zip(positions, values, strict=True) if not math.isfinite(v)]
        finite = [i for i, value in enumerate(values) if math.isfinite(value)]
        word = _WORD.search(first.texts[at])
        unnamed += word is None
        called = word[1] if word else UNNAMED if unnamed == 1 else f"{UNNAMED} ({unnamed})"
        yield Metric(
            name=called,
            base=base(called),
            source="",
            format=TITLE,
            goal=goal(called),
            axis=Axis.STEP,
            matching="each in the name of its checkpoint",
            positions=positions,
            values=values,
            at=values,
            at_positions=positions,
            count=len(values),
            bad=len(bad),
            failed=bad[0] if bad else None,
            lasting=positions[finite[-1] + 1] if finite and finite[-1] + 1 < len(values) else None,
        )
