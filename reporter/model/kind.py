"""What kind of change became of a tensor, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to the values of a tensor; its text is what JSON says. What says most comes first."""

    NON_FINITE = "non_finite"
    """It holds more NaN or infinite values than before."""
    TAKEN = "taken"
    """Its values are those that another tensor had before."""
    TRANSPOSED = "transposed"
    """The same values with their axes in another order."""
    RESHAPED = "reshaped"
    """The same values in the same order under another shape."""
    REORDERED = "reordered"
    """The same values in another order, such as rows or columns that were exchanged."""
    NEGATED = "negated"
    """Every value has the other sign."""
    SCALED = "scaled"
    """Every value was multiplied by one factor, up to rounding."""
    CAST = "cast"
    """Every value was rounded to a dtype of fewer bits and stored as before."""
    QUANTISED = "quantised"
    """Every value was rounded to a few levels at equal distances."""
    SPARSE = "sparse"
    """Few values changed, and all others are equal to the bit."""
    LOW_RANK = "low_rank"
    """The difference is a matrix of few directions, as of a merged adapter (LoRA)."""
    REPLACED = "replaced"
    """A weight matrix that points elsewhere than before: other values, not a step of training."""
    UPDATED = "updated"
    """None of these: what a step of training does."""


@dataclass(frozen=True, slots=True)
class KindOfChange:
    """A kind and its evidence; which fields are set depends on the kind.

    Attributes:
        kind: what happened.
        proven: whether every value was looked at; else sums, extremes and counts of values agree with the kind.
        update: ‖b − a‖ / ‖a‖; None where a is all zero or the values were not paired.
        factor: of ``SCALED`` and ``NEGATED``: Σab / Σa².
        residual: of the same: √(1 − cosine²), the share of b that no factor explains.
        axes: of ``REORDERED``: those along which slices changed places, empty where no axis explains it; of
            ``TRANSPOSED``: which axis of the earlier tensor each axis of the later one is.
        reversed: of ``REORDERED``: whether the slices are in exactly the opposite order.
        signs: of ``REORDERED``, ``TRANSPOSED`` and ``TAKEN``: whether all values have the other sign as well.
        origin: of ``TAKEN``: the tensor that had these values before.
        dtype: of ``CAST``: what the values were rounded to.
        bits: of ``QUANTISED``: levels from −(2^(bits−1) − 1) to 2^(bits−1) − 1.
        by_unit: of ``QUANTISED``: whether each output unit has a step of its own.
        changed: of ``SPARSE``: how many values differ.
        slices: of ``SPARSE``: how many slices along ``axes`` hold a value that differs, and of how many; None where
            no axis gathers them.
        rank: of ``LOW_RANK``: directions beyond what noise gives.
        captured: of ``LOW_RANK``: their share of ‖b − a‖².
        stable_rank: of ``LOW_RANK``: ‖b − a‖_F² / ‖b − a‖₂².
        bad: of ``NON_FINITE``: NaN or infinite values before and after.
    """

    kind: ChangeKind
    proven: bool = False
    update: float | None = None
    factor: float | None = None
    residual: float | None = None
    axes: tuple[int, ...] = ()
    reversed: bool = False
    signs: bool = False
    origin: str = ""
    dtype: str = ""
    bits: int | None = None
    by_unit: bool = False
    changed: int | None = None
    slices: tuple[int, int] | None = None
    rank: int | None = None
    captured: float | None = None
    stable_rank: float | None = None
    bad: tuple[int, int] | None = None


class Extent(StrEnum):
    """Which tensors of the model changed, where that says something."""

    HEAD = "head"
    """Those of the last layer only."""
    LAYER = "layer"
    """Those of one other layer only."""
    VECTORS = "vectors"
    """Biases, scales and statistics only: no tensor of two or more axes."""
    MATRICES = "matrices"
    """Tensors of two or more axes only, though there are others."""
    OPTIMIZER = "optimizer"
    """None: only the state of the optimizer."""
