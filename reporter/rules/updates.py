"""The paired changes of one tensor over the checkpoints of a series, side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reporter.frozen import dataclass
from reporter.model.changes import COLUMNS
from reporter.model.columns import Floats

STILL = 1e-8
"""A relative update below this moves nothing: SageMaker Debugger's lower bound of the weight update ratio."""

COUNT, LEFT_OUT = COLUMNS.index("count"), COLUMNS.index("left_out")


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """The paired changes of one tensor, side by side.

    Attributes:
        places: of the later checkpoint of each pair, ascending; without pairs that share no finite value, for whatever
            is added to NaN, it stays NaN: whether anything was added cannot be known.
        relative: ‖W − W′‖ / ‖W′‖ of the values that are finite in both; NaN where W′ is zero.
        against_larger: ‖W − W′‖ / the larger of ‖W′‖ and ‖W‖; NaN where both are zero. Two directions that have nothing
            in common are √2 apart, a reversed one 2, and whatever grows from next to nothing, or shrinks to it, 1.
        cosine: Σ W W′ / (‖W‖ ‖W′‖), NaN where either is zero.
        equal_share: share of values that are equal to the bit; NaN where it is not known.
        unchanged: whether all are, NaN included; of an estimate, whether the sketches are.
        still: whether nothing moved, or less than :data:`STILL`; where a value is not finite, only what is unchanged.
        exact: whether compared value by value.
        finite: whether all values of both are finite.
    """

    places: npt.NDArray[np.int64]
    relative: Floats
    against_larger: Floats
    cosine: Floats
    equal_share: Floats
    unchanged: npt.NDArray[np.bool_]
    still: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]
    finite: npt.NDArray[np.bool_]

    def resting(self, share: float) -> npt.NDArray[np.bool_]:
        """Where it is still, or at least such a share of its values is equal to the bit."""
        return self.still if share >= 1.0 else self.still | (self.finite & (self.equal_share >= share))

    @classmethod
    def of(cls, places: npt.NDArray[np.int64], changes: Floats) -> Updates:
        """From the columns of :func:`reporter.model.changes.columns`."""
        known = ~((changes[:, COUNT] > 0) & (changes[:, LEFT_OUT] >= changes[:, COUNT]))
        places, changes = places[known], changes[known]
        count, equal, distance, before, exactly, left_out, after, overlap = changes.T
        exact, finite = exactly == 1, left_out == 0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            relative = np.where(before > 0, distance / before, np.nan)
            larger = np.maximum(before, after)
            against_larger = np.where(larger > 0, distance / larger, np.nan)
            cosine = np.where((before > 0) & (after > 0), (overlap / before) * (np.abs(overlap) / after), np.nan)
            share = np.where(exact & (count > 0), equal / count, np.nan)
        unchanged = np.where(exact, equal == count, (distance == 0) & finite)
        still = unchanged | ((relative < STILL) & finite)
        return cls(places, relative, against_larger, cosine, share, unchanged, still, exact, finite)
