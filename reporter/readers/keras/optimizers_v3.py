"""The optimizers of a ``.weights.h5`` tree, and those that they wrap.

An optimizer stores all its variables, those of optimizers inside it included, in its own group; each of these stores
its own again (``inner_optimizer`` of a LossScaleOptimizer, the list ``optimizers`` of a MultiOptimizer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reporter.frozen import dataclass
from reporter.readers.keras.inventory import Inventory, Slot, Weight
from reporter.readers.keras.optimizer import all_trained, numbered_slots
from reporter.readers.keras.slot_order import class_of
from reporter.readers.keras.tree import Group
from reporter.readers.keras_model.config import ModelConfig, kind_of_object

_OWN = ("iteration", "learning_rate", "step_counter", "dynamic_scale")
"""What an optimizer around others keeps itself (keras/src/optimizers/loss_scale_optimizer.py, multi_optimizer.py)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a configuration, or a stored name, tells of an optimizer; ``options`` are None if they are not known."""

    kind: str
    options: Mapping[str, Any] | None

    def inside(self) -> Iterator[tuple[str, Told]]:
        """The optimizers that this one wraps: the name of each, and what is told of it."""
        options = self.options or {}
        mapped = options.get("optimizer_map")
        choice = mapped.get("config") if isinstance(mapped, dict) else None
        choice = choice if isinstance(choice, dict) else {}
        several = choice.get("optimizer_map")
        for raw in (
            options.get("inner_optimizer"),
            choice.get("default_optimizer"),
            *(several.values() if isinstance(several, dict) else ()),
        ):
            if isinstance(raw, dict) and isinstance(raw.get("config"), dict):
                yield str(raw["config"].get("name", "")), Told(kind_of_object(raw), raw["config"])


def read_optimizers(
    optimizers: Mapping[str, Group],
    config: ModelConfig | None,
    found: Inventory,
    *,
    keras2: bool,
) -> bool:
    """Name the variables of every optimizer; True if one of them trains weights in the order found."""
    reading = _Reading(found, [*_with_adapters(found)], keras2)
    for key, group in optimizers.items():
        told = Told(class_of(group.stored_name or ""), None)
        if config and config.optimizer and key == "optimizer":
            told = Told(config.optimizer, config.optimizer_options)
        reading.optimizer(group, told, "optimizer" if len(optimizers) == 1 else key)
    return reading.confirmed


def _with_adapters(found: Inventory) -> Iterator[Weight]:
    """All that an optimizer may train, in order: adapters follow the last weight of their layer."""
    last = {weight.layer: weight for weight in found.weights}
    for weight in found.weights:
        yield weight
        if last[weight.layer] is weight:
            yield from (one for one in found.adapters if one.layer == weight.layer)


@dataclass(slots=True)
class _Reading:
    found: Inventory
    weights: Sequence[Weight]
    keras2: bool
    confirmed: bool = False

    def optimizer(self, group: Group, told: Told, title: str) -> None:
        stored = group.numbered()
        inner = list(_inside(group))
        if not inner:
            slots, trained, in_order = numbered_slots(
                stored, self.weights, told.kind, told.options, ordered=self.found.ordered, keras2=self.keras2
            )
            for slot in slots:
                slot.optimizer = title
            self.found.add_slots(slots, title)
            for weight in all_trained(trained, self.weights):
                weight.trainable = True  # a member of the optimizer's trainable variables
            self.confirmed |= in_order
            return
        again = [dataset for _, one in inner for dataset in one.numbered()]
        many = max(0, len(stored) - len(again))
        own, repeated = stored[:many], stored[many:]
        around = group.stored_name or ("multi_optimizer" if len(inner) > 1 else "loss_scale_optimizer")
        for i, dataset in enumerate(own):
            name = _OWN[i] if i < len(_OWN) else f"var_{i}"
            self.found.slots.append(Slot(name, dataset, optimizer=f"{title}/{around}"))
        for dataset, same in zip(repeated, again, strict=False):
            self.found.skipped.append((dataset.path, dataset, f"the same variable as {same.path}"))
        known = dict(told.inside())
        for key, one in inner:
            name = one.stored_name or ""
            below = known.get(name) or (next(iter(known.values())) if len(known) == len(inner) == 1 else None)
            below = below or Told(class_of(name) or class_of(key), None)
            self.optimizer(one, below, title if key == "inner_optimizer" else f"{title}/{key}")


def _inside(group: Group) -> Iterator[tuple[str, Group]]:
    """The groups of the optimizers that an optimizer wraps, by attribute or name in the list, in stored order."""
    if "inner_optimizer" in group.groups:
        yield "inner_optimizer", group.groups["inner_optimizer"]
    for several in ("optimizers", "_inner_optimizers"):
        if several in group.groups:
            members = group.groups[several].groups
            yield from sorted(members.items(), key=lambda item: item[1].first_address)
            return
