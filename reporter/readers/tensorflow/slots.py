"""Which variable an optimizer's variable belongs to, where only its name tells: ``Adam/m/dense/kernel``, ``m/w``.

A name that several variables share tells nothing by itself. Shapes and what is known to be frozen may leave one of
them; and within one model an optimizer lists its slots in the order of the model. What these do not decide stays
unknown: models of one program (a teacher and a student, a network and its target) often share all of their names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reporter.model.role import slot_role

OPTIMIZER_SCOPE = re.compile(
    r"(adam|adamw|adamax|nadam|sgd|gradientdescent|momentum|rmsprop|adagrad|adagradda|adadelta|ftrl|lion"
    r"|lossscaleoptimizer)(_\d+)?$",
    re.IGNORECASE,
)
"""Names that optimizers give themselves, and so to the scope of their variables."""

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
    """A variable that may have slots; ``model`` is the node of the outermost model that holds it."""

    node: int
    name: str
    shape: tuple[int, ...]
    model: int


@dataclass(frozen=True, slots=True)
class _Wish:
    """A slot, and the variables whose name and shape it has."""

    node: int
    kind: str
    of: str
    targets: tuple[Target, ...]


def match_slots(
    variables: Mapping[int, tuple[str, tuple[int, ...]]], targets: Sequence[Target]
) -> tuple[dict[int, Slot], set[int]]:
    """The slots among the variables of one optimizer, and the variables that are certainly trained by it.

    Args:
        variables: name and shape of each, in the order of the optimizer.
        targets: variables of the model that may be trained, in the order of the model.
    """
    by_name: dict[str, list[Target]] = defaultdict(list)
    flat: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        by_name[target.name].append(target)
        flat[target.name.replace("/", "_")].append(target)
    sequences: dict[str, list[_Wish]] = defaultdict(list)
    slots: dict[int, Slot] = {}
    for node, (name, shape) in variables.items():
        if shape == () and slot_role(name.rsplit("/", 1)[-1]) in ("hyperparameter", "step"):
            continue
        for kind, of, named in _ways(name, by_name, flat):
            fitting = tuple(target for target in named if target.shape == shape)
            sequences[kind].append(_Wish(node, kind, of, fitting))
            slots[node] = Slot(None, kind, of)
            break
    trained: set[int] = set()
    for wishes in sequences.values():
        for wish, target in _decided(wishes, targets):
            slots[wish.node] = Slot(target.node, wish.kind)
            trained.add(target.node)
        trained |= _all_trained(wishes)
    return slots, trained


def _ways(
    name: str, by_name: Mapping[str, list[Target]], flat: Mapping[str, list[Target]]
) -> Iterator[tuple[str, str, list[Target]]]:
    """Kind, variable and what is called so, for every way to read a name; the likely ones first."""
    parts = name.split("/")
    for cut in range(1, min(len(parts), _MAX_SCOPES)):
        of = "/".join(parts[cut:])
        if of in by_name:
            yield parts[cut - 1], of, by_name[of]
    tokens = parts[-1].split("_")
    for cut in range(len(tokens) - 1, max(0, len(tokens) - _MAX_SCOPES), -1):
        of = "_".join(tokens[:cut])
        if of in flat:
            yield "_".join(tokens[cut:]), flat[of][0].name, flat[of]
    cut = 2 if OPTIMIZER_SCOPE.match(parts[0]) else 1
    if len(parts) > cut and slot_role(parts[cut - 1]) not in _UNTOLD:  # of a variable that the file does not hold
        yield parts[cut - 1], "/".join(parts[cut:]), []


def _decided(wishes: Sequence[_Wish], targets: Sequence[Target]) -> Iterator[tuple[_Wish, Target]]:
    """Slots of one kind whose target is certain."""
    rivals: dict[tuple[Target, ...], int] = defaultdict(int)
    for wish in wishes:
        rivals[wish.targets] += 1
    single = [wish for wish in wishes if len(wish.targets) == 1 == rivals[wish.targets]]
    yield from ((wish, wish.targets[0]) for wish in single)
    if len(single) < len(wishes) and len({target.model for wish in wishes for target in wish.targets}) == 1:
        fitting = [wish for wish in wishes if wish.targets]
        first = _in_turn(fitting, targets)
        last = _in_turn(fitting[::-1], targets[::-1])
        yield from ((wish, a) for wish, a, b in zip(fitting, first, last[::-1], strict=False) if a == b)


def _in_turn(wishes: Sequence[_Wish], targets: Sequence[Target]) -> list[Target]:
    """The earliest target of each that keeps their order; nothing if they are not in this order."""
    found: list[Target] = []
    rest = iter(targets)
    for wish in wishes:
        target = next((t for t in rest if t in wish.targets), None)
        if target is None:
            return []
        found.append(target)
    return found


def _all_trained(wishes: Sequence[_Wish]) -> set[int]:
    """Variables of one name and shape that have as many slots as they are: whichever belongs to which."""
    count: dict[tuple[Target, ...], int] = defaultdict(int)
    for wish in wishes:
        count[wish.targets] += 1
    return {target.node for targets, number in count.items() if len(targets) == number for target in targets}
