"""Which slot of which weight each named variable of ``optimizer_weights`` is: by its name, else by order and shape.

Keras 2.0 to 2.4 (keras/optimizers.py) list one slot of all weights after the other in ``weights``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reporter.readers.keras.inventory import Slot, Weight
from reporter.readers.keras.optimizer import assign, match_in_order
from reporter.readers.keras.slot_order import SLOTS, Blocks, Shape, slot_shape
from reporter.readers.keras.tree import Dataset

_OLD_BLOCKS: dict[str, Blocks] = {
    "Adam": (("m",), ("v",)),
    "Adamax": (("m",), ("u",)),
    "Nadam": (("m",), ("v",)),
    "SGD": (("momentum",),),
    "RMSprop": (("accumulator",),),
    "Adagrad": (("accumulator",),),
    "Adadelta": (("accumulator",), ("delta_accumulator",)),
}


def named_slots(names: Sequence[str], datasets: Sequence[Dataset], weights: Sequence[Weight], kind: str) -> list[Slot]:
    """The variables of ``optimizer_weights``, whose names tell more or less, depending on Keras's version.

    ``adam/dense_kernel_momentum`` (Keras 3), ``Adam/m/dense/kernel:0`` (2.11 and later), ``Adam/dense/kernel/m:0``
    (tf.keras 2.0 to 2.10), ``Variable_104:0`` or ``training/Adam/Variable:0`` (Keras 2.0 to 2.2).
    """
    paths: dict[str, Weight | None] = {}
    joined: dict[str, Weight | None] = {}
    for weight in weights:
        for known, key in ((paths, weight.path), (joined, weight.path.replace("/", "_"))):
            known[key] = None if key in known else weight
    slots = [
        _named(re.sub(r":\d+$", "", name), dataset, paths, joined)
        for name, dataset in zip(names, datasets, strict=True)
    ]
    anonymous = [i for i, name in enumerate(names) if re.fullmatch(r"(.*/)?Variable(_\d+)?(:\d+)?", name)]
    old = _OLD_BLOCKS.get(kind)
    if old and anonymous and anonymous == list(range(anonymous[0], len(names))):
        for blocks in (old, (*old, ("vhat",))):
            shapes = [datasets[i].shape for i in anonymous]
            assigned = assign(shapes, blocks)
            if assigned is None or len(shapes) % len(assigned[1] or [0]):
                continue
            targets = _old_order([shapes[first] for first in assigned[1]], weights)
            for place, (slot, number) in enumerate(assigned[0]):
                one = slots[anonymous[place]]
                one.name, one.slot, one.target = one.slot, slot, targets[number]
            break
    return slots


def _old_order(shapes: Sequence[Shape], weights: Sequence[Weight]) -> list[Weight | None]:
    """Keras 2.0 sorted the trainable weights by name (``Model.compile``), later versions keep the model's order."""
    in_order = match_in_order(shapes, weights)
    by_name = match_in_order(shapes, sorted(weights, key=lambda weight: weight.path))
    if in_order is None or by_name is None:
        return in_order or by_name or [None] * len(shapes)
    return [a if a is b else None for a, b in zip(in_order, by_name, strict=True)]


def _named(
    name: str, dataset: Dataset, paths: Mapping[str, Weight | None], joined: Mapping[str, Weight | None]
) -> Slot:
    parts = name.split("/")
    for start in range(1, len(parts)):
        for end, slot in ((len(parts), parts[start - 1]), (len(parts) - 1, parts[-1])):
            target = paths.get("/".join(parts[start:end]))
            if target is not None and slot_shape(slot, target.dataset.shape) == dataset.shape:
                return Slot(slot, dataset, target)
    last = parts[-1]
    for cut in range(len(last) - 1, 0, -1):
        if last[cut] == "_" and last[cut + 1 :] in SLOTS:
            target = joined.get(last[:cut])
            if target is not None and target.dataset.shape == dataset.shape:
                return Slot(last[cut + 1 :], dataset, target)
    if found := _untold(parts, dataset):
        return found
    if parts[0].startswith("loss_scale_optimizer"):  # it has counters of its own beside those of the optimizer inside
        return Slot(last, dataset, optimizer="optimizer/loss_scale_optimizer")
    plain = re.sub(r"_\d+$", "", last)
    if plain in {"iterations", "iteration", "iter"}:
        plain = "iterations"
    elif plain not in {"learning_rate", "lr", "decay"}:
        plain = last
    return Slot(plain, dataset)


def _untold(parts: Sequence[str], dataset: Dataset) -> Slot | None:
    """A slot of a weight that the file does not hold, or holds twice: its name tells which slot, all the same."""
    for at in (0, 1):  # "m/dense/kernel", "Adam/m/dense/kernel"
        if len(parts) > at + 1 and parts[at] in SLOTS:
            return Slot(parts[at], dataset, name="/".join((*parts[at + 1 :], parts[at])))
    if len(parts) > 1 and parts[-1] in SLOTS:  # "Adam/dense/kernel/m"
        return Slot(parts[-1], dataset, name="/".join(parts[1:]))
    for slot in sorted(SLOTS, key=len, reverse=True):  # "adam/dense_kernel_momentum"
        if len(slot) > 1 and parts[-1].endswith(f"_{slot}"):
            return Slot(slot, dataset, name=parts[-1])
    return None
