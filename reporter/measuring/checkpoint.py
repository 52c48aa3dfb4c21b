"""One checkpoint: every tensor measured, then merged per layer, per role and as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from reporter.derive.quantiles import from_cells
from reporter.derive.statistics import statistics
from reporter.measuring.pairs import partners
from reporter.measuring.tensors import KEPT_BYTES, SORTED_AT_ONCE, Paired, measure_paired
from reporter.measuring.threads import ALONE, Pool, available
from reporter.model.cells import Cells
from reporter.model.change import Change
from reporter.model.defaults import QUANTILES
from reporter.model.measured import GroupMeasure, Measured, TensorMeasure
from reporter.model.role import ROLES
from reporter.model.summary import merge
from reporter.model.tensor import Contents, TensorSource

GROUP_BYTES = 8 << 20
"""Small tensors are handed to a thread in groups of about this size."""

OVERHEAD_BYTES = 1 << 17
"""What a tensor costs besides its values, in bytes that could be measured meanwhile."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        variables: ``model``: all variables of the model; ``trainable``: without those known not to be trainable;
            ``all``: optimizer state and counters as well.
        quantiles: probabilities, each in [0, 1].
        threads: how many work on it, 0 for as many as there are processors; the numbers do not depend on it.
    """

    variables: str = "model"
    quantiles: tuple[float, ...] = QUANTILES
    threads: int = 0


def measure_checkpoint(
    contents: Contents, plan: Plan, against: Sequence[Contents] = ()
) -> tuple[Measured, tuple[Mapping[str, Change], ...]]:
    """Measure everything in an open checkpoint, and what changed since earlier ones; each is read once.

    Args:
        contents: the checkpoint.
        plan: what to measure.
        against: earlier checkpoints, open as well.

    Returns:
        The numbers, and for each of ``against`` the paired change of every tensor that it holds with the same name,
        shape and dtype.

    Raises:
        reporter.errors.CheckpointError: from reading; nothing of the checkpoint is then presented. Its ``path`` says
            which checkpoint could not be read: if it is one of ``against``, this one can be measured without it.
    """
    started = time.perf_counter()
    results = _measure_tensors(contents.tensors, plan, against)
    contents.verify()
    tensors = tuple(measured for measured, _ in results)
    changes: tuple[dict[str, Change], ...] = tuple({} for _ in against)
    for measured, paired in results:
        for found, change in zip(changes, paired, strict=True):
            if change is not None:
                found[measured.info.name] = change
    return assembled(contents, tensors, plan, time.perf_counter() - started), changes


def _measure_tensors(sources: Sequence[TensorSource], plan: Plan, against: Sequence[Contents]) -> list[Paired]:
    """Large tensors piece by piece, on all threads; of the others each thread takes some.

    Of tiny ones most of the time is Python's, which one thread at a time can run: they are one thread's, beside which
    the others count. Measured on 10,000 tensors of 2,000 values: 3.8 s on one thread, 5.4 s where two shared them.
    """
    earlier = [{source.info.name: source for source in contents.tensors} for contents in against]
    with Pool(plan.threads or available()) as pool:
        kept = KEPT_BYTES // pool.threads
        results: dict[int, Paired] = {}
        tiny: list[int] = []
        groups: list[list[int]] = [tiny, []]
        held = 0
        for i, source in enumerate(sources):
            if pool.threads == 1 or source.info.nbytes > kept:
                results[i] = measure_paired(source, partners(source, earlier), plan.quantiles, pool)
                continue
            if source.info.size <= SORTED_AT_ONCE:
                tiny.append(i)
                continue
            held += source.info.nbytes + OVERHEAD_BYTES
            groups[-1].append(i)
            if held > GROUP_BYTES:
                groups.append([])
                held = 0

        def some(indices: Sequence[int]) -> list[Paired]:
            return [
                measure_paired(sources[i], partners(sources[i], earlier), plan.quantiles, ALONE, kept) for i in indices
            ]

        work = [partial(some, group) for group in groups]
        for group, measured in zip(groups, pool.in_order(work, ahead=len(work)), strict=True):
            results.update(zip(group, measured, strict=True))
    return [results[i] for i in range(len(sources))]


def assembled(contents: Contents, tensors: tuple[TensorMeasure, ...], plan: Plan, seconds: float) -> Measured:
    """Measured tensors merged per layer, per role and as a whole; no weight is read.

    Args:
        contents: what else is known of the checkpoint; its own tensors are not looked at.
    """
    selected = [t for t in tensors if is_selected(t, plan.variables)]
    notes = [*contents.notes, *(note for t in tensors if (note := _rounded(t)))]
    unknown = sum(t.info.trainable is None for t in selected)
    if plan.variables == "trainable" and unknown:
        notes.append(
            f"{contents.format} does not say which of {unknown} variables are trainable; they are counted as trainable"
        )
    kinds = {layer.name: layer.kind for layer in contents.layers}
    in_layers = [t for t in selected if t.info.collection == "model"]
    order = list(dict.fromkeys([*(layer.name for layer in contents.layers), *(t.info.layer for t in in_layers)]))
    optimizer = [t for t in tensors if t.info.collection == "optimizer"]
    roles = _groups(ROLES, "role", in_layers, {}, plan.quantiles)
    cells = Cells.merged(role.summary.cells for role in roles) if len(in_layers) == len(selected) else None
    return Measured(
        tensors=tensors,
        layers=_groups(order, "layer", in_layers, kinds, plan.quantiles),
        roles=roles,
        whole=group(plan.variables, "", selected, plan.quantiles, cells),
        optimizer=group("optimizer", "", optimizer, plan.quantiles) if optimizer else None,
        model_layers=contents.layers,
        layers_ordered=contents.layers_ordered,
        skipped=contents.skipped,
        integrity=contents.integrity,
        framework=contents.framework,
        notes=tuple(notes),
        seconds=seconds,
        missing_layers=contents.missing_layers,
        missing_weights=contents.missing_weights,
    )


def is_selected(tensor: TensorMeasure, variables: str) -> bool:
    """Whether a tensor belongs to the selection."""
    if variables == "all":
        return True
    if tensor.info.collection != "model":
        return False
    return variables == "model" or tensor.info.trainable is not False


def group(
    name: str, kind: str, members: Sequence[TensorMeasure], probabilities: Iterable[float], cells: Cells | None = None
) -> GroupMeasure:
    """Several tensors as one sample; the quantiles of a single one stay exact.

    Args:
        cells: of all of them together where that is known.
    """
    alone = members[0] if len(members) == 1 else None
    summary = alone.summary if alone else merge((t.summary for t in members), cells)
    return GroupMeasure(
        name=name,
        kind=kind,
        tensors=tuple(t.info.name for t in members),
        parameters=sum(t.info.size for t in members),
        trainable=sum(t.info.size for t in members if t.info.trainable),
        nbytes=sum(t.info.nbytes for t in members),
        summary=summary,
        statistics=alone.statistics if alone else statistics(summary),
        quantiles=alone.quantiles if alone else from_cells(summary, probabilities),
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


def _rounded(tensor: TensorMeasure) -> str:
    """A note about integers that float64, in which everything is computed, does not hold exactly."""
    low, high = tensor.summary.minimum, tensor.summary.maximum
    if tensor.info.dtype not in ("int64", "uint64") or low is None or high is None or max(-low, high) < 2.0**53:
        return ""
    return f"{tensor.info.name} holds integers beyond 2^53, whose statistics are those of the nearest float64"
