"""An object graph as meanings of keys: the model's tensors with their layers, optimizer state, counters and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reporter.model.role import model_role, slot_role
from reporter.model.tensor import Collection, LayerInfo
from reporter.readers.meaning import Interpretation, Meaning, arranged, model_trainable
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.census import (
    NOTHING,
    Extra,
    counters_of,
    export_copies,
    is_integer,
    is_seed,
    metrics_of,
    place_of,
    stored_variables,
)
from reporter.readers.tensorflow.dtypes import numeric
from reporter.readers.tensorflow.graph import Child, Graph, Paths, chain, walk
from reporter.readers.tensorflow.layers import Place, numbered_places, place_by_name, place_variables
from reporter.readers.tensorflow.optimizers import Optimizers, find_optimizers, match_by_name
from reporter.readers.tensorflow.slots import Target

# Attributes under which Keras repeats what it also holds by a proper name.
_REPEATS = frozenset(
    {
        "keras_api",
        "variables",
        "trainable_variables",
        "non_trainable_variables",
        "_all_variables",
        "regularization_losses",
        "signatures",
    }
)
_ORPHANS = (
    "{} variables of the model are stored only as a list of the optimizer's: the model holds their layers in a way "
    "that the checkpoint does not follow (Keras 3 subclassed models with layers in Python lists), so state that is "
    "not trained, such as moving averages of these layers, is missing from the file"
)
_MOVING = frozenset({"moving_mean", "moving_variance"})
_COUNT = re.compile(r"step|count|iter")
_ITERATIONS = {"iter": "iterations", "iteration": "iterations"}  # one name for what the generations call differently


def interpret_graph(graph: Graph, entries: Mapping[str, Entry], extra: Extra = NOTHING) -> Interpretation:
    """Find out what every variable of an object graph is for.

    An example: ``tf.train.Checkpoint(model=model, optimizer=Adam())`` of a model with one layer ``dense`` has the nodes

        0 root      children: model → 1, optimizer → 2
        1 model     children: layer_with_weights-0 → 3
        2 Adam      children: iter → 6; slot variables: (of 4, "m") → 7, (of 4, "v") → 8
        3 dense     children: kernel → 4, bias → 5

    ``find_optimizers`` finds 2, to which 6, 7 and 8 belong. The walk along attributes, which does not enter optimizers,
    reaches 4 by (model, layer_with_weights-0, kernel) and 5. The name of 4 in the program is ``dense/kernel``: aligned
    from the end with that path, ``kernel`` is 4 itself and ``dense`` its object 3, so its layer is ``dense``. Node 7
    becomes ``optimizer/dense/kernel/m``, since the slot says that it is of 4; node 6 is ``optimizer/iterations`` and
    gives the step. What nothing explains is listed under ``other`` by its key.

    Args:
        graph: as parsed.
        entries: the tensors that the file holds; variables without one are left out.
        extra: what else is known.
    """
    optimizers = find_optimizers(graph)
    structure = walk(graph, lambda parent, child: _enters(optimizers, child) and child.name not in _REPEATS)
    everything = _everything(graph, optimizers, structure)
    stored = [node for node in stored_variables(graph, entries) if numeric(entries[graph[node].key].dtype)]
    shape = {node: entries[graph[node].key].shape for node in stored}
    for node in stored:
        if node in structure and shape[node]:
            optimizers.owner.pop(node, None)  # a weight that the optimizer merely refers to
    free = [n for n in dict.fromkeys((*structure, *everything)) if n in shape and n not in optimizers.owner]
    counters = counters_of(graph, structure, free, entries)
    others = metrics_of(graph, everything, free, extra) | {n for n in free if is_seed(graph[n].full_name)}
    model = [n for n in free if n not in counters and n not in others]
    copies = export_copies(graph, everything, model, entries)
    model = [n for n in model if n not in copies]
    known = set(free)
    orphans = [n for n in optimizers.trained if n in shape and n not in known]
    full_names = {n: re.sub(r":\d+$", "", graph[n].full_name) for n in (*model, *orphans)}

    reached = [n for n in model if n in structure and n]  # a root that is a variable has no path
    placed = place_variables(graph, structure, reached, optimizers.flat, extra.known, extra.saved)
    nameless = [n for n in (*model, *orphans) if n not in placed]
    strip = _common_scope([full_names[n] for n in nameless]) if not placed else _lost_scope(placed, full_names)
    by_name = [place_by_name(full_names[node], optimizers.flat.get(node, ""), strip) for node in nameless]
    placed |= zip(nameless, numbered_places(by_name, placed.values()), strict=True)
    targets = [
        Target(n, full_names[n], shape[n], placed[n].model, tuple(name for _, name in chain(structure, n)))
        for n in (*model, *orphans)
    ]
    open_to_training = [t for t in targets if extra.trainable.get(t.node) is not False]
    match_by_name(graph, optimizers, open_to_training, shape)
    order = _in_order([*model, *orphans], optimizers)

    meanings = [_model_meaning(graph, n, placed[n], shape[n], optimizers, extra) for n in order]
    layers = _layers(graph, structure, order, placed, extra)
    names = {m.key: m.name for m in arranged(meanings)}
    meanings += _optimizer_meanings(graph, optimizers, shape, entries, placed, names)
    meanings += [_other(graph, everything, n, entries) for n in free if n in counters or n in others]
    meanings += _unexplained(entries, {m.key for m in meanings} | {graph[n].key for n in copies})
    counted = _steps(graph, structure, counters)
    return Interpretation(
        meanings=arranged(meanings, layers),
        layers=layers,
        ordered=True,
        steps=(tuple(graph[n].key for n in optimizers.steps if n in shape), *((graph[n].key,) for n in counted)),
        step_source=("optimizer iterations", *(f"variable {graph[n].key.split('/.ATTRIBUTES')[0]}" for n in counted)),
        notes=_notes(len(orphans), len(copies)),
    )


def _everything(graph: Graph, optimizers: Optimizers, structure: Paths) -> Paths:
    """How to reach what attributes do not: by way of Keras's own lists where need be, the shorter way around first."""
    repeats = _REPEATS - {"keras_api"}
    every = walk(graph, lambda parent, child: _enters(optimizers, child))
    proper = walk(graph, lambda parent, child: _enters(optimizers, child) and child.name not in repeats)
    return (
        structure
        | {n: s for n, s in proper.items() if n not in structure}
        | {n: s for n, s in every.items() if n not in structure and n not in proper}
    )


