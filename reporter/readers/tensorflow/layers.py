"""Which layer owns a variable of the model, and what the two are called.

The file knows two things about a variable: its path of attributes in the object graph (``model/head/_kernel``), and its
name in the program (``sub/dense_4/kernel``), from name scopes. Names are what people know and what other formats store,
so they are used wherever they tell variables apart. Both end at the variable: aligned from there, every scope belongs
to an object. That tells which leading scope is the outermost model's own name, where a layer ends and its parts begin,
and whether scopes were lost, as Keras 3 does for the layers of subclassed models [X]. Then the optimizer's slot names,
or else the attribute path, must serve.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reporter.readers.tensorflow.graph import Graph, Paths, chain
from reporter.readers.tensorflow.homonyms import Owner, names_apart, numbered

_KERAS2_LAYER = re.compile(r"layer(_with_weights)?-\d+$")
_KERAS3_LAYERS = frozenset({"_functional", "_operations"})
_AVERAGE = frozenset({"_counter", "_hidden", "average"})  # of a Sonnet ExponentialMovingAverage
_DEFAULT_NAME = re.compile(r"Variable(_\d+)?$")  # tf.Variable without name=

# Layers inside a layer that always belong to it: cells of RNNs, both directions of Bidirectional, the projections of
# attention. Names as Keras gives them.
_INNER = re.compile(r"\w*_cell(_\d+)?$|(forward|backward)_\w+$|(query|key|value|attention_output)$|stacked_rnn_cells")


@dataclass(frozen=True, slots=True)
class Known:
    """What a SavedModel's metadata says of an object: a layer's or model's name and class."""

    name: str
    kind: str
    is_model: bool = False
    is_metric: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable belongs; ``model`` is the node of the outermost model that holds it."""

    layer: str
    name: str
    model: int = field(default=0, repr=False)


@dataclass(slots=True)
class _Variable:
    """A variable on its way to a place: aligned, ``scopes[j]`` belongs to ``objects[j + offset]``."""

    node: int
    objects: list[int]
    labels: list[str]
    scopes: list[str]
    layered: set[int]
    outer: int = 0  # index in objects of the outermost model
    bare: bool = False  # the outermost model holds it itself, beside its layers
    strip: int = 0  # leading scopes that are its name
    end: int = 0  # index in objects of the layer that owns the variable

    @property
    def offset(self) -> int:
        return len(self.objects) - len(self.scopes)

    @property
    def owner(self) -> int:
        return self.objects[self.end]

    @property
    def inner(self) -> int:
        """Objects from the layer (without it) to the variable."""
        return len(self.objects) - 1 - self.end


@dataclass(slots=True)
class _Layer:
    """Variables with one owner.

    Attributes:
        parts: its name, each part with the index in ``objects`` of what it belongs to.
        scoped: how many of the variables' scopes that name is made of; 0 where it comes from elsewhere.
        nameless: nothing but the attributes that hold it can name it.
    """

    variables: list[_Variable] = field(default_factory=list)
    parts: tuple[tuple[int, str], ...] = ()
    scoped: int = 0
    nameless: bool = False

    @property
    def model(self) -> int:
        return self.variables[0].objects[self.variables[0].outer]


def place_variables(
    graph: Graph,
    paths: Paths,
    nodes: Sequence[int],
    flat: Mapping[int, str],
    known: Mapping[int, Known],
    root_is_model: bool = False,
) -> dict[int, Place]:
    """Find the layer of every variable.

    Args:
        graph: all objects.
        paths: a walk along attributes, from the root.
        nodes: variables of the model that the walk reached.
        flat: for some of them, the full path with ``_`` for ``/``.
        known: objects whose names are stored.
        root_is_model: whether the root is what was saved, as in a SavedModel, not a list of it.
    """
    whole = root_is_model or any(child.name == "root" and child.node == 0 for child in graph[0].children)
    variables = [_variable(graph, paths, node, known, whole) for node in nodes]
    models = _models(graph, variables, known)
    _find_outermost(variables, whole or 0 in models)
    for variable in variables:
        _find_layer(variable, models, known)
    layers: dict[int, _Layer] = defaultdict(_Layer)
    for variable in variables:
        layers[variable.owner].variables.append(variable)
    for layer in layers.values():
        _name_layer(layer, flat, known)
    names = names_apart([_owner(layer) for layer in layers.values()])
    return {
        node: Place(name, "/".join(filter(None, (name, rest))), layer.model)
        for layer, name in zip(layers.values(), names, strict=True)
        for node, rest in _rests(layer, name).items()
    }


def place_by_name(full_name: str, flat: str = "", strip: str = "") -> Place:
    """The place of a variable of which only the name is known; ``flat`` is its path with ``_`` for ``/``.

    >>> place_by_name("encoder/lstm/lstm_cell/kernel")
    Place(layer='encoder/lstm', name='encoder/lstm/lstm_cell/kernel')
    >>> place_by_name("sub/kernel", "sub_block_dense_2_kernel").layer
    'block_dense_2'
    """
    scopes = full_name.split("/")
    if strip and scopes[0] == strip and len(scopes) > 2:
        scopes = scopes[1:]
    middle = _middle(scopes, flat)
    if middle:
        return Place(middle, f"{middle}/{scopes[-1]}")
    return Place("/".join(_composite(scopes[:-1])), "/".join(scopes))


def numbered_places(places: Iterable[Place], taken: Iterable[Place]) -> list[Place]:
    """See :func:`reporter.readers.tensorflow.homonyms.numbered`."""
    named = numbered([(p.layer, p.name) for p in places], [(p.layer, p.name) for p in taken])
    return [Place(layer, name) for layer, name in named]


def _variable(graph: Graph, paths: Paths, node: int, known: Mapping[int, Known], whole: bool) -> _Variable:
    objects, labels, layered = [0], [""], set()
    pending: list[str] = []
    in_model = False
    for at, name in chain(paths, node):
        if name in _KERAS3_LAYERS and not graph[at].key:
            in_model = True
        elif graph[at].is_list and not graph[at].key and at not in known:
            pending.append(name)
        else:
            if in_model or _KERAS2_LAYER.match(name):
                layered.add(at)
            objects.append(at)
            labels.append("/".join([*pending, name]))
            pending, in_model = [], False
    scopes = re.sub(r":\d+$", "", graph[node].full_name).split("/")
    if _DEFAULT_NAME.match(scopes[-1]) or not scopes[-1]:
        scopes[-1] = labels[-1]
    if graph[objects[-2]].names >= _AVERAGE and len(objects) > (2 if whole else 3):
        # Sonnet's moving averages are modules, and all of one name: parts of the layer that holds them.
        label = labels.pop(-2)
        objects.pop(-2)
        scopes[-2:] = [f"{label}/{scopes[-1]}"]
    return _Variable(node, objects, labels, scopes, layered)


def _models(graph: Graph, variables: list[_Variable], known: Mapping[int, Known]) -> set[int]:
    """Those of the objects that have layers of their own."""
    return {
        node
        for node in {node for v in variables for node in v.objects[:-1]} | {0}
        if (
            known[node].is_model
            if node in known
            else graph[node].names & _KERAS3_LAYERS or any(_KERAS2_LAYER.match(n) for n in graph[node].names)
        )
    }


def _find_outermost(variables: list[_Variable], root_is_model: bool) -> None:
    """The root is the outermost model, or a ``tf.train.Checkpoint`` that holds one or several models."""
    deeper = any(len(v.objects) > 2 for v in variables)
    root_is_model = (
        root_is_model
        # A scope belongs to it, and Checkpoint opens none; unless a variable just has a slash in its name.
        or any(v.offset <= 0 and (len(v.objects) > 2 or not deeper) for v in variables)
    )
    groups: dict[int, list[_Variable]] = defaultdict(list)
    for variable in variables:
        variable.outer = 0 if root_is_model or len(variable.objects) == 2 else 1
        groups[variable.objects[variable.outer]].append(variable)
    for group in groups.values():
        # Scopes up to the outermost model are its name. If it has only variables of its own, it is a layer itself.
        deeper = any(v.outer < len(v.objects) - 2 for v in group)
        for v in group:
            if deeper and v.outer >= len(v.objects) - 2:
                v.bare, v.strip = True, min(max(0, v.outer + 1 - v.offset), len(v.scopes) - 1)
        names = {
            tuple(v.scopes[: v.outer + 1 - v.offset])
            for v in group
            if 0 < v.outer + 1 - v.offset < len(v.scopes) - 1 and v.outer < len(v.objects) - 2
        }
        if len(names) != 1:
            continue
        (name,) = names
        for v in group:
            if v.outer < len(v.objects) - 2 and tuple(v.scopes[: len(name)]) == name and len(v.scopes) > len(name) + 1:
                v.strip = len(name)


def _find_layer(v: _Variable, models: set[int], known: Mapping[int, Known]) -> None:
    """From the outermost model inwards through models to the first object that is a layer."""
    last = len(v.objects) - 2
    v.end = min(v.outer, last)
    if v.bare:
        return
    for at in range(v.outer + 1, last + 1):
        node = v.objects[at]
        v.end = at
        if node in models:
            continue
        if node in v.layered or node in known:
            return
        # Neither Keras's lists of layers nor metadata tell: the object to which the last scope belongs.
        scopes = _composite(v.scopes[v.strip : -1])
        v.end = min(max(v.offset + v.strip + len(scopes) - 1, at), last)
        return


def _name_layer(layer: _Layer, flat: Mapping[int, str], known: Mapping[int, Known]) -> None:
    first = layer.variables[0]
    if first.owner in known and first.end > first.outer:
        inside = range(first.outer + 1, first.end + 1)
        layer.parts = tuple((at, known[first.objects[at]].name) for at in inside if first.objects[at] in known)
        return
    for v in layer.variables:
        middle = _middle(v.scopes, flat.get(v.node, ""))
        if middle:
            layer.parts = ((v.end, middle),)
            return
    if all(v.bare for v in layer.variables):
        return  # no layer at all
    candidates = [_own_scopes(v) for v in layer.variables]
    shared = 0
    while all(len(c) > shared and c[shared] == candidates[0][shared] for c in candidates):
        shared += 1
    # Layers in Keras's lists have names of their own; anything else that shares no scope has none.
    name = candidates[0][: max(shared, 1 if first.owner in first.layered else 0)]
    layer.scoped, layer.nameless = len(name), not name
    at = first.offset + first.strip
    layer.parts = tuple((min(max(at + i, 0), first.end), scope) for i, scope in enumerate(name))


def _own_scopes(v: _Variable) -> list[str]:
    """The variable's scopes up to its layer, by alignment."""
    scopes = v.scopes[v.strip : -1]
    if v.end <= v.outer or v.owner not in v.layered:
        return _composite(scopes)
    return scopes[: max(1, len(scopes) + 1 - v.inner)]


