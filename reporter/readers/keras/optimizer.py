"""Which slot of which weight each numbered variable of an optimizer is, by proof of order and shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reporter.frozen import dataclass
from reporter.readers.keras.inventory import Slot, Weight
from reporter.readers.keras.slot_order import (
    Blocks,
    Keeps,
    Shape,
    possible_blocks,
    slot_shape,
    uneven,
    whole_slot,
)
from reporter.readers.keras.tree import Dataset


@dataclass(frozen=True, slots=True)
class _Fit:
    """One way to read the variables: position -> slot and number of its weight; the weights' shapes, and themselves."""

    start: int
    slots: tuple[str, ...]
    numbers: tuple[int, ...]
    wanted: tuple[Shape, ...]
    targets: tuple[Weight | None, ...]
    in_order: bool


def numbered_slots(
    datasets: Sequence[Dataset],
    weights: Sequence[Weight],
    kind: str,
    options: Mapping[str, Any] | None,
    *,
    ordered: bool,
    keras2: bool = False,
) -> tuple[list[Slot], list[Shape], bool]:
    """The variables of ``optimizer/vars``, which are stored without names.

    Args:
        weights: of the model, in the order of ``trainable_variables`` if ``ordered``.
        kind: class, or "" if it is not known: then its slots are called ``slot_0``, ``slot_1`` …
        options: None if its configuration is not known.
        keras2: whether Keras 2 wrote it, whose optimizers differ a little.

    Returns:
        Slots in stored order, the shapes of the weights that the optimizer trains (none if they are not known), and
        whether these were found among the weights in the same order.
    """
    slots = [Slot(f"var_{i}", dataset) for i, dataset in enumerate(datasets)]
    start = 0
    if slots and slots[0].dataset.shape == () and slots[0].dataset.dtype.kind in "iu":
        slots[0].slot, start = "iterations", 1
    starts = [start]
    if start and len(slots) > 1 and slots[1].dataset.shape == () and slots[1].dataset.dtype.kind == "f":
        # Without a schedule the learning rate is a variable (Keras 3), or is not stored (Keras 2).
        starts = [1, 2] if keras2 or isinstance((options or {}).get("learning_rate"), dict) else [2, 1]
    shapes = [dataset.shape for dataset in datasets]
    if not shapes[starts[0] :]:
        starts = starts[:1]  # it has not been built, or keeps no slots
    fits: list[_Fit] = []
    keeps = uneven(kind, options or {})
    for blocks in possible_blocks(kind, options, keras2=keras2):
        if fits:
            break
        for at in starts:
            if keeps is not None:
                fits += _replayed(at, shapes[at:], weights if ordered else [], blocks, keeps)
            if not fits and kind != "Muon":  # which has no second moments of matrices
                fits += _fits(at, shapes[at:], weights, blocks, ordered)
    fits = [fit for fit in fits if fit.in_order] or fits
    if starts[0] == 2 and (not fits or fits[0].start == 2):
        slots[1].slot = "learning_rate"
    if not fits or len({(fit.start, fit.numbers, fit.targets) for fit in fits}) > 1:
        return slots, [], False
    fit = fits[0]
    for i, (names, number) in enumerate(zip(zip(*(f.slots for f in fits), strict=True), fit.numbers, strict=True)):
        one = slots[fit.start + i]
        one.name, one.slot, one.target = one.slot, names[0] if len(set(names)) == 1 else "slot", fit.targets[number]
    return slots, list(fit.wanted), fit.in_order


def _fits(
    start: int, shapes: list[Shape], weights: Sequence[Weight], known: set[Blocks], ordered: bool
) -> Iterator[_Fit]:
    for blocks in sorted(known) or _unnamed_blocks(len(shapes), len(weights)):
        assigned = assign(shapes, blocks)
        if assigned is not None:
            places, firsts = assigned
            wanted = [shapes[first] for first in firsts]
            found = match_in_order(wanted, weights) if ordered else None
            targets = tuple(found or match_by_shape(wanted, weights))
            if known or found or None not in targets:
                slots, numbers = (tuple(one[i] for one in places) for i in (0, 1))
                yield _Fit(start, slots, numbers, tuple(wanted), targets, bool(found))  # type: ignore[arg-type]


