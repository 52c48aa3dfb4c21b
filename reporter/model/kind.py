"""What kind of change became of a tensor, and what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from reporter.frozen import dataclass

FEW = 0.1
"""Most share of values, or of rows or columns with one, that differ in a sparse change."""


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
        residual: of the same: √(1 − cosine²), the share of b that no factor explains, to two digits; 0 below 1e-7.
        axes: of ``REORDERED``: those along which slices changed places, empty where no axis explains it; of
            ``TRANSPOSED``: which axis of the earlier tensor each axis of the later one is.
        reversed: of ``REORDERED``: whether the slices are in exactly the opposite order.
        signs: of ``REORDERED``, ``TRANSPOSED`` and ``TAKEN``: whether all values have the other sign as well.
        origin: of ``TAKEN``: the tensor that had these values before.
        dtype: of ``CAST``: what the values were rounded to.
        levels: of ``QUANTISED``: most different values of the tensor, or of an output unit.
        by_unit: of ``QUANTISED``: whether each output unit has a step of its own.
        changed: of ``SPARSE``: how many values differ.
        slices: of ``SPARSE``: how many slices along ``axes`` hold a value that differs, and of how many; None where
            no axis gathers them.
        rank: directions of b − a beyond what noise gives; None where they were not looked for. Of ``UPDATED`` as well,
            and at least so many where that is the number looked for.
        captured: their share of ‖b − a‖².
        stable_rank: ‖b − a‖_F² / ‖b − a‖₂².
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
    levels: int | None = None
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
    """Those of one layer only, which is not known to be the last."""
    VECTORS = "vectors"
    """Biases, scales and statistics only: no tensor of two or more axes."""
    MATRICES = "matrices"
    """Tensors of two or more axes only, though there are others."""
    OPTIMIZER = "optimizer"
    """None: only the state of the optimizer."""


@dataclass(frozen=True, slots=True)
class KindsOfPair:
    """What kind of change two checkpoints make, as a whole.

    Attributes:
        subject: what the counts speak of: "model", or "all" where no tensor of a model is in both.
        shared: tensors that both hold.
        equal: those of them that are equal to the bit.
        unknown: those of which nothing tells whether a value differs.
        kinds: of each of the others, by name.
        extent: where they are, None where that says nothing.
        layer: of the extents ``HEAD`` and ``LAYER``.
        beside: how many tensors of the optimizer's state changed, and how many both hold.
    """

    subject: str
    shared: int
    equal: int
    unknown: int
    kinds: Mapping[str, KindOfChange]
    extent: Extent | None = None
    layer: str = ""
    beside: tuple[int, int] = (0, 0)
