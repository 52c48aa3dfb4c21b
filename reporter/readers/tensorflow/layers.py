"""Which layer owns a variable of the model, and what the two are called.

The file knows two things about a variable: its path of attributes in the object graph (``model/head/_kernel``), and its
name in the program (``sub/dense_4/kernel``), from name scopes. Names are what people know and what other formats store,
so they are used wherever they tell variables apart. Where scopes were lost, as Keras 3.15 was seen to lose those of
the layers of subclassed models, the optimizer's slot names, or else the attribute path, must serve.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from reporter.frozen import dataclass
from reporter.readers.tensorflow.alignment import Aligned, Known, align, composite
from reporter.readers.tensorflow.graph import Graph, Paths
from reporter.readers.tensorflow.homonyms import Owner, names_apart, numbered


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable belongs; ``model`` is the node of the outermost model that holds it."""

    layer: str
    name: str
    model: int = field(default=0, repr=False)


@dataclass(slots=True)
class _Layer:
    """Variables with one owner.

    Attributes:
        parts: its name, each part with the index in ``objects`` of what it belongs to.
        scoped: how many of the variables' scopes that name is made of; 0 where it comes from elsewhere.
        nameless: nothing but the attributes that hold it can name it.
    """

    variables: list[Aligned] = field(default_factory=list)
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
    layers: dict[int, _Layer] = defaultdict(_Layer)
    for variable in align(graph, paths, nodes, known, root_is_model):
        layers[variable.owner].variables.append(variable)
    for layer in layers.values():
        _name_layer(layer, flat, known)
    names = names_apart([_owner(layer) for layer in layers.values()])
    return {
        node: Place(name, "/".join(filter(None, (name, rest))), layer.model)
        for layer, name in zip(layers.values(), names, strict=True)
        for node, rest in _rests(layer, name, known).items()
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
    return Place("/".join(composite(scopes[:-1])), "/".join(scopes))


def numbered_places(places: Iterable[Place], taken: Iterable[Place]) -> list[Place]:
    """See :func:`reporter.readers.tensorflow.homonyms.numbered`."""
    named = numbered([(p.layer, p.name) for p in places], [(p.layer, p.name) for p in taken])
    return [Place(layer, name) for layer, name in named]


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
    # A wrapper's scope is not in the names of what was made before it was wrapped, but in those of its own variables.
    in_list = first.owner in first.layered
    own = [v for v in layer.variables if in_list and v.inner < len(v.scopes) - v.strip]
    candidates = [_own_scopes(v) for v in own or layer.variables]
    shared = 0
    while all(len(c) > shared and c[shared] == candidates[0][shared] for c in candidates):
        shared += 1
    # Layers in Keras's lists have names of their own; anything else that shares no scope has none. Neither has a
    # wrapper without variables, around a model of layers that were made before: their names differ, and are not its.
    listed = in_list and bool(own or shared)
    name = candidates[0][: max(shared, 1 if listed else 0)]
    layer.scoped, layer.nameless = len(name), not name
    at = first.offset + first.strip
    layer.parts = tuple((min(max(at + i, 0), first.end), scope) for i, scope in enumerate(name))


def _own_scopes(v: Aligned) -> list[str]:
    """The variable's scopes up to its layer, by alignment."""
    scopes = v.scopes[v.strip : -1]
    if v.end <= v.outer or v.owner not in v.layered:
        return composite(scopes)
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


def _rests(layer: _Layer, name: str, known: Mapping[int, Known]) -> dict[int, str]:
    """What the variables of a layer are called in it; those that share a name, by their attributes."""
    rests = {v.node: _known_rest(v, known) or _rest(layer, v, name) for v in layer.variables}
    inner = {v.node: [*v.labels[v.end + 1 : -1], v.scopes[-1]] for v in layer.variables}
    attributes = {v.node: v.labels[v.end + 1 :] for v in layer.variables}
    for better in (inner, attributes):
        taken = Counter(rests.values())
        rests = {
            node: rest if taken[rest] == 1 else "/".join(label.lstrip("_") or label for label in better[node])
            for node, rest in rests.items()
        }
    return rests


def _known_rest(v: Aligned, known: Mapping[int, Known]) -> str:
    """By the stored names of all layers inside the layer; "" unless there are some, and all are stored.

    A variable's scopes lack the layers around it that were made after it, such as a wrapper and the model inside.
    """
    inside = v.objects[v.end + 1 : -1]
    if not inside or any(node not in known for node in (v.owner, *inside)):
        return ""
    names = [known[node].name for node in inside]
    _, found, rest = ("/" + "/".join(v.scopes)).rpartition(f"/{names[-1]}/")
    return "/".join((*names, rest if found else v.scopes[-1]))


def _rest(layer: _Layer, v: Aligned, name: str) -> str:
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
