"""Measure one checkpoint: every tensor, then groups of tensors by layer, by role and as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from reporter.derive.columns import columns
from reporter.derive.quantiles import from_cells
from reporter.frozen import dataclass
from reporter.measuring.batch import is_small, measure_batch
from reporter.measuring.pairs import partners
from reporter.measuring.tensors import KEPT_BYTES, SORTED_AT_ONCE, Paired, measure_paired, side_by_side
from reporter.measuring.threads import ALONE, Pool, available
from reporter.model.cells import Cells
from reporter.model.change import Change
from reporter.model.changes import Changes
from reporter.model.columns import Columns
from reporter.model.defaults import QUANTILES
from reporter.model.layout import GroupInfo, Layout
from reporter.model.measured import Measured, Measures, TensorMeasure
from reporter.model.role import ROLES, Role
from reporter.model.rows import Rows, TensorRows
from reporter.model.summary import Summary, merge
from reporter.model.tensor import Contents, LayerInfo, TensorInfo, TensorSource
from reporter.model.trained import trained

GROUP_BYTES = 8 << 20
"""Small tensors are handed to a thread in groups of about this many bytes."""

ALONE_BYTES = 4 << 20
"""Checkpoints up to this size are measured without threads, in 2 ms: what runs threads takes longer to load."""

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
        comparable: whether tensors get output units and sketches, by which they are judged and compared; they are
            a third of the memory that small tensors take.
    """

    variables: str = "model"
    quantiles: tuple[float, ...] = QUANTILES
    threads: int = 0
    comparable: bool = True


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
    infos = tuple(source.info for source in contents.tensors)
    changes: tuple[dict[str, Change], ...] = tuple({} for _ in against)
    for info, (_, paired) in zip(infos, results, strict=True):
        for found, change in zip(changes, paired, strict=True):
            if change is not None:
                found[info.name] = change
    rows = side_by_side([numbers for numbers, _ in results], plan.quantiles)
    return assembled(contents, infos, rows, plan, time.perf_counter() - started), tuple(map(Changes.of, changes))


def _measure_tensors(sources: Sequence[TensorSource], plan: Plan, against: Sequence[Contents]) -> list[Paired]:
    """Measure all tensors, in parallel.

    The pieces of a large tensor are spread over all threads. Of the others, each thread takes a group. Small tensors
    of float32 and of fewer bits are measured in batches, and those of other dtypes form one group for one thread: most
    of their time is spent in Python, which only one thread at a time can run, while the other threads run kernels.
    """
    earlier = [{source.info.name: source for source in contents.tensors} for contents in against]

    def one(i: int, pool: Pool, kept: int = KEPT_BYTES) -> Paired:
        beside = partners(sources[i], earlier)
        return measure_paired(sources[i], beside, plan.quantiles, pool, kept, comparable=plan.comparable)

    # A thread takes longer to start than a few small tensors to measure.
    alone = sum(source.info.nbytes for source in sources) <= ALONE_BYTES
    with Pool(1 if alone else plan.threads or available()) as pool:
        kept = KEPT_BYTES // pool.threads
        results: dict[int, Paired] = {}
        tiny: list[int] = []
        small = [i for i, source in enumerate(sources) if is_small(source.info)]
        groups: list[list[int]] = [tiny, []]
        held = 0
        for i, source in enumerate(sources):
            if is_small(source.info):
                continue
            if pool.threads == 1 or source.info.nbytes > kept:
                results[i] = one(i, pool)
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
            return [one(i, ALONE, kept) for i in indices]

        def measure_small() -> list[Paired]:
            chosen = [sources[i] for i in small]
            beside = [partners(source, earlier) for source in chosen]
            return list(measure_batch(chosen, beside, plan.quantiles, comparable=plan.comparable))

        work: list[Callable[[], list[Paired]]] = [measure_small, *(partial(measure_group, group) for group in groups)]
        for group, measured in zip([small, *groups], pool.in_order(work, ahead=len(work)), strict=True):
            results.update(zip(group, measured, strict=True))
    return [results[i] for i in range(len(sources))]


def assembled(
    contents: Contents, infos: tuple[TensorInfo, ...], rows: TensorRows, plan: Plan, seconds: float
) -> Measured:
    """Group tensors that were measured by layer, by role and as a whole; no weight is read.

    Args:
        contents: layers, notes and integrity of the checkpoint; its tensors are not used.
        infos: what each tensor is.
        rows: what was measured of each.
        plan: which variables the groups cover, and the probabilities of their quantiles.
        seconds: how long measuring took.
    """
    selected = [i for i, info in enumerate(infos) if is_selected(info, plan.variables)]
    unknown = sum(infos[i].trainable is None for i in selected)
    notes = [*contents.notes, *_rounded(infos, rows.columns)]
    if plan.variables == "trainable" and unknown:
        notes.append(
            f"{contents.format} does not say which of {unknown} variables are trainable; they are counted as trainable"
        )
    layout = _grouped(contents.layers, infos, selected, plan.variables)
    return Measured(
        layout=layout,
        of_tensors=rows,
        of_groups=_merged(layout, rows, plan.quantiles),
        model_layers=contents.layers,
        layers_ordered=contents.layers_ordered,
        skipped=contents.skipped,
        integrity=contents.integrity,
        framework=contents.framework,
        notes=tuple(notes),
        seconds=seconds,
        missing_layers=contents.missing_layers,
        missing_weights=contents.missing_weights,
        model=contents.model,
    )


