"""Optimizers in an object graph: which nodes they are, what they train, and what each of their variables is for.

Three generations occur [X: written by TensorFlow 2.2 to 2.21, Keras 3.15, tf_keras 2.21]:

- ``tf.train`` and Keras 2 (``optimizers.legacy``): ``slot_variables`` on the optimizer's node;
- Keras 2.11 and later: lists such as ``_momentums``, whose variables are called ``Adam/m/<target>``;
- Keras 3: the same lists, aligned with the list ``_trainable_variables``, which holds **the model's own weights**,
  and variables called ``adam/<target with _ for />_momentum``. Where the program's name scopes were lost (subclassed
  models), these are the only place in the file where the names of the layers survive.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from reporter.model.role import slot_role
from reporter.readers.tensorflow.graph import Child, Graph, chain, walk
from reporter.readers.tensorflow.wire import WireError

MAX_OPTIMIZERS = 256
"""Each is looked through on its own: a bound on the time that a hostile graph can take."""

_MAX_SCOPES = 64  # likewise for the ways to split one name

_NAMED = re.compile(r"((^|_)optimizer|(^|_)optim|_opt)\d*$")
_TRAINED = "_trainable_variables"
_NOT_SLOTS = frozenset({"_variables", _TRAINED, "_trainable_variables_indices"})
_STEPS = frozenset({"_iterations", "iterations", "iter", "step"})


@dataclass(frozen=True, slots=True)
class Slot:
    """An optimizer's variable for one trained variable; ``target`` is its node, ``name`` such as ``momentum``."""

    target: int
    name: str


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


def match_by_name(graph: Graph, found: Optimizers, full_names: Mapping[int, str]) -> None:
    """Give optimizer variables without a slot their target by name: ``Adam/m/dense/kernel``, ``m/linear/w``.

    Of several targets with one name the n-th slot of a kind goes to the n-th, in the order of ``full_names``.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    flat: dict[str, int] = {}
    for node, name in full_names.items():
        by_name[name].append(node)
        flat.setdefault(name.replace("/", "_"), node)
    used: dict[str, int] = defaultdict(int)
    for node in found.owner:
        if node in found.slots:
            continue
        full_name = graph[node].full_name
        parts = full_name.split("/")
        if slot_role(parts[-1]) in ("hyperparameter", "step"):
            continue
        for cut in range(1, min(len(parts), _MAX_SCOPES)):
            targets = by_name.get("/".join(parts[cut:]))
            if targets:
                at = used[full_name]
                used[full_name] += 1
                found.slots[node] = Slot(targets[min(at, len(targets) - 1)], parts[cut - 1])
                break
        else:
            tokens = parts[-1].split("_")
            for cut in range(len(tokens) - 1, max(0, len(tokens) - _MAX_SCOPES), -1):
                target = flat.get("_".join(tokens[:cut]))
                if target is not None:
                    found.slots[node] = Slot(target, "_".join(tokens[cut:]))
                    break
    for slot in found.slots.values():
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
        or names & {"inner_optimizer", "base_optimizer"}
        or names >= {"m", "v", "step"}  # Sonnet's Adam under any name
        or (_NAMED.search(child.name) and not names & {"_operations", "_functional", "keras_api"})
    )


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
