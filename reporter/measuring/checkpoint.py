"""One checkpoint: every tensor measured, then merged per layer, per role and as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reporter.measuring.quantiles import from_cells
from reporter.measuring.tensors import measure_tensor
from reporter.model.measured import GroupMeasure, Measured, TensorMeasure
from reporter.model.role import ROLES
from reporter.model.summary import merge
from reporter.model.tensor import Contents
from reporter.statistics import statistics

SELECTIONS: tuple[str, ...] = ("trainable", "model", "all")
"""What the statistics of layers, roles and the whole speak of."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        variables: ``model``: all variables of the model; ``trainable``: without those known not to be trainable;
            ``all``: optimizer state and counters as well.
        quantiles: probabilities, each in [0, 1].
    """

    variables: str = "model"
    quantiles: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def measure_checkpoint(contents: Contents, plan: Plan) -> Measured:
    """Measure everything in an open checkpoint.

    Raises:
        reporter.errors.CheckpointError: from reading; nothing of the checkpoint is then presented.
    """
    started = time.perf_counter()
    tensors = tuple(measure_tensor(source, plan.quantiles) for source in contents.tensors)
    return assembled(contents, tensors, plan, time.perf_counter() - started)


def assembled(contents: Contents, tensors: tuple[TensorMeasure, ...], plan: Plan, seconds: float) -> Measured:
    """Measured tensors merged per layer, per role and as a whole; no weight is read.

    Args:
        contents: what else is known of the checkpoint; its own tensors are not looked at.
    """
    selected = [t for t in tensors if is_selected(t, plan.variables)]
    notes = list(contents.notes)
    unknown = sum(t.info.trainable is None for t in selected)
    if plan.variables == "trainable" and unknown:
        notes.append(
            f"{contents.format} does not say which of {unknown} variables are trainable; they are counted as trainable"
        )
    kinds = {layer.name: layer.kind for layer in contents.layers}
    in_layers = [t for t in selected if t.info.collection == "model"]
    order = list(dict.fromkeys([*(layer.name for layer in contents.layers), *(t.info.layer for t in in_layers)]))
    optimizer = [t for t in tensors if t.info.collection == "optimizer"]
    return Measured(
        tensors=tensors,
        layers=_groups(order, "layer", in_layers, kinds, plan.quantiles),
        roles=_groups(ROLES, "role", in_layers, {}, plan.quantiles),
        whole=group(plan.variables, "", selected, plan.quantiles),
        optimizer=group("optimizer", "", optimizer, plan.quantiles) if optimizer else None,
        model_layers=contents.layers,
        layers_ordered=contents.layers_ordered,
        skipped=contents.skipped,
        integrity=contents.integrity,
        framework=contents.framework,
        notes=tuple(notes),
        seconds=seconds,
        missing_layers=contents.missing_layers,
    )


def is_selected(tensor: TensorMeasure, variables: str) -> bool:
    """Whether a tensor belongs to the selection."""
    if variables == "all":
        return True
    if tensor.info.collection != "model":
        return False
    return variables == "model" or tensor.info.trainable is not False


def group(name: str, kind: str, members: Sequence[TensorMeasure], probabilities: Iterable[float]) -> GroupMeasure:
    """Several tensors as one sample; the quantiles of a single one stay exact."""
    summary = merge(t.summary for t in members)
    return GroupMeasure(
        name=name,
        kind=kind,
        tensors=tuple(t.info.name for t in members),
        parameters=sum(t.info.size for t in members),
        trainable=sum(t.info.size for t in members if t.info.trainable),
        nbytes=sum(t.info.nbytes for t in members),
        summary=summary,
        statistics=statistics(summary),
        quantiles=members[0].quantiles if len(members) == 1 else from_cells(summary, probabilities),
    )


def _groups(
    names: Iterable[str],
    by: str,
    members: Sequence[TensorMeasure],
    kinds: dict[str, str],
    probabilities: Iterable[float],
) -> tuple[GroupMeasure, ...]:
    owned: dict[str, list[TensorMeasure]] = {name: [] for name in names}
    for tensor in members:
        owned[getattr(tensor.info, by)].append(tensor)
    return tuple(group(name, kinds.get(name, ""), of, probabilities) for name, of in owned.items() if of)
