"""What a Keras file was found to hold, whatever its layout."""

from __future__ import annotations

from dataclasses import dataclass, field

from reporter.model.role import NEVER_TRAINABLE, Role, model_role
from reporter.readers.keras.tree import Dataset


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
    def role(self) -> Role:
        """What it is for, as its name tells."""
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
        adapters: LoRA weights, which Keras merges into kernels before it saves: only slots of them are in the file.
        undecided: layers of the configuration whose weights are in the file, nobody knows where.
        others: counters of metrics and the like, by name.
        skipped: what is not measured, and why: a second copy, or packed values.
        step: of the optimizer that has advanced most.
    """

    layers: dict[str, str] = field(default_factory=dict)
    ordered: bool = True
    weights: list[Weight] = field(default_factory=list)
    adapters: list[Weight] = field(default_factory=list)
    undecided: set[str] = field(default_factory=set)
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
