"""Which configured layer each member of a list of layers is: they are stored under their class, with a counter.

Keras 3 counts every layer of the list (keras/src/saving/saving_lib.py, ``_save_container_state``). Keras 2 passes over
those that it has stored already, as part of another model, and does not count them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

from reporter.frozen import dataclass
from reporter.model.role import model_role, output_axis
from reporter.readers.keras.tree import Group
from reporter.readers.keras_model.config import MAX_DEPTH, LayerConfig
from reporter.readers.keras_model.variables import names_of, snake_case

Known = tuple[str, str]
"""Class and name of a layer."""

_MOST_WAYS = 1000


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a list.

    Attributes:
        places: the name of a stored group -> number of the layer that it is.
        undecided: numbers of the layers of which nobody can tell which groups are theirs, if any.
    """

    places: Mapping[str, int]
    undecided: frozenset[int] = frozenset()


def members_of(
    layers: Sequence[LayerConfig], groups: Mapping[str, Group], stored: set[Known], *, keras2: bool
) -> Members:
    """Find the layers of a list.

    Args:
        groups: the members of the list, by name.
        stored: layers that have been met before this list was.
        keras2: whether Keras 2 is known to have written it.
    """
    places: dict[str, int] = {}
    undecided: set[int] = set()
    again = _met_again(layers, stored) if keras2 else set()
    by_class: dict[str, list[int]] = {}
    for i, layer in enumerate(layers):
        by_class.setdefault(snake_case(layer.kind), []).append(i)
    for stem, numbers in by_class.items():
        keys = [stem, *(f"{stem}_{n}" for n in range(1, len(numbers)))]
        there = [key for key in keys if key in groups]
        if keras2 and 0 < len(there) < len(keys) and there == keys[: len(there)]:
            passed_over = [i for i in numbers if i in again]
            ways = _ways(layers, numbers, passed_over, [groups[key] for key in there])
            if len(ways) != 1:
                undecided.update(numbers)
                continue
            numbers = ways[0]
        places.update(zip(keys, numbers, strict=False))
    return Members(places, frozenset(undecided))


def within(layer: LayerConfig, depth: int = 0) -> Iterator[Known]:
    """A layer and all that it holds; nobody nests layers deeper than models."""
    yield layer.kind, layer.name
    if depth > MAX_DEPTH:
        return
    for one in layer.layers:
        yield from within(one, depth + 1)
    for attribute in layer.options:
        if attribute != "layers":
            for one in layer.inner(attribute):
                yield from within(one, depth + 1)


def _met_again(layers: Sequence[LayerConfig], stored: set[Known]) -> set[int]:
    """Numbers of the layers that may have been stored before, as part of a layer further up or of another model."""
    met, again = set(stored), set()
    for i, layer in enumerate(layers):
        if (layer.kind, layer.name) in met:
            again.add(i)
        met.update(within(layer))
    return again


def _ways(
    layers: Sequence[LayerConfig], numbers: list[int], passed_over: list[int], groups: Sequence[Group]
) -> list[list[int]]:
    """The ways in which the groups can be these layers, in order, when some of them were passed over."""
    found: list[list[int]] = []
    many = len(numbers) - len(groups)
    if comb(len(passed_over), many) > _MOST_WAYS:
        return found
    for left_out in combinations(passed_over, many):
        way = [i for i in numbers if i not in left_out]
        if all(_fits(layers[i], group) for i, group in zip(way, groups, strict=True)):
            found.append(way)
    return found


def _fits(layer: LayerConfig, group: Group) -> bool:
    """Whether the shapes of a group's own variables can be those of a layer; other classes than Keras's always can."""
    shapes = [dataset.shape for dataset in group.numbered()]
    if not layer.builtin or not shapes:
        return True
    for (name, _), shape in zip(names_of(layer.kind, layer.options, shapes, layer.dtype), shapes, strict=True):
        role = model_role(name)
        sized = role in {"kernel", "embedding"} and not layer.kind.startswith("Depthwise")
        units = layer.options.get("input_dim" if role == "embedding" else "filters", layer.options.get("units"))
        if re.fullmatch(r"var_\d+", name):
            return False
        if sized and isinstance(units, int) and shape[output_axis(role, layer.kind)] != units:
            return False
    return True
