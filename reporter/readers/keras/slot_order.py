"""Which slots each class of optimizer creates, in which order and shape.

Read in keras/src/optimizers of Keras 3.15 and of Keras 2.21 (tf_keras), whose ``build`` creates them; the tests build
every optimizer that both export.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from reporter.readers.keras_model.variables import snake_case

Blocks = tuple[tuple[str, ...], ...]
"""Slots in the order of creation: those of one block alternate from weight to weight."""

Shape = tuple[int, ...]

Keeps = Callable[[str, str, Shape], bool]
"""Whether a slot is created for the weight of this name and shape."""

_PAIR: Blocks = (("momentum", "velocity"),)
_BLOCKS: dict[str, Blocks] = {
    "Adam": _PAIR,
    "AdamW": _PAIR,
    "Nadam": _PAIR,
    "Lamb": _PAIR,
    "ScheduleFreeAdamW": _PAIR,
    "Muon": _PAIR,
    "Adamax": (("momentum", "norm"),),
    "Adafactor": (("r", "c", "velocity"),),
    "Ftrl": (("accumulator", "linear"),),
    "Adadelta": (("accumulated_grad", "accumulated_delta_var"),),
    "Adagrad": (("accumulator",),),
    "Lion": (("momentum",),),
    "SGD": (),
    "RMSprop": (("velocity",),),
}

_SHORT: dict[str, dict[str, str]] = {
    **{kind: {"momentum": "m", "velocity": "v", "velocity_hat": "vhat"} for kind in ("Adam", "AdamW", "Nadam")},
    "Adafactor": {"velocity": "v"},
    "Adamax": {"momentum": "m", "norm": "u"},
    **{kind: {"momentum": "m"} for kind in ("Lion", "SGD")},
}
"""What Keras 2 calls the same slots."""

_FACTORS = frozenset({"r", "c"})
"""Adafactor's second moments, summed over the last axis and over the one before it."""

SLOTS = frozenset(slot for blocks in _BLOCKS.values() for block in blocks for slot in block) | {
    "velocity_hat", "average", "average_gradient", "gradient_accumulator",
    *(slot for names in _SHORT.values() for slot in names.values()),
    "rms",  # RMSprop before Keras 2.11
}  # fmt: skip

_CLASSES = {name: kind for kind in _BLOCKS for name in (kind.lower(), snake_case(kind))}


def class_of(name: str) -> str:
    """The class of an optimizer from its name, which Keras makes of it, or "".

    >>> class_of("adam_1"), class_of("rm_sprop"), class_of("my_own")
    ('Adam', 'RMSprop', '')
    """
    return _CLASSES.get(re.sub(r"_\d+$", "", name).lower(), "")


def blocks_of(kind: str, options: Mapping[str, Any], *, keras2: bool = False) -> Blocks | None:
    """The slots that an optimizer of this class and configuration creates; None for an unknown class.

    >>> blocks_of("RMSprop", {"momentum": 0.9})
    (('velocity',), ('momentum',))
    >>> blocks_of("SGD", {"momentum": 0.0}), blocks_of("SGD", {"momentum": 0.0}, keras2=True)
    ((), (('m',),))
    """
    blocks = _BLOCKS.get(kind)
    if blocks is None:
        return None
    if (kind == "SGD" and (keras2 or options.get("momentum"))) or (kind == "RMSprop" and options.get("momentum")):
        blocks += (("momentum",),)
    if kind == "RMSprop" and options.get("centered"):
        blocks += (("average_gradient",),)
    if kind in {"Adam", "AdamW"} and options.get("amsgrad"):
        blocks += (("velocity_hat",),)
    if options.get("gradient_accumulation_steps"):
        blocks = (("gradient_accumulator",), *blocks)
    if options.get("use_ema"):
        blocks = (("average",), *blocks)
    names = _SHORT.get(kind, {}) if keras2 else {}
    return tuple(tuple(names.get(slot, slot) for slot in block) for block in blocks)


def possible_blocks(kind: str, options: Mapping[str, Any] | None, *, keras2: bool = False) -> list[set[Blocks]]:
    """The blocks of a class for its options. If they are not known: those without averages and accumulated gradients,
    which are rare, then all. An empty set if the class is not known."""
    if options is not None or kind not in _BLOCKS:
        blocks = blocks_of(kind, options or {}, keras2=keras2)
        return [set() if blocks is None else {blocks}]
    switches = ("momentum", "centered", "amsgrad", "use_ema", "gradient_accumulation_steps")
    choices = [dict(zip(switches, on, strict=True)) for on in product((0, 2), repeat=len(switches))]
    plain = [one for one in choices if not one["use_ema"] and not one["gradient_accumulation_steps"]]
    return [
        {blocks for one in some if (blocks := blocks_of(kind, one, keras2=keras2)) is not None}
        for some in (plain, choices)
    ]


def uneven(kind: str, options: Mapping[str, Any]) -> Keeps | None:
    """What tells which weights have which slots, for the optimizers that keep more of some weights than of others.

    Muon optimizes only matrices its own way, all else by Adam, with a second moment. Of vectors Adafactor keeps no
    factors; but Keras 3 stores a scalar in the place of each, unless a LossScaleOptimizer is around it.
    """
    if kind == "Adafactor":
        return lambda slot, _, shape: slot not in _FACTORS or len(shape) > 1
    if kind != "Muon":
        return None
    excluded = options.get("exclude_layers")
    excluded = excluded if isinstance(excluded, list) else []
    if not all(isinstance(one, str) and re.fullmatch(r"[\w/ -]*", one) for one in excluded):
        # They are regular expressions of a stranger's, which could take for ever.
        return lambda *_: False
    embeddings = ["embedding"] if options.get("exclude_embeddings", True) else []

    def keeps(slot: str, name: str, shape: Shape) -> bool:
        by_adam = len(shape) != 2 or any(e in name.lower() for e in embeddings) or any(e in name for e in excluded)
        return slot != "velocity" or by_adam

    return keeps


def slot_shape(slot: str, shape: Shape) -> Shape:
    """The shape of a slot of a weight.

    >>> slot_shape("r", (2, 3)), slot_shape("c", (2, 3)), slot_shape("r", (3,)), slot_shape("velocity", (2, 3))
    ((2,), (3,), (), (2, 3))
    """
    if slot not in _FACTORS:
        return shape
    if len(shape) < 2:
        return ()
    return shape[:-1] if slot == "r" else (*shape[:-2], shape[-1])


def whole_slot(block: tuple[str, ...]) -> int:
    """The first slot of a block that has the shape of its weight.

    >>> whole_slot(("momentum", "velocity")), whole_slot(("r", "c", "velocity"))
    (0, 2)
    """
    return next(i for i, slot in enumerate(block) if slot not in _FACTORS)
