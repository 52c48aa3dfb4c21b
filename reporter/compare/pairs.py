"""Two checkpoints held against each other: exact where their files were read side by side, else from the sketches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reporter.compare.shift import shift
from reporter.model.change import Change
from reporter.model.changes import Changes, MergedChanges
from reporter.model.comparison import Pair
from reporter.model.measured import Measured
from reporter.model.shift import UNMOVED, Shift
from reporter.model.summary import Summary
from reporter.model.tensor import TensorInfo

Sample = tuple[Summary, npt.NDArray[np.float64] | None]


def pair(place: int, at: int, before: Measured, after: Measured, known: Changes, *, shifts: bool) -> Pair:
    """Hold ``after`` (place ``at`` in its series) against ``before`` (``place``).

    Args:
        known: exact changes by tensor name.
        shifts: whether the shift of every layer and tensor is wanted, not only that of the whole.
    """
    selected = set(after.whole.tensors)
    changes = completed(before, after, known)
    added, removed, reshaped = _structure(before, after)
    layers = MergedChanges(changes, after.layer_members)
    whole = changes.merged(name for name in changes if name in selected)
    unchanged = whole.exact and whole.unchanged and set(before.whole.tensors) == selected == set(changes) & selected
    return Pair(
        before=place,
        after=at,
        tensors=changes,
        layers=layers,
        whole=whole,
        added=added,
        removed=removed,
        reshaped=reshaped,
        shift=UNMOVED if unchanged and whole.count else shift(before.whole.summary, after.whole.summary),
        layer_shifts=dict(_shifts(_layers(before, after), layers)) if shifts else {},
        tensor_shifts=dict(_shifts(_tensors(before, after), changes)) if shifts else {},
    )


def _structure(
    before: Measured, after: Measured
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """Names that were added and removed, and what changed its form."""
    if before.holds_the_same(after):
        return (), (), ()
    old = {name: t.info for name, t in before.by_name.items()}
    new = {name: t.info for name, t in after.by_name.items()}
    return (
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(
            (name, form(old[name]), form(new[name]))
            for name in new
            if name in old and (old[name].shape, old[name].dtype) != (new[name].shape, new[name].dtype)
        ),
    )


def completed(before: Measured, after: Measured, known: Changes) -> Changes:
    """The known changes, and those that two sketches tell of tensors of equal shape and dtype, in model order."""
    names = [info.name for info in after.infos]
    if len(known) == len(names) and all(name in known for name in names):
        return known
    return known.with_further(dict(_estimated(before, after, known)), names)


def _estimated(before: Measured, after: Measured, known: Changes) -> Iterator[tuple[str, Change]]:
    for tensor in after.tensors:
        name = tensor.info.name
        old = before.by_name.get(name)
        if name in known or old is None or (old.info.shape, old.info.dtype) != (tensor.info.shape, tensor.info.dtype):
            continue
        if old.sketch is not None and tensor.sketch is not None:
            change = old.sketch.change(tensor.sketch, old.summary.norm, tensor.summary.norm)
            if not change.exact:
                bad, bad_now = old.summary.non_finite, tensor.summary.non_finite
                change = replace(change, left_out=max(bad, bad_now), bad_before=bad, bad_after=bad_now)
            yield name, change


def _layers(before: Measured, after: Measured) -> Iterator[tuple[str, Sample, Sample]]:
    for group in after.layers:
        old = before.layer_by_name.get(group.name)
        if old is not None:
            yield group.name, _sample(old.summary, before, old.tensors), _sample(group.summary, after, group.tensors)


def _tensors(before: Measured, after: Measured) -> Iterator[tuple[str, Sample, Sample]]:
    for name in (info.name for info in after.model_infos):
        old = before.by_name.get(name)
        if old is not None:
            yield name, _sample(old.summary, before, (name,)), _sample(after.by_name[name].summary, after, (name,))


def _sample(summary: Summary, of: Measured, names: Sequence[str]) -> Sample:
    """A summary, and the finite values themselves where sketches hold all of them."""
    sketches = [of.by_name[name].sketch for name in names]
    parts = [sketch.values for sketch in sketches if sketch is not None and sketch.exact]
    if len(parts) < len(names):
        return summary, None
    values = np.concatenate(parts)
    return summary, values[np.isfinite(values)]


def _shifts(
    samples: Iterator[tuple[str, Sample, Sample]], changes: Mapping[str, Change]
) -> Iterator[tuple[str, Shift]]:
    for name, (before, a), (after, b) in samples:
        change = changes.get(name)
        same = change is not None and change.exact and change.unchanged and change.count == before.count == after.count
        found = UNMOVED if same else shift(before, after, None if a is None or b is None else (a, b))
        if found is not None:
            yield name, found


def form(info: TensorInfo) -> str:
    """Shape and dtype as text.

    >>> form(TensorInfo("a/b", "a", "bias", (3,), "float32", None, "model"))
    '(3,) float32'
    """
    return f"{info.shape} {info.dtype}"
