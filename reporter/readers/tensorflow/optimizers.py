"""Optimizers in an object graph: which nodes they are, what they train, and what each of their variables is for.

Three generations occur in what TensorFlow 2.2 to 2.21, Keras 3.15 and tf_keras 2.21 write:

- ``tf.train`` and Keras 2 (``optimizers.legacy``): ``slot_variables`` on the optimizer's node;
- Keras 2.11 and later: lists such as ``_momentums``, whose variables are called ``Adam/m/<target>``;
- Keras 3: the same lists, aligned with the list ``_trainable_variables``, which holds **the model's own weights**,
  and variables called ``adam/<target with _ for />_momentum``. Where the program's name scopes were lost (subclassed
  models), these are the only place in the file where the names of the layers survive.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reporter.model.role import slot_role
from reporter.readers.files.wire import WireError
from reporter.readers.tensorflow.graph import Child, Graph, Node, chain, walk
from reporter.readers.tensorflow.slots import Shape, Slot, Target, match_slots

MAX_OPTIMIZERS = 256
"""Each is looked through on its own: a bound on the time that a hostile graph can take."""

_NAMED = re.compile(r"((^|_)optimizer|(^|_)optim|_opt)\d*$")
_WRAPPED = frozenset({"inner_optimizer", "base_optimizer"})
_TRAINED = "_trainable_variables"
_NOT_SLOTS = frozenset({"_variables", _TRAINED, "_trainable_variables_indices"})
_STEPS = frozenset({"_iterations", "iterations", "iter", "step"})


@dataclass(slots=True)
class Optimizers:
    """All optimizers of a graph.

    Attributes:
        roots: node of each, and the name under which it is shown.
        owner: variables that belong to an optimizer, and the node of that optimizer.
        trained: variables that are trained.
        listed: those of them that Keras 3 lists, in the order of the model.
        slots: optimizer variables whose target is known.
        flat: for trained variables, the path that Keras 3's slot names spell, with ``_`` for every ``/``.
        steps: variables that count the applied updates.
    """

    roots: dict[int, str] = field(default_factory=dict)
    owner: dict[int, int] = field(default_factory=dict)
    trained: dict[int, None] = field(default_factory=dict)
    listed: dict[int, None] = field(default_factory=dict)
    slots: dict[int, Slot] = field(default_factory=dict)
    flat: dict[int, str] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)


def find_optimizers(graph: Graph) -> Optimizers:
    """Find every optimizer and sort its variables.

    Raises:
        WireError: more optimizers than any program has.
    """
    found = Optimizers()
    paths: dict[int, list[str]] = {}

    def enters(parent: int, child: Child) -> bool:
        if not _is_optimizer(graph, child):
            return True
        here = [*(name for _, name in chain(reached, parent)), child.name]
        if child.node not in paths or len(here) < len(paths[child.node]):
            paths[child.node] = here
        return False

    reached = walk(graph, lambda parent, child: True)  # paths of all nodes, for the names
    walk(graph, enters)
    if len(paths) > MAX_OPTIMIZERS:
        raise WireError(f"the object graph has more than {MAX_OPTIMIZERS} optimizers")
    for node in paths:
        _collect(graph, node, found)
    for node in found.trained:
        found.owner.pop(node, None)
    owners = set(found.owner.values())
    with_state = [node for node in paths if node in owners]
    names = _names([paths[node] for node in with_state])
    found.roots = dict.fromkeys(paths, "optimizer") | dict(zip(with_state, names, strict=True))
    return found


def match_by_name(graph: Graph, found: Optimizers, targets: Sequence[Target], shape: Mapping[int, Shape]) -> None:
    """Give optimizer variables without a slot their target by name, for each optimizer on its own."""
    loose: dict[int, dict[int, tuple[str, Shape]]] = defaultdict(dict)
    for node, root in found.owner.items():
        if node not in found.slots and node in shape:
            loose[root][node] = re.sub(r":\d+$", "", graph[node].full_name), shape[node]
    for variables in loose.values():
        slots, trained = match_slots(variables, targets)
        found.slots |= slots
        found.trained |= dict.fromkeys(trained)
    for slot in found.slots.values():
        if slot.target is not None:
            found.trained.setdefault(slot.target)


def _is_optimizer(graph: Graph, child: Child) -> bool:
    node = graph[child.node]
    names = node.names
    if node.key:
        return False
    return bool(
        node.slots
        or ("_iterations" in names and names & {"_variables", "_learning_rate"})
        or ("iter" in names and names & {"learning_rate", "decay"})
        or (names & _WRAPPED and not _holds_layers(graph, node))
        or names >= {"m", "v", "step"}  # Sonnet's Adam under any name
        or (_NAMED.search(child.name) and _holds_state(graph, node))
    )


def _holds_layers(graph: Graph, node: Node) -> bool:
    """Whether it holds objects with variables beside the optimizer that it wraps, as a class that trains does."""
    return any(
        any(graph[inner.node].key for inner in graph[child.node].children)
        for child in node.children
        if child.name not in _WRAPPED and not graph[child.node].is_list and "loss_scale" not in child.name
    )


def _holds_state(graph: Graph, node: Node) -> bool:
    """Whether it holds what optimizers hold: a step or a hyper-parameter, or lists of slots.

    The name alone tells nothing: models call their layers ``text_opt`` and ``optim``.
    """
    for child in node.children:
        role, item = slot_role(child.name.strip("_")), graph[child.node]
        if item.key and role in ("step", "hyperparameter"):
            return True
        if item.is_list and role != "slot" and all(graph[inner.node].key for inner in item.children):
            return True
    return False


def _collect(graph: Graph, root: int, found: Optimizers) -> None:
    """Sort everything below one optimizer."""
    trained_here: dict[int, None] = {}
    targets: dict[int, list[int]] = {}
    aligned: set[int] = set()  # each list is looked at once, however many edges lead to it
    below = walk(graph, lambda parent, child: True, root)
    for node in below:
        for slot in graph[node].slots:
            found.slots[slot.variable] = Slot(slot.target, slot.name)
            found.owner[slot.variable] = root
            trained_here.setdefault(slot.target)
        if _TRAINED in graph[node].names:
            holder = next(c.node for c in graph[node].children if c.name == _TRAINED)
            if holder not in targets:
                targets[holder] = _variables(graph, holder)
                trained_here.update(dict.fromkeys(targets[holder]))
                found.listed.update(dict.fromkeys(targets[holder]))
            for child in graph[node].children:
                if child.name not in _NOT_SLOTS and child.node not in aligned:
                    aligned.add(child.node)
                    _align(graph, child, targets[holder], found)
    for node, step in below.items():
        if graph[node].key and node not in trained_here:
            found.owner.setdefault(node, root)
            if step.name in _STEPS:
                found.steps.append(node)
    # A step counter that a list reached first is still known by its attribute.
    for node in below:
        for child in graph[node].children:
            if child.name in _STEPS and graph[child.node].key and child.node not in found.steps:
                found.steps.append(child.node)
    found.trained.update(trained_here)


def _align(graph: Graph, child: Child, targets: list[int], found: Optimizers) -> None:
    """Keras 3: the i-th variable of a list belongs to the i-th trained one, unless the list is of another length."""
    variables = _variables(graph, child.node)
    if len(variables) != len(targets):
        return
    for target, variable in zip(targets, variables, strict=True):
        last = "_" + graph[variable].full_name.rsplit("/", 1)[-1]
        mark = "_" + graph[target].full_name.rsplit("/", 1)[-1] + "_"
        at = last.rfind(mark)
        if at < 0:
            found.slots[variable] = Slot(target, _singular(child.name))
            continue
        found.slots[variable] = Slot(target, last[at + len(mark) :] or _singular(child.name))
        found.flat.setdefault(target, last[1 : at + len(mark) - 1])


def _variables(graph: Graph, holder: int) -> list[int]:
    """The variables of a list in its order."""
    if not graph[holder].is_list:
        return []
    items = [c for c in graph[holder].children if graph[c.node].key]
    return [c.node for c in sorted(items, key=lambda c: (len(c.name), c.name))]


def _singular(name: str) -> str:
    """``_velocities`` → ``velocity``; ``_m`` → ``m``."""
    name = name.strip("_")
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and len(name) > 1 else name


def _names(paths: list[list[str]]) -> list[str]:
    """One optimizer is called ``optimizer``; several by their attributes, with the holder's before it where needed."""
    if len(paths) == 1:
        return ["optimizer"]
    result: list[str] = []
    for path in paths:
        for length in range(1, len(path) + 1):
            name = "_".join(path[-length:])
            alone = sum(other[-length:] == path[-length:] for other in paths) == 1
            if alone and not path[-length].isdecimal():
                break
        result.append(name)
    return result
