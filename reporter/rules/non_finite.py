"""NaN and infinities, in weights or in the optimizer's state."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.model.measured import TensorMeasure
from reporter.numerals import integer
from reporter.rules.base import Check, Rule


def bad(tensor: TensorMeasure | None) -> int:
    """NaN, +Inf and −Inf values of a tensor."""
    return 0 if tensor is None else tensor.summary.count - tensor.summary.finite


def check(series: Comparison) -> Iterator[Check]:
    """One check per tensor: the first checkpoint in which it is bad, and the last good one before."""
    for name in series.tensors:
        history = series.tensor(name)
        counts = [bad(t) for t in history]
        place = next((i for i, n in enumerate(counts) if n), None)
        if place is None:
            info = next(t.info for t in history if t is not None)
            yield Check.of(info, 0.0, 0.0)
            continue
        tensor = history[place]
        assert tensor is not None
        summary = tensor.summary
        good = next((i for i in range(place - 1, -1, -1) if history[i] is not None), None)
        since = (
            f"; step {series.labels[good]} was the last good one"
            if good is not None
            else "; no earlier checkpoint had it"
        )
        later = sum(1 for n in counts[place + 1 :] if n)
        kinds = [
            f"{integer(n)} {what}"
            for n, what in ((summary.nan, "NaN"), (summary.posinf, "+Inf"), (summary.neginf, "−Inf"))
            if n
        ]
        yield Check.of(
            tensor.info,
            float(counts[place]),
            float(counts[place]),
            Severity.FAIL,
            place=place,
            previous=0.0 if good is not None else None,
            message=f"{name} holds {', '.join(kinds)} among {integer(summary.count)} values at step "
            f"{series.labels[place]}{since if len(series.refs) > 1 else ''}"
            + (f"; also bad in {later} later checkpoint{'s' if later > 1 else ''}" if later else ""),
        )


NON_FINITE = Rule(
    name="non-finite",
    title="Non-finite values",
    threshold=0.0,
    formula="number of NaN, +Inf and −Inf values in a tensor",
    source="SageMaker Debugger, exploding tensor",
    check=check,
)
