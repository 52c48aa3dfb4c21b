"""Two checkpoints against each other, tensor by tensor: what ``ckpt-report diff`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reporter.model.change import Change
from reporter.model.shift import Shift

State = Literal["reshaped", "removed", "added", "changed", "equal", "unknown"]
"""``unknown``: both have it, and nothing tells whether a value differs."""

STATES: tuple[State, ...] = ("reshaped", "removed", "added", "changed", "unknown", "equal")
"""Worst first."""


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor in two checkpoints.

    Attributes:
        before, after: shape and dtype as text, "" where it is missing.
        norms: ‖W‖₂ before and after; None where it is missing or has no finite value.
        change: None where the values were not there to be paired.
        shift: of its distribution, None where it is not known.
    """

    name: str
    collection: str
    role: str
    state: State
    before: str
    after: str
    norms: tuple[float | None, float | None]
    change: Change | None = None
    shift: Shift | None = None

    @property
    def update(self) -> float | None:
        """‖b − a‖ / ‖a‖, or the least that it can be where only the norms are known: |‖b‖ − ‖a‖| / ‖a‖."""
        if self.change is not None:
            return self.change.relative_update
        before, after = self.norms
        return abs(after - before) / before if before and after is not None else None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two checkpoints against each other.

    Attributes:
        before, after: what was compared, for display.
        paired: whether values were compared one by one; False for two reports, which hold statistics only.
        tensors: of the model first, then of the optimizer, then others; each worst first.
        whole: the paired change of all model tensors in both; None where nothing was paired.
        shift: of the distribution of all model values.
        notes: what a reader should know.
    """

    before: str
    after: str
    paired: bool
    tensors: tuple[TensorDifference, ...]
    whole: Change | None = None
    shift: Shift | None = None
    notes: tuple[str, ...] = ()

    def count(self, state: State) -> int:
        """How many tensors are in a state."""
        return sum(t.state == state for t in self.tensors)


def worst_first(tensors: list[TensorDifference]) -> tuple[TensorDifference, ...]:
    """Model, optimizer, others; in each by state, then by relative update, then by name."""
    collections = ("model", "optimizer", "other")
    return tuple(
        sorted(
            tensors,
            key=lambda t: (
                collections.index(t.collection) if t.collection in collections else len(collections),
                STATES.index(t.state),
                -(t.update if t.update is not None else -1.0),
                t.name,
            ),
        )
    )
