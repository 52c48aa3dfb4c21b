"""Checkpoints without some of the layers that their own configuration promises."""

from __future__ import annotations

from collections.abc import Iterator

from reporter.model.finding import Severity
from reporter.model.measured import Measured
from reporter.numerals import counted
from reporter.rules.base import Check, Limits, Rule
from reporter.rules.timeline import Timeline

_SCALARS = frozenset({"step", "hyperparameter"})


def check(timeline: Timeline, limits: Limits) -> Iterator[Check]:
    """One check per checkpoint."""
    for place, measured in enumerate(timeline.series.measured):
        missing = measured.missing_layers
        slots = sum(i.collection == "optimizer" and i.role not in _SCALARS for i in measured.infos)
        if not measured.model_infos:
            yield _without_weights(measured, place, slots)
        elif measured.missing_weights:
            lost = measured.missing_weights
            yield Check(
                value=float(lost),
                excess=float("inf"),
                severity=Severity.FAIL,
                place=place,
                last=place,
                layer=missing[0] if len(missing) == 1 else "",
                message=f"the optimizer keeps state of {lost} weight{'s' if lost > 1 else ''} that the file does not "
                "hold" + (f"; layers without any: {_shown(missing)}" if missing else ""),
                parameters=measured.parameters,
            )
        elif len(missing) > limits["threshold"]:
            yield Check(
                value=float(len(missing)),
                excess=float(len(missing)),
                severity=Severity.WARN,
                place=place,
                last=place,
                layer=missing[0] if len(missing) == 1 else "",
                message=f"{len(missing)} layer{'s' if len(missing) > 1 else ''} of the model's configuration "
                f"ha{'ve' if len(missing) > 1 else 's'} no weights in the file: {_shown(missing)}",
                parameters=measured.whole.parameters,
            )
        else:
            yield Check(0.0, 0.0, place=place)


def _without_weights(measured: Measured, place: int, slots: int) -> Check:
    """A file of which nothing can be said in favour: what else it holds, such as a count of steps, is no model.

    Its configuration or its optimizer prove that there was a model; without either it may never have been one.
    """
    proven = bool(measured.missing_layers or slots)
    rest = len(measured.infos)
    if slots:
        held = f", only the state of its optimizer ({counted(slots, 'tensor')})"
    else:
        held = f", only {counted(rest, 'other tensor')}" if rest else ""
    return Check(
        value=float(len(measured.missing_layers) or slots or rest),
        excess=float("inf"),
        severity=Severity.FAIL if proven else Severity.WARN,
        place=place,
        last=place,
        message=f"the file holds no weights of {'the' if proven else 'a'} model at all{held}",
        parameters=measured.parameters,
    )


def _shown(layers: tuple[str, ...]) -> str:
    return ", ".join(layers[:3]) + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")


INCOMPLETE = Rule(
    name="incomplete",
    title="Layers without their weights",
    threshold=0.0,
    formula="configured layers of classes that own variables, minus layers found in the file; weights that the "
    "optimizer keeps state of, minus those of their shapes in the file",
    source="Keras: a list attribute can hide layers from saving without any error",
    check=check,
    many="lack weights that their own configuration promises",
    noun="checkpoints",
    meaning="The file cannot restore the model: part of it was not saved.",
    next_step="Check how the missing layers are attached to the model (a plain list can hide them), and save again.",
    evidence="certain: the class of the layers owns variables, or the optimizer keeps state of them, and the file "
    "holds none",
)
