"""Compare two checkpoints: exactly where their files were read side by side, else by estimates from sketches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from reporter.compare.shift import shift
from reporter.model.change import Change
from reporter.model.changes import Changes, MergedChanges
from reporter.model.comparison import Pair
from reporter.model.measured import Measured
from reporter.model.shift import UNMOVED, Shift
from reporter.model.sketch import Sketch
from reporter.model.summary import Summary
from reporter.model.tensor import TensorInfo

Sample = tuple[Summary, npt.NDArray[np.float64] | None]
"""The summary of some values, and the finite ones among them if they are so few that sketches hold all of them."""


def pair(place: int, at: int, before: Measured, after: Measured, known: Changes, *, shifts: bool) -> Pair:
    """Compare two checkpoints.

    Args:
        place: index of the earlier checkpoint in its series, or ``BASELINE``.
        at: index of the later one.
        before: what was measured of the earlier one.
        after: what was measured of the later one.
        known: exact changes by tensor name.
        shifts: whether the shift of every layer and tensor is wanted, and not only that of the whole.
    """
    selected = set(after.trained.tensors)
    changes = completed(before, after, known)
    added, removed, reshaped = _membership(before, after)
    layers = MergedChanges(changes, after.layout.trained_members)
    trained = changes.merged(name for name in changes if name in selected)
    whole = trained
    if len(after.whole.tensors) > len(selected):
        every = set(after.whole.tensors)
        whole = changes.merged(name for name in changes if name in every)
    unchanged = trained.exact and trained.unchanged
    unchanged = unchanged and set(before.trained.tensors) == selected == set(changes) & selected
    return Pair(
        before=place,
        after=at,
        tensors=changes,
        layers=layers,
        whole=whole,
        trained=trained,
        added=added,
        removed=removed,
        reshaped=reshaped,
        shift=UNMOVED if unchanged and trained.count else shift(before.trained.summary, after.trained.summary),
        layer_shifts=_Shifts(partial(_layer_samples, before, after), layers) if shifts else {},
        tensor_shifts=_Shifts(partial(_tensor_samples, before, after), changes) if shifts else {},
    )


def _membership(
    before: Measured, after: Measured
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """The names that were added, those that were removed, and (name, before, after) of those with another form."""
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
    """The change of each tensor of ``after``: the known one, else an estimate from two sketches; in model order.

    Tensors that have neither are left out: those that are new, or have another shape or dtype than before. If all are
    known they are returned as they are, not copied.

    Args:
        before: what was measured of the earlier checkpoint.
        after: what was measured of the later one.
        known: exact changes by tensor name.
    """
    names = [info.name for info in after.infos]
    if len(known) == len(names) and all(name in known for name in names):
        return known
    return known.with_further(dict(_estimated(before, after, known)), names)


def _estimated(before: Measured, after: Measured, known: Changes) -> Iterator[tuple[str, Change]]:
    """The changes that two sketches tell of, by name, of tensors that are not known."""
    for tensor in after.tensors:
        name = tensor.info.name
        old = before.by_name.get(name)
        if name in known or old is None or (old.info.shape, old.info.dtype) != (tensor.info.shape, tensor.info.dtype):
            continue
        if old.sketch is not None and tensor.sketch is not None:
            yield name, estimated((old.summary, old.sketch), (tensor.summary, tensor.sketch))


def estimated(before: tuple[Summary, Sketch], after: tuple[Summary, Sketch]) -> Change:
    """The change that two sketches of one size tell of; it is exact where they hold all values.

    Args:
        before: summary and sketch of a tensor.
        after: those of the same tensor later.
    """
    old, new = before[0], after[0]
    change = before[1].change(after[1], old.norm, new.norm)
    if change.exact:
        return change
    bad, bad_now = old.non_finite, new.non_finite
    return replace(change, left_out=max(bad, bad_now), bad_before=bad, bad_after=bad_now)


def _layer_samples(before: Measured, after: Measured) -> Iterator[tuple[str, Sample, Sample]]:
    """The trained values of each layer that both have, before and after."""
    for name in after.layer_by_name:
        if name in before.layer_by_name:
            old, new = before.trained_layer(name), after.trained_layer(name)
            yield name, _sample(old.summary, before, old.tensors), _sample(new.summary, after, new.tensors)


def _tensor_samples(before: Measured, after: Measured) -> Iterator[tuple[str, Sample, Sample]]:
    """The values of each model tensor that both have, before and after."""
    for name in (info.name for info in after.model_infos):
        old = before.by_name.get(name)
        if old is not None:
            yield name, _sample(old.summary, before, (name,)), _sample(after.by_name[name].summary, after, (name,))


def _sample(summary: Summary, of: Measured, names: Sequence[str]) -> Sample:
    """The summary of the tensors ``names`` together, and their finite values where sketches hold all of them."""
    sketches = [of.by_name[name].sketch for name in names]
    parts = [sketch.values for sketch in sketches if sketch is not None and sketch.exact]
    if len(parts) < len(names):
        return summary, None
    values = np.concatenate(parts)
    return summary, values[np.isfinite(values)]


class _Shifts(Mapping[str, Shift]):
    """The shift of each pair of samples that has one, by name; all are computed when somebody first asks for one.

    No rule does, so that to record a state during a training takes three quarters of the time.
    """

    def __init__(
        self, samples: Callable[[], Iterator[tuple[str, Sample, Sample]]], changes: Mapping[str, Change]
    ) -> None:
        self._samples = samples
        self._changes = changes

    @cached_property
    def _found(self) -> dict[str, Shift]:
        with np.errstate(over="ignore", invalid="ignore"):  # as for all that is compared
            return {name: found for name, *both in self._samples() if (found := self._of(name, *both)) is not None}

    def _of(self, name: str, earlier: Sample, later: Sample) -> Shift | None:
        """The shift of a pair of samples; where nothing changed it is known without computing it."""
        (before, a), (after, b), change = earlier, later, self._changes.get(name)
        if change is not None and change.exact and change.unchanged and change.count == before.count == after.count:
            return UNMOVED
        return shift(before, after, None if a is None or b is None else (a, b))

    def __getitem__(self, name: str) -> Shift:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def form(info: TensorInfo) -> str:
    """Shape and dtype as text.

    >>> from reporter.model.tensor import Collection
    >>> form(TensorInfo("a/b", "a", "bias", (3,), "float32", None, Collection.MODEL))
    '(3,) float32'
    """
    return f"{info.shape} {info.dtype}"
