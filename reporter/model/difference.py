"""Two checkpoints against each other, tensor by tensor: what ``ckpt-report diff`` shows."""

from __future__ import annotations

import math
from enum import StrEnum

from reporter.frozen import dataclass
from reporter.model.change import Change
from reporter.model.finding import Verdict
from reporter.model.histogram import Histogram
from reporter.model.kind import ChangeKind, KindOfChange, KindsOfPair
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.shift import Shift
from reporter.model.tensor import COLLECTIONS, Collection
from reporter.model.trained import APART


class DifferenceState(StrEnum):
    """What became of a tensor, worst first."""

    RESHAPED = "reshaped"
    REMOVED = "removed"
    ADDED = "added"
    RECAST = "dtype changed"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    """Both have it, and nothing tells whether a value differs."""
    EQUAL = "equal"


STATES = tuple(DifferenceState)

OF_ANOTHER_FORM = (DifferenceState.RESHAPED, DifferenceState.REMOVED, DifferenceState.ADDED, DifferenceState.RECAST)
"""Of tensors that the two do not both hold with one shape and dtype."""


OUTGROWN = 10.0
"""Factor from which on the norm of a kernel or embedding is worth a warning, up or down. Between the first and the last
checkpoint of the healthy trainings of the calibration it is 3.1 at most, of 500 such tensors."""


def form_change(before: str, after: str) -> DifferenceState:
    """What is different of two forms, each shape and dtype as text.

    >>> str(form_change("(3,) float32", "(3,) float16")), str(form_change("(3,) float32", "(4,) float32"))
    ('dtype changed', 'reshaped')
    """
    same_shape = before.rpartition(" ")[0] == after.rpartition(" ")[0]
    return DifferenceState.RECAST if same_shape else DifferenceState.RESHAPED


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor in two checkpoints.

    Attributes:
        before, after: shape and dtype as text, "" where it is missing.
        norms: ‖W‖₂ before and after, of the finite values; None where it is missing or has no finite value.
        bad: values that are NaN or infinite, before and after; None where it is missing.
        change: None where the values were not there to be paired.
        shift: of its distribution, None where it is not known.
        kind: what kind of change it was; None where it is equal, or nothing was paired.
        histograms: of its values before and after, on the same edges; only of those that changed most.
    """

    name: str
    collection: Collection
    role: str
    state: DifferenceState
    before: str
    after: str
    norms: tuple[float | None, float | None]
    bad: tuple[int | None, int | None]
    change: Change | None = None
    shift: Shift | None = None
    kind: KindOfChange | None = None
    histograms: tuple[Histogram, Histogram] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in the later checkpoint, else in the earlier one."""
        numbers = (self.after or self.before).partition(")")[0].strip("(").split(",")
        return tuple(int(n) for n in numbers if n.strip())

    @property
    def non_finite(self) -> int:
        """Values that are NaN or infinite, on either side."""
        return sum(n or 0 for n in self.bad)

    @property
    def form(self) -> str:
        """Shape and dtype, before and after where they differ."""
        both = self.before and self.after and self.before != self.after
        return f"{self.before} → {self.after}" if both else self.after or self.before

    @property
    def update(self) -> float | None:
        """‖b − a‖ / ‖a‖, or the least that it can be where only the norms are known: |‖b‖ − ‖a‖| / ‖a‖."""
        if self.change is not None:
            return self.change.relative_update
        if self.state == "dtype changed" and not all("float" in form for form in (self.before, self.after)):
            return None  # codes of quantised weights are not on the scale of the floats that they stand for
        before, after = self.norms
        return abs(after - before) / before if before and after is not None else None

    @property
    def outgrown(self) -> float | None:
        """The factor by which the norm of a kernel or embedding changed, where no training explains it; else None.

        One that grows from far below the scale of a usual initialisation may do so, as an adapter's second matrix does.
        """
        before, after = self.norms
        if self.role not in WEIGHT_MATRICES or self.state is not DifferenceState.CHANGED or not before or after is None:
            return None
        factor = after / before
        small = factor > 1 and after < usual_norm(self.shape)
        return factor if not small and not 1 / OUTGROWN < factor < OUTGROWN else None