def _enters(optimizers: Optimizers, child: Child) -> bool:
    return child.node not in optimizers.roots


def _common_scope(full_names: list[str]) -> str:
    """The outermost model's name where the names alone tell it: every variable lies in it, in several scopes."""
    split = [name.split("/") for name in full_names]
    if not split or any(len(parts) < 3 or parts[0] != split[0][0] for parts in split):
        return ""
    return split[0][0] if len({parts[1] for parts in split}) > 1 else ""


def _lost_scope(placed: Mapping[int, Place], full_names: Mapping[int, str]) -> str:
    """The outermost model's name as the other variables of the file show it: the scope that their places lack."""
    scopes = {full_names[n].split("/")[0] for n in placed}
    kept = {place.name.split("/")[0] for place in placed.values()}
    return scopes.pop() if len(scopes) == 1 and not scopes & kept else ""


def _in_order(nodes: list[int], optimizers: Optimizers) -> list[int]:
    """Model order: that of the graph, corrected by Keras 3's list of trained variables where there is one.

    The graph of a subclassed model puts layers in Python lists behind all others, or leaves them out.
    """
    position = {node: i for i, node in enumerate(optimizers.listed)}
    last, place = -1, {}
    for node in nodes:
        last = place[node] = position.get(node, last)
    return sorted(nodes, key=place.__getitem__)


def _model_meaning(
    graph: Graph, node: int, place: Place, shape: tuple[int, ...], optimizers: Optimizers, extra: Extra
) -> Meaning:
    # Sonnet's moving averages are modules: what the mean of a batch is lies in `moving_mean/average`.
    averaged = model_role(place.name.removesuffix("/average"), shape)
    role = averaged if averaged in _MOVING else model_role(place.name, shape)
    told = True if node in optimizers.trained else extra.trainable.get(node)
    return Meaning(graph[node].key, place.name, place.layer, role, model_trainable(role, told), Collection.MODEL)


