"""Checkpoints without some of the layers that their own configuration promises."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.comparison import Comparison
from reporter.model.finding import Severity
from reporter.rules.base import Check, Rule


def check(series: Comparison) -> Iterator[Check]:
    """One check per checkpoint."""
    for place, measured in enumerate(series.measured):
        missing = measured.missing_layers
        if not missing:
            yield Check(0.0, 0.0, place=place)
            continue
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        nothing = not any(t.info.collection == "model" for t in measured.tensors)
        yield Check(
            value=float(len(missing)),
            excess=float(len(missing)),
            severity=Severity.FAIL if nothing else Severity.WARN,
            place=place,
            layer=missing[0] if len(missing) == 1 else "",
            message=f"{len(missing)} layer{'s' if len(missing) > 1 else ''} of the model's configuration "
            f"ha{'ve' if len(missing) > 1 else 's'} no weights in the file"
            f"{' (it holds no layer weights at all)' if nothing else ''}: {shown}",
            parameters=measured.whole.parameters,
        )


INCOMPLETE = Rule(
    name="incomplete",
    title="Layers without their weights",
    threshold=0.0,
    formula="configured layers of classes that own variables, minus layers found in the file",
    source="Keras: a list attribute can hide layers from saving without any error",
    check=check,
)
