"""Two checkpoints against each other, tensor by tensor: what ``ckpt-report diff`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reporter.model.change import Change
from reporter.model.finding import Verdict
from reporter.model.shift import Shift
from reporter.model.trained import APART

State = Literal["reshaped", "removed", "added", "changed", "equal", "unknown"]
"""``unknown``: both have it, and nothing tells whether a value differs."""

STATES: tuple[State, ...] = ("reshaped", "removed", "added", "changed", "unknown", "equal")
"""Worst first."""


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor in two checkpoints.

    Attributes:
        before, after: shape and dtype as text, "" where it is missing.
        norms: ‖W‖₂ before and after, of the finite values; None where it is missing or has no finite value.
        bad: values that are NaN or infinite, before and after; None where it is missing.
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
    bad: tuple[int | None, int | None]
    change: Change | None = None
    shift: Shift | None = None

    @property
    def non_finite(self) -> int:
        """Values that are NaN or infinite, on either side."""
        return sum(n or 0 for n in self.bad)

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
        tensors: weights first, then moving statistics and the like, the optimizer's, and others; each worst first.
        whole: the paired change of all model tensors in both; None where nothing was paired.
        trained: the same of those of them that are trained, see :mod:`reporter.model.trained`.
        shift: of the distribution of the trained values.
        notes: what a reader should know.
    """

    before: str
    after: str
    paired: bool
    tensors: tuple[TensorDifference, ...]
    whole: Change | None = None
    trained: Change | None = None
    shift: Shift | None = None
    notes: tuple[str, ...] = ()

    def count(self, state: State) -> int:
        """How many tensors are in a state."""
        return sum(t.state == state for t in self.tensors)

    @property
    def bad(self) -> tuple[int, int]:
        """Values that are NaN or infinite in all tensors, before and after."""
        before, after = (sum(t.bad[side] or 0 for t in self.tensors) for side in (0, 1))
        return before, after

    @property
    def verdict(self) -> Verdict:
        """``FAIL`` where the later one holds a value that is not finite; ``WARN`` where the earlier one did, or where
        tensors came, went or changed their form; else ``PASS``: that values differ is what one expects."""
        before, after = self.bad
        if after:
            return Verdict.FAIL
        moved = any(self.count(state) for state in ("reshaped", "removed", "added"))
        return Verdict.WARN if before or moved else Verdict.PASS


def worst_first(tensors: list[TensorDifference]) -> tuple[TensorDifference, ...]:
    """What is not finite before everything else, most new ones first; then weights, moving statistics and the like,
    optimizer, others: in each by state, then by relative update, then by name."""
    collections = ("model", "optimizer", "other")
    return tuple(
        sorted(
            tensors,
            key=lambda t: (
                not t.non_finite,
                (t.bad[0] or 0) - (t.bad[1] or 0),
                collections.index(t.collection) if t.collection in collections else len(collections),
                t.role in APART,
                STATES.index(t.state),
                -(t.update if t.update is not None else -1.0),
                t.name,
            ),
        )
    )
