"""Two open checkpoints, read side by side: their numbers under one set of names, and each tensor's change."""

from __future__ import annotations

from collections.abc import Mapping

from reporter.frozen import dataclass
from reporter.gather.layer_names import Match, match, renamed, under_names
from reporter.measuring.checkpoint import Plan, measure_checkpoint
from reporter.measuring.pairs import compare_recast
from reporter.model.changes import Changes
from reporter.model.measured import Measured
from reporter.model.tensor import Contents


@dataclass(frozen=True, slots=True)
class MeasuredPair:
    """What was measured of two checkpoints.

    Attributes:
        before: the earlier one.
        after: the later one, under the names of the earlier one.
        changes: of every tensor that could be paired, by these names.
        matched: how the names of the later one were matched.
    """

    before: Measured
    after: Measured
    changes: Changes
    matched: Match

    @property
    def shown(self) -> Mapping[str, str]:
        """The names of the later one's tensors by their own."""
        return self.matched.tensors


def measured_pair(old: Contents, new: Contents, plan: Plan) -> MeasuredPair:
    """Measure two open checkpoints, and pair their values.

    Args:
        old: the earlier one.
        new: the later one.
        plan: what to measure of both.

    Raises:
        reporter.errors.CheckpointError: one of them cannot be read.
    """
    before, _ = measure_checkpoint(old, plan)
    matched = match(before, new)
    paired = under_names(old, {name: own for own, name in matched.tensors.items()})
    after, (own,) = measure_checkpoint(new, plan, [paired])
    recast = compare_recast(paired, new)
    known = own.with_further(recast, [t.info.name for t in after.tensors]) if recast else own
    after, changes = renamed(after, matched), known.renamed(matched.tensors)
    return MeasuredPair(before, after, changes, matched)