def is_selected(info: TensorInfo, variables: str) -> bool:
    """Whether statistics over ``variables`` (see :attr:`Plan.variables`) cover a tensor."""
    if variables == "all":
        return True
    if info.collection != "model":
        return False
    return variables == "model" or info.trainable is not False


def _grouped(
    layers: Iterable[LayerInfo], infos: tuple[TensorInfo, ...], selected: Sequence[int], variables: str
) -> Layout:
    """The groups of a checkpoint.

    Args:
        layers: of the model, in its order.
        infos: what each tensor is.
        selected: places of the tensors that the groups cover.
        variables: the name of all of these.
    """
    kinds = {layer.name: layer.kind for layer in layers}
    in_layers = [i for i in selected if infos[i].collection == "model"]
    by_layer: dict[str, list[int]] = {name: [] for name in kinds}
    by_role: dict[Role, list[int]] = {role: [] for role in ROLES}
    for i in in_layers:
        by_layer.setdefault(infos[i].layer, []).append(i)
        by_role[infos[i].role].append(i)
    adjusted = {name: _trained(of, infos) for name, of in by_layer.items()}
    optimizer = [i for i, info in enumerate(infos) if info.collection == "optimizer"]

    def in_layer(name: str, members: Sequence[int]) -> GroupInfo:
        return GroupInfo.of(name, kinds.get(name, ""), members, infos)

    return Layout.of(
        infos,
        layers=tuple(in_layer(name, of) for name, of in by_layer.items() if of),
        parts=tuple(in_layer(name, of) for name, of in adjusted.items() if len(of) < len(by_layer[name])),
        roles=tuple(GroupInfo.of(str(role), "", of, infos) for role, of in by_role.items() if of),
        whole=GroupInfo.of(variables, "", selected, infos),
        trained=GroupInfo.of(TRAINED, "", _trained(selected, infos), infos),
        optimizer=GroupInfo.of("optimizer", "", optimizer, infos) if optimizer else None,
    )


def _trained(members: Sequence[int], infos: tuple[TensorInfo, ...]) -> list[int]:
    """The places of what is trained of some tensors."""
    names = {info.name for info in trained([infos[i] for i in members])}
    return [i for i in members if infos[i].name in names]


def _merged(layout: Layout, rows: TensorRows, probabilities: Sequence[float]) -> Rows:
    """Merge tensors into groups, each of which is described like one large tensor.

    The quantiles of a group of one tensor are exact; those of several are estimated from the merged cells.

    Args:
        layout: what the groups are.
        rows: what was measured of each tensor.
        probabilities: of the quantiles.
    """
    known = [measure.summary for measure in Measures(TensorMeasure, layout.infos, rows)]
    summaries: list[Summary] = []
    merged: list[Summary] = []
    places: list[int] = []  # of the numbers of each group, among those of all tensors and then of all merged
    same: dict[tuple[int, ...], int] = {}  # among the groups, the first of these members
    for group in layout.groups:
        if len(group.members) == 1:
            summaries.append(known[group.members[0]])
            places.append(group.members[0])
            continue
        first = same.setdefault(group.members, len(summaries))
        if first < len(summaries):
            summaries.append(summaries[first])
            places.append(places[first])
            continue
        cells = None
        if group is layout.whole or group is layout.trained:
            cells = _of_roles(layout, summaries, group)
        merged.append(merge((known[i] for i in group.members), cells))
        summaries.append(merged[-1])
        places.append(len(known) + len(merged) - 1)
    quantiles = [from_cells(summary, probabilities) for summary in merged]
    derived = columns(merged, quantiles, sorted(set(probabilities)))
    read = [summary.read_cells for summary in summaries]
    together = Columns.together([rows.columns, derived], places)
    return Rows(lambda: together, lambda row: read[row]())


def _of_roles(layout: Layout, summaries: Sequence[Summary], group: GroupInfo) -> Cells | None:
    """The cells of a group from those of roles; None where it is no union of roles.

    Every tensor of the whole is in a role, unless optimizer and counters are selected too.
    """
    members = set(group.members)
    within = [(at, role) for at, role in enumerate(layout.roles, layout.first_role) if members.issuperset(role.members)]
    complete = sum(len(role.members) for _, role in within) == len(members)
    return Cells.merged(summaries[at].cells for at, _ in within) if complete else None


def _rounded(infos: Sequence[TensorInfo], numbers: Columns) -> Iterator[str]:
    """A note for each tensor of integers too large for float64, in which everything is computed."""
    low, high = numbers.numbers("min"), numbers.numbers("max")
    for info, largest in zip(infos, np.maximum(-low, high).tolist(), strict=True):
        if info.dtype in ("int64", "uint64") and largest >= 2.0**53:
            yield f"{info.name} holds integers beyond 2^53, whose statistics are those of the nearest float64"
