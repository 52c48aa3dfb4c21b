"""Measure one checkpoint: every tensor, then groups of tensors by layer, by role and as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from reporter.derive.quantiles import from_cells
from reporter.derive.statistics import statistics
from reporter.measuring.pairs import partners
from reporter.measuring.tensors import KEPT_BYTES, SORTED_AT_ONCE, Paired, measure_paired
from reporter.measuring.threads import ALONE, Pool, available
from reporter.model.cells import Cells
from reporter.model.change import Change
from reporter.model.changes import Changes
from reporter.model.defaults import QUANTILES
from reporter.model.measured import GroupMeasure, Layout, Measured, TensorMeasure
from reporter.model.role import ROLES
from reporter.model.summary import merge
from reporter.model.tensor import Contents, TensorSource
from reporter.model.trained import trained

GROUP_BYTES = 8 << 20
"""Small tensors are handed to a thread in groups of about this many bytes."""

OVERHEAD_BYTES = 1 << 17
"""The fixed cost of a tensor, expressed as the bytes of values that could be measured in the same time."""


TRAINED = "trained"
"""Name of the group of all trained tensors."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and with how many threads.

    Attributes:
        variables: what the statistics of layers, roles and the whole cover. ``model``: all variables of the model.
            ``trainable``: the same without those that are known not to be trainable. ``all``: optimizer state and
            counters as well.
        quantiles: probabilities of the quantiles, each in [0, 1].
        threads: number of threads, 0 for one per available processor. The numbers do not depend on it.
    """

    variables: str = "model"
    quantiles: tuple[float, ...] = QUANTILES
    threads: int = 0


def measure_checkpoint(
    contents: Contents, plan: Plan, against: Sequence[Contents] = ()
) -> tuple[Measured, tuple[Changes, ...]]:
    """Measure everything in an open checkpoint, and its change since earlier ones; every file is read once.

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
    return assembled(contents, tensors, plan, time.perf_counter() - started), tuple(map(Changes.of, changes))


def _measure_tensors(sources: Sequence[TensorSource], plan: Plan, against: Sequence[Contents]) -> list[Paired]:
    """Measure all tensors, in parallel.

    The pieces of a large tensor are spread over all threads. Of the others, each thread takes a group. Tiny tensors
    form one group for one thread: most of their time is spent in Python, which only one thread at a time can run, while
    the other threads run kernels. Measured on 10,000 tensors of 2,000 values: 3.8 s on one thread, 5.4 s shared by two.
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

        def measure_group(indices: Sequence[int]) -> list[Paired]:
            return [
                measure_paired(sources[i], partners(sources[i], earlier), plan.quantiles, ALONE, kept) for i in indices
            ]

        work = [partial(measure_group, group) for group in groups]
        for group, measured in zip(groups, pool.in_order(work, ahead=len(work)), strict=True):
            results.update(zip(group, measured, strict=True))
    return [results[i] for i in range(len(sources))]


def assembled(contents: Contents, tensors: tuple[TensorMeasure, ...], plan: Plan, seconds: float) -> Measured:
    """Group tensors that were measured by layer, by role and as a whole; no weight is read.

    Args:
        contents: layers, notes and integrity of the checkpoint; its tensors are not used.
        tensors: what was measured of each.
        plan: which variables the groups cover, and the probabilities of their quantiles.
        seconds: how long measuring took.
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
    layers = _groups(order, "layer", in_layers, kinds, plan.quantiles)
    whole = group(plan.variables, "", selected, plan.quantiles, cells)
    parts = tuple(_trained_parts(layers, in_layers, plan.quantiles))
    return Measured(
        layout=Layout.of(tuple(t.info for t in tensors), layers, parts),
        tensors=tensors,
        layers=layers,
        roles=roles,
        whole=whole,
        trained=_trained(whole, selected, roles, plan.quantiles),
        trained_parts=parts,
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


def _trained(
    whole: GroupMeasure,
    selected: Sequence[TensorMeasure],
    roles: Sequence[GroupMeasure],
    probabilities: Iterable[float],
) -> GroupMeasure:
    """What is trained of all selected tensors; where that is all of them, nothing is computed again."""
    names = {info.name for info in trained([t.info for t in selected])}
    if len(names) == len(selected):
        return replace(whole, name=TRAINED)
    adjusted = [role for role in roles if names.issuperset(role.tensors)]
    complete = sum(len(role.tensors) for role in adjusted) == len(names)
    cells = Cells.merged(role.summary.cells for role in adjusted) if complete else None
    return group(TRAINED, "", [t for t in selected if t.info.name in names], probabilities, cells)


def _trained_parts(
    layers: Sequence[GroupMeasure], tensors: Sequence[TensorMeasure], probabilities: Iterable[float]
) -> Iterator[GroupMeasure]:
    """The trained tensors of each layer that has others as well."""
    by_name = {t.info.name: t for t in tensors}
    for layer in layers:
        names = [info.name for info in trained([by_name[name].info for name in layer.tensors])]
        if len(names) < len(layer.tensors):
            yield group(layer.name, layer.kind, [by_name[name] for name in names], probabilities)


def is_selected(tensor: TensorMeasure, variables: str) -> bool:
    """Whether statistics over ``variables`` (see :attr:`Plan.variables`) cover a tensor."""
    if variables == "all":
        return True
    if tensor.info.collection != "model":
        return False
    return variables == "model" or tensor.info.trainable is not False


def group(
    name: str, kind: str, members: Sequence[TensorMeasure], probabilities: Iterable[float], cells: Cells | None = None
) -> GroupMeasure:
    """Merge tensors into a group that is described like one large tensor.

    The quantiles of a group of one tensor are exact; those of several are estimated from the merged cells.

    Args:
        name: of the layer, role or selection.
        kind: the layer's class, "" for other groups.
        members: the tensors.
        probabilities: of the quantiles.
        cells: the merged cells of all members, if the caller has them already.
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
    """One group for each name that owns a tensor, in the order of ``names``.

    Args:
        names: of all layers or roles.
        by: the attribute of a tensor that holds its group's name, ``layer`` or ``role``.
        members: the tensors.
        kinds: the class of each layer, by name.
        probabilities: of the quantiles.
    """
    owned: dict[str, list[TensorMeasure]] = {name: [] for name in names}
    for tensor in members:
        owned[getattr(tensor.info, by)].append(tensor)
    return tuple(group(str(name), kinds.get(name, ""), of, probabilities) for name, of in owned.items() if of)


def _rounded(tensor: TensorMeasure) -> str:
    """A note for a tensor of integers too large for float64, in which everything is computed; "" for other tensors."""
    low, high = tensor.summary.minimum, tensor.summary.maximum
    if tensor.info.dtype not in ("int64", "uint64") or low is None or high is None or max(-low, high) < 2.0**53:
        return ""
    return f"{tensor.info.name} holds integers beyond 2^53, whose statistics are those of the nearest float64"
