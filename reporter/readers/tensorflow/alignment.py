"""Every variable's scopes, which its name in the program has, aligned with the objects that hold it.

Both end at the variable: counted from there, every scope belongs to an object. That tells which leading scope is the
outermost model's own name, and where a layer ends and its parts begin.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set

from reporter.frozen import dataclass
from reporter.readers.tensorflow.graph import Graph, Paths, chain

_KERAS2_LAYER = re.compile(r"layer(_with_weights)?-\d+$")
_LATE = re.compile(r"sequential(_\d+)?$")  # the name that Keras gives to such a model
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


@dataclass(slots=True)
class Aligned:
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
        """What to add to an index of ``scopes`` for that of its object."""
        return len(self.objects) - len(self.scopes)

    @property
    def owner(self) -> int:
        """The layer's node."""
        return self.objects[self.end]

    @property
    def inner(self) -> int:
        """Objects from the layer (without it) to the variable."""
        return len(self.objects) - 1 - self.end


def align(
    graph: Graph, paths: Paths, nodes: Sequence[int], known: Mapping[int, Known], root_is_model: bool
) -> list[Aligned]:
    """Align the names of variables with the objects on their paths, and find the object that is each one's layer.

    Args:
        graph: all objects.
        paths: a walk along attributes, from the root.
        nodes: variables of the model that the walk reached.
        known: objects whose names are stored.
        root_is_model: whether the root is what was saved, as in a SavedModel, not a list of it.
    """
    whole = root_is_model or any(child.name == "root" and child.node == 0 for child in graph[0].children)
    variables = [_variable(graph, paths, node, known, whole) for node in nodes]
    models = _models(graph, variables, known)
    listing = {node for node in models if any(_KERAS2_LAYER.match(name) for name in graph[node].names)}
    _find_outermost(variables, whole or 0 in models, listing)
    for variable in variables:
        _find_layer(variable, models, known)
    return variables


def _variable(graph: Graph, paths: Paths, node: int, known: Mapping[int, Known], whole: bool) -> Aligned:
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
            label = f"layer_{name}" if in_model and name.isdecimal() else name  # its number among the model's layers
            labels.append("/".join([*pending, label]))
            pending, in_model = [], False
    scopes = re.sub(r":\d+$", "", graph[node].full_name).split("/")
    if _DEFAULT_NAME.match(scopes[-1]) or not scopes[-1]:
        scopes[-1] = labels[-1]
    if graph[objects[-2]].names >= _AVERAGE and len(objects) > (2 if whole else 3):
        # Sonnet's moving averages are modules, and all of one name: parts of the layer that holds them.
        label = labels.pop(-2)
        objects.pop(-2)
        scopes[-2:] = [f"{label}/{scopes[-1]}"]
    return Aligned(node, objects, labels, scopes, layered)


def _models(graph: Graph, variables: list[Aligned], known: Mapping[int, Known]) -> set[int]:
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


def _find_outermost(variables: list[Aligned], root_is_model: bool, listing: Set[int]) -> None:
    """The root is the outermost model, or a ``tf.train.Checkpoint`` that holds one or several models.

    Args:
        variables: all of them.
        root_is_model: whether the root is known to be the model.
        listing: models in which Keras 2 numbers the layers, as it does in those that are no subclass. It makes their
            layers outside of the model's scope, so that a scope that all of them share, as of ``enc/a`` and ``enc/b``,
            is a part of the layers' own names. Sequential models that were built late are an exception of its early
            versions [R: TensorFlow 2.0 to 2.3].
    """
    deeper = any(len(v.objects) > 2 for v in variables)
    root_is_model = (
        root_is_model
        # A scope belongs to it, and Checkpoint opens none; unless a variable or layer just has a slash in its name.
        or any(
            v.offset <= 0 and (len(v.objects) > 2 or not deeper) and listing.isdisjoint(v.objects[1:])
            for v in variables
        )
    )
    groups: dict[int, list[Aligned]] = defaultdict(list)
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
        if group[0].objects[group[0].outer] in listing and not _LATE.match(name[0]):
            continue
        for v in group:
            if v.outer < len(v.objects) - 2 and tuple(v.scopes[: len(name)]) == name and len(v.scopes) > len(name) + 1:
                v.strip = len(name)


def _find_layer(v: Aligned, models: set[int], known: Mapping[int, Known]) -> None:
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
        scopes = composite(v.scopes[v.strip : -1])
        v.end = min(max(v.offset + v.strip + len(scopes) - 1, at), last)
        return


def composite(scopes: list[str]) -> list[str]:
    """Cut a path of layers where the parts of one layer begin; the first is never a part."""
    for at in range(1, len(scopes)):
        if _INNER.match(scopes[at]):
            return scopes[:at]
    return scopes
