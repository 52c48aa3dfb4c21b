"""A series with everything measured of it, and the exact changes between its checkpoints, before they are compared."""

from __future__ import annotations

from reporter.frozen import dataclass
from reporter.model.changes import Changes
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured


@dataclass(frozen=True, slots=True)
class Baseline:
    """The one checkpoint that every other is held against: ``--baseline``.

    Attributes:
        name: its path as it was given, for display.
        measured: its numbers.
    """

    name: str
    measured: Measured


@dataclass(frozen=True, slots=True)
class Gathered:
    """One series of n checkpoints.

    The changes are exact, by tensor name. They are there for tensors of equal shape and dtype where both files could
    be read side by side, in this run or an earlier one; what is not there has to be estimated from the sketches.

    Attributes:
        refs: the checkpoints that were measured, in step order.
        measured: their numbers, n.
        previous: n − 1, checkpoint i + 1 against checkpoint i.
        first: n − 1, checkpoint i + 1 against checkpoint 0.
        baseline: None where none is set.
        from_baseline: n, checkpoint i against the baseline; empty without one.
        notes: what a reader should know about the names, see :mod:`reporter.gather.layer_names`.
    """

    refs: tuple[CheckpointRef, ...]
    measured: tuple[Measured, ...]
    previous: tuple[Changes, ...]
    first: tuple[Changes, ...]
    baseline: Baseline | None = None
    from_baseline: tuple[Changes, ...] = ()
    notes: tuple[str, ...] = ()
