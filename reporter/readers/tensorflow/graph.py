"""The object graph that TensorFlow 2 stores beside the tensors: its nodes, and walks along their children.

Message: tensorflow/core/protobuf/trackable_object_graph.proto. What the objects *are* is told in
:mod:`reporter.readers.tensorflow.objects`; here they are only numbers with named edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from typing import NamedTuple

from reporter.frozen import dataclass
from reporter.readers.files.wire import WireError, fields

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The entry that holds the graph, a scalar string."""

VALUE_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
"""How the keys of variables end, behind their path of attributes."""

MAX_GRAPH_BYTES = 64 << 20
"""A node takes some 50 bytes; a model of 10,000 layers saved with TensorFlow 2.21 some 10 MiB."""

MAX_NODES = 400_000
"""Far above the 10 or so nodes that each layer of a SavedModel has."""

MAX_EDGES = 1_000_000
"""Edges of all nodes together: a bound on the time that a walk can take."""

MAX_DEPTH = 128
"""Objects nested deeper than this are named by their variables alone; it bounds the length of paths."""

MAX_NAME = 16 << 10
"""As for keys of the table: names are split and joined many times."""

_VALUE = "VARIABLE_VALUE"


class Child(NamedTuple):
    """An edge: the attribute name under which a node holds another one."""

    name: str
    node: int


class SlotRef(NamedTuple):
    """Keras 2 and TensorFlow 1 optimizers: ``variable`` is the slot ``name`` of ``target`` (node numbers)."""

    target: int
    name: str
    variable: int


@dataclass(frozen=True, slots=True)
class Node:
    """One object.

    Attributes:
        key: for a variable, its entry.
        full_name: for a variable, its name in the program.
        names: of the children.
        is_list: a Python list that the program held: all children are numbered.
    """

    children: tuple[Child, ...] = ()
    key: str = ""
    full_name: str = ""
    slots: tuple[SlotRef, ...] = ()
    names: frozenset[str] = field(default=frozenset(), repr=False)
    is_list: bool = False


Graph = tuple[Node, ...]
"""Nodes by number; 0 is the root."""


class Step(NamedTuple):
    """How a walk came to a node."""

    parent: int
    name: str
    depth: int


Paths = dict[int, Step]
"""Every node that a walk reached, in the order in which it did."""


def parse_graph(data: bytes) -> Graph:
    """Read a TrackableObjectGraph.

    Raises:
        WireError: malformed, larger than any real graph, or an edge leads nowhere.
    """
    nodes: list[Node] = []
    edges = 0
    for item in fields(data):
        if item.number != 1:
            continue
        node = _node(item.data)
        nodes.append(node)
        edges += len(node.children) + len(node.slots)
        if len(nodes) > MAX_NODES or edges > MAX_EDGES:
            raise WireError(f"the object graph has more than {MAX_NODES} objects or {MAX_EDGES} edges")
    if not nodes:
        raise WireError("the object graph holds no object, not even its root")
    for node in nodes:
        for child in node.children:
            _check(child.node, nodes)
        for slot in node.slots:
            _check(slot.target, nodes)
            _check(slot.variable, nodes)
    return tuple(nodes)


def walk(graph: Graph, enters: Callable[[int, Child], bool], start: int = 0) -> Paths:
    """Depth-first from ``start`` in the order of the edges, each node once, by the edges that ``enters`` lets pass.

    >>> graph = (Node((Child("b", 2), Child("a", 1))), Node((Child("c", 3),)), Node(), Node())
    >>> [step.name for step in walk(graph, lambda parent, child: True).values()]
    ['', 'b', 'a', 'c']
    """
    paths: Paths = {}
    if not graph:
        return paths
    paths[start] = Step(-1, "", 0)
    stack: list[tuple[int, Iterator[Child]]] = [(start, iter(graph[start].children))]
    while stack:
        parent, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
        elif child.node not in paths and len(stack) <= MAX_DEPTH and enters(parent, child):
            paths[child.node] = Step(parent, child.name, len(stack))
            stack.append((child.node, iter(graph[child.node].children)))
    return paths


def chain(paths: Paths, node: int) -> list[tuple[int, str]]:
    """Nodes and edge names from the start of a walk (without it) to a node that it reached."""
    steps: list[tuple[int, str]] = []
    while node in paths and paths[node].parent >= 0:
        steps.append((node, paths[node].name))
        node = paths[node].parent
    return steps[::-1]


def _node(data: bytes) -> Node:
    children: list[Child] = []
    slots: list[SlotRef] = []
    key = full_name = ""
    for item in fields(data):
        if item.number == 1:
            number, name = _pair(item.data)
            children.append(Child(name, number))
        elif item.number == 2:
            parts = {f.number: f.text for f in fields(item.data) if f.number in (1, 2, 3)}
            if parts.get(1) == _VALUE:
                key, full_name = parts.get(3, ""), parts.get(2, "")
        elif item.number == 3:
            target, variable, name = 0, 0, ""
            for f in fields(item.data):
                if f.number == 1:
                    target = f.signed
                elif f.number == 2:
                    name = f.text
                elif f.number == 3:
                    variable = f.signed
            slots.append(SlotRef(target, name, variable))
    if len(full_name) > MAX_NAME or any(len(child.name) > MAX_NAME for child in children):
        raise WireError(f"the object graph holds a name of more than {MAX_NAME} characters")
    names = frozenset(child.name for child in children)
    is_list = bool(names) and all(name.isdecimal() for name in names)
    return Node(tuple(children), key, full_name, tuple(slots), names, is_list)


def _pair(data: bytes) -> tuple[int, str]:
    number, name = 0, ""
    for f in fields(data):
        if f.number == 1:
            number = f.signed
        elif f.number == 2:
            name = f.text
    return number, name


def _check(number: int, nodes: list[Node]) -> None:
    if not 0 <= number < len(nodes):
        raise WireError(f"the object graph refers to object {number} of {len(nodes)}")
