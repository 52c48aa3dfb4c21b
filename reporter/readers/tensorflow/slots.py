"""Which variable an optimizer's variable belongs to, where only its name tells: ``Adam/m/dense/kernel``, ``m/w``.

A name that several variables share tells nothing by itself. Shapes and what is known to be frozen may leave one of
them; and an optimizer lists its slots in the order of the variables that it was given, which within one model is that
of the graph (Keras), or of the sorted attributes (tf.Module). What these do not decide stays unknown: models of one
program (a teacher and a student, a network and its target) often share all of their names.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from reporter.frozen import dataclass
from reporter.model.role import slot_role

OPTIMIZER_SCOPE = re.compile(
    r"(adam|adamw|adamax|nadam|sgd|gradientdescent|momentum|rmsprop|adagrad|adagradda|adadelta|ftrl|lion"
    r"|lossscaleoptimizer)(_\d+)?$",
    re.IGNORECASE,
)
"""Names that optimizers give themselves, and so to the scope of their variables."""

Shape = tuple[int, ...]

_MAX_SCOPES = 64  # a bound on the ways to split one name
_UNTOLD = frozenset({"slot", "hyperparameter", "step"})


@dataclass(frozen=True, slots=True)
class Slot:
    """An optimizer's variable for one trained variable.

    Attributes:
        target: node of the trained variable; None if it is not known.
        name: such as ``momentum``.
        of: what the trained variable is called in the program, where it is not known.
    """

    target: int | None
    name: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A variable that may have slots.

    Attributes:
        name: in the program.
        model: node of the outermost model that holds it.
        path: its attributes, from the root.
    """

    node: int
    name: str
    shape: Shape
    model: int
    path: tuple[str, ...] = ()


Key = tuple[str, Shape]
"""Name and shape: variables that share both are told apart by order, if at all."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A slot, and the name and shape of the variable that it is for."""

    node: int
    kind: str
    key: Key


def match_slots(
    variables: Mapping[int, tuple[str, Shape]], targets: Sequence[Target]
) -> tuple[dict[int, Slot], set[int]]:
    """The slots among the variables of one optimizer, and the variables that are certainly trained by it.

    Args:
        variables: name and shape of each, in the order of the optimizer.
        targets: variables of the model that may be trained, in the order of the model.
    """
    named = {target.name for target in targets}
    flat = {target.name.replace("/", "_"): target.name for target in targets}
    groups: dict[Key, list[Target]] = defaultdict(list)
    for target in targets:
        groups[target.name, target.shape].append(target)
    sequences: dict[str, list[_Wish]] = defaultdict(list)
    slots: dict[int, Slot] = {}
    for node, (name, shape) in variables.items():
        if shape == () and slot_role(name.rsplit("/", 1)[-1]) in ("hyperparameter", "step"):
            continue
        for kind, of in _ways(name, named, flat):
            slots[node] = Slot(None, kind, of)
            if (of, shape) in groups:
                sequences[kind].append(_Wish(node, kind, (of, shape)))
            break
    trained: set[int] = set()
    for wishes in sequences.values():
        for wish, target in _decided(wishes, groups, targets):
            slots[wish.node] = Slot(target.node, wish.kind)
            trained.add(target.node)
        # Of as many slots as variables each has one, whichever belongs to which.
        count = Counter(wish.key for wish in wishes)
        trained |= {t.node for key, number in count.items() if number == len(groups[key]) for t in groups[key]}
    return slots, trained


def _ways(name: str, named: Collection[str], flat: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Kind of slot and variable for every way to read a name, the likely ones first."""
    parts = name.split("/")
    for cut in range(1, min(len(parts), _MAX_SCOPES)):
        of = "/".join(parts[cut:])
        if of in named:
            yield parts[cut - 1], of
    tokens = parts[-1].split("_")
    for cut in range(len(tokens) - 1, max(0, len(tokens) - _MAX_SCOPES), -1):
        of = flat.get("_".join(tokens[:cut]), "")
        if of:
            yield "_".join(tokens[cut:]), of
    cut = 2 if OPTIMIZER_SCOPE.match(parts[0]) else 1
    if len(parts) > cut and slot_role(parts[cut - 1]) not in _UNTOLD:  # of a variable that the file does not hold
        yield parts[cut - 1], "/".join(parts[cut:])


def _decided(
    wishes: Sequence[_Wish], groups: Mapping[Key, Sequence[Target]], targets: Sequence[Target]
) -> Iterator[tuple[_Wish, Target]]:
    """Slots of one kind whose target is certain."""
    count = Counter(wish.key for wish in wishes)
    targets = _of_one_model(count, targets)
    nodes = {target.node for target in targets}
    groups = {key: [target for target in groups[key] if target.node in nodes] for key in count}
    for wish in wishes:
        if len(groups[wish.key]) == count[wish.key] == 1:
            yield wish, groups[wish.key][0]
    if len({target.model for key in count for target in groups[key]}) != 1:
        return  # which of several models an optimizer was given first is not known
    ways = [way for order in (targets, sorted(targets, key=_of_module)) for way in _both_ends(wishes, order)]
    for wish, *found in zip(wishes, *ways, strict=True) if ways else ():
        if len(set(found)) == 1:
            yield wish, found[0]


def _of_one_model(count: Counter[Key], targets: Sequence[Target]) -> Sequence[Target]:
    """The variables of the one model in which all of an optimizer's slots of a kind have a place; else all of them.

    Of a generator and a discriminator, some layers have one name and shape; the slots of the others tell whose
    optimizer it is.
    """
    held: dict[int, Counter[Key]] = defaultdict(Counter)
    for target in targets:
        held[target.model][target.name, target.shape] += 1
    fitting = [model for model, keys in held.items() if count <= keys]
    return [target for target in targets if target.model == fitting[0]] if len(fitting) == 1 else targets


def _of_module(target: Target) -> list[tuple[int, int, str]]:
    """The order of ``tf.Module.variables``: attributes sorted by name, a module's own variables first."""
    parts = [(int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in target.path]
    return [(1, *part) for part in parts[:-1]] + [(0, *part) for part in parts[-1:]]


def _both_ends(wishes: Sequence[_Wish], targets: Sequence[Target]) -> list[list[Target]]:
    """The earliest and the latest targets in this order; nothing if the slots are in another one."""
    first = _in_turn(wishes, targets)
    return [first, _in_turn(wishes[::-1], targets[::-1])[::-1]] if first else []


def _in_turn(wishes: Sequence[_Wish], targets: Sequence[Target]) -> list[Target]:
    """The earliest target of each that keeps their order; nothing if they are not in this order."""
    found: list[Target] = []
    rest = iter(targets)
    for wish in wishes:
        target = next((target for target in rest if (target.name, target.shape) == wish.key), None)
        if target is None:
            return []
        found.append(target)
    return found
