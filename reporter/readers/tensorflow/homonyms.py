"""Layers that share a name are told apart by the attributes that hold them: ``encoder/fc`` and ``decoder/fc``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from reporter.frozen import dataclass

_ROUNDS = 8  # each gives more objects a part in the names; real models need two or three


@dataclass(frozen=True, slots=True)
class Owner:
    """A layer, or a model that holds variables beside its layers.

    Attributes:
        objects: from the root to it.
        labels: the attribute under which each of them is held; of the root, none.
        parts: its name: for each part, the index in ``objects`` of what it belongs to.
        outer: index in ``objects`` of the outermost model.
        variables: what its variables are called; needed where it has no name.
        nameless: it needs its attributes to be named at all.
    """

    objects: tuple[int, ...]
    labels: tuple[str, ...]
    parts: tuple[tuple[int, str], ...]
    outer: int
    variables: frozenset[str] = frozenset()
    nameless: bool = False


def names_apart(owners: Sequence[Owner]) -> list[str]:
    """The name of every owner, made of its own and, where several share one, of attributes above it.

    An attribute that tells two layers apart is part of the names of all layers below it, so that those of one model
    look alike.

    >>> fc = [Owner((0, i, i + 10), ("", label, "dense"), ((2, "fc"),), 1) for i, label in ((1, "encoder"), (2, "dec"))]
    >>> names_apart([*fc, Owner((0, 3, 13), ("", "head", "out"), ((2, "out"),), 1)])
    ['encoder/fc', 'dec/fc', 'out']
    """
    owners = _aligned(owners)
    shown: set[int] = set()
    for owner in owners:
        if owner.nameless:
            shown.update(_held(owner))
    for _ in range(_ROUNDS):
        names = [_name(owner, shown) for owner in owners]
        more = {node for group in _shared(owners, names) for node in _difference(group)} - shown
        if not more:
            break
        shown |= more
    return [_name(owner, shown) for owner in owners]


def numbered(places: Iterable[tuple[str, str]], taken: Collection[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """Layers and names of variables of which only the name is known: one that comes again is of another layer.

    Args:
        places: layer and name of each, in the order of the file.
        taken: those of variables of which more is known.

    >>> numbered([("fc", "fc/kernel"), ("fc", "fc/bias"), ("fc", "fc/kernel"), ("fc", "fc/bias")])
    [('fc', 'fc/kernel'), ('fc', 'fc/bias'), ('fc_1', 'fc_1/kernel'), ('fc_1', 'fc_1/bias')]
    """
    places = list(places)
    layers = {layer for layer, _ in (*places, *taken)}
    seen: dict[str, set[str]] = defaultdict(set)
    for layer, name in taken:
        seen[layer].add(name)
    current: dict[str, str] = {}
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
    result = []
    for layer, name in places:
        if layer and name in seen[layer]:
            seen[layer] = set()
            current[layer] = next(free for i in numbers[layer] if (free := f"{layer}_{i}") not in layers)
            layers.add(current[layer])
        seen[layer].add(name)
        shown = current.get(layer, layer)
        result.append((shown, shown + name.removeprefix(layer)))
    return result


def _aligned(owners: Sequence[Owner]) -> list[Owner]:
    """Parts that belong to an object further up, as other layers show: a Python dictionary has no name of its own."""
    said = {(owner.objects[at], part) for owner in owners for at, part in owner.parts if at < len(owner.objects) - 1}

    def place(owner: Owner, at: int, part: str) -> int:
        if at == len(owner.objects) - 1:
            return at
        return next((higher for higher, node in enumerate(owner.objects[:at]) if (node, part) in said), at)

    return [replace(owner, parts=tuple((place(owner, at, part), part) for at, part in owner.parts)) for owner in owners]


def _name(owner: Owner, shown: set[int]) -> str:
    """Own parts, but of the objects in ``shown`` the attribute."""
    said = []
    for at, node in enumerate(owner.objects):
        if node in shown and owner.labels[at]:
            said.append(owner.labels[at])
        else:
            said += [part for index, part in owner.parts if index == at]
    return "/".join(said)


def _held(owner: Owner) -> tuple[int, ...]:
    return owner.objects[owner.outer + 1 :] or owner.objects[-1:]


def _shared(owners: Sequence[Owner], names: Sequence[str]) -> Iterable[list[Owner]]:
    groups: dict[str, list[Owner]] = defaultdict(list)
    for owner, name in zip(owners, names, strict=True):
        for key in [name] if name else (f"/{variable}" for variable in owner.variables):
            groups[key].append(owner)
    return (group for group in groups.values() if len(group) > 1)


def _difference(group: list[Owner]) -> set[int]:
    """The objects at which the paths to these owners part; where one of them is the owner, all of its attributes."""
    forks: dict[int, dict[int, None]] = defaultdict(dict)
    ends = {owner.objects[-1] for owner in group}
    for owner in group:
        for holder, node in zip(owner.objects, owner.objects[1:], strict=False):
            forks[holder].setdefault(node)
    apart = {node for nodes in forks.values() if len(nodes) > 1 for node in nodes}
    inside = {node for owner in group for node in owner.objects[:-1]}  # one owner lies in another
    nested = not ends.isdisjoint(inside)
    for owner in group:
        if nested or owner.objects[-1] in apart:
            apart.update(_held(owner))
    return apart