def usual_norm(shape: tuple[int, ...]) -> float:
    """The L2 norm of a freshly Glorot-initialised matrix of a shape whose last axis is that of the outputs or inputs.

    Source: X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward networks*, 2010.

    >>> usual_norm((3, 5)), usual_norm((7,))
    (1.9364916731037085, 0.0)
    """
    size = math.prod(shape)
    return math.sqrt(2.0 * size / (size / shape[-1] + shape[-1])) if len(shape) > 1 and size else 0.0


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
        kinds: what kind of change it was as a whole; None where nothing was paired.
        uncompared: series of which one side lacks the numbers, as of very many: nothing is known of these.
    """

    before: str
    after: str
    paired: bool
    tensors: tuple[TensorDifference, ...]
    whole: Change | None = None
    trained: Change | None = None
    shift: Shift | None = None
    notes: tuple[str, ...] = ()
    kinds: KindsOfPair | None = None
    uncompared: tuple[str, ...] = ()

    def count(self, state: DifferenceState) -> int:
        """How many tensors are in a state."""
        return sum(t.state == state for t in self.tensors)

    @property
    def bad(self) -> tuple[int, int]:
        """Values that are NaN or infinite in all tensors, before and after."""
        before, after = (sum(t.bad[side] or 0 for t in self.tensors) for side in (0, 1))
        return before, after

    @property
    def updated_most(self) -> TensorDifference | None:
        """The kernel or embedding with the largest relative update; where none was updated another weight, then what
        stands beside the weights, then anything; else None.

        Other kinds of change, such as values in another order, have no size to compare.
        """
        updated = [
            tensor
            for tensor in self.tensors
            if tensor.state is DifferenceState.CHANGED
            and tensor.update
            and (tensor.kind is None or tensor.kind.kind in (ChangeKind.UPDATED, ChangeKind.REPLACED))
        ]

        def rank(tensor: TensorDifference) -> tuple[int, bool, bool, float]:
            apart, matrix = tensor.role in APART, tensor.role in WEIGHT_MATRICES
            return COLLECTIONS.index(tensor.collection), apart, not matrix, -(tensor.update or 0.0)

        return min(updated, key=rank, default=None)

    @property
    def outgrown(self) -> tuple[TensorDifference, ...]:
        """Kernels and embeddings whose norm grew or shrank tenfold or more, most first."""
        found = [(abs(math.log(max(factor, 1e-300))), t) for t in self.tensors if (factor := t.outgrown) is not None]
        return tuple(t for _, t in sorted(found, key=lambda one: -one[0]))

    @property
    def verdict(self) -> Verdict:
        """``FAIL`` where the later one holds a value that is not finite; ``WARN`` where the earlier one did, where
        tensors came, went or changed their form, where the norm of a kernel grew or shrank tenfold, or where something
        could not be compared; else ``PASS``: that values differ is what one expects."""
        before, after = self.bad
        if after:
            return Verdict.FAIL
        moved = any(self.count(state) for state in OF_ANOTHER_FORM)
        return Verdict.WARN if before or moved or self.outgrown or self.uncompared else Verdict.PASS


def worst_first(tensors: list[TensorDifference]) -> tuple[TensorDifference, ...]:
    """What is not finite before everything else, most new ones first; then weights, moving statistics and the like,
    optimizer, others: in each by state, then by relative update, then by name."""
    return tuple(
        sorted(
            tensors,
            key=lambda t: (
                not t.non_finite,
                (t.bad[0] or 0) - (t.bad[1] or 0),
                COLLECTIONS.index(t.collection),
                t.role in APART,
                STATES.index(t.state),
                -(t.update if t.update is not None else -1.0),
                t.name,
            ),
        )
    )
