"""Variables that a file holds more than once: a layer that keeps a variable of a layer inside it stores it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

from reporter.frozen import dataclass
from reporter.readers.keras.inventory import Inventory, Weight
from reporter.readers.keras.tree import Dataset


def first_of(datasets: Iterable[Dataset], again: Dataset) -> Dataset | None:
    """The one among datasets of which another is a copy: it has the same name, and begins with the same values."""
    return next((one for one in datasets if one.key == again.key and _same(one, again)), None)


def same_layer(first: Sequence[Weight], again: Sequence[Weight], *, told: bool) -> bool:
    """Whether all weights of a layer are those of another, of which one at least is not all the same.

    Args:
        told: whether the configuration says that it is the same layer, so that equal values need not prove it.
    """
    if len(first) != len(again) or not all(_same(a.dataset, b.dataset) for a, b in zip(first, again, strict=True)):
        return False
    return told or not all(_constant(_start(weight.dataset)) for weight in again)


def drop_copies(found: Inventory, start: int, end: int, *, sure: bool = False) -> None:
    """Keep each variable once, under the name of the layer inside, in the place where it was met first.

    Values tell: those that are all the same, as those of new biases, only if another variable of the same two layers
    is a copy.

    Args:
        start, end: the variables of the layer itself among the weights found; those behind them belong to layers
            inside it.
        sure: whether its first variable is known to be a copy, whatever its value.
    """
    own, below = found.weights[start:end], found.weights[end:]
    wanted = {_type(weight.dataset) for weight in own} & {_type(weight.dataset) for weight in below}
    if not wanted:
        return
    starts = {id(w): _start(w.dataset) for w in (*own, *below) if _type(w.dataset) in wanted}
    pairs = [(mine, one) for mine in own for one in below if _equal(starts.get(id(mine)), starts.get(id(one)))]
    owners = {_owner(one) for mine, one in pairs if (sure and mine is own[0]) or not _constant(starts[id(one)])}
    copies: dict[int, Weight] = {}
    for mine, one in pairs:
        if _owner(one) in owners and id(mine) not in copies and one not in copies.values():
            copies[id(mine)] = one
    if not copies:
        return
    moved = {id(one) for one in copies.values()}
    found.weights[start:] = [copies.get(id(mine), mine) for mine in own] + [w for w in below if id(w) not in moved]
    for mine in own:
        if id(mine) in copies:
            reason = f"the same variable as {copies[id(mine)].dataset.path}"
            found.skipped.append((mine.name, mine.dataset, reason))


def _owner(weight: Weight) -> str:
    return weight.dataset.path.rsplit("/", 1)[0]


@dataclass(frozen=True, slots=True)
class _Start:
    """The first few MiB of a dataset's values: their shape and dtype, a digest, whether all are the same."""

    type: tuple[tuple[int, ...], str]
    digest: bytes
    constant: bool


def _type(dataset: Dataset) -> tuple[tuple[int, ...], str]:
    return dataset.shape, dataset.dtype.str


def _start(dataset: Dataset) -> _Start | None:
    """None if it has no values."""
    values = next(dataset.blocks(), None)
    if values is None or not len(values):
        return None
    raw = values.view(np.uint8).reshape(len(values), -1)
    return _Start(_type(dataset), sha256(raw.tobytes()).digest(), bool((raw == raw[0]).all()))


def _constant(start: _Start | None) -> bool:
    return start is None or start.constant


def _equal(a: _Start | None, b: _Start | None) -> bool:
    return a is not None and a == b


def _same(a: Dataset, b: Dataset) -> bool:
    """Whether two datasets begin with the same values, to the bit."""
    return _type(a) == _type(b) and _equal(_start(a), _start(b))
