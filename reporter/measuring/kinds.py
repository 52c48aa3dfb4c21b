"""What kind of change it was, told from the values themselves: proves what summaries suggest, and finds the rest.

Most tensors of two checkpoints of a training cost a glance at their first values; only where these or the summaries
suggest something is a tensor read once more, as a stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from reporter.derive.kinds import trained
from reporter.measuring import grids
from reporter.measuring.directions import directions
from reporter.measuring.fingerprint import Fingerprint, can_be_hashed, fingerprint
from reporter.measuring.one_thread import one_thread
from reporter.measuring.pairs import can_be_paired
from reporter.measuring.pieces import Array, pieces
from reporter.model.change import Change
from reporter.model.kind import FEW, ChangeKind, KindOfChange
from reporter.model.measured import TensorMeasure
from reporter.model.tensor import Contents, TensorSource

GLANCE = 1 << 12
"""Values at a tensor's beginning that are looked at before all others are read."""

LONGEST_AXIS = 1 << 22
"""Longest axis whose slices are told apart."""

_ORDERS = frozenset({ChangeKind.REORDERED, ChangeKind.TRANSPOSED, ChangeKind.RESHAPED, ChangeKind.TAKEN})
_OPEN = frozenset({ChangeKind.UPDATED, ChangeKind.REPLACED})


def examine(
    before: Contents,
    after: Contents,
    told: Mapping[str, KindOfChange],
    changes: Mapping[str, Change],
    numbers: Mapping[str, TensorMeasure],
    *,
    spectral: bool = False,
) -> dict[str, KindOfChange]:
    """The kinds of change, with the evidence that values give.

    Args:
        before, after: two open checkpoints.
        told: what summaries tell, by tensor name, see :mod:`reporter.derive.kinds`.
        changes: between the tensors of equal shape and dtype.
        numbers: what was measured of the later checkpoint's tensors.
        spectral: whether the directions of differences are counted, for which matrices are held in memory.

    Raises:
        reporter.errors.CheckpointError: from reading either.
    """
    old = {source.info.name: source for source in before.tensors}
    new = {source.info.name: source for source in after.tensors}
    found: dict[str, KindOfChange] = {}
    with one_thread():
        for name, kind in told.items():
            a, b = old[kind.origin or name], new[name]
            known: KindOfChange | None = kind
            if kind.kind in _ORDERS:
                known = _in_order(a, b, kind, changes.get(name))
            elif name in changes and can_be_paired(a, b):
                known = _paired(a, b, kind, changes[name], numbers[name], spectral=spectral)
            if known is not None:
                found[name] = known
    return found


def _paired(
    a: TensorSource, b: TensorSource, told: KindOfChange, change: Change, numbers: TensorMeasure, *, spectral: bool
) -> KindOfChange:
    """What kind of change it was, of a tensor whose values stand side by side."""
    if told.kind in _OPEN and (found := _alike(a, b, told, grids.tests(change, numbers))) is not None:
        return found
    if told.kind == ChangeKind.SPARSE or (told.kind in _OPEN and 0 < change.count - change.equal <= FEW * change.count):
        return _gathered(a, b, told, change)
    return directions(a, b, told) if told.kind in _OPEN and spectral else told


def _in_order(
    before: TensorSource, after: TensorSource, told: KindOfChange, change: Change | None
) -> KindOfChange | None:
    """In which order the same values are; where they are not the same after all, what else is to be said."""
    if not (can_be_hashed(before.info) and can_be_hashed(after.info)):
        return told
    a, b = fingerprint(before, flipped=told.signs), fingerprint(after)
    if a.total != b.total:
        return trained(after.info, change) if change is not None else None
    proven = replace(told, proven=True, axes=(), reversed=False)
    if told.kind == ChangeKind.TAKEN:
        return proven
    shapes = before.info.shape, after.info.shape
    if a.in_order == b.in_order:
        if shapes[0] != shapes[1]:
            return replace(proven, kind=ChangeKind.RESHAPED)
        if not told.signs:
            return trained(after.info, change) if change is not None else None  # only zeros have another sign
        return replace(proven, kind=ChangeKind.NEGATED, factor=-1.0, residual=0.0, signs=False)
    if (axes := a.transposed_to(b)) is not None:
        return replace(proven, kind=ChangeKind.TRANSPOSED, axes=axes)
    if shapes[0] != shapes[1]:
        return replace(proven, kind=ChangeKind.REORDERED)
    return _reordered(a, b, proven)


def _reordered(a: Fingerprint, b: Fingerprint, proven: KindOfChange) -> KindOfChange:
    axes = a.moved_to(b)
    opposite = bool(axes) and all(np.array_equal(a.slices[k][::-1], b.slices[k]) for k in axes)
    return replace(proven, kind=ChangeKind.REORDERED, axes=axes, reversed=opposite)


def _alike(
    before: TensorSource, after: TensorSource, told: KindOfChange, tests: Sequence[grids.Test]
) -> KindOfChange | None:
    """The first of some changes that are the same for all values which holds for each of them."""
    if not tests:
        return None
    first = _glance(before, after)
    for test in tests:
        if not test.holds(*first, 0):
            continue
        start = 0
        for a, b in zip(pieces(before.blocks()), pieces(after.blocks()), strict=True):
            if not test.holds(a, b, start):
                break
            start += a.size
        else:
            if test.differs:
                return test.found(told)
    return None


def _glance(before: TensorSource, after: TensorSource) -> tuple[Array, Array]:
    """The first values of both."""
    a, b = (next(iter(islice(source.blocks(), 1)))[:GLANCE] for source in (before, after))
    n = min(len(a), len(b))
    return a[:n], b[:n]


def _gathered(before: TensorSource, after: TensorSource, told: KindOfChange, change: Change) -> KindOfChange:
    """Along which axis the values that differ are gathered in few slices."""
    shape = after.info.shape
    touched = {k: np.zeros(n, bool) for k, n in enumerate(shape) if 1 < n <= LONGEST_AXIS}
    start = 0
    for a, b in zip(pieces(before.blocks()), pieces(after.blocks()), strict=True):
        differing = start + np.flatnonzero(a.view(f"V{a.itemsize}") != b.view(f"V{b.itemsize}"))
        for k, place in zip(touched, (np.unravel_index(differing, shape)[k] for k in touched), strict=True):
            touched[k][place] = True
        start += a.size
    shares = {k: float(seen.mean()) for k, seen in touched.items()} if len(shape) > 1 else {}
    axis = min(shares, key=shares.__getitem__, default=None)
    if axis is None or shares[axis] > FEW:
        return replace(told, slices=None, axes=()) if told.kind == ChangeKind.SPARSE else told
    slices = int(touched[axis].sum()), shape[axis]
    return KindOfChange(
        ChangeKind.SPARSE, True, told.update, changed=change.count - change.equal, slices=slices, axes=(axis,)
    )
