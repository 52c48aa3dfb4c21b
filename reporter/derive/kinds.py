"""What kind of change became of a tensor, told from what was measured of it: no value is read.

A summary is a fingerprint of the values that does not depend on their order: the counts of 65,280 cells, of zeros and
of non-finite values, and both extremes to the bit. Tensors that agree in all of these hold the same values in some
order, unless they hold so few different ones that it may be chance, see :func:`is_distinctive`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from reporter.model.change import Change
from reporter.model.kind import FEW, ChangeKind, KindOfChange
from reporter.model.measured import Measured, TensorMeasure
from reporter.model.role import WEIGHT_MATRICES
from reporter.model.summary import Summary
from reporter.model.tensor import TensorInfo
from reporter.model.units import Units

LEAST_CELLS = 16
"""Cells that tensors must fill for their equal counts to be no chance."""

LEAST_VALUES = 3
"""Values, all different, that do the same in a tensor whose values are all at hand."""

ROUNDING = 1e-5
"""Most residual of a tensor that was scaled: float32 rounds each value by at most 6e-8 of it, and a factor that was
applied a thousand times by a thousand times that at worst; a step of training leaves 1e-3."""

LEAST_RESIDUAL = 1e-7
"""Least residual that is told from none. A cosine is right to some 1e-16, so √(1 − cosine²) is to some 1e-8."""

LEAST_SCALE = 1e-4
"""Least distance of a factor from 1."""

BEYOND_ROUNDING = 32.0
"""How many units of rounding the values that differ must have moved, so that few of them are no accident: where steps
are smaller than the rounding, a bfloat16 tensor keeps 98 % of its values although all were trained."""

ELSEWHERE = 0.5
"""A weight matrix whose cosine with itself is below this was replaced, as in the rules on violent updates."""

_MANTISSA = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}


def is_distinctive(measure: TensorMeasure) -> bool:
    """Whether a tensor holds so many different values that another one with all of them is no chance."""
    if measure.sketch is not None and measure.sketch.exact:
        different = len(np.unique(measure.sketch.values))
        return different >= LEAST_CELLS or LEAST_VALUES <= different == measure.summary.count
    return len(measure.summary.cells.index) >= LEAST_CELLS


def same_values(before: TensorMeasure, after: TensorMeasure) -> bool:
    """Whether both hold the same values in whatever order and shape, as far as summaries tell.

    Of tensors of up to 1,024 values this is exact.
    """
    if before.info.dtype != after.info.dtype or not is_distinctive(before):
        return False
    if _order_free(before.summary) != _order_free(after.summary):
        return False
    if before.sketch is not None and after.sketch is not None and before.sketch.exact:
        return np.array_equal(np.sort(before.sketch.values), np.sort(after.sketch.values), equal_nan=True)
    a, b = before.summary.cells, after.summary.cells
    return np.array_equal(a.index, b.index) and np.array_equal(a.counts, b.counts)


def opposite_values(before: TensorMeasure, after: TensorMeasure) -> bool:
    """Whether ``after`` holds the values of ``before`` with the other sign, in any order, as summaries tell.

    Cells are no mirror images of each other, so that the extremes and the norms have to do.
    """
    a, b = before.summary, after.summary
    if before.info.dtype != after.info.dtype or not is_distinctive(before):
        return False
    if _mirrored(a) != _order_free(b):
        return False
    if before.sketch is not None and after.sketch is not None and before.sketch.exact:
        return np.array_equal(np.sort(-before.sketch.values), np.sort(after.sketch.values), equal_nan=True)
    return math.isclose(a.norm, b.norm, rel_tol=1e-9) and abs(a.mean + b.mean) <= 1e-6 * a.norm / math.sqrt(a.count)


def _order_free(summary: Summary) -> tuple[object, ...]:
    """What of a summary is the same to the bit however the values are ordered, without its cells."""
    s = summary
    return s.count, s.nan, s.posinf, s.neginf, s.zeros, s.minimum, s.maximum


def _mirrored(summary: Summary) -> tuple[object, ...]:
    """The same of its values with the other sign."""
    s = summary
    low, high = (None, None) if s.minimum is None or s.maximum is None else (-s.maximum, -s.minimum)
    return s.count, s.nan, s.neginf, s.posinf, s.zeros, low, high


def reordered_units(before: Units | None, after: Units | None) -> bool | None:
    """Whether output units changed places: the same maxima, to the bit, in another order.

    Returns:
        None where the units tell nothing; False where each unit kept its place, so that its inputs changed places.
    """
    if before is None or after is None or before.maxima.shape != after.maxima.shape or len(before.maxima) < 2:
        return None
    a, b = before.maxima, after.maxima
    if np.array_equal(a, b) and np.allclose(before.norms, after.norms, rtol=1e-9, atol=0.0):
        return False
    if np.array_equal(np.sort(a), np.sort(b)):
        return True
    return None


class Origins:
    """Finds the tensor of a checkpoint that holds the values which another tensor has later.

    Args:
        tensors: all tensors of the earlier checkpoint.
    """

    def __init__(self, tensors: Iterable[TensorMeasure]) -> None:
        self._alike: dict[tuple[object, ...], list[TensorMeasure]] = {}
        for tensor in tensors:
            self._alike.setdefault(_order_free(tensor.summary), []).append(tensor)

    def of(self, after: TensorMeasure, *, signs: bool = False) -> TensorMeasure | None:
        """The first tensor of another name with the same values in whatever order; None where there is none.

        Args:
            after: the tensor of the later checkpoint.
            signs: look for the values with the other sign instead.
        """
        key = _mirrored(after.summary) if signs else _order_free(after.summary)
        same = opposite_values if signs else same_values
        return next((t for t in self._alike.get(key, ()) if t.info.name != after.info.name and same(t, after)), None)


def scale(before: TensorMeasure, change: Change) -> tuple[float, float] | None:
    """The factor by which every value was multiplied, and the residual; None where there is no such factor.

    The residual has the two digits that are right on every processor, as sums are added in another order on each. Only
    of float32 and float64: coarser dtypes round each value by more than a step of training changes it.
    """
    cosine, nonzero = change.cosine, before.summary.finite - before.summary.zeros
    if cosine is None or not change.exact or nonzero < LEAST_VALUES or change.left_out:
        return None
    if _MANTISSA.get(before.info.dtype, 0) < _MANTISSA["float32"]:
        return None
    factor, residual = cosine * change.norm_after / change.norm_before, math.sqrt(max(1 - cosine * cosine, 0.0))
    residual = float(f"{residual:.1e}") if residual >= LEAST_RESIDUAL else 0.0
    return (factor, residual) if residual < ROUNDING and abs(factor - 1) > LEAST_SCALE else None


def touched_units(before: Units | None, after: Units | None) -> tuple[int, int] | None:
    """How many output units have another norm or maximum than before, and of how many."""
    if before is None or after is None or before.norms.shape != after.norms.shape:
        return None
    other = (before.norms != after.norms) | (before.maxima != after.maxima)
    return int(other.sum()), len(other)


def is_sparse(change: Change, dtype: str, slices: tuple[int, int] | None = None) -> bool:
    """Whether so few values changed, and by so much or so close together, that most were not meant to.

    Args:
        change: of the tensor.
        dtype: of its values.
        slices: how many rows or columns hold a value that changed, and of how many.
    """
    changed = change.count - change.equal
    if not change.exact or not 0 < changed <= FEW * change.count:
        return False
    if slices is not None and slices[0] <= FEW * slices[1]:
        return True
    if not change.norm_before:
        return True
    unit = 2.0 ** -_MANTISSA.get(dtype, 0) if dtype in _MANTISSA else 0.0
    moved = change.distance / math.sqrt(changed)
    return moved > BEYOND_ROUNDING * unit * change.norm_before / math.sqrt(change.count)


def kind_of(
    before: TensorMeasure, after: TensorMeasure, change: Change | None, origins: Origins | None = None
) -> KindOfChange:
    """What kind of change it was, for a tensor that changed, as far as summaries tell.

    Args:
        before, after: the tensor in both checkpoints.
        change: between the two; None where their shapes or dtypes differ.
        origins: the tensors of the earlier checkpoint, among which one that had the values is looked for.
    """
    update = change.relative_update if change is not None else None
    bad = before.summary.non_finite, after.summary.non_finite
    if bad[1] > bad[0]:
        return KindOfChange(ChangeKind.NON_FINITE, True, update, bad=bad)
    if change is not None and (found := scale(before, change)) is not None:
        factor, residual = found
        negated = abs(factor + 1) < ROUNDING
        return KindOfChange(
            ChangeKind.NEGATED if negated else ChangeKind.SCALED, True, update, factor=factor, residual=residual
        )
    if (moved := _moved(before, after, origins, update)) is not None:
        return moved
    if change is None:
        return KindOfChange(ChangeKind.UPDATED)
    return _paired(before, after, change)


def _moved(
    before: TensorMeasure, after: TensorMeasure, origins: Origins | None, update: float | None
) -> KindOfChange | None:
    """Whether the values are the same in another order, or those of another tensor."""
    for signs, same in ((False, same_values), (True, opposite_values)):
        if same(before, after):
            return KindOfChange(ChangeKind.REORDERED, update=update, axes=_axes(before, after), signs=signs)
        source = origins.of(after, signs=signs) if origins is not None else None
        if source is not None:
            return KindOfChange(ChangeKind.TAKEN, update=update, origin=source.info.name, signs=signs)
    return None


def _axes(before: TensorMeasure, after: TensorMeasure) -> tuple[int, ...]:
    """Along which axis slices changed places; empty where the output units do not tell."""
    axes = range(len(before.info.shape))
    if len(axes) == 1:
        return (0,)
    outputs = reordered_units(before.units, after.units)
    if before.units is None or outputs is None:
        return ()
    axis = before.units.axis % len(axes)
    inputs = tuple(k for k in axes if k != axis)
    return (axis,) if outputs else inputs if len(inputs) == 1 else ()


def _paired(before: TensorMeasure, after: TensorMeasure, change: Change) -> KindOfChange:
    """What the sums over pairs tell."""
    info, update, slices = after.info, change.relative_update, touched_units(before.units, after.units)
    if is_sparse(change, info.dtype, slices):
        few = slices if slices is not None and slices[0] <= FEW * slices[1] else None
        axes = (before.units.axis % len(info.shape),) if few is not None and before.units is not None else ()
        return KindOfChange(ChangeKind.SPARSE, True, update, changed=change.count - change.equal, slices=few, axes=axes)
    return trained(info, change)


def trained(info: TensorInfo, change: Change) -> KindOfChange:
    """The kind of a change that is nothing special: an update, or another tensor altogether."""
    elsewhere = change.cosine is not None and change.cosine < ELSEWHERE and info.role in WEIGHT_MATRICES
    kind = ChangeKind.REPLACED if elsewhere else ChangeKind.UPDATED
    return KindOfChange(kind, change.exact, change.relative_update)


def kinds_of(before: Measured, after: Measured, changes: Mapping[str, Change]) -> dict[str, KindOfChange]:
    """The kind of change of every tensor that is in both and is not equal to the bit, by name, as summaries tell.

    Tensors of another shape that hold other values are left out, as are those of another dtype that were not paired.

    Args:
        before, after: what was measured of both checkpoints.
        changes: between tensors of equal shape and dtype, by name.
    """
    origins = Origins(before.tensors)
    found: dict[str, KindOfChange] = {}
    for tensor in after.tensors:
        name = tensor.info.name
        old, change = before.by_name.get(name), changes.get(name)
        if old is None or (change is not None and change.unchanged):
            continue
        if old.info.dtype != tensor.info.dtype:
            if change is not None:
                found[name] = _stored_otherwise(old, tensor, change)
            continue
        kind = kind_of(old, tensor, change, origins)
        if change is not None or kind.kind != ChangeKind.UPDATED:
            found[name] = kind
    return found


def _stored_otherwise(before: TensorMeasure, after: TensorMeasure, change: Change) -> KindOfChange:
    """The change of values that are stored in another floating dtype: nothing but rounding, or more."""
    update, coarser = change.relative_update, min((before, after), key=lambda t: _MANTISSA.get(t.info.dtype, 0))
    if after.summary.non_finite > before.summary.non_finite:
        bad = before.summary.non_finite, after.summary.non_finite
        return KindOfChange(ChangeKind.NON_FINITE, True, update, bad=bad)
    half_step = 2.0 ** -(_MANTISSA.get(coarser.info.dtype, 0) + 1)
    if update is not None and update <= half_step:
        return KindOfChange(ChangeKind.CAST, update=update, dtype=after.info.dtype)
    return KindOfChange(ChangeKind.UPDATED, change.exact, update)
