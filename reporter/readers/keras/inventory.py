"""What a Keras file was found to hold, whatever its layout, and how that becomes :class:`Contents`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reporter.model.role import NEVER_TRAINABLE, model_role, output_axis, slot_role
from reporter.model.tensor import Collection, Contents, LayerInfo, SkippedTensor, TensorInfo, TensorSource
from reporter.readers.keras.config import ModelConfig, leaves
from reporter.readers.keras.streams import Array
from reporter.readers.keras.tree import Dataset
from reporter.readers.keras.variables import owns_weights


@dataclass(slots=True, eq=False)
class Weight:
    """A variable of a layer.

    Attributes:
        path: its full name in the file where it has one, for finding its optimizer slots.
        trainable: None where the file does not tell.
    """

    name: str
    layer: str
    kind: str
    dataset: Dataset
    trainable: bool | None
    path: str = ""

    def __post_init__(self) -> None:
        if self.role in NEVER_TRAINABLE:
            self.trainable = False

    @property
    def role(self) -> str:
        """One of :data:`reporter.model.role.ROLES`."""
        return model_role(self.name, self.dataset.shape)


@dataclass(slots=True, eq=False)
class Slot:
    """A variable of an optimizer: ``slot`` of ``target``, or ``slot`` alone; ``name`` overrules what both give."""

    slot: str
    dataset: Dataset
    target: Weight | None = None
    name: str = ""
    optimizer: str = "optimizer"

    @property
    def full_name(self) -> str:
        """Such as ``optimizer/dense/kernel/momentum``."""
        inner = f"{self.target.name}/{self.slot}" if self.target else self.name or self.slot
        return f"{self.optimizer}/{inner}"


@dataclass(slots=True)
class Inventory:
    """Everything found in a file, in the order in which it is reported.

    Attributes:
        layers: name -> class, in model order if ``ordered``.
        others: counters of metrics and the like, by name.
        skipped: what is not measured, and why: a second copy, or packed values.
        step: of the optimizer that has advanced most.
    """

    layers: dict[str, str] = field(default_factory=dict)
    ordered: bool = True
    weights: list[Weight] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    others: list[tuple[str, Dataset]] = field(default_factory=list)
    skipped: list[tuple[str, Dataset, str]] = field(default_factory=list)
    step: int | None = None
    step_source: str = ""
    notes: list[str] = field(default_factory=list)

    def add_slots(self, slots: list[Slot], title: str = "optimizer") -> None:
        """Add an optimizer's variables: what it has slots of is trained, and its iterations are the step."""
        for slot in slots:
            if slot.target is not None and slot.target.trainable is None:
                slot.target.trainable = True
            if slot.slot == "iterations":
                value = slot.dataset.scalar()  # a float in Keras 2.0
                if value is not None and float(value).is_integer() and value >= (self.step or 0):
                    self.step, self.step_source = int(value), f"{title} iterations"
        self.slots += slots


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of an HDF5 file."""

    info: TensorInfo
    dataset: Dataset

    def blocks(self) -> Iterator[Array]:
        """The values, in blocks of a few MiB."""
        return self.dataset.blocks(self.info.name)


def contents(
    inventory: Inventory, config: ModelConfig | None, *, format: str, integrity: str, framework: str
) -> Contents:
    """Name every tensor uniquely, and say what the file lacks or holds twice."""
    used: dict[str, int] = {}
    tensors: list[TensorSource] = []
    left_out: list[SkippedTensor] = []

    def add(name: str, dataset: Dataset, collection: Collection, role: str, layer: str = "",
            trainable: bool | None = False, axis: int = -1) -> None:  # fmt: skip
        name = _unique(name, used)
        if dataset.problem:
            left_out.append(SkippedTensor(name, dataset.dtype.name, dataset.shape, dataset.problem))
            return
        info = TensorInfo(
            name=name,
            layer=layer,
            role=role,
            shape=dataset.shape,
            dtype=dataset.dtype.name,
            trainable=trainable,
            collection=collection,
            key=dataset.path,
            itemsize=dataset.dtype.itemsize,
            output_axis=axis,
        )
        tensors.append(StoredTensor(info, dataset))

    for weight in inventory.weights:
        axis = output_axis(weight.role, weight.kind)
        add(weight.name, weight.dataset, "model", weight.role, weight.layer, weight.trainable, axis)
    for slot in inventory.slots:
        add(slot.full_name, slot.dataset, "optimizer", slot_role(slot.slot), slot.target.layer if slot.target else "")
    for name, dataset in inventory.others:
        add(name, dataset, "other", "other")
    for name, dataset, reason in inventory.skipped:
        left_out.append(SkippedTensor(_unique(name, used), dataset.dtype.name, dataset.shape, reason))
    return Contents(
        format=format,
        layers=tuple(LayerInfo(name, kind) for name, kind in inventory.layers.items()),
        tensors=tuple(tensors),
        skipped=tuple(left_out),
        layers_ordered=inventory.ordered,
        step=inventory.step,
        step_source=inventory.step_source,
        integrity=integrity,
        framework=framework,
        notes=tuple(inventory.notes),
        missing_layers=missing_layers(config, (w.layer for w in inventory.weights)) if config is not None else (),
    )


def missing_layers(config: ModelConfig, found: Iterable[str]) -> tuple[str, ...]:
    """Configured layers whose class has weights and that are not among those for which some were found.

    A layer that several models share is stored once, under the first of them: its last name counts.
    """
    stored = {layer.rsplit("/", 1)[-1] for layer in found}
    owners = dict.fromkeys(
        path for path, layer in leaves(config.model) if layer.builtin and owns_weights(layer.kind, layer.options)
    )
    return tuple(path for path in owners if path.rsplit("/", 1)[-1] not in stored)


def _unique(name: str, used: dict[str, int]) -> str:
    unique, n = name, used.get(name, 0)
    while unique in used:
        n += 1
        unique = f"{name}_{n}"
    used[name] = n
    used[unique] = used.get(unique, 0)
    return unique