def _layers(
    graph: Graph, structure: Paths, order: list[int], placed: Mapping[int, Place], extra: Extra
) -> tuple[LayerInfo, ...]:
    """Layers in model order; those without variables too where metadata names them."""
    kinds: dict[str, str] = {}
    ordered: dict[str, None] = {}
    reach = {node: i for i, node in enumerate(structure)}
    marks: list[tuple[int, str, str]] = []
    for i, node in enumerate(order):
        marks.append((reach.get(node, len(reach) + i), placed[node].layer, ""))
    for node, known in extra.known.items():
        path = [(at, name) for at, name in chain(structure, node)] if node in structure else []
        holders = [extra.known[at] for at, _ in path[:-1] if at in extra.known]
        if path and not known.is_model and not known.is_metric and all(h.is_model for h in holders):
            name = "/".join([*(h.name for h in holders), known.name])
            marks.append((reach[node], name, known.kind))
    if extra.known:
        marks.sort(key=lambda mark: mark[0])
    for _, name, kind in marks:
        ordered.setdefault(name)
        kinds[name] = kinds.get(name) or kind
    return tuple(LayerInfo(name, kinds[name]) for name in ordered if name)


def _optimizer_meanings(
    graph: Graph,
    optimizers: Optimizers,
    shape: Mapping[int, tuple[int, ...]],
    entries: Mapping[str, Entry],
    placed: Mapping[int, Place],
    names: Mapping[str, str],
) -> Iterator[Meaning]:
    for node, root in optimizers.owner.items():
        if node not in shape:
            continue
        key, holder = graph[node].key, optimizers.roots[root]
        slot = optimizers.slots.get(node)
        if slot is not None:
            target, layer = slot.of, ""
            if slot.target is not None:
                target = names.get(graph[slot.target].key, graph[slot.target].full_name)
                layer = placed[slot.target].layer if slot.target in placed else ""
            shown = f"{holder}/{target}/{slot.name}"
            yield Meaning(key, shown, layer, slot_role(slot.name), False, Collection.OPTIMIZER)
            continue
        name = graph[node].full_name.rsplit("/", 1)[-1] or key
        name = _ITERATIONS.get(name, name)
        role = "step" if node in optimizers.steps else slot_role(name)
        if shape[node] == () and role not in ("step", "hyperparameter"):
            role = "step" if is_integer(entries[key]) and _COUNT.search(name) else "hyperparameter"
        yield Meaning(key, f"{holder}/{name}", "", role, False, Collection.OPTIMIZER)


def _other(graph: Graph, everything: Paths, node: int, entries: Mapping[str, Entry]) -> Meaning:
    """Named by attributes, as the program's names (``total``, ``Variable``) say little; generators by their names."""
    entry, item = entries[graph[node].key], graph[node]
    if is_seed(item.full_name):
        return Meaning(item.key, item.full_name, "", "other", False, Collection.OTHER)
    name = "/".join(name for _, name in chain(everything, node) if name != "keras_api") or item.full_name
    role = "step" if entry.shape == () and is_integer(entry) else "other"
    return Meaning(item.key, name, "", role, False, Collection.OTHER)


def _steps(graph: Graph, structure: Paths, counters: set[int]) -> list[int]:
    """Counters called ``step`` or ``global_step``. The save counter is none: it counts files."""
    wanted = ("global_step", "step")
    found = [
        (wanted.index(name), node)
        for node in counters
        for name in (structure[node].name, graph[node].full_name.rsplit("/", 1)[-1])
        if name in wanted
    ]
    return list(dict.fromkeys(node for _, node in sorted(found)))


def _unexplained(entries: Mapping[str, Entry], seen: set[str]) -> Iterator[Meaning]:
    """Entries that no object of the graph refers to, such as the state of tables and iterators; none is lost."""
    places = {place_of(entry) for key, entry in entries.items() if key in seen and entry.size}
    for key, entry in entries.items():
        if key not in seen and numeric(entry.dtype) and place_of(entry) not in places:
            yield Meaning(key, key.replace("/.ATTRIBUTES", ""), "", "other", False, Collection.OTHER)


def _notes(orphans: int, copies: int) -> tuple[str, ...]:
    notes = []
    if copies:
        notes.append(f"{copies} variables are stored twice, as Model.export of Keras 3 does, and are counted once")
    if orphans:
        notes.append(_ORPHANS.format(orphans))
    return tuple(notes)