def _replayed(
    start: int, shapes: list[Shape], weights: Sequence[Weight], known: set[Blocks], keeps: Keeps
) -> Iterator[_Fit]:
    """Create the slots of an uneven optimizer again, for all weights that may be trained, or those that surely are."""
    for blocks in sorted(known):
        for flags in ({True, None}, {True}):
            targets = tuple(weight for weight in weights if weight.trainable in flags)
            places = [
                (slot, number)
                for block in blocks
                for number, target in enumerate(targets)
                for slot in block
                if keeps(slot, target.name, target.dataset.shape)
            ]
            if places and [slot_shape(slot, targets[number].dataset.shape) for slot, number in places] == shapes:
                slots, numbers = zip(*places, strict=True)
                yield _Fit(start, slots, numbers, tuple(t.dataset.shape for t in targets), targets, True)
                break


def _unnamed_blocks(count: int, weights: int) -> list[Blocks]:
    """Alternating slots of an optimizer whose class is not stored."""
    return [(tuple(f"slot_{i}" for i in range(n)),) for n in (1, 2, 3) if count % n == 0 and 0 < count // n <= weights]


def assign(shapes: list[Shape], blocks: Blocks) -> tuple[list[tuple[str, int]], list[int]] | None:
    """(slot, number of its weight) of each variable, and where one has the weight's shape; None if shapes disagree.

    >>> assign([(2,), (2,), (3,), (3,)], (("m", "v"),))
    ([('m', 0), ('v', 0), ('m', 1), ('v', 1)], [0, 2])
    """
    width = sum(len(block) for block in blocks)
    if width == 0:
        return ([], []) if not shapes else None
    count = len(shapes) // width
    if count == 0 or shapes[count * width :] not in ([], [()]):  # Nadam adds one scalar at the end
        return None
    places = [(slot, number) for block in blocks for number in range(count) for slot in block]
    firsts = [number * len(blocks[0]) + whole_slot(blocks[0]) for number in range(count)]
    for shape, (slot, number) in zip(shapes, places, strict=False):
        placeholder = slot == "vhat" and shape == (1,)  # Keras 2.1.3 to 2.4 without amsgrad
        if shape != slot_shape(slot, shapes[firsts[number]]) and not placeholder:
            return None
    return places, firsts


def match_in_order(shapes: Sequence[Shape], weights: Sequence[Weight]) -> list[Weight | None] | None:
    """The weight that each of an optimizer's targets is, in model order; None where more than one can be meant.

    Weights that are not trained have no slots: a target is known if it has only one place, whichever were left out.

    Returns:
        None if the shapes do not occur in this order at all.
    """
    candidates = [weight for weight in weights if weight.trainable is not False]
    early, late = _embed(shapes, candidates), _embed(shapes[::-1], candidates[::-1])
    if early is None or late is None:
        return None
    pairs = zip(early, late[::-1], strict=True)
    return [candidates[a] if a == len(candidates) - 1 - b else None for a, b in pairs]


def match_by_shape(shapes: Sequence[Shape], weights: Sequence[Weight]) -> list[Weight | None]:
    """The same where the order is not known: only a shape that occurs once on both sides tells."""
    candidates = [weight for weight in weights if weight.trainable is not False]
    wanted, there = Counter(shapes), Counter(weight.dataset.shape for weight in candidates)
    by_shape = {weight.dataset.shape: weight for weight in candidates}
    enough = len(candidates) >= len(shapes)
    return [by_shape[shape] if enough and wanted[shape] == there[shape] == 1 else None for shape in shapes]


def all_trained(shapes: Sequence[Shape], weights: Sequence[Weight]) -> list[Weight]:
    """The weights that must be among an optimizer's targets: as many of this shape are as there are."""
    candidates = [weight for weight in weights if weight.trainable is not False]
    wanted, there = Counter(shapes), Counter(weight.dataset.shape for weight in candidates)
    if any(there[shape] < count for shape, count in wanted.items()):
        return []  # the file lacks some of them
    return [weight for weight in candidates if wanted[weight.dataset.shape] == there[weight.dataset.shape]]


def _embed(shapes: Sequence[Shape], weights: Sequence[Weight]) -> list[int] | None:
    """Leftmost positions at which the shapes occur in this order among the weights, or None."""
    found: list[int] = []
    at = 0
    for shape in shapes:
        while at < len(weights) and weights[at].dataset.shape != shape:
            at += 1
        if at == len(weights):
            return None
        found.append(at)
        at += 1
    return found