def _owner(layer: _Layer) -> Owner:
    v = layer.variables[0]
    return Owner(
        objects=tuple(v.objects[: v.end + 1]),
        labels=tuple(v.labels[: v.end + 1]),
        parts=layer.parts,
        outer=v.outer,
        variables=frozenset(_rest(layer, v, "") for v in layer.variables),
        nameless=layer.nameless,
    )


def _rests(layer: _Layer, name: str) -> dict[int, str]:
    """What the variables of a layer are called in it; those that share a name, by their attributes."""
    rests = {v.node: _rest(layer, v, name) for v in layer.variables}
    inner = {v.node: [*v.labels[v.end + 1 : -1], v.scopes[-1]] for v in layer.variables}
    attributes = {v.node: v.labels[v.end + 1 :] for v in layer.variables}
    for better in (inner, attributes):
        taken = Counter(rests.values())
        rests = {
            node: rest if taken[rest] == 1 else "/".join(label.lstrip("_") or label for label in better[node])
            for node, rest in rests.items()
        }
    return rests


def _rest(layer: _Layer, v: _Variable, name: str) -> str:
    scopes = v.scopes[v.strip :]
    if layer.scoped and len(scopes) > layer.scoped and scopes[: layer.scoped] == [part for _, part in layer.parts]:
        return "/".join(scopes[layer.scoped :])
    rest = scopes[-min(max(v.inner, 1), len(scopes)) :]
    while len(rest) > 1 and rest[0] in (name, name.rpartition("/")[2]):
        rest = rest[1:]
    return "/".join(rest)


def _middle(scopes: Sequence[str], flat: str) -> str:
    """What a slot's name knows and the scopes have lost: of ``sub/kernel`` and ``sub_dense_4_kernel``, ``dense_4``."""
    head = "_".join(scopes[:-1])
    head = head and head + "_"
    tail = "_" + scopes[-1]
    if flat == head + scopes[-1] or not (flat.startswith(head) and flat.endswith(tail)):
        return ""
    return flat[len(head) : -len(tail)]


def _composite(scopes: list[str]) -> list[str]:
    """Cut a path of layers where the parts of one layer begin; the first is never a part."""
    for at in range(1, len(scopes)):
        if _INNER.match(scopes[at]):
            return scopes[:at]
    return scopes
